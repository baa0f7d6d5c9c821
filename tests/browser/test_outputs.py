"""Our renditions in a browser: the colours of the source in every frame, as long and as often."""

import itertools

import pytest
from PIL import Image, ImageStat

from processor.pipeline import transcode
from processor.recipe import CONTENT_TYPES, FormatName, Recipe
from processor.steps import encode
from tests.browser.conftest import Judge
from tests.helpers import saved
from tests.samples import pages

ROWS, COLUMNS = 3, 4
COLOURS = [
    (200, 60, 30), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0),
    (20, 200, 90), (128, 128, 128), (250, 240, 200), (10, 20, 60), (255, 220, 0), (120, 0, 140),
]  # fmt: skip
OPACITIES = (255, 128, 64, 0)
"""By column."""

DURATIONS = [40, 250, 1000, 70]
LEVELS = 3
"""Of 255, that a patch may be off on average."""

FILM_LEVELS = 4
"""The same for animations: libavif's conversion into limited range makes 251 of pure blue."""

CLEAR_OR_NOT = (255, 0, 255, 0)
"""Chromium 156 stretches the opacity of AVIF stills of every writer, 64 to 56 and 200 to 214; both ends are right."""

SIDES = {"svt": 32, "aom": 20}
"""Of a patch, by the AVIF encoder that pictures of this size go to."""

RECIPE = Recipe.from_json(
    '{"sizes": [{"name": "s", "formats": {"jpeg": {"key": "s/{stem}.jpg", "quality": 95},'
    ' "webp": {"key": "s/{stem}.webp", "quality": 95}, "avif": {"key": "s/{stem}.avif", "quality": 95}}}]}'
)


def patches(side: int, first: int, opacities: tuple[int, ...] = ()) -> Image.Image:
    """Twelve square patches of colour, the list begun at another one each time."""
    image = Image.new("RGBA" if opacities else "RGB", (COLUMNS * side, ROWS * side))
    for at, (row, column) in enumerate(itertools.product(range(ROWS), range(COLUMNS))):
        colour = COLOURS[(at + first) % len(COLOURS)]
        place = (column * side, row * side, column * side + side, row * side + side)
        image.paste((*colour, opacities[column]) if opacities else colour, place)
    return image


def assert_colours(actual: Image.Image, expected: Image.Image, levels: int = LEVELS) -> None:
    """Assert that every patch has the expected opacity, and colour multiplied by it, away from its edges."""
    assert actual.size == expected.size
    side = actual.width // COLUMNS
    for row, column in itertools.product(range(ROWS), range(COLUMNS)):
        left, top = column * side, row * side
        middle = (left + side // 4, top + side // 4, left + side - side // 4, top + side - side // 4)
        one, other = (
            ImageStat.Stat(image.convert("RGBA").convert("RGBa").crop(middle)).mean for image in (actual, expected)
        )
        off = max(abs(one[band] - other[band]) for band in range(4))
        assert off <= levels, f"patch {row}, {column}: {one} is not {other}"


def rendered(data: bytes) -> dict[FormatName, bytes]:
    """Bodies by format."""
    return {item.format: item.body for item in transcode(data, RECIPE).renditions}


@pytest.mark.parametrize("opacities", [(), OPACITIES, CLEAR_OR_NOT])
@pytest.mark.parametrize("codec", SIDES)
def test_stills_have_the_colours_of_the_source(judge: Judge, codec: str, opacities: tuple[int, ...]) -> None:
    """JPEG, WebP and AVIF are shown in the colours of the source, with its opacity or on the background."""
    source = patches(SIDES[codec], 0, opacities)
    assert encode.avif_codec(*source.size) == codec
    white = Image.new("RGBA", source.size, "white")
    for name, body in rendered(saved(source, "PNG")).items():
        if name == "avif" and opacities == OPACITIES:
            continue
        (shown,) = judge.shown(body, CONTENT_TYPES[name]).frames
        flat = opacities and name == "jpeg"
        assert_colours(shown, Image.alpha_composite(white, source) if flat else source)


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("opacities", [(), OPACITIES])
@pytest.mark.parametrize("codec", SIDES)
def test_animations_have_the_colours_of_the_source(
    judge: Judge, codec: str, opacities: tuple[int, ...], plays: int
) -> None:
    """Animated WebP and AVIF are shown in the source's colours in every frame, in its time and as often."""
    frames = [patches(SIDES[codec], 3 * at, opacities) for at in range(len(DURATIONS))]
    assert encode.avif_codec(*frames[0].size) == codec
    made = rendered(pages(frames, "PNG", duration=DURATIONS, loop=plays, blend=0))
    for name in ("webp", "avif"):
        shown = judge.shown(made[name], CONTENT_TYPES[name])
        assert (shown.milliseconds, shown.plays) == (DURATIONS, plays)
        for actual, expected in zip(shown.frames, frames, strict=True):
            assert_colours(actual, expected, FILM_LEVELS)
