"""Depth: samples of 10, 12 and 16 bits, whole or floating numbers, as 8 bits, rounded and not cut."""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageChops, ImageFile, ImageMath, PngImagePlugin, TiffImagePlugin

from processor.steps import optional, png
from processor.steps.inspect import Opened
from processor.steps.tone import Curve, exposure, from_pq, within_peak

_WHITE = 255
_WHITE_16 = 65_535
_PLANES = 2
"""As a TIFF's planar configuration: Pillow divides by opacity itself there."""

_PIXELS_AT_ONCE = 1_000_000

_LARGEST_FLOAT = 3.4028234663852886e38
"""Of 32 bits."""

_BYTES_EXCHANGED = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B"}
"""Pillow reads 16-bit colours as their high bytes. Told the other byte order, it reads the low ones."""


def exact(source: Opened, curve: Curve | None) -> Image.Image | None:
    """Decode colours of more than 8 bits, of which Pillow's readers would keep the high byte only.

    Args:
        source: the opened file.
        curve: from encoded to shown levels, for high dynamic range; None: as they are.

    Returns:
        An 8-bit image with the source's `info`, or None where there is nothing to gain.
    """
    if source.format == "heif":
        return _exact_heif(source, curve)
    if isinstance(source.image, PngImagePlugin.PngImageFile | TiffImagePlugin.TiffImageFile):
        return _exact_raw(source.image, source.data, curve)
    return None


def toned(image: Image.Image, curve: Curve | None) -> Image.Image:
    """A decoded image with a curve applied to its colours, in 8 bits."""
    if curve is None:
        return image
    if image.mode.startswith("I"):
        return eight_bit(image, curve)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    bands = image.split()
    colours = bands[: len(bands) - image.mode.endswith("A")]
    shown = _bent(colours, lambda band, levels: band.point(levels[: _WHITE + 1]), _WHITE, curve)
    result = Image.merge(image.mode, [*shown, *bands[len(colours) :]])
    result.info = image.info
    return result


