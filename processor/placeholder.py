"""From a ThumbHash to the few pixels that stand in for a picture until it is loaded. Pure, without Pillow."""

import base64
import binascii
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_SIDE = 16
"""Pixels. A hash holds at most six half-waves a side, and browsers smooth what they enlarge: more adds bytes only."""

_SHORTEST_HASH = 5
_CHROMA_BOOST = 1.25
"""Of the reference decoder: colour that was lost to rounding is given back a little."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_SUB = 1
"""A line's filter: each byte as its distance to the pixel before."""


@dataclass(frozen=True, slots=True)
class _Hash:
    """The numbers in a ThumbHash, scales applied.

    Attributes:
        luminance: average and cosine terms.
        yellow_blue: the same.
        red_green: the same.
        across: how many frequencies luminance has from left to right, before the triangle is cut.
        down: the same from top to bottom.
        ratio: width over height, roughly.
    """

    luminance: tuple[float, ...]
    yellow_blue: tuple[float, ...]
    red_green: tuple[float, ...]
    across: int
    down: int
    ratio: float


def is_transparent(thumbhash: bytes) -> bool:
    """Whether anything can be seen through the picture."""
    return len(thumbhash) > 2 and bool(thumbhash[2] & 0x80)  # noqa: PLR2004 - the format's third byte


def data_uri(thumbhash: bytes) -> str:
    """A PNG of the blurred picture, as a `data:` URI of some 700 characters.

    Args:
        thumbhash: of a picture without transparency.

    Raises:
        ValueError: it is cut short.
    """
    width, height, pixels = rendered(thumbhash, LONGEST_SIDE)
    return "data:image/png;base64," + base64.b64encode(_png(width, height, pixels)).decode()


def decoded(text: object) -> bytes | None:
    """The bytes of a hash as records hold it, in base64; None if it is none."""
    try:
        found = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return None
    return found if len(found) >= _SHORTEST_HASH else None


def rendered(thumbhash: bytes, longest_side: int) -> tuple[int, int, bytes]:
    """Width, height and RGB bytes of the picture that a hash stands for.

    After `thumbHashToRGBA` of the reference implementation (Evan Wallace, version of 2023,
    https://github.com/evanw/thumbhash), without its alpha channel.

    Raises:
        ValueError: the hash is cut short.
    """
    found = _read(thumbhash)
    width = _rounded(longest_side * min(1.0, found.ratio))
    height = _rounded(longest_side / max(1.0, found.ratio))
    columns = [_cosines(x, width, max(found.across, 3)) for x in range(width)]
    rows = [_cosines(y, height, max(found.down, 3)) for y in range(height)]
    pixels = bytearray()
    for row in rows:
        for column in columns:
            luminance = _value(found.luminance, column, row, found.across, found.down)
            yellow_blue = _value(found.yellow_blue, column, row, 3, 3)
            red_green = _value(found.red_green, column, row, 3, 3)
            blue = luminance - 2 / 3 * yellow_blue
            red = (3 * luminance - blue + red_green) / 2
            pixels += bytes(int(255 * max(0.0, min(1.0, each))) for each in (red, red - red_green, blue))
    return width, height, bytes(pixels)


def _read(thumbhash: bytes) -> _Hash:
    if len(thumbhash) < _SHORTEST_HASH:
        raise ValueError("the ThumbHash is cut short")
    head, more = int.from_bytes(thumbhash[:3], "little"), int.from_bytes(thumbhash[3:5], "little")
    transparent, landscape = is_transparent(thumbhash), bool(more >> 15)
    longest, shortest = 5 if transparent else 7, more & 7
    # shortest is 0 in no hash of anyone's, but would divide by zero
    ratio = longest / max(1, shortest) if landscape else max(1, shortest) / longest
    across, down = (max(3, each) for each in ((longest, shortest) if landscape else (shortest, longest)))
    nibbles = _nibbles(thumbhash[6 if transparent else 5 :])

    def channel(average: float, scale: float, nx: int, ny: int) -> tuple[float, ...]:
        terms = tuple((next(nibbles) / 7.5 - 1) * scale for _ in _frequencies(nx, ny))
        return (average, *terms)

    try:
        return _Hash(
            channel((head & 63) / 63, (head >> 18 & 31) / 31, across, down),
            channel((head >> 6 & 63) / 31.5 - 1, (more >> 3 & 63) / 63 * _CHROMA_BOOST, 3, 3),
            channel((head >> 12 & 63) / 31.5 - 1, (more >> 9 & 63) / 63 * _CHROMA_BOOST, 3, 3),
            across,
            down,
            ratio,
        )
    except RuntimeError as exc:  # what a generator makes of the end of another
        raise ValueError("the ThumbHash is cut short") from exc


def _nibbles(data: bytes) -> Iterator[int]:
    for byte in data:
        yield byte & 15
        yield byte >> 4


def _frequencies(nx: int, ny: int) -> Iterator[tuple[int, int]]:
    """Column and row of every cosine term but the average, in the order of the hash."""
    return ((cx, cy) for cy in range(ny) for cx in range(nx) if (cx or cy) and cx * ny < nx * (ny - cy))


def _cosines(at: int, side: int, count: int) -> list[float]:
    return [math.cos(math.pi / side * (at + 0.5) * frequency) for frequency in range(count)]


def _value(channel: tuple[float, ...], column: list[float], row: list[float], nx: int, ny: int) -> float:
    average, *terms = channel
    waves = (column[cx] * row[cy] * 2 for cx, cy in _frequencies(nx, ny))
    return average + sum(term * wave for term, wave in zip(terms, waves, strict=True))


def _png(width: int, height: int, pixels: bytes) -> bytes:
    """The smallest kind of PNG (ISO/IEC 15948): header, one block of data, end."""
    stride = 3 * width
    lines = [pixels[at : at + stride] for at in range(0, stride * height, stride)]
    filtered = b"".join(bytes([_PNG_SUB]) + _differences(line) for line in lines)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered, 9)), (b"IEND", b""))
    return _PNG_SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _differences(line: bytes) -> bytes:
    return bytes((here - before) & 255 for here, before in zip(line, b"\0\0\0" + line, strict=False))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rounded(value: float) -> int:
    """Half up, as the reference implementation does, but never to nothing."""
    return max(1, math.floor(value + 0.5))
