"""Decode: the first frame, once, with no more pixels than needed."""

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.steps import decode, inspect
from tests.helpers import assert_image_similar, corners, photo, saved


def decoded(data: bytes, needed: tuple[int, int] = (10_000, 10_000)) -> Image.Image:
    """A file's pixels after the decode step."""
    return decode.decoded(inspect.opened(data, Limits()), needed)


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_truncated(pillow_format: str, keep: float) -> None:
    """A file cut short is `corrupt` in every format: no half grey picture is ever made of it."""
    data = saved(photo(320, 240), pillow_format)
    with pytest.raises(Rejected) as caught:
        decoded(data[: int(len(data) * keep)])
    assert caught.value.reason == Reason.CORRUPT


@pytest.mark.parametrize("pillow_format", ["PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_first_frame(pillow_format: str) -> None:
    """Of several frames or pages the first is decoded."""
    pages = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    data = saved(pages[0], pillow_format, save_all=True, append_images=pages[1:])
    assert_image_similar(decoded(data).convert("RGB"), pages[0], 2)


@pytest.mark.parametrize(
    ("needed", "expected"),
    [((640, 480), (640, 480)), ((161, 121), (640, 480)), ((160, 120), (320, 240)), ((40, 30), (80, 60))],
)
def test_jpeg_shrinks_on_load(needed: tuple[int, int], expected: tuple[int, int]) -> None:
    """A JPEG is decoded smaller only while it stays twice as large as the largest rendition."""
    assert decoded(saved(photo(640, 480), "JPEG"), needed).size == expected


def test_only_jpeg_shrinks() -> None:
    """Other formats cannot be decoded smaller and are decoded whole."""
    assert_image_similar(decoded(saved(corners(), "PNG"), (10, 10)), corners(), 0)


def test_colours_without_a_palette_are_corrupt() -> None:
    """A PNG whose pixels are numbers of colours that it does not list is refused (found by fuzzing)."""
    data = saved(photo(48, 48).quantize(16), "PNG")
    begin, end = data.index(b"PLTE") - 4, data.index(b"IDAT") - 4
    with pytest.raises(Rejected, match="palette is missing") as caught:
        decoded(data[:begin] + data[end:])
    assert caught.value.reason == Reason.CORRUPT
