"""WebP: what the container says, put right where its reader would leave holes in an animation black."""

import struct
from collections.abc import Iterator

_FIRST_CHUNK = 12
_HEADER_BYTES = 8
_ALPHA, _ANIMATED = 0x10, 0x02
_DISPOSED = 0x01
_FRAME_BYTES = 16


def mended(data: bytes) -> bytes:
    """The file, with transparency announced if its frames leave any: by not covering the canvas, or by being cleared.

    Writers announce it only where a frame itself has some, and the reader leaves out what is not announced.
    """
    if data[_FIRST_CHUNK : _FIRST_CHUNK + 4] != b"VP8X" or len(data) < _FIRST_CHUNK + _HEADER_BYTES + 10:
        return data
    at = _FIRST_CHUNK + _HEADER_BYTES
    flags = data[at]
    if flags & (_ALPHA | _ANIMATED) != _ANIMATED:
        return data
    canvas = _number(data, at + 4) + 1, _number(data, at + 7) + 1
    if not _has_holes(list(_frames(data)), canvas):
        return data
    return data[:at] + bytes([flags | _ALPHA]) + data[at + 1 :]


def _has_holes(frames: list[tuple[tuple[int, int, int, int], bool]], canvas: tuple[int, int]) -> bool:
    if not frames:
        return False
    return frames[0][0] != (0, 0, *canvas) or any(disposed for _, disposed in frames[:-1])


def _frames(data: bytes) -> Iterator[tuple[tuple[int, int, int, int], bool]]:
    """Left, top, width and height of every frame, and whether it is cleared afterwards."""
    at = _FIRST_CHUNK
    while at + _HEADER_BYTES + _FRAME_BYTES <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        at += _HEADER_BYTES
        if kind == b"ANMF":
            left, top, width, height = (_number(data, at + 3 * index) for index in range(4))
            yield (2 * left, 2 * top, width + 1, height + 1), bool(data[at + 15] & _DISPOSED)
        at += length + length % 2


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
