"""Frames: composed as a browser does it (`tests/browser` asks one), and what of a damaged file is left."""

from pathlib import Path

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import animate, decode, inspect
from processor.steps.notes import Note
from tests.animations import COLOURS, Apng, GifFrame, PngKind, gif, random_webp, repeated
from tests.helpers import assert_image_similar, loaded, small_recipe

PICTURES = Path(__file__).parents[1] / "pictures"
LETTERS = {(255, 0, 0, 255): "r", (0, 255, 0, 255): "g", (0, 0, 255, 255): "b", (255, 255, 0, 255): "y"}
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def composed(data: bytes) -> list[Image.Image]:
    """Frames of an animation at its own size, or the still, in RGBA."""
    opened = inspect.opened(data, Limits())
    source = animate.animation(opened, Limits())
    if source is None or not source.moves:
        return [decode.decoded(opened, opened.image.size).convert("RGBA")]
    return [frame.convert("RGBA") for frame in animate.frames(source, opened.image.size, lambda image, _: image)]


def drawn(data: bytes) -> list[str]:
    """Frames as rows of letters: r, g, b, y; a dot is transparent, K black."""
    rows = []
    for frame in composed(data):
        pixels = [
            LETTERS.get(pixel, "K") if pixel[3] else "." for pixel in zip(*[iter(frame.tobytes())] * 4, strict=True)
        ]
        rows.append("/".join("".join(pixels[at : at + frame.width]) for at in range(0, len(pixels), frame.width)))
    return rows


@pytest.mark.parametrize(
    ("name", "frame", "place", "expected"),
    [
        ("apng_half_over_opaque.png", 1, (30, 20), (127, 0, 128, 255)),
        ("apng_sticker_soft_shadow.png", 1, (80, 60), (55, 43, 94, 255)),
        ("apng_rgb_dispose_background.png", 1, (30, 20), (0, 255, 0, 255)),
        ("apng_rgb_dispose_background.png", 2, (30, 20), None),
        ("apng_rgb_dispose_background.png", 2, (54, 36), (255, 0, 0, 255)),
        ("apng_gray16.png", 0, (18, 20), (78, 78, 78, 255)),
        ("apng_gray16.png", 1, (18, 20), (233, 233, 233, 255)),
        ("gif_clears_to_transparent.gif", 1, (20, 15), (0, 255, 0, 255)),
        ("gif_clears_to_transparent.gif", 2, (20, 15), None),
        ("gif_first_frame_smaller_than_screen.gif", 0, (2, 1), None),
        ("gif_first_frame_smaller_than_screen.gif", 0, (20, 15), (0, 255, 0, 255)),
    ],
)
def test_pixels_of_a_frame(
    name: str, frame: int, place: tuple[int, int], expected: tuple[int, int, int, int] | None
) -> None:
    """Files from the field have the pixels that a browser shows; None: nothing is to be seen there."""
    pixel = composed((PICTURES / name).read_bytes())[frame].getpixel(place)
    assert isinstance(pixel, tuple)
    if expected is None:
        assert pixel[3] == 0
    else:
        assert max(abs(one - other) for one, other in zip(pixel, expected, strict=True)) <= 1


def whole(colour: int = 1, disposal: int = 0, transparent: int | None = None) -> GifFrame:
    """A frame that covers the screen of 4 x 4."""
    return GifFrame((0, 0, 4, 4), [colour] * 16, disposal=disposal, transparent=transparent)


def corner(colour: int, disposal: int = 0, at: int = 0, side: int = 2) -> GifFrame:
    """A smaller frame."""
    return GifFrame((at, at, side, side), [colour] * side * side, disposal=disposal)


