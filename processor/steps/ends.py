"""Ends: files that end otherwise than their readers expect, though every pixel is there."""

import struct

from processor.steps import boxes
from processor.steps.notes import Note

_WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}
_VP8_PADDING = 2
"""Bytes at the end of a lossy picture on which no pixel depends (RFC 6386, 7.3)."""

_CODESTREAM = b"\xff\x4f\xff\x51"
_END_OF_CODESTREAM = b"\xff\xd9"


def webp(data: bytes) -> tuple[bytes, tuple[Note, ...]]:
    """The file with the size that it has, and without metadata that break off; an animation without its cut frame.

    Returns:
        The file, the same object if it is as it says, and what there is to note about it.
    """
    (stated,) = struct.unpack_from("<I", data, 4)
    kept, at, moving = [], 12, False
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        if kind not in _WEBP_CHUNKS and at >= 8 + stated:
            break
        if end > len(data):
            if kind == b"VP8 " and end - len(data) <= _VP8_PADDING:
                rest = data[at + 8 :]
                kept.append(struct.pack("<4sI", kind, len(rest)) + rest + bytes(len(rest) % 2))
            elif kind in (b"VP8 ", b"VP8L", b"ALPH"):
                return data, ()
            break
        moving |= kind == b"ANMF"
        kept.append(data[at:end] + bytes(length % 2))
        at = end + length % 2
    body = b"WEBP" + b"".join(kept)
    if not kept or (8 + stated in (at, at - 1) and 8 + stated <= len(data)):
        return data, ()
    return b"RIFF" + struct.pack("<I", len(body)) + body, (Note.ANIMATION_CUT,) if moving and stated > len(body) else ()


def gif(data: bytes) -> bytes:
    """The file with its last block as long as it is: what breaks off there may be no more than the mark of an end."""
    at = 13 + _colour_table_bytes(data[10]) if len(data) > 13 else len(data)  # noqa: PLR2004 - of the screen
    while at < len(data):
        image = data[at] == 0x2C and at + 11 < len(data)  # noqa: PLR2004
        if image:
            at += 11 + _colour_table_bytes(data[at + 9])
        elif data[at] == 0x21:  # noqa: PLR2004 - an extension
            at += 2
        else:
            return data
        while at < len(data) and data[at]:
            if image and at + 1 + data[at] >= len(data) > at + 1:
                rest = data[at + 1 : at + 1 + data[at]]
                return data[:at] + bytes([len(rest)]) + rest + b"\0;"
            at += 1 + data[at]
        at += 1
    return data


def jp2(data: bytes) -> bytes:
    """The file with a mark where its codestream ends, and nothing behind it."""
    if data.startswith(_CODESTREAM):
        return _marked(data)
    for box in boxes.children(data, 0, len(data)):
        if box.kind == b"jp2c" and box.end < len(data):
            return data[: box.end]
    return _marked(data)


def _marked(data: bytes) -> bytes:
    """With the mark, of which a half may be there."""
    if _END_OF_CODESTREAM in data[-64:]:
        return data
    return data.removesuffix(_END_OF_CODESTREAM[:1]) + _END_OF_CODESTREAM


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
