"""Orient: turn the pixels the way that the camera's EXIF note says, so that no viewer has to."""

from PIL import ExifTags, Image

_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, table 6, tag 0x0112. 1 is upright; anything else is nonsense and treated as upright."""

_LYING = {5, 6, 7, 8}


def orientation(image: Image.Image) -> int:
    """1 to 8, as noted in the EXIF block; 1 where there is none or it cannot be read.

    Only the EXIF block counts, as in browsers; Pillow's own function would believe XMP as well. The AVIF reader
    translates the container's `irot` and `imir` boxes into this tag, and the TIFF reader has applied its own already.
    """
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - broken metadata raises anything, and must not cost anyone a good picture
        return 1
    return value if value in _TURNS else 1


def swapped(width: int, height: int, turn: int) -> tuple[int, int]:
    """A stored size as it is displayed, or a displayed one as it is stored: the sides change places or not."""
    return (height, width) if turn in _LYING else (width, height)


def upright(image: Image.Image, turn: int | None = None) -> Image.Image:
    """The image as it is meant to be seen.

    Args:
        image: its pixels.
        turn: the orientation that its file had noted when it was opened; None: what the image notes itself. A PNG may
            note one behind its pixels, which turns nothing.
    """
    transpose = _TURNS.get(orientation(image) if turn is None else turn)
    return image if transpose is None else image.transpose(transpose)