GREEN_4, BLUE_ON_GREEN = "gggg/gggg/gggg/gggg", "bbgg/bbgg/gggg/gggg"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (gif((4, 4), [whole(), corner(2)]), [GREEN_4, BLUE_ON_GREEN]),
        (
            gif((4, 4), [whole(), corner(2, disposal=2), corner(3, at=2)])[:-1],
            [GREEN_4, BLUE_ON_GREEN, "..gg/..gg/ggyy/ggyy"],
        ),
        *(
            (gif((4, 4), [whole(), corner(2, disposal=disposal), corner(3, at=2)]), [GREEN_4, BLUE_ON_GREEN, last])
            for disposal, last in (
                (3, "gggg/gggg/ggyy/ggyy"),
                (4, "gggg/gggg/ggyy/ggyy"),
                (5, "bbgg/bbgg/ggyy/ggyy"),
                (7, "bbgg/bbgg/ggyy/ggyy"),
            )
        ),
        (gif((4, 4), [corner(1, disposal=3), corner(3, at=2)]), ["gg../gg../..../....", "..../..../..yy/..yy"]),
        (gif((4, 4), [whole(), corner(2, at=2, side=8)]), [GREEN_4, "gggg/gggg/ggbb/ggbb"]),
        (gif((2, 2), [corner(1, at=1), corner(2, side=1)]), [".../.gg/.gg", "b../.gg/.gg"]),
        (gif((4, 4), [GifFrame((0, 0, 0, 0)), corner(2)]), ["..../..../..../....", "bb../bb../..../...."]),
        (gif((4, 4), [whole(), GifFrame((0, 0, 0, 2)), corner(2)]), [GREEN_4, GREEN_4, BLUE_ON_GREEN]),
        (gif((4, 4), [whole(), b"\x55", corner(2)]), [GREEN_4]),
        (gif((4, 4), [whole(), b"!\x77\x02ab\0", corner(2)]), [GREEN_4, BLUE_ON_GREEN]),
        (gif((4, 4), [whole()], table=b""), ["KKKK/KKKK/KKKK/KKKK"]),
        (gif((2, 1), [GifFrame((0, 0, 2, 1), [0, 3])], table=COLOURS[:6]), ["rK"]),
        (gif((2, 1), [GifFrame((0, 0, 2, 1), [0, 3], transparent=3)], table=COLOURS[:6], background=1), ["r."]),
        (gif((2, 2), [GifFrame((0, 0, 1, 2), [1, 2], centiseconds=None)], version=b"GIF87a", background=3), ["g./b."]),
    ],
)
def test_gif(data: bytes, expected: list[str]) -> None:
    """Every way to leave a frame, to draw beyond the screen or not at all, and colours that are not there."""
    assert drawn(data) == expected


def png(frames: int = 3) -> Apng:
    """An animated PNG of 4 x 4 whose first frame is red."""
    return Apng(PngKind(2), (4, 4), frames).control((0, 0, 4, 4)).default(RED * 16)


def patched(file: Apng, colour: tuple[int, ...], at: int = 0, *, dispose: int = 0, blend: int = 0) -> Apng:
    """A further frame of 2 x 2."""
    return file.control((at, at, 2, 2), dispose=dispose, blend=blend).pixels((2, 2), colour * 4)


RED_4, GREEN_ON_RED = "rrrr/rrrr/rrrr/rrrr", "ggrr/ggrr/rrrr/rrrr"


def broken(file: Apng, at: int, by: int = 1) -> Apng:
    """The file so far with one byte changed, counted from its end."""
    file.body = file.body[:at] + bytes([file.body[at] ^ by]) + file.body[at:][1:]
    return file


@pytest.mark.parametrize(
    ("data", "expected", "cut"),
    [
        (patched(patched(png(), GREEN), BLUE, 2).end(), [RED_4, GREEN_ON_RED, "ggrr/ggrr/rrbb/rrbb"], False),
        (patched(patched(png(), GREEN), BLUE, 2).body, [RED_4, GREEN_ON_RED, "ggrr/ggrr/rrbb/rrbb"], False),
        (patched(patched(png(), GREEN, dispose=1), BLUE, 2).end(), [RED_4, GREEN_ON_RED, "..rr/..rr/rrbb/rrbb"], False),
        (patched(patched(png(), GREEN, dispose=2), BLUE, 2).end(), [RED_4, GREEN_ON_RED, "rrrr/rrrr/rrbb/rrbb"], False),
        (patched(patched(png(2), GREEN), BLUE, 2).end(), [RED_4, GREEN_ON_RED], False),
        (patched(png(9), GREEN).end(), [RED_4, GREEN_ON_RED], True),
        (patched(patched(png(), GREEN, dispose=3), BLUE, 2).end(), [RED_4], True),
        (patched(patched(png(), GREEN, blend=2), BLUE, 2).end(), [RED_4], True),
        (patched(png().control((3, 3, 2, 2)).pixels((2, 2), GREEN * 4), BLUE, 2).end(), [RED_4], True),
        (png().control((0, 0, 2, 2)).pixels((2, 1), GREEN * 2).end(), [RED_4], True),
        (broken(patched(png(2), GREEN), -1).end(), [RED_4, GREEN_ON_RED], False),
        (broken(patched(png(2), GREEN), -5).end(), [RED_4, GREEN_ON_RED], False),
        (broken(png(2).control((0, 0, 2, 2)), -1).pixels((2, 2), GREEN * 4).end(), [RED_4], True),
        (patched(png().chunk(b"abCd", b"x"), GREEN).chunk(b"tEXt", b"a\0b").end(), [RED_4, GREEN_ON_RED], True),
        (
            patched(Apng(PngKind(2), (4, 4), 2).default(RED * 16), GREEN, 1)
            .control((0, 0, 1, 1))
            .pixels((1, 1), BLUE)
            .end(),
            ["..../.gg./.gg./....", "b.../.gg./.gg./...."],
            False,
        ),
        (
            Apng(PngKind(2), (1, 1), 1).default(RED).control((0, 0, 1, 1)).pixels((1, 1), GREEN).end(),
            ["g"],
            False,
        ),
        (
            patched(png(2), GREEN).end().replace(b"acTL", b"acTX"),
            [RED_4],
            False,
        ),
    ],
)
def test_png(data: bytes, expected: list[str], cut: bool) -> None:  # noqa: FBT001 - a case
    """Every way to leave a frame; damage ends the animation before it; checksums of pixels do not matter."""
    assert drawn(data) == expected
    assert (Note.ANIMATION_CUT in transcode(data, small_recipe()).source.notes) == cut


