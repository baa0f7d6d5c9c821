"""JPEG 2000 of more than 8 bits: white stays white, and what is opaque opaque."""

from pathlib import Path

import numpy as np
import pytest

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.steps import decode, inspect
from tests.helpers import photo, saved

PICTURES = Path(__file__).parents[1] / "pictures"
WIDTH, HEIGHT = 32, 16
"""Of the pictures, by `opj_compress`: red to the right, green downwards, blue to the left, opaque but for the left."""

NAMES = ("rgb_16_bit_lossless.jp2", "rgb_16_bit_lossy.j2k", "rgba_16_bit.jp2", "grey_alpha_16_bit.jp2")


def expected() -> dict[str, np.ndarray]:
    """The channels as 8 bits."""
    x, y = np.meshgrid(np.linspace(0, 255, WIDTH), np.linspace(0, 255, HEIGHT))
    opaque = np.where(np.arange(WIDTH) > WIDTH // 3, 255.0, 0.0) * np.ones((HEIGHT, 1))
    return {"R": x, "L": x, "G": y, "B": 255 - x, "A": opaque}


@pytest.mark.parametrize("name", NAMES)
def test_white_stays_white(name: str) -> None:
    """Every channel from 0 to the brightest of 16 bits comes out from 0 to 255: reversible, not, and with opacity."""
    opened = inspect.opened((PICTURES / name).read_bytes(), Limits())
    image = decode.decoded(opened, opened.image.size)
    for band in image.getbands():
        apart = np.abs(np.asarray(image.getchannel(band)).astype(float) - expected()[band])
        assert apart.max() <= (12 if "lossy" in name else 1.5), band


def test_eight_bits_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Black in an ordinary file is black, and costs nothing more."""
    monkeypatch.setattr("processor.steps.jp2.reopened", lambda _source: pytest.fail("decoded again"))
    opened = inspect.opened(saved(photo(64, 48).point(lambda level: max(0, level - 60)), "JPEG2000"), Limits())
    assert decode.decoded(opened, (64, 48)).getchannel("R").getextrema()[0] == 0


def test_tiles_with_settings_of_their_own_are_refused() -> None:
    """What cannot be dimmed is unsupported rather than black where it is white."""
    data = (PICTURES / NAMES[0]).read_bytes()
    at = data.index(b"\xff\x5c")
    segment = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
    tile = data.index(b"\xff\x90")
    length = int.from_bytes(data[tile + 6 : tile + 10], "big") + len(segment)
    changed = data[: tile + 6] + length.to_bytes(4, "big") + data[tile + 10 : tile + 12] + segment + data[tile + 12 :]
    codestream = changed[changed.index(b"\xff\x4f\xff\x51") :]
    opened = inspect.opened(codestream, Limits())
    with pytest.raises(Rejected) as caught:
        decode.decoded(opened, opened.image.size)
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT
