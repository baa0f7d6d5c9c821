"""Boxes: the few facts of an ISO base media file (AVIF, HEIF) that Pillow's readers do not tell."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_MOST_BOXES = 10_000
"""Per level. A file of more is not read on; what it says there is not worth a minute."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: where its body begins and ends in the file."""

    kind: bytes
    start: int
    end: int


def children(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places (ISO/IEC 14496-12, 4.2). Ends silently at the first that makes no sense."""
    return islice(_children(data, start, min(end, len(data))), _MOST_BOXES)


def _children(data: bytes, at: int, end: int) -> Iterator[Box]:
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if length == 1 and at + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = end if length == 0 else at + length
        if stop > end or stop < body:
            return
        yield Box(kind, body, stop)
        at = stop


def find(data: bytes, path: tuple[tuple[bytes, int], ...], start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Every box at the end of a path.

    Args:
        data: the file.
        path: for each level the kind of box, and how many bytes of fields come before the boxes in it.
        start: where the first level begins.
        end: where it ends; None: with the file.
    """
    (kind, fields), *rest = path
    for box in children(data, start, len(data) if end is None else end):
        if box.kind != kind:
            continue
        if rest:
            yield from find(data, tuple(rest), box.start + fields, box.end)
        else:
            yield box


def cicp(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the primary picture, or of the first track (ISO/IEC 23091-2); None: not stated."""
    try:
        return _cicp_of_item(data) or _cicp_of_track(data)
    except (struct.error, IndexError):
        return None


def _cicp_of_item(data: bytes) -> tuple[int, int] | None:
    primary = next((_item_id(data, box) for box in find(data, ((b"meta", 4), (b"pitm", 0)))), None)
    properties = [
        box
        for container in find(data, ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)))
        for box in children(data, container.start, container.end)
    ]
    for association in find(data, ((b"meta", 4), (b"iprp", 0), (b"ipma", 0))):
        for index in _properties_of(data, association, primary):
            if 0 < index <= len(properties) and (found := _nclx(data, properties[index - 1])):
                return found
    return None


def _item_id(data: bytes, box: Box) -> int:
    size = 2 if data[box.start] == 0 else 4
    return int.from_bytes(data[box.start + 4 : box.start + 4 + size], "big")


def _properties_of(data: bytes, box: Box, item: int | None) -> list[int]:
    """The 1-based properties that an `ipma` box gives to an item (ISO/IEC 23008-12, 9.3)."""
    version, wide = data[box.start], data[box.start + 3] & 1
    (entries,) = struct.unpack_from(">I", data, box.start + 4)
    at = box.start + 8
    id_bytes, index_bytes = (2 if version == 0 else 4), (2 if wide else 1)
    for _ in range(min(entries, _MOST_BOXES)):
        if at >= box.end:
            break
        entry = int.from_bytes(data[at : at + id_bytes], "big")
        count = data[at + id_bytes]
        at += id_bytes + 1
        indices = [int.from_bytes(data[at + index_bytes * n : at + index_bytes * (n + 1)], "big") for n in range(count)]
        at += index_bytes * count
        if entry == item:
            return [index & (0x7FFF if wide else 0x7F) for index in indices]
    return []


_SAMPLE_ENTRY = ((b"moov", 0), (b"trak", 0), (b"mdia", 0), (b"minf", 0), (b"stbl", 0), (b"stsd", 8))
_VISUAL_FIELDS = 78


def _cicp_of_track(data: bytes) -> tuple[int, int] | None:
    for kind in (b"av01", b"hvc1", b"hev1"):
        for box in find(data, (*_SAMPLE_ENTRY, (kind, _VISUAL_FIELDS), (b"colr", 0))):
            if found := _nclx(data, box):
                return found
    return None


def _nclx(data: bytes, box: Box) -> tuple[int, int] | None:
    if box.kind != b"colr" or data[box.start : box.start + 4] != b"nclx":
        return None
    primaries, transfer = struct.unpack_from(">HH", data, box.start + 4)
    return primaries, transfer