@pytest.mark.parametrize(("pixels", "expected"), [(32, 2), (31, 1)])
def test_long_animations_are_cut_to_eight_bits(monkeypatch: pytest.MonkeyPatch, pixels: int, expected: int) -> None:
    """Colours of 16 bits are rounded in every frame of an animation, or cut if it has too many pixels for that."""
    monkeypatch.setattr(decode, "EXACT_PIXELS", pixels)
    file = Apng(PngKind(6, 16), (4, 4), 2).control((0, 0, 4, 4)).default((0x1FF, 0, 0, 0xFFFF) * 16)
    file.control((0, 0, 4, 4)).pixels((4, 4), (0x1FF, 1, 0, 0xFFFF) * 16)
    assert [frame.getpixel((0, 0)) for frame in composed(file.end())] == [(expected, 0, 0, 255)] * 2


def test_opaque_webp_frames_leave_holes() -> None:
    """What opaque frames of a WebP do not cover, or clear, is transparent though the file announces no transparency."""
    alphas = [frame.getchannel("A").getextrema() for frame in composed(random_webp(1, opaque=True))]
    assert (0, 255) in alphas


def test_a_still_with_holes() -> None:
    """A GIF whose frame is smaller than its screen has transparency in WebP, and the background in JPEG."""
    data = (PICTURES / "gif_first_frame_smaller_than_screen.gif").read_bytes()
    made = {item.format: loaded(item.body) for item in transcode(data, small_recipe()).renditions}
    assert made["webp"].mode == "RGBA"
    assert_image_similar(made["jpeg"].crop((0, 0, 4, 4)), Image.new("RGB", (4, 4), "white"), 6)


@pytest.mark.parametrize(
    ("data", "transparent"),
    [
        (gif((4, 4), [whole()]), False),
        (gif((4, 4), [whole(), corner(2)]), False),
        (gif((4, 4), [whole(), corner(2, disposal=3), corner(1)]), False),
        (gif((4, 4), [whole(), corner(2, disposal=2)]), False),
        (gif((4, 4), [whole(), whole(transparent=2)]), False),
        (gif((4, 4), [whole(transparent=2)]), True),
        (gif((4, 4), [corner(2)]), True),
        (gif((4, 4), [whole(), corner(2, disposal=2), corner(1)]), True),
        (patched(png(2), GREEN).end(), False),
        (patched(patched(png(), GREEN, dispose=1), BLUE).end(), True),
    ],
)
def test_what_becomes_transparent_counts_as_transparent(data: bytes, transparent: bool) -> None:  # noqa: FBT001
    """The bound on pixels that may be transparent holds for holes that composing leaves, by the headers alone."""
    tight = Limits(max_alpha_pixels=15)
    if not transparent:
        assert inspect.opened(data, tight).image.size == (4, 4)
        return
    with pytest.raises(Rejected) as caught:
        inspect.opened(data, tight)
    assert caught.value.reason == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize(("repeats", "plays"), [(None, 1), (0, 0), (3, 4)])
def test_repeats_said_at_the_end(repeats: int | None, plays: int) -> None:
    """A GIF says how often it repeats anywhere, and what it says last counts."""
    said = b"" if repeats is None else repeated(repeats)
    source = animate.animation(inspect.opened(gif((4, 4), [whole(), corner(2), said]), Limits()), Limits())
    assert source
    assert source.plays == plays
