"""JPEG 2000: colours of more than 8 bits, of which Pillow's reader turns the brightest to black."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from PIL import Image, ImageChops

from processor.errors import Reason, Rejected
from processor.steps.inspect import Opened, reopened

_START = b"\xff\x4f\xff\x51"
_SIZ, _COD, _COC, _QCD, _QCC = 0xFF51, 0xFF52, 0xFF53, 0xFF5C, 0xFF5D
_TILE, _DATA = 0xFF90, 0xFF93
_MANY = 257
"""Components, from which on their numbers take two bytes (ISO/IEC 15444-1, A.6.5)."""

_REVERSIBLE = 1
_GUARD_BIT = 0x20
_EXPONENT = 1 << 11
_HALF = 128


def with_whites(image: Image.Image, source: Opened) -> Image.Image:
    """A decoded image with its white back.

    Pillow rounds samples of more than 8 bits up to 256 levels, and keeps the lower byte: the brightest 0.2 %, with all
    that is white or opaque, become 0. A second decoding of the file with half the contrast tells white from black.

    Raises:
        Rejected: `unsupported_format` for files whose contrast cannot be halved.
    """
    at = source.data.find(_START)
    if source.format != "jp2" or image.mode not in ("LA", "RGB", "RGBA") or at < 0 or _bits(source.data, at) <= 8:  # noqa: PLR2004
        return image
    if all(band.getextrema()[0] for band in image.split()):
        return image
    dimmer = replace(source, data=_with_half_contrast(source.data, at))
    coarse = reopened(dimmer)
    coarse.load()
    bands = []
    for band, half in zip(image.split(), coarse.split(), strict=True):
        black = band.point([255] + [0] * 255)
        bright = half.point([0] * _HALF + [255] * _HALF)
        bands.append(ImageChops.lighter(band, ImageChops.darker(black, bright)))
    result = Image.merge(image.mode, bands)
    result.info = image.info
    return result


def _bits(data: bytes, at: int) -> int:
    """Of the deepest component."""
    (count,) = struct.unpack_from(">H", data, at + 40)
    return max((data[at + 42 + 3 * index] & 0x7F) + 1 for index in range(count))


def _with_half_contrast(data: bytes, at: int) -> bytes:
    """The file with every sample half as far from the middle: one bit more, or half the steps of quantisation."""
    segments = list(_segments(data, at))
    header = {kind: place for kind, place in segments if kind in (_SIZ, _COD)}
    changed = bytearray(data)
    (count,) = struct.unpack_from(">H", data, at + 40)
    if data[header[_COD] + 13] == _REVERSIBLE:
        for index in range(count):
            changed[at + 42 + 3 * index] += 1
    for kind, place in segments:
        (length,) = struct.unpack_from(">H", data, place + 2)
        if kind in (_QCD, _QCC) and data[header[_COD] + 13] != _REVERSIBLE:
            style = place + 4 + (0 if kind == _QCD else 1 if count < _MANY else 2)
            if changed[style] < _GUARD_BIT:
                raise _unsupported()
            # a guard bit less and an exponent more: the same bit planes, each worth half
            changed[style] -= _GUARD_BIT
            for step in range(style + 1, place + 2 + length, 2):
                (value,) = struct.unpack_from(">H", data, step)
                struct.pack_into(">H", changed, step, (value + _EXPONENT) & 0xFFFF)
    return bytes(changed)


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Kind and place of the main header's segments; the first tile's may say nothing else."""
    place, in_tile = at + 2, False
    while True:
        kind, length = struct.unpack_from(">HH", data, place)
        if kind == _DATA:
            return
        if in_tile and kind in (_COD, _COC, _QCD, _QCC):
            raise _unsupported()
        in_tile = in_tile or kind == _TILE
        if not in_tile:
            yield kind, place
        place += 2 + length


def _unsupported() -> Rejected:
    return Rejected(
        Reason.UNSUPPORTED_FORMAT,
        "this JPEG 2000 has colours of more than 8 bits in tiles with settings of their own, which cannot be read; "
        "export it with 8 bits",
    )
