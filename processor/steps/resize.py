"""Resize: how large each rendition becomes, and how it is made from the next larger one."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache

from PIL import Image, ImageMath

from processor.recipe import Format, FormatName, Recipe, Size

GREATEST_SIDE: dict[FormatName, int] = {"jpeg": 65_500, "webp": 16_383, "avif": 16_383, "jxl": 65_535}
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


def cascade(
    image: Image.Image, sizes: tuple[Pixels, ...], scale: "Scale | None" = None
) -> Iterator[tuple[Pixels, Image.Image]]:
    """Every distinct size once, from the largest to the smallest, each made from the one before.

    Args:
        image: RGB or RGBA.
        sizes: what to make; may repeat itself.
        scale: `resized` (if None) or `resized_in_linear_light`.

    Renditions keep one aspect ratio, so of two sizes one holds the other, and the one before is the next larger.
    """
    for size in sorted(set(sizes), reverse=True, key=lambda size: (size[0] * size[1], size)):
        image = (scale or resized)(image, size)
        yield size, image


def resized(image: Image.Image, size: Pixels) -> Image.Image:
    """Lanczos. Pillow multiplies RGBA by its alpha before and divides after, so hidden colours do not bleed."""
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


Scale = Callable[[Image.Image, Pixels], Image.Image]
"""From an RGB or RGBA image and a size to one of that size."""


def resized_in_linear_light(image: Image.Image, size: Pixels) -> Image.Image:
    """Lanczos over light instead of sRGB's levels: fine patterns keep their brightness, at several times the cost.

    Works band by band in 32-bit numbers, so that dark levels survive; colours are multiplied by alpha before.
    """
    if image.size == size:
        return image
    alpha = image.getchannel("A").convert("F") if image.mode == "RGBA" else None
    small_alpha = None if alpha is None else _scaled(alpha, size)
    bands = [_levels_from_light(_scaled_light(image.getchannel(name), alpha, small_alpha, size)) for name in "RGB"]
    if small_alpha is not None:
        # conversion to L cuts the fraction off
        bands.append(small_alpha.point(lambda value: value * 1 + 0.5).convert("L"))
    return Image.merge(image.mode, bands)


def _scaled_light(
    band: Image.Image, alpha: Image.Image | None, small_alpha: Image.Image | None, size: Pixels
) -> Image.Image:
    """One band's light, 0 to 65,535, at the new size."""
    light = band.point(_light_of_levels(), "I").convert("F")
    if alpha is None or small_alpha is None:
        return _scaled(light, size)
    premultiplied = ImageMath.lambda_eval(lambda of: of["light"] * of["alpha"], light=light, alpha=alpha)
    divided: Image.Image = ImageMath.lambda_eval(
        lambda of: of["light"] / of["max"](of["alpha"], 0.5), light=_scaled(premultiplied, size), alpha=small_alpha
    )
    return divided


def _scaled(image: Image.Image, size: Pixels) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


def _levels_from_light(light: Image.Image) -> Image.Image:
    """8-bit sRGB of light in floating numbers; what Lanczos swings beyond black and white is cut off."""
    return light.point(lambda value: value * 1 + 0.5).convert("I").point(_levels_of_light(), "L")


@cache
def _light_of_levels() -> list[int]:
    levels = [level / 255 for level in range(256)]
    return [
        round(65_535 * (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4))  # noqa: PLR2004 - IEC 61966-2-1
        for level in levels
    ]


@cache
def _levels_of_light() -> list[int]:
    lights = [light / 65_535 for light in range(65_536)]
    return [
        round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))  # noqa: PLR2004 - IEC 61966-2-1
        for light in lights
    ]


def _rounded(value: Fraction) -> int:
    return max(1, int(value + Fraction(1, 2)))
