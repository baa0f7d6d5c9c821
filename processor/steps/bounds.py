"""Bounds: what a file's structure may cost before a reader is let near it.

Readers unpack texts and profiles, collect every comment and copy every value of a directory as they open a file. Each
of these can be made to cost gigabytes or minutes by a file of some megabytes, so the structures are walked here first,
keeping nothing. What is merely damaged passes: whether that matters is for the reader to say.
"""

import struct
import zlib
from collections.abc import Iterator

from processor.errors import Reason, Rejected
from processor.limits import Limits

MAX_PARTS = 100_000
"""Chunks, segments, blocks or directory entries of one file. A 64 MiB PNG with the usual 8 KiB chunks has 8,192."""

_OVERLAP = 4
"""How many times its own length the values of a directory may add up to. They do so only where they share bytes."""

_SLACK_BYTES = 64 * 1024
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_DIRECTORY_TAGS = {0x8769, 0x8825, 0xA005, 0x014A}
"""Exif, GPS, interoperability and sub-directories."""

_MAX_DIRECTORIES = 64


def check_structure(fmt: str, data: bytes, limits: Limits) -> None:
    """Walk the file as its reader will, and refuse what would cost too much.

    Raises:
        Rejected: `metadata_too_large`.
    """
    walk = {"png": _png, "jpeg": _jpeg, "gif": _gif, "tiff": _tiff, "webp": _webp}.get(fmt)
    if walk is None:
        return
    metadata = 0
    for parts, (size, profile) in enumerate(walk(data, limits)):
        metadata += size
        if metadata > limits.max_metadata_bytes:
            raise _too_large("metadata", limits.max_metadata_bytes)
        if profile and size > limits.max_icc_bytes:
            raise _too_large("colour profile", limits.max_icc_bytes)
        if parts >= MAX_PARTS:
            raise Rejected(Reason.METADATA_TOO_LARGE, f"the file is in over {MAX_PARTS:,} pieces; export it anew")


def check_collected(info: dict[str | tuple[int, int], object], limits: Limits) -> None:
    """The same for what a reader has collected by the time the file is open, which covers the other formats.

    Raises:
        Rejected: `metadata_too_large`.
    """
    if _length(info.get("icc_profile")) > limits.max_icc_bytes:
        raise _too_large("colour profile", limits.max_icc_bytes)
    if sum(_length(value) for value in info.values()) > limits.max_metadata_bytes:
        raise _too_large("metadata", limits.max_metadata_bytes)
    exif = info.get("exif")
    if isinstance(exif, bytes):
        check_directories(exif.removeprefix(b"Exif\0\0"))


def check_directories(block: bytes) -> None:
    """Refuse a TIFF structure (an EXIF block, or a file) whose values would be copied many times over.

    Raises:
        Rejected: `metadata_too_large`.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:  # noqa: PLR2004 - of the header
        return
    big = block[2:4] in (b"+\0", b"\0+")
    waiting = [_number(block, 8, order + "Q") if big else _number(block, 4, order + "I")]
    total, seen = 0, set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        at = waiting.pop(0)
        if at in seen or at <= 0:
            continue
        seen.add(at)
        for tag, size, value in _entries(block, at, order, big=big):
            total += min(size, len(block))
            if tag in _DIRECTORY_TAGS:
                waiting.append(value)
            if total > _OVERLAP * len(block) + _SLACK_BYTES:
                raise Rejected(
                    Reason.METADATA_TOO_LARGE,
                    "the values in a directory of this file overlap, which makes it larger than it is; export it anew",
                )


def _entries(block: bytes, at: int, order: str, *, big: bool) -> Iterator[tuple[int, int, int]]:
    """Tag, bytes of its value and the value or where it is, of one directory."""
    count = _number(block, at, order + ("Q" if big else "H"))
    layout = struct.Struct(order + ("HHQQ" if big else "HHII"))
    at += 8 if big else 2
    for index in range(min(count, MAX_PARTS)):
        if at + (index + 1) * layout.size > len(block):
            return
        tag, kind, items, value = layout.unpack_from(block, at + index * layout.size)
        yield tag, _TYPE_BYTES.get(kind, 0) * items, value


def _png(data: bytes, limits: Limits) -> Iterator[tuple[int, bool]]:
    """Chunks; packed texts and profiles are unpacked as far as the limit and thrown away."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if kind == b"iCCP":
            yield _unpacked(data, data.find(b"\0", body, body + length) + 2, body + length, limits), True
        elif kind == b"zTXt":
            yield length + _unpacked(data, data.find(b"\0", body, body + length) + 2, body + length, limits), False
        elif kind == b"iTXt":
            yield length + _itxt(data[body : body + length], limits), False
        else:
            yield (length if kind in (b"tEXt", b"eXIf") else 0), False
        at = body + length + 4


def _itxt(body: bytes, limits: Limits) -> int:
    rest = body.partition(b"\0")[2]  # after the keyword
    if rest[:1] != b"\1":
        return 0
    packed = rest[2:].split(b"\0", 2)[-1]
    return _unpacked(packed, 0, len(packed), limits)


def _unpacked(data: bytes, start: int, end: int, limits: Limits) -> int:
    """How long a packed part becomes, counted to just above the limit."""
    try:
        return len(zlib.decompressobj().decompress(data[start:end], limits.max_metadata_bytes + 1))
    except zlib.error:
        return 0


def _jpeg(data: bytes, limits: Limits) -> Iterator[tuple[int, bool]]:
    """Segments up to the first scan. EXIF in several segments is put together by the reader, and so it is here."""
    at, exif, profile = 2, bytearray(), 0
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker begins so; readers skip what is between
            skip = data.find(b"\xff", at)
            if skip < 0:
                break
            at = skip
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF, *range(0xD0, 0xD9)):
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004 - fill bytes
            yield 0, False
            continue
        if marker in (0xD9, 0xDA):
            break
        length = max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        body = data[at + 4 : at + 4 + 12]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):  # noqa: PLR2004
            exif += data[at + 10 : at + 2 + length]
        if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):  # noqa: PLR2004
            profile += length
        yield (length if marker >= 0xE0 else 0), False  # noqa: PLR2004 - application data and comments
        at += 2 + length
    check_directories(bytes(exif))
    if profile > limits.max_icc_bytes:  # in several segments, each counted already
        yield profile, True


def _gif(data: bytes, _limits: Limits) -> Iterator[tuple[int, bool]]:
    """Extensions and their blocks; comments are joined by the reader, one block at a time."""
    at = 13 + (3 << ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 0x80 else 0)  # noqa: PLR2004
    while at + 1 < len(data):
        kind, extension = data[at], data[at : at + 1] == b"!"
        if extension:
            at += 2
        elif kind == 0x2C and at + 9 < len(data):  # noqa: PLR2004 - an image
            at += 11 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
        else:
            return
        start = at
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        if extension:
            yield at - start, False


def _tiff(data: bytes, _limits: Limits) -> Iterator[tuple[int, bool]]:
    check_directories(data)
    yield from ()


def _webp(data: bytes, _limits: Limits) -> Iterator[tuple[int, bool]]:
    """Chunks of the container."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            check_directories(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        yield (length if kind in (b"EXIF", b"XMP ", b"ICCP") else 0), kind == b"ICCP"
        at += 8 + length + length % 2


def _number(block: bytes, at: int, layout: str) -> int:
    """One number, or 0 where the file ends before it."""
    if at + struct.calcsize(layout) > len(block):
        return 0
    (value,) = struct.unpack_from(layout, block, at)
    return int(value)


def _length(value: object) -> int:
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, dict):
        return sum(_length(part) for part in value.values())
    if isinstance(value, list | tuple):
        return sum(_length(part) for part in value)
    return 0


def _too_large(what: str, most: int) -> Rejected:
    return Rejected(
        Reason.METADATA_TOO_LARGE, f"the {what} takes over the {most:,} bytes allowed; export the picture without it"
    )
