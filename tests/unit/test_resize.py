"""Resize: sizes that keep the aspect ratio, never grow and always fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from processor.recipe import Format, Recipe, Size
from processor.steps import resize
from tests.helpers import assert_image_similar, photo

SIDES = st.integers(1, 65_535)
RECIPE = Recipe.default()


def box(width: int | None, height: int | None, **options: int) -> tuple[Size, Format]:
    """A size with one WebP format."""
    fmt = Format("webp", 80, "{stem}.webp", **options)
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
        if w > 1 and h > 1:
            scale = max(w / width, h / height)
            assert abs(w - width * scale) <= 1 + width / height
            assert abs(h - height * scale) <= 1 + height / width


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


def test_hidden_colours_do_not_bleed() -> None:
    """The colour of fully transparent pixels has no part in their neighbours."""
    image = Image.new("RGBA", (200, 200), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (50, 50, 150, 150))
    red, green, _, alpha = resize.resized(image, (21, 21)).split()
    visible = [(r, g) for r, g, a in zip(red.tobytes(), green.tobytes(), alpha.tobytes(), strict=True) if a > 8]
    assert len(visible) > 100
    assert all(g <= 8 and r >= 240 for r, g in visible)
