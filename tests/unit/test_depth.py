"""Depth: more than 8 bits become 8 by rounding, in every format that has them."""

import io
import math
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processor.limits import Limits
from processor.steps import colour, decode, depth, inspect, optional, tone
from tests.helpers import saved
from tests.samples import deep_png, deep_tiff, needs_heif

SIDE = 48
EDGES = (0, 128, 129, 255, 256, 385, 386, 32_767, 32_768, 65_279, 65_406, 65_407, 65_535)


def samples(channels: int) -> list[tuple[int, ...]]:
    """Numbers of 16 bits at random, and those at which rounding turns."""
    dice = random.Random(7)  # noqa: S311 - the same every time
    pixels = [tuple(dice.randrange(65_536) for _ in range(channels)) for _ in range(SIDE * SIDE - len(EDGES))]
    return [(level,) * channels for level in EDGES] + pixels


def eight_bits(data: bytes) -> Image.Image:
    """A file's pixels in 8 bits, before any conversion of colours."""
    return depth.eight_bit(decode.decoded(inspect.opened(data, Limits()), (9999, 9999)))


def assert_rounded(image: Image.Image, pixels: list[tuple[int, ...]], white: int = 65_535) -> None:
    """Assert that every sample is the nearest of 256 levels."""
    expected = np.array([[(2 * level * 255 + white) // (2 * white) for level in pixel] for pixel in pixels])
    actual = np.asarray(image).reshape(expected.shape)
    wrong = int((actual != expected).sum())
    assert wrong == 0, f"{wrong} of {expected.size} samples differ, by up to {np.abs(actual - expected).max()}"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(channels: int) -> None:
    """Grey, grey with alpha, RGB and RGBA of 16 bits are rounded sample by sample."""
    assert_rounded(eight_bits(deep_png(SIDE, SIDE, samples(channels))), samples(channels))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
def test_tiff(channels: int, order: str, *, deflate: bool) -> None:
    """RGB and CMYK of 16 bits are rounded, in both byte orders, raw and compressed."""
    data = deep_tiff(SIDE, SIDE, samples(channels), order=order, deflate=deflate)
    assert_rounded(eight_bits(data), samples(channels))


def test_transparent_colour_of_sixteen_bits() -> None:
    """The one colour that a 16-bit PNG calls transparent is transparent, and its neighbours in 16 bits are not."""
    data = deep_png(2, 1, [(1000, 2000, 3000), (1000, 2000, 3001)])
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "RGB"
    transparent = b"".join(level.to_bytes(2) for level in (1000, 2000, 3000))
    chunk = len(transparent).to_bytes(4) + b"tRNS" + transparent
    chunk += zlib.crc32(b"tRNS" + transparent).to_bytes(4)
    result = eight_bits(data[:33] + chunk + data[33:])
    assert (result.mode, result.getchannel("A").tobytes()) == ("RGBA", b"\x00\xff")


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("white", [1.0, 1000.0])
def test_numbers_that_are_none(unknown: float, white: float) -> None:
    """Floating samples keep their shades beside ones that are not numbers; those are black, or white if infinite."""
    ramp = np.linspace(0, white, 256, dtype=np.float32)
    image = Image.fromarray(np.concatenate([np.full(256, unknown, np.float32), ramp]).reshape(2, 256))
    half, shades = np.asarray(eight_bits(saved(image, "TIFF")))
    assert set(half) == {255 if unknown == math.inf else 0}
    assert np.abs(shades.astype(int) - np.arange(256)).max() <= 1


@needs_heif
@pytest.mark.parametrize("bits", [10, 12])
def test_heif(bits: int) -> None:
    """HEIF of 10 and 12 bits is rounded; black is 0 and white is 255."""
    pillow_heif = pytest.importorskip("pillow_heif")
    white = (1 << bits) - 1
    ramp = np.zeros((8, 1024, 3), np.uint16)
    ramp[:] = np.linspace(0, white, 1024).round().astype(np.uint16)[None, :, None] << (16 - bits)
    buffer = io.BytesIO()
    optional.heif()
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    try:
        pillow_heif.from_bytes("RGB;16", (1024, 8), ramp.tobytes()).save(
            buffer, quality=-1, chroma=444, matrix_coefficients=0
        )
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    image = eight_bits(buffer.getvalue())
    row = [tuple(int(level) >> (16 - bits) for level in pixel) for pixel in ramp[4]]
    assert_rounded(image.crop((0, 4, 1024, 5)), row, white)


@pytest.mark.parametrize("bits", [10, 12])
def test_avif(bits: int) -> None:
    """AVIF of 10 and 12 bits (256 greys from black to white) comes out within one level of what went in."""
    data = (Path(__file__).parents[1] / "pictures" / f"ramp_{bits}_bit.avif").read_bytes()
    image = colour.srgb(decode.decoded(inspect.opened(data, Limits()), (9999, 9999)))
    differences = np.abs(np.asarray(image)[4, :, 1].astype(int) - np.arange(256))
    assert differences.max() <= 1, f"differs by up to {differences.max()} levels"
    assert (differences != 0).sum() <= 3, f"{(differences != 0).sum()} of 256 levels differ"


def test_a_curve_is_applied_before_rounding() -> None:
    """A curve sees all 16 bits: neighbours that 8 bits could not tell apart come out apart where it is steep."""
    data = deep_png(2, 1, [(100, 100, 100), (200, 200, 200)])
    image = decode.decoded(inspect.opened(data, Limits()), (9, 9), lambda level: min(1.0, 100 * level))
    assert list(image.getchannel("R").tobytes()) == pytest.approx([39, 78], abs=2)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_a_curve_leaves_alpha_alone(mode: str) -> None:
    """A curve changes colours in every mode, and opacity in none."""
    image = depth.toned(Image.new("RGBA", (4, 4), (100, 100, 100, 77)).convert(mode), tone.from_pq)
    assert image.convert("RGB").getpixel((0, 0)) == (round(255 * tone.from_pq(100 / 255)),) * 3
    if "A" in mode:
        assert image.getchannel("A").getextrema() == (77, 77)
