"""Chroma: drawings in colour are told from everything else, and kept as 4:4:4."""

import pytest
from PIL import Image, ImageDraw, ImageFont

from processor.pipeline import transcode
from processor.recipe import Chroma, Format, FormatName, Recipe
from processor.steps import chroma, encode
from tests.helpers import loaded, photo, saved

WHITE = "#ffffff"


def text(ink: str, paper: str, width: int = 400, height: int = 300) -> Image.Image:
    """Lines of small letters."""
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    for top in range(8, height - 16, 24):
        draw.text((8, top), "lease, rendition, bucket, record, photo", fill=ink, font=ImageFont.load_default(16))
    return image


def cut_out(paper: str) -> Image.Image:
    """A photographed thing in the middle of nothing, as shops show it."""
    image = Image.new("RGB", (400, 300), paper)
    mask = Image.new("L", (200, 150), 0)
    ImageDraw.Draw(mask).ellipse((10, 10, 190, 140), fill=255)
    image.paste(photo(200, 150), (100, 75), mask)
    return image


def behind(image: Image.Image) -> Image.Image:
    """The same, its paper transparent."""
    result = image.convert("RGBA")
    result.putalpha(Image.eval(Image.linear_gradient("L").resize(image.size), lambda level: 0 if level < 100 else 255))
    return result


PICTURES = {
    "red on blue": (text("#ff2020", "#1040c0"), True),
    "orange on white": (text("#e06000", "#ffffff"), True),
    "large": (text("#ff2020", "#1040c0", 2000, 1500), True),
    "half transparent": (behind(text("#ff2020", "#1040c0")), True),
    "black on white": (text("#000000", "#ffffff"), False),
    "photo": (photo(400, 300), False),
    "photo on white": (cut_out("#ffffff"), False),
    "photo on red": (cut_out("#ff0000"), False),
    "one colour": (Image.new("RGB", (400, 300), "red"), False),
    "one pixel": (Image.new("RGB", (1, 1), "red"), False),
    "one column": (Image.new("RGB", (1, 300), "red"), False),
    "one row": (Image.new("RGB", (300, 1), "red"), False),
}


@pytest.mark.parametrize("name", PICTURES)
def test_drawings_in_colour_are_found(name: str) -> None:
    """Coloured text and lines are; grey text, photos and what is cut out of them are not, nor is a plain area."""
    image, expected = PICTURES[name]
    assert chroma.is_coloured_drawing(image, WHITE) is expected


def layout(body: bytes) -> str:
    """How a file keeps colour: `4:4:4`, `4:2:0` or `lossless`."""
    if body[:2] == b"\xff\xd8":
        sampling = getattr(loaded(body), "layer")[0][1:3]  # noqa: B009 - not typed
        return {(1, 1): "4:4:4", (2, 2): "4:2:0"}[sampling]
    if body[:4] == b"RIFF":
        return "lossless" if b"VP8L" in body[:64] else "4:2:0"
    configuration = body.index(b"av1C") + 4
    return {0b00: "4:4:4", 0b11: "4:2:0"}[body[configuration + 2] >> 2 & 0b11]


def layouts(image: Image.Image, wanted: Chroma) -> dict[FormatName, str]:
    """What a recipe of one chroma makes of a picture of 300 x 300 at most, by format."""
    recipe = Recipe.from_json(
        f'{{"chroma": "{wanted}", "sizes": [{{"name": "small", "width": 300, "height": 300, "formats": {{'
        '"jpeg": {"key": "s/{stem}.jpg"}, "webp": {"key": "s/{stem}.webp"}, "avif": {"key": "s/{stem}.avif"}}}]}'
    )
    return {item.format: layout(item.body) for item in transcode(saved(image, "PNG"), recipe).renditions}


HALF = {"jpeg": "4:2:0", "webp": "4:2:0", "avif": "4:2:0"}
DRAWING = text("#ff2020", "#1040c0", 300, 300)


@pytest.mark.parametrize(
    ("image", "wanted", "expected"),
    [
        (DRAWING, "auto", {"jpeg": "4:4:4", "webp": "lossless", "avif": "4:4:4"}),
        (DRAWING, "full", {"jpeg": "4:4:4", "webp": "lossless", "avif": "4:4:4"}),
        (DRAWING, "half", HALF),
        (photo(300, 300), "auto", HALF),
        (photo(300, 300), "full", {"jpeg": "4:4:4", "webp": "4:2:0", "avif": "4:4:4"}),
    ],
)
def test_formats_keep_colour_as_asked(image: Image.Image, wanted: Chroma, expected: dict[FormatName, str]) -> None:
    """`auto` is full for coloured drawings and half for photos; WebP knows full only as lossless, for drawings."""
    assert layouts(image, wanted) == expected


def test_coloured_text_keeps_its_colour() -> None:
    """What is drawn in small letters is as saturated in every format as in the source."""
    for item in transcode(saved(DRAWING, "PNG"), one_size()).renditions:
        apart = [
            abs(ours - theirs)
            for ours, theirs in zip(
                loaded(item.body).convert("RGB").convert("YCbCr").getchannel("Cr").tobytes(),
                DRAWING.convert("YCbCr").getchannel("Cr").tobytes(),
                strict=True,
            )
        ]
        assert sum(each > 24 for each in apart) < len(apart) * 0.002, item.format


def one_size() -> Recipe:
    """One size, not made smaller."""
    return Recipe.from_json(
        '{"sizes": [{"name": "full", "formats": {"jpeg": {"key": "f/{stem}.jpg", "quality": 90},'
        ' "webp": {"key": "f/{stem}.webp"}, "avif": {"key": "f/{stem}.avif", "quality": 90}}}]}'
    )


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_very_large_renditions_stay_at_half(name: FormatName, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of pixels full chroma is half, so that time and memory are bounded."""
    fmt = Format(name, 80, "{stem}.x", chroma="full")
    monkeypatch.setattr(encode, "FULL_CHROMA_PIXELS", 300 * 300 - 1)
    assert layout(encode.encoded(DRAWING, fmt, WHITE)) == "4:2:0"


def test_lossless_webp_is_taken_only_if_smaller() -> None:
    """A drawing that the lossy encoder makes smaller stays lossy."""
    body = encode.encoded(DRAWING, Format("webp", 1, "{stem}.x", chroma="full"), WHITE)
    assert layout(body) == "4:2:0"


@pytest.mark.parametrize(("wanted", "expected"), [("auto", "4:4:4"), ("half", "4:2:0")])
def test_tiles_keep_colour_as_their_recipe_says(wanted: Chroma, expected: str) -> None:
    """A pyramid's tiles follow the recipe's chroma and what the whole picture is."""
    small = '"sizes": [{"name": "small", "width": 64, "formats": {"jpeg": {"key": "s/{stem}.jpg"}}}]'
    tiles = '"tiles": {"key": "t/{name}", "min_side": 200, "tile": 128}'
    recipe = Recipe.from_json(f'{{"chroma": "{wanted}", {small}, {tiles}}}')
    tiled = transcode(saved(DRAWING, "PNG"), recipe).tiled
    assert tiled is not None
    assert {layout(body) for body in tiled.bodies} == {expected}
