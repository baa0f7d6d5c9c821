"""Animate: what moves stays moving, in the same time, as often, and looks the same."""

import io
import re
import struct
import time
import zlib
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.recipe import Recipe
from processor.results import Transcoded
from processor.steps import animate, boxes, encode, inspect
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, corners, loaded, photo, saved, small_recipe
from tests.samples import growing_gif, pages

DURATIONS = [50, 120, 330, 40, 1000]


def moving(side: int = 96) -> list[Image.Image]:
    """A square that wanders over a photo that turns: five frames."""
    result = []
    for at in range(5):
        frame = photo(side, side).rotate(3 * at, Image.Resampling.BICUBIC, fillcolor="gray")
        frame.paste("teal", (at * 10, 8, at * 10 + 16, 24))
        result.append(frame)
    return result


def assert_shown_alike(actual: Image.Image, expected: Image.Image, epsilon: float) -> None:
    """Assert that two RGBA images look alike on white, and are transparent alike."""
    white = Image.new("RGBA", actual.size, "white")
    assert_image_similar(actual.getchannel("A"), expected.getchannel("A"), epsilon)
    one, other = (Image.alpha_composite(white, layer).convert("RGB") for layer in (actual, expected))
    assert_image_similar(one, other, epsilon)


def sample(pillow_format: str, **options: Any) -> bytes:
    """The moving square in a format, with a time of its own for every frame."""
    best: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95}}
    return pages(moving(), pillow_format, **({"duration": DURATIONS} | best.get(pillow_format, {}) | options))


def played(body: bytes) -> tuple[list[int], list[Image.Image]]:
    """The durations and frames of a file, as RGBA."""
    image: Any = Image.open(io.BytesIO(body))
    durations, frames = [], []
    for at in range(image.n_frames):
        image.seek(at)
        image.load()
        durations.append(image.info["duration"])
        frames.append(image.convert("RGBA"))
    return durations, frames


def plays(body: bytes) -> int:
    """How often a WebP or AVIF asks to be shown; 0: for ever."""
    image = Image.open(io.BytesIO(body))
    return boxes.plays(body) if image.format == "AVIF" else int(image.info["loop"])


def renditions(result: Transcoded) -> dict[str, bytes]:
    """Bodies by format."""
    return {item.format: item.body for item in result.renditions}


