"""BMP: which kinds can be read, and runs of pixels, which Pillow puts into wrong rows where it skips some."""

import struct
from dataclasses import dataclass

from processor.errors import Reason, Rejected

_RAW, _RLE8, _RLE4, _FIELDS, _JPEG, _PNG, _ALPHA_FIELDS = range(7)
_OS2_SHORT, _OS2_LONG = 16, 64
_INFO = 40
_WIDTHS = {1, 4, 8, 16, 24, 32}
_LAYOUTS = {
    16: {(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)},
    24: {(0xFF0000, 0xFF00, 0xFF)},
    32: {
        (0xFF0000, 0xFF00, 0xFF),
        (0xFF000000, 0xFF0000, 0xFF00),
        (0xFF000000, 0xFF00, 0xFF),
        (0xFF, 0xFF00, 0xFF0000),
        (0, 0, 0),
    },
}
"""Masks of red, green and blue that Pillow knows, by bits of a pixel."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What a bitmap says of itself, in the words of its format."""

    size: int
    offset: int
    width: int
    height: int
    bits: int
    compression: int
    colours: int
    masks: tuple[int, ...]


def mended(data: bytes, most_pixels: int) -> bytes:
    """The file with its pixels spelled out where they come in runs; what is left out has the first colour.

    Args:
        data: the file.
        most_pixels: of which the picture may have no more. One that has is left as it is.

    Raises:
        Rejected: `unsupported_format`.
        ValueError: the runs break off before the last pixel.
    """
    header = _header(data)
    if header is None:
        return data
    _check_kind(header)
    runs = (header.compression, header.bits) in ((_RLE8, 8), (_RLE4, 4)) and header.width > 0 and header.height > 0
    if not runs or header.width * header.height > most_pixels:
        return data
    pixels = _spelled_out(data, header)
    start = 14 + header.size
    colours = min(header.colours or 1 << header.bits, 256)
    palette = data[start : start + 4 * colours].ljust(1024, b"\0")
    info = struct.pack("<IiiHHIIiiII", _INFO, header.width, header.height, 1, 8, _RAW, len(pixels), 0, 0, 256, 0)
    offset = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<III", offset + len(pixels), 0, offset) + info + palette + bytes(pixels)


def _header(data: bytes) -> _Header | None:
    size, offset = int.from_bytes(data[14:18], "little"), int.from_bytes(data[10:14], "little")
    if len(data) < 14 + max(_INFO, size) or size < _OS2_SHORT:
        return None
    if size < _INFO:
        return _Header(size, offset, 1, 1, 1, _RAW, 0, ())
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    (colours,) = struct.unpack_from("<I", data, 46)
    masks = struct.unpack_from("<3I", data, 54) if len(data) >= 66 else ()  # noqa: PLR2004 - behind them
    return _Header(size, offset, width, height, bits, compression, colours, masks)


def _check_kind(header: _Header) -> None:
    kind = ""
    if header.size == _OS2_SHORT:
        kind = "with the short header of OS/2"
    elif header.size == _OS2_LONG and header.compression in (_FIELDS, _JPEG):
        kind = "in a compression of OS/2"
    elif header.compression in (_JPEG, _PNG):
        kind = f"with a {'JPEG' if header.compression == _JPEG else 'PNG'} inside"
    elif header.compression == _ALPHA_FIELDS:
        kind = "with bit fields of opacity"
    elif header.bits in (2, 64):
        kind = f"of {header.bits} bits a pixel"
    elif header.compression == _FIELDS and header.masks not in _LAYOUTS.get(header.bits, {header.masks}):
        kind = "with unusual bit fields" if _are_fields(header.masks) else ""
    if kind:
        raise Rejected(Reason.UNSUPPORTED_FORMAT, f"this is a bitmap {kind}, which cannot be read; export it as a PNG")


def _are_fields(masks: tuple[int, ...]) -> bool:
    """Whether masks are what they should be: each in one piece, and none over another."""
    together = 0
    for mask in masks:
        lowest = mask & -mask
        if not mask or (mask + lowest) & mask or mask & together:
            return False
        together |= mask
    return True


def _spelled_out(data: bytes, header: _Header) -> bytearray:
    """Pixels of a byte each, in rows of whole words, from runs of 8 or 4 bits."""
    width, height, nibbles = header.width, header.height, header.compression == _RLE4
    stride = -(-width // 4) * 4
    rows = bytearray(stride * height)
    at, column, row, start = header.offset, 0, 0, 0
    try:
        while row < height:
            count, value = data[at], data[at + 1]
            at += 2
            if count:
                room = min(count, width - column)
                if room == 1 and not nibbles:  # the one of which a file can hold the most
                    rows[start + column] = value
                elif room > 0:
                    pair = (value >> 4, value & 15) if nibbles else (value, value)
                    rows[start + column : start + column + room] = (bytes(pair) * 128)[:room]
                column += count
            elif value == 0:
                column, row, start = 0, row + 1, start + stride
            elif value == 1:
                break
            elif value == 2:  # noqa: PLR2004 - go on elsewhere
                column, row, at = column + data[at], row + data[at + 1], at + 2
                start = row * stride
            else:
                run = _absolute(data, at, value, nibbles=nibbles)
                room = max(0, min(value, width - column))
                rows[start + column : start + column + room] = run[:room]
                length = (value + 1) // 2 if nibbles else value
                at += length + length % 2
                column += value
    except IndexError:
        if row < height - 1 or column < width:
            raise ValueError("its pixels end early") from None
    return rows


def _absolute(data: bytes, at: int, count: int, *, nibbles: bool) -> bytes:
    """So many pixels that are spelled out already.

    Raises:
        IndexError: the file ends before the last of them.
    """
    packed = data[at : at + ((count + 1) // 2 if nibbles else count)]
    if not nibbles and len(packed) == count:
        return packed
    pixels = bytes(half for byte in packed for half in (byte >> 4, byte & 15))
    if not nibbles or len(pixels) < count:
        raise IndexError
    return pixels
