"""Orient: all eight EXIF orientations end upright."""

import pytest
from PIL import Image

from processor.limits import Limits
from processor.steps import decode, inspect, orient
from tests.helpers import assert_image_similar, corners, exif_block, saved

STORED: dict[int, tuple[Image.Transpose, ...]] = {
    1: (),
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90),
    6: (Image.Transpose.ROTATE_90,),
    7: (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_270),
    8: (Image.Transpose.ROTATE_270,),
}
"""How a camera stores the upright picture under each orientation (EXIF 2.32, 4.6.4: where row 0 and column 0 lie)."""


def lying(turn: int) -> Image.Image:
    """The canonical picture as a camera stores it under an orientation."""
    image = corners()
    for method in STORED[turn]:
        image = image.transpose(method)
    return image


def upright(data: bytes) -> Image.Image:
    """A file's pixels after the orient step, as RGB."""
    opened = inspect.opened(data, Limits())
    turn = orient.orientation(opened.image)
    return orient.upright(decode.decoded(opened, (160, 160)), turn).convert("RGB")


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_of_every_format(pillow_format: str, turn: int) -> None:
    """The picture comes out upright, turned exactly once, from every format that can note an orientation."""
    data = saved(lying(turn), pillow_format, exif=exif_block(turn), quality=95)
    assert_image_similar(upright(data), corners(), 4)


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_nonsense_is_upright(value: int) -> None:
    """An orientation that does not exist leaves the picture as it is."""
    data = saved(corners(), "PNG", exif=exif_block(value))
    assert orient.orientation(inspect.opened(data, Limits()).image) == 1
    assert_image_similar(upright(data), corners(), 0)


@pytest.mark.parametrize("block", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_costs_nobody_a_picture(block: bytes) -> None:
    """An EXIF block that cannot be read counts as none."""
    assert_image_similar(upright(saved(corners(), "JPEG", exif=block, quality=95)), corners(), 4)


def test_xmp_does_not_turn_a_picture() -> None:
    """Only EXIF counts, as in browsers."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    assert_image_similar(upright(saved(corners(), "JPEG", xmp=xmp, quality=95)), corners(), 4)