def _bent(
    bands: Sequence[Image.Image], reduced: Callable[[Image.Image, list[int]], Image.Image], white: int, curve: Curve
) -> list[Image.Image]:
    """Bands of colours in 8 bits after a curve, a part of the rows at a time, so that little is held twice.

    Args:
        bands: red, green and blue, or grey.
        reduced: from a band and the level of 256 for every number to 8 bits.
        white: the number of the brightest.
        curve: from encoded to shown levels.
    """
    levels = _levels(white, curve)
    exposures = _levels(white, exposure) if curve is from_pq else None
    width, height = bands[0].size
    results = [Image.new("L", (width, height)) for _ in bands]
    rows = max(1, _PIXELS_AT_ONCE // width)
    for top in range(0, height, rows):
        parts = [band.crop((0, top, width, min(height, top + rows))) for band in bands]
        shown = [reduced(part, levels) for part in parts]
        if exposures:
            shown = within_peak(shown, [reduced(part, exposures) for part in parts])
        for result, part in zip(results, shown, strict=True):
            result.paste(part, (0, top))
    return results


def eight_bit(image: Image.Image, curve: Curve | None = None) -> Image.Image:
    """Greys of 12, 16 or 32 bits, whole or floating, as 8-bit grey. Pillow itself would clip or cut them."""
    result = _eight_bit(image, curve)
    if result is image or not isinstance(image, TiffImagePlugin.TiffImageFile) or image.tag_v2.get(262):
        return result
    return result.point(list(range(_WHITE, -1, -1)))  # white is zero, which Pillow knows of fewer bits only


def _eight_bit(image: Image.Image, curve: Curve | None) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _from_sixteen_bits(image, _white_level(image), curve)
    if image.mode == "I" and isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(339, (1,))[0] == 1:
        return _from_sixteen_bits(_upper_half(image), _WHITE_16, curve)
    if image.mode == "I":
        lowest, highest = _extrema(image)
        if lowest >= 0 and highest <= _WHITE_16:
            return _from_sixteen_bits(image, _WHITE_16, curve)
        return _stretched(image, lowest, highest)
    if image.mode == "F":
        lowest, highest = _extrema(image)
        if not math.isfinite(highest - lowest):
            lowest, highest = _extrema(_numbers(image))
        inside = lowest >= 0 and highest <= 1
        return _stretched(image, 0, 1) if inside else _stretched(image, min(lowest, 0), max(highest, _WHITE))
    return image


def _exact_raw(high: ImageFile.ImageFile, data: bytes, curve: Curve | None) -> Image.Image | None:
    """A 16-bit PNG or TIFF, decoded twice: for the high bytes and for the low ones."""
    exchanged = [_exchanged(tile.args) for tile in high.tile]
    rawmode = _rawmode(high.tile[0].args) if high.tile else ""
    grey, premultiplied = rawmode == "LA;16B", rawmode.startswith("RGBa")
    in_planes = isinstance(high, TiffImagePlugin.TiffImageFile) and high.tag_v2.get(284) == _PLANES
    if not exchanged or None in exchanged or (premultiplied and in_planes):
        return None
    if premultiplied:
        high.tile = [tile._replace(args=_replaced(tile.args, "RGBA" + rawmode[4:])) for tile in high.tile]
    low: Any = Image.open(io.BytesIO(data), formats=[str(high.format)])
    low.tile = [tile._replace(args=args) for tile, args in zip(low.tile, exchanged, strict=True)]
    _load(low, data)
    if grey:  # as four bands of bytes: grey high and low, alpha high and low
        bands = low.split()
        pairs = [(bands[0], bands[1]), (bands[2], bands[3])]
        mode = "LA"
    else:
        high.load()
        pairs = list(zip(high.split(), low.split(), strict=True))
        mode = high.mode
    if curve is None and not premultiplied and "transparency" not in high.info:
        image = Image.merge(mode, [_rounded(*pair) for pair in pairs])
        image.info = dict(high.info)
        return image
    bands = [_joined(*pair) for pair in pairs]
    return _merged(high, mode, _divided(bands) if premultiplied else bands, _WHITE_16, curve)


def _divided(bands: Sequence[Image.Image]) -> list[Image.Image]:
    """Bands of 16-bit numbers, of which the last is opacity, with the others no longer multiplied by it."""
    opacity = bands[-1].convert("I")
    plain = [
        ImageMath.lambda_eval(
            lambda known: known["min"](known["colour"] * 32_767 / known["max"](known["opacity"], 1) * 2, _WHITE_16),
            colour=band.convert("I"),
            opacity=opacity,
        )
        for band in bands[:-1]
    ]
    return [*plain, opacity]


def _load(image: Image.Image, data: bytes) -> None:
    if isinstance(image, PngImagePlugin.PngImageFile):
        png.load(image, data)
    else:
        image.load()


def _rawmode(args: object) -> str:
    rawmode = args[0] if isinstance(args, tuple) and args else args
    return rawmode if isinstance(rawmode, str) else ""


def _exchanged(args: object) -> object:
    """A tile's arguments for the other byte order; None: it has no 16-bit colours, or ones that do not come apart."""
    rawmode = _rawmode(args)
    colours, bits = rawmode[:-4].replace("RGBa", "RGBA"), rawmode[-4:]
    if colours == "LA":
        other = "RGBA"
    elif colours in ("RGB", "RGBA", "RGBX", "CMYK") and bits in _BYTES_EXCHANGED:
        other = colours + _BYTES_EXCHANGED[bits]
    else:
        return None
    return _replaced(args, other)


def _replaced(args: object, rawmode: str) -> Any:
    return (rawmode, *args[1:]) if isinstance(args, tuple) else rawmode


def _exact_heif(source: Opened, curve: Curve | None) -> Image.Image | None:
    bits = source.image.info.get("bit_depth", 8)
    if bits <= 8:  # noqa: PLR2004 - bits of a sample
        return None
    deep = optional.deep_heif(source.data)
    if deep.mode not in ("RGB;16", "RGBA;16"):
        return None
    mode = deep.mode.partition(";")[0]
    halves = [
        Image.frombytes(mode, deep.size, deep.data, "raw", (f"{mode};16{order}", deep.stride)).split()
        for order in ("L", "B")
    ]
    bands = [_joined(high, low) for high, low in zip(*halves, strict=True)]
    return _merged(source.image, mode, bands, ((1 << bits) - 1) << (16 - bits), curve)


def _upper_half(image: Image.Image) -> Image.Image:
    """The upper 16 of 32 bits without a sign, which Pillow takes for numbers with one."""
    bands = Image.frombytes("RGBA", image.size, image.tobytes("raw", "I;32S")).split()
    upper = _joined(bands[3], bands[2])
    upper.info = dict(image.info)
    return upper


def _rounded(high: Image.Image, low: Image.Image) -> Image.Image:
    """The nearest of 256 levels to 16-bit numbers, at half the cost of a table of 65,536.

    A level is 257 of them: the high byte is right unless the low one is further than half of that away from it.
    """
    far = [0] * (_WHITE // 2 + 2) + [1] * (_WHITE // 2)
    more, less = ImageChops.subtract(low, high).point(far), ImageChops.subtract(high, low).point(far)
    return ImageChops.subtract(ImageChops.add(high, more), less)


def _joined(high: Image.Image, low: Image.Image) -> Image.Image:
    """Two bands of bytes as one of 16-bit numbers."""
    return Image.frombytes("I;16", high.size, Image.merge("LA", (low, high)).tobytes())


def _merged(
    source: Image.Image, mode: str, bands: Sequence[Image.Image], white: int, curve: Curve | None
) -> Image.Image:
    """Bands of 16-bit numbers as an 8-bit image; an alpha band, the last of its mode, has no curve."""
    count = len(bands) - mode.endswith("A") if curve else 0
    bent = _bent(bands[:count], _reduced, white, curve) if curve else []
    image = Image.merge(mode, [*bent, *(_reduced(band, _levels(white, None)) for band in bands[count:])])
    image.info = dict(source.info)
    transparent = image.info.pop("transparency", None)
    if mode == "RGB" and isinstance(transparent, tuple):
        image.putalpha(_unlike(bands, transparent))
    return image


def _reduced(band: Image.Image, levels: list[int]) -> Image.Image:
    return band.convert("I").point(levels, "L")


def _unlike(bands: Sequence[Image.Image], colour: tuple[int, ...]) -> Image.Image:
    """Opaque wherever 16-bit bands differ from the one transparent colour."""
    opacity = Image.new("L", bands[0].size, 0)
    for band, value in zip(bands, colour, strict=True):
        differs = band.convert("I").point([0 if level == value else _WHITE for level in range(_WHITE_16 + 1)], "L")
        opacity.paste(_WHITE, mask=differs)
    return opacity


def _levels(white: int, curve: Curve | None) -> list[int]:
    """For every 16-bit number the level of 256 that it is nearest to, where `white` is the brightest."""
    if curve is None:
        return [min(_WHITE, (value * _WHITE + white // 2) // white) for value in range(_WHITE_16 + 1)]
    step = max(1, white // 4096)  # finer than any display, and a second less to compute
    coarse = [round(_WHITE * curve(min(1.0, at * step / white))) for at in range(_WHITE_16 // step + 2)]
    return [coarse[(value + step // 2) // step] for value in range(_WHITE_16 + 1)]


def _from_sixteen_bits(image: Image.Image, white: int, curve: Curve | None) -> Image.Image:
    """Grey from 0 to `white`, rounded to the nearest of 256 levels, with its transparent level if it names one."""
    wide = image.convert("I")
    grey = wide.point(_levels(white, curve), "L")
    profile = image.info.get("icc_profile")
    grey.info = {"icc_profile": profile} if profile else {}
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        opacity = [0 if value == transparent else _WHITE for value in range(_WHITE_16 + 1)]
        grey.putalpha(wide.point(opacity, "L"))
    return grey


def _white_level(image: Image.Image) -> int:
    """The greatest value that the source's samples can take: TIFF has 12-bit ones."""
    bits = image.tag_v2.get(258, (16,))[0] if isinstance(image, TiffImagePlugin.TiffImageFile) else 16
    return (1 << bits) - 1 if 8 < bits <= 16 else _WHITE_16  # noqa: PLR2004 - bits of a sample


def _extrema(image: Image.Image) -> tuple[float, float]:
    lowest, highest = image.getextrema()
    if isinstance(lowest, tuple) or isinstance(highest, tuple):
        raise TypeError(f"expected one band, got mode {image.mode}")
    return lowest, highest


def _numbers(image: Image.Image) -> Image.Image:
    """Floating samples, with zero for each that is no number or infinite."""
    finite = ImageMath.lambda_eval(lambda known: abs(known["samples"]) <= _LARGEST_FLOAT, samples=image)
    zeros = Image.new("F", image.size)
    zeros.paste(image, mask=finite.convert("L").point([0] + 255 * [_WHITE], "1"))
    return zeros


def _stretched(image: Image.Image, lowest: float, highest: float) -> Image.Image:
    """Black at `lowest`, white at `highest`."""
    span = highest - lowest
    if not math.isfinite(span) or span == 0:
        return image.convert("L")
    scale = _WHITE / span
    offset = 0.5 - lowest * scale  # conversion to L cuts the fraction off
    return image.convert("F").point(lambda value: value * scale + offset).convert("L")