@pytest.mark.parametrize("pillow_format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_every_animated_format_stays_animated(pillow_format: str) -> None:
    """Frames, their times and the poster come out of every animated format, as WebP, AVIF and JPEG."""
    result = transcode(sample(pillow_format), small_recipe())
    assert result.source.milliseconds == sum(DURATIONS)
    made = renditions(result)
    for name in ("webp", "avif"):
        durations, frames = played(made[name])
        assert durations == DURATIONS
        for actual, expected in zip(frames, moving(), strict=True):
            small = expected.resize(actual.size, Image.Resampling.LANCZOS)
            assert_image_similar(actual.convert("RGB"), small, 9)
    poster = loaded(made["jpeg"])
    assert_image_similar(poster, moving()[0].resize(poster.size, Image.Resampling.LANCZOS), 9)


@pytest.mark.parametrize(
    ("pillow_format", "options", "expected"),
    [
        ("GIF", {}, 1),
        ("GIF", {"loop": 0}, 0),
        ("GIF", {"loop": 3}, 4),
        ("PNG", {"loop": 0}, 0),
        ("PNG", {"loop": 2}, 2),
        ("WEBP", {"loop": 0}, 0),
        ("WEBP", {"loop": 5}, 5),
        ("AVIF", {}, 0),
    ],
)
def test_number_of_plays(pillow_format: str, options: dict[str, int], expected: int) -> None:
    """How often it plays is kept in both formats. GIF counts repeats after the first play, the others plays."""
    made = renditions(transcode(sample(pillow_format, **options), small_recipe()))
    assert (plays(made["webp"]), plays(made["avif"])) == (expected, expected)


@pytest.mark.parametrize("times", [0, 1, 2, 7])
def test_plays_of_an_avif_are_kept(times: int) -> None:
    """What an AVIF says of its plays is read and written alike."""
    data = boxes.settled(sample("AVIF"), times)
    assert boxes.plays(data) == times
    assert data[data.index(b"elst") + 7] == (times != 1)  # "repeat"
    made = renditions(transcode(data, small_recipe()))
    assert (plays(made["webp"]), plays(made["avif"])) == (times, times)


def test_frames_without_a_time() -> None:
    """Frames of 10 ms or less are shown for 100 ms, as browsers do."""
    result = transcode(sample("GIF", duration=[0, 10, 20, 0, 10]), small_recipe())
    assert [played(renditions(result)[name])[0] for name in ("webp", "avif")] == [[100, 100, 20, 100, 100]] * 2


@pytest.mark.parametrize("disposal", [1, 2, 3])
def test_partial_frames_and_disposal(disposal: int) -> None:
    """Small frames over others, kept, cleared or taken back, come out as the reader of the source composes them."""
    texture = photo(80, 60).convert("RGBA")
    ground = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    ground.paste(texture.crop((0, 0, 40, 60)), (0, 0))
    patches = []
    for at in range(4):
        patch = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
        patch.paste(texture.rotate(90 * at).crop((10, 10, 30, 40)), (10 * at, 10))
        patches.append(patch)
    data = pages([ground, *patches], "GIF", duration=100, disposal=disposal, optimize=False)
    expected = played(data)[1]
    assert len(expected) == 5
    for name, body in renditions(transcode(data, small_recipe())).items():
        if name == "jpeg":
            continue
        for actual, frame in zip(played(body)[1], expected, strict=True):
            assert_shown_alike(actual, frame.resize(actual.size, Image.Resampling.LANCZOS), 6)


def test_png_with_a_picture_for_those_who_cannot_animate() -> None:
    """A PNG's separate default image is the poster and no part of the animation."""
    data = pages([Image.new("RGB", (96, 96), "yellow"), *moving()], "PNG", duration=DURATIONS, default_image=True)
    made = renditions(transcode(data, small_recipe()))
    assert played(made["webp"])[0] == DURATIONS
    assert_image_similar(loaded(made["jpeg"]), Image.new("RGB", (64, 64), "yellow"), 2)


def test_what_does_not_move_is_a_still_picture() -> None:
    """One frame, the pages of a TIFF and the gain map of a phone make no animation."""
    for data in (saved(photo(64, 64), "GIF"), pages(moving(), "TIFF"), pages(moving(), "MPO")):
        result = transcode(data, small_recipe())
        assert result.source.milliseconds == 0
        assert getattr(Image.open(io.BytesIO(renditions(result)["webp"])), "n_frames", 1) == 1


def test_default_recipe_gives_every_key() -> None:
    """An animation has all nine renditions, each at the size of the recipe, and thumbnails move as well."""
    data = pages([photo(400, 300), photo(400, 300).rotate(180)], "GIF", duration=200)
    result = transcode(data, Recipe.default())
    assert [(item.size, item.format, item.width) for item in result.renditions] == [
        (size.name, fmt.name, 300 if size.name == "thumbnail" else 400) for size, fmt in Recipe.default().formats
    ]
    for item in result.renditions:
        image = Image.open(io.BytesIO(item.body))
        assert image.size == (item.width, item.height)
        assert getattr(image, "n_frames", 1) == (1 if item.format == "jpeg" else 2)


def drawing(count: int) -> list[Image.Image]:
    """Frames of flat colours and hard edges: a case where WebP does well and AVIF does not."""
    frames = []
    for at in range(count):
        frame = Image.new("RGB", (200, 150), "#eeeeee")
        for line in range(12):
            frame.paste("#202020", (20, 10 + 11 * line, 30 + (at * 37 + line * 53) % 150, 14 + 11 * line))
        frames.append(frame)
    return frames


def test_drawings_are_lossless_where_that_is_smaller() -> None:
    """A drawn animation becomes lossless WebP, and so smaller than the lossy one; a film stays lossy."""
    opened = inspect.opened(pages(drawing(8), "GIF", duration=100), Limits())
    source = animate.animation(opened, Limits())
    assert source
    body = encode.animated_webp(encode.Film(source, (200, 150)), 80)
    assert b"VP8L" in body
    assert b"VP8 " not in body
    assert_image_similar(played(body)[1][3].convert("RGB"), drawing(8)[3], 1)
    film = pages([photo(200, 150), photo(200, 150).rotate(7)], "PNG", duration=100)
    filmed = animate.animation(inspect.opened(film, Limits()), Limits())
    assert filmed
    assert b"VP8L" not in encode.animated_webp(encode.Film(filmed, (200, 150)), 80)


def test_avif_gives_way_until_it_is_smaller() -> None:
    """An animated AVIF that would be larger than the WebP gives up quality, then frames, and exists in any case."""
    source = animate.animation(inspect.opened(pages(drawing(8), "GIF", duration=100), Limits()), Limits())
    assert source

    film = encode.Film(source, (200, 150))

    def tried(smaller_than: int | None, quality: int = 80) -> bytes:
        return encode.animated_avif(film, quality, smaller_than)

    best, worst = tried(None), tried(None, quality=50)
    less = tried(len(best))
    assert len(less) < len(best)
    assert len(played(less)[0]) == 8
    half = tried(len(worst))
    assert len(half) < len(worst)
    durations, frames = played(half)
    assert durations == [200] * 4
    assert_image_similar(frames[1].convert("RGB"), drawing(8)[2], 20)
    assert tried(1) == best  # in vain, so nothing is given up


@pytest.mark.parametrize("side", [96, 48])
def test_animated_avif_is_in_limited_range(side: int) -> None:
    """Luma and chroma of an animated AVIF are in limited range, from either encoder, and opacity is whole."""
    frames = [photo(side, side).rotate(90 * at).convert("RGBA") for at in range(4)]
    for frame in frames:
        frame.putalpha(Image.linear_gradient("L").resize(frame.size))
    body = renditions(transcode(pages(frames, "PNG", duration=100, blend=0), small_recipe()))["avif"]
    stated = [body[at.end() + 6] >> 7 for at in re.finditer(b"nclx", body)]
    assert set(stated) == {0}
    alpha = played(body)[1][1].getchannel("A")
    assert_image_similar(alpha, frames[1].getchannel("A").resize(alpha.size, Image.Resampling.LANCZOS), 2)


def test_default_recipes_avif_is_smaller_for_a_film() -> None:
    """For an ordinary film the AVIF is smaller than the WebP."""
    ground = photo(400, 300)
    film = [ground.crop((at, at, at + 320, at + 240)) for at in range(0, 40, 4)]
    made = renditions(transcode(pages(film, "WEBP", duration=50, quality=95), small_recipe()))
    assert len(made["avif"]) < len(made["webp"])


def test_transparency_in_one_frame_only() -> None:
    """Where any frame is transparent all frames have alpha, and opaque animations have none."""
    clear = Image.new("RGBA", (96, 96), (255, 0, 0, 0))
    made = renditions(transcode(pages([*moving(), clear], "PNG", duration=100), small_recipe()))
    for name in ("webp", "avif"):
        alphas: list[Any] = [frame.getchannel("A").getextrema() for frame in played(made[name])[1]]
        assert alphas[:5] == [(255, 255)] * 5
        assert alphas[5][1] <= 1  # of 255: AVIF's transparency is lossy
        assert Image.open(io.BytesIO(made[name])).mode == "RGBA"
    opaque = renditions(transcode(sample("GIF"), small_recipe()))
    assert Image.open(io.BytesIO(opaque["avif"])).mode == "RGB"


def test_the_same_bytes_every_time() -> None:
    """Bytes depend on neither the clock nor the number of threads: nothing dates an AVIF."""
    first = transcode(sample("GIF"), Recipe.default(), threads=1)
    time.sleep(1.1)
    assert transcode(sample("GIF"), Recipe.default(), threads=3) == first


def test_too_many_pixels_over_all_frames() -> None:
    """An animation at the limit of pixels is made, one pixel above it is `too_many_pixels`; pages are not counted."""
    total = 96 * 96 * 5
    assert transcode(sample("GIF"), small_recipe(), Limits(max_animation_pixels=total)).source.milliseconds > 0
    with pytest.raises(Rejected) as caught:
        transcode(sample("GIF"), small_recipe(), Limits(max_animation_pixels=total - 1))
    assert caught.value.reason == Reason.TOO_MANY_PIXELS
    assert transcode(pages(moving(), "TIFF"), small_recipe(), Limits(max_animation_pixels=1)).source.frames == 5


def test_too_many_pixels_in_a_frame() -> None:
    """An animation at the limit of a frame is made, one pixel above it is `too_many_pixels`; pages are free of it."""
    frame = 96 * 96
    assert transcode(sample("GIF"), small_recipe(), Limits(max_frame_pixels=frame)).source.milliseconds > 0
    with pytest.raises(Rejected, match="its frames have 96 x 96 pixels") as caught:
        transcode(sample("GIF"), small_recipe(), Limits(max_frame_pixels=frame - 1))
    assert caught.value.reason == Reason.TOO_MANY_PIXELS
    assert transcode(pages(moving(), "TIFF"), small_recipe(), Limits(max_frame_pixels=1)).source.frames == 5


@pytest.mark.parametrize("limit", ["max_pixels", "max_frame_pixels", "max_animation_pixels", "max_total_pixels"])
def test_frames_beyond_the_screen_count(limit: str) -> None:
    """A GIF counts as everything that it draws, because its reader makes room for that: at the limit and one past."""
    data = growing_gif([photo(10, 10), photo(20, 30), photo(40, 20)])
    pixels = 40 * 30 * (1 if limit in ("max_pixels", "max_frame_pixels") else 3)
    assert transcode(data, small_recipe(), replace(Limits(), **{limit: pixels})).source.frames == 3
    with pytest.raises(Rejected) as caught:
        transcode(data, small_recipe(), replace(Limits(), **{limit: pixels - 1}))
    assert caught.value.reason == Reason.TOO_MANY_PIXELS


def test_frames_beyond_the_screen_are_clipped() -> None:
    """A GIF stays as large as its first frame, and of later ones the part inside is shown, as browsers have it."""
    large = photo(96, 80).rotate(180)
    result = transcode(growing_gif([photo(48, 40), large]), small_recipe())
    assert (result.source.width, result.source.height, result.source.milliseconds) == (48, 40, 200)
    first, second = (frame.convert("RGB") for frame in played(renditions(result)["webp"])[1])
    assert_image_similar(first, photo(48, 40), 9)
    assert_image_similar(second, large.crop((0, 0, 48, 40)), 9)


def test_a_gif_ends_at_what_makes_no_sense() -> None:
    """Behind an empty control extension nothing is read, as in browsers: the frames there make nothing larger."""
    dot = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    start = growing_gif([photo(10, 10)])[:-1]
    large = growing_gif([photo(10, 10), photo(300, 300)])[len(start) :]
    data = start + b"!\xf9\0" + 3 * dot + b";" + bytes(59) + b"\0" + large
    result = transcode(data, small_recipe(), Limits(max_frame_pixels=100))
    assert (result.source.width, result.source.height, result.source.milliseconds) == (10, 10, 0)
    assert result.source.frames == 1


def test_codes_of_more_bits_than_colours_need() -> None:
    """A GIF may begin with codes of up to 12 bits, whatever the number of its colours."""
    body = saved(Image.new("P", (2, 1), 1), "GIF")
    at = body.rindex(b",") + 10
    codes = sum(code << 12 * place for place, code in enumerate((1 << 11, 1, 1, (1 << 11) + 1)))
    wide = body[:at] + bytes((11, 6)) + codes.to_bytes(6, "little") + b"\0;"
    assert transcode(wide, small_recipe()).source.format == "gif"


def test_too_long() -> None:
    """An animation at the limit of time is made, a second more is `too_many_frames`."""
    data = sample("GIF", duration=[1000, 1000, 1000, 1000, 1000])
    assert transcode(data, small_recipe(), Limits(max_duration_seconds=5)).source.milliseconds == 5000
    with pytest.raises(Rejected) as caught:
        transcode(data, small_recipe(), Limits(max_duration_seconds=4))
    assert caught.value.reason == Reason.TOO_MANY_FRAMES
    assert "5 seconds" in caught.value.message


def test_over_budget_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renditions of very many frames are scaled down together, shape kept; the poster keeps its size."""
    monkeypatch.setattr(animate, "FRAME_BUDGET_PIXELS", 5 * 32 * 32)
    result = transcode(sample("GIF"), small_recipe())
    assert [(item.format, item.width, item.height) for item in result.renditions] == [
        ("jpeg", 64, 64),
        ("webp", 32, 32),
        ("avif", 32, 32),
    ]
    assert [loaded(item.body).size for item in result.renditions] == [(64, 64), (32, 32), (32, 32)]


def test_only_one_frame_is_held() -> None:
    """Frames are made as the WebP encoder asks for them: never is one made before the last was taken."""
    made: list[int] = []

    def counted() -> Any:
        for at in range(4):
            made.append(at)
            yield Image.new("RGB", (64, 64), (at, 0, 0))

    strip = animate.Strip(counted, 4)
    assert made == [0]
    strip.seek(1)
    assert (made, strip.tell(), strip.getpixel((0, 0))) == ([0, 1], 1, (1, 0, 0))
    strip.seek(0)
    assert made == [0, 1, 0]


@pytest.mark.parametrize("pillow_format", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_cut_short(pillow_format: str, keep: float) -> None:
    """An animation that ends in the middle of a frame is shown up to its last whole one, and that is noted."""
    turned = [photo(96, 96).rotate(90 * at) for at in range(4)]
    data = pages(turned, pillow_format, duration=100)
    try:
        result = transcode(data[: int(len(data) * keep)], small_recipe())
    except Rejected as rejected:
        assert (pillow_format, rejected.reason) == ("AVIF", Reason.CORRUPT)  # noqa: PT017 - its index comes first
    else:
        body = renditions(result)["webp"]
        frames = played(body)[1] if result.source.milliseconds else [loaded(body)]
        assert len(frames) == (3 if keep == 0.9 else 2 if pillow_format == "WEBP" else 1)
        assert result.source.notes == (Note.ANIMATION_CUT,)
        assert_image_similar(frames[-1].convert("RGB"), turned[len(frames) - 1].resize((64, 64)), 12)


def test_damage_to_the_first_frame_is_corrupt() -> None:
    """A file of which not even the first frame is whole is `corrupt`."""
    data = pages([photo(96, 96).rotate(90 * at) for at in range(4)], "GIF", duration=100)
    with pytest.raises(Rejected) as caught:
        transcode(data[: len(data) // 8], small_recipe())
    assert caught.value.reason == Reason.CORRUPT


@pytest.mark.parametrize("cut", range(0, 700, 13))
def test_plays_of_a_cut_file(cut: int) -> None:
    """However much of a sequence is there, the number of plays is a number."""
    assert boxes.plays(sample("AVIF")[:cut]) == 0


def test_edit_list_with_other_headers() -> None:
    """Files of other writers have 32-bit headers: their plays are read as well."""

    def track(flags: int, whole: int, segment: int) -> bytes:
        def box(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", 8 + len(body)) + kind + body

        tkhd = box(b"tkhd", bytes(20) + struct.pack(">I", whole) + bytes(60))
        elst = box(b"elst", bytes([0, 0, 0, flags]) + struct.pack(">IIII", 1, segment, 0, 0x10000))
        return box(b"moov", box(b"trak", tkhd + box(b"edts", elst)))

    assert [
        boxes.plays(track(*case)) for case in ((1, 300, 100), (1, 301, 100), (0, 100, 100), (1, 2**32 - 1, 100))
    ] == [
        3,
        4,
        1,
        0,
    ]
    assert boxes.plays(track(1, 300, 0)) == 0


def test_a_png_whose_animation_is_broken_is_a_still() -> None:
    """An APNG that announces more frames than it has, or has them out of order, comes out as its first picture."""
    data = bytearray(saved(photo(24, 20), "PNG", save_all=True, append_images=[corners(24, 20)], duration=70))
    second = data.index(b"fcTL", data.index(b"fcTL") + 4)
    data[second + 4 : second + 8] = (9).to_bytes(4, "big")
    data[second + 30 : second + 34] = zlib.crc32(data[second : second + 30]).to_bytes(4, "big")
    result = transcode(bytes(data), small_recipe())
    assert result.source.milliseconds == 0
    assert len(result.renditions) == 3
