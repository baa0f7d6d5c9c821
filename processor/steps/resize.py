"""Resize: how large each rendition becomes, and how it is made from the next larger one."""

from collections.abc import Iterator
from fractions import Fraction

from PIL import Image

from processor.recipe import Format, FormatName, Recipe, Size

GREATEST_SIDE: dict[FormatName, int] = {"jpeg": 65_500, "webp": 16_383, "avif": 16_383}
"""Pixels. JPEG: libjpeg's JPEG_MAX_DIMENSION. WebP: 14 bits in the container. AVIF: its encoders and its decoders in
browsers differ; this is what we tried."""

REDUCING_GAP = 2.0
"""How many times larger than the target Pillow's cheap integer reduction may leave an image before Lanczos."""

Pixels = tuple[int, int]
"""Width and height."""


def fitted(width: int, height: int, size: Size, fmt: Format) -> Pixels:
    """Width and height of one rendition: inside its box and its format's limits, aspect kept, never enlarged.

    Sides are rounded half up, like libvips does, and never below 1.
    """
    side = min(fmt.max_side or GREATEST_SIDE[fmt.name], GREATEST_SIDE[fmt.name])
    scale = min(
        Fraction(1),
        Fraction(min(size.width or side, side), width),
        Fraction(min(size.height or side, side), height),
    )
    return _rounded(width * scale), _rounded(height * scale)


def planned(width: int, height: int, recipe: Recipe) -> tuple[Pixels, ...]:
    """Width and height of every rendition, in the recipe's order."""
    return tuple(fitted(width, height, size, fmt) for size, fmt in recipe.formats)


def largest(sizes: tuple[Pixels, ...]) -> Pixels:
    """The size from which all the others can be made."""
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def cascade(image: Image.Image, sizes: tuple[Pixels, ...]) -> Iterator[tuple[Pixels, Image.Image]]:
    """Every distinct size once, from the largest to the smallest, each made from the one before.

    Renditions keep one aspect ratio, so of two sizes one holds the other, and the one before is the next larger.
    """
    for size in sorted(set(sizes), reverse=True, key=lambda size: (size[0] * size[1], size)):
        image = resized(image, size)
        yield size, image


def resized(image: Image.Image, size: Pixels) -> Image.Image:
    """Lanczos. Pillow multiplies RGBA by its alpha before and divides after, so hidden colours do not bleed."""
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


def _rounded(value: Fraction) -> int:
    return max(1, int(value + Fraction(1, 2)))
