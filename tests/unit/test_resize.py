"""Resize: sizes that keep the aspect ratio, never grow and always fit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageStat

from processor.recipe import Format, Recipe, Size
from processor.steps import resize
from tests.helpers import assert_image_similar, photo

SIDES = st.integers(1, 65_535)
RECIPE = Recipe.default()


def box(width: int | None, height: int | None, max_side: int | None = None) -> tuple[Size, Format]:
    """A size with one WebP format."""
    fmt = Format("webp", 80, "{stem}.webp", max_side)
    return Size("box", (fmt,), width, height), fmt


@pytest.mark.parametrize(
    ("source", "size", "expected"),
    [
        ((4000, 3000), (800, 600), (800, 600)),
        ((3000, 4000), (800, 600), (450, 600)),
        ((4000, 3000), (300, 300), (300, 225)),
        ((200, 100), (800, 600), (200, 100)),
        ((1000, 333), (300, 300), (300, 100)),
        ((1001, 1), (300, 300), (300, 1)),
        ((1, 20_000), (None, None), (1, 16_383)),
        ((1000, 500), (None, 100), (200, 100)),
        ((3, 2), (2, 2), (2, 1)),
        ((7, 2), (5, 5), (5, 1)),
        ((401, 1001), (1001, 500), (200, 500)),
    ],
)
def test_fitted(source: tuple[int, int], size: tuple[int | None, int | None], expected: tuple[int, int]) -> None:
    """Sizes are what anyone would work out with a pocket calculator."""
    assert resize.fitted(*source, *box(*size)) == expected


def test_max_side_caps_one_format() -> None:
    """A format's own cap makes only that rendition smaller."""
    assert resize.fitted(5120, 2880, *box(None, None, max_side=2560)) == (2560, 1440)


@given(SIDES, SIDES)
def test_every_rendition_fits_and_keeps_its_shape(width: int, height: int) -> None:
    """Whatever the source, a rendition is inside all its bounds, no larger than the source, and off by half a pixel."""
    for (size, fmt), (w, h) in zip(RECIPE.formats, resize.planned(width, height, RECIPE), strict=True):
        assert 1 <= w <= min(width, size.width or width, fmt.max_side or width, resize.GREATEST_SIDE[fmt.name])
        assert 1 <= h <= min(height, size.height or height, fmt.max_side or height, resize.GREATEST_SIDE[fmt.name])
        # some scale rounds to both sides; what would round to nothing becomes a pixel
        least = max(Fraction(2 * side - 1, 2 * whole) if side > 1 else 0 for side, whole in ((w, width), (h, height)))
        most = min(Fraction(2 * side + 1, 2 * whole) for side, whole in ((w, width), (h, height)))
        assert least <= most


def test_cascade_makes_each_size_once_from_the_one_before() -> None:
    """Sizes come from the largest to the smallest, each once, and the original is passed on as it is."""
    image = photo(400, 300)
    steps = list(resize.cascade(image, ((100, 75), (400, 300), (100, 75), (200, 150))))
    assert [size for size, _ in steps] == [(400, 300), (200, 150), (100, 75)]
    assert [pixels.size for _, pixels in steps] == [size for size, _ in steps]
    assert steps[0][1] is image


def test_cascade_looks_like_a_single_resize() -> None:
    """A thumbnail made in three steps differs little from one made in a single step."""
    image = photo(2000, 1500)
    *_, (_, small) = resize.cascade(image, ((2000, 1500), (800, 600), (300, 225)))
    assert_image_similar(small, image.resize((300, 225), Image.Resampling.LANCZOS), 1)


BOTH = pytest.mark.parametrize("scale", [resize.resized, resize.resized_in_linear_light])


@pytest.mark.parametrize(("scale", "grey"), [(resize.resized, 128), (resize.resized_in_linear_light, 188)])
@pytest.mark.parametrize("side", [128, 100, 77])
def test_checkerboard(scale: resize.Scale, grey: int, side: int) -> None:
    """Black and white pixels in turn average to 128 over levels and to 188 over light, within 2 levels."""
    board = Image.new("L", (512, 512))
    board.putdata([255 * ((at % 512 + at // 512) % 2) for at in range(512 * 512)])
    means = ImageStat.Stat(scale(board.convert("RGB"), (side, side))).mean
    assert all(abs(mean - grey) <= 2 for mean in means), f"averages {means}, expected {grey}"


def test_linear_light_keeps_flat_colours_and_shadows() -> None:
    """In linear light every level of a flat picture stays exactly what it is, with and without alpha."""
    for level in range(256):
        for flat in (Image.new("RGB", (8, 8), (level,) * 3), Image.new("RGBA", (8, 8), (level,) * 3 + (200,))):
            small = resize.resized_in_linear_light(flat, (3, 3))
            assert small.getpixel((1, 1)) == flat.getpixel((0, 0))


@BOTH
def test_no_fringes(scale: resize.Scale) -> None:
    """A red disc on hidden cyan is red up to its softest edge when made smaller: nothing fringes it."""
    disc = Image.new("RGBA", (300, 300), (0, 255, 255, 0))
    inside = Image.radial_gradient("L").resize((300, 300)).point([255] * 150 + [0] * 106)
    disc.paste((255, 0, 0, 255), mask=inside)
    small = scale(disc, (50, 50))
    visible = [pixel[:3] for pixel in zip(*(band.tobytes() for band in small.split()), strict=True) if pixel[3]]
    assert len(visible) > 500
    assert all(r >= 250 and max(g, b) <= 5 for r, g, b in visible)


@BOTH
def test_hidden_colours_do_not_bleed(scale: resize.Scale) -> None:
    """The colour of fully transparent pixels has no part in their neighbours."""
    image = Image.new("RGBA", (200, 200), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (50, 50, 150, 150))
    red, green, _, alpha = scale(image, (21, 21)).split()
    visible = [(r, g) for r, g, a in zip(red.tobytes(), green.tobytes(), alpha.tobytes(), strict=True) if a > 8]
    assert len(visible) > 100
    assert all(g <= 8 and r >= 240 for r, g in visible)
