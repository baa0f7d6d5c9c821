"""Boxes: the few facts of an ISO base media file (AVIF, HEIF) or a JPEG 2000 file that Pillow's readers do not tell."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from processor.steps import bitstream

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


_ICC_METHODS = (2, 3)


def jp2_profile(data: bytes) -> bytes | None:
    """The ICC profile of a JPEG 2000 file, restricted or any (ISO/IEC 15444-1, I.5.3.3); None: there is none."""
    for box in find(data, ((b"jp2h", 0), (b"colr", 0))):
        if box.end - box.start > 3 and data[box.start] in _ICC_METHODS:  # noqa: PLR2004 - fields before the profile
            return data[box.start + 3 : box.end]
    return None


def cicp(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the primary picture, or of the first track (ISO/IEC 23091-2); None: not stated.

    The container is believed first, and then the coded picture itself.
    """
    try:
        return _cicp_of_item(data) or _cicp_of_track(data) or _cicp_of_bitstream(data)
    except (struct.error, IndexError, ValueError):
        return None


def _cicp_of_item(data: bytes) -> tuple[int, int] | None:
    return next((found for box in _described(data, _primary(data)) if (found := _nclx(data, box))), None)


def _primary(data: bytes) -> int | None:
    return next((_item_id(data, box) for box in find(data, ((b"meta", 4), (b"pitm", 0)))), None)


def _described(data: bytes, item: int | None) -> Iterator[Box]:
    """The properties of an item."""
    properties = [
        box
        for container in find(data, ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)))
        for box in children(data, container.start, container.end)
    ]
    for association in find(data, ((b"meta", 4), (b"iprp", 0), (b"ipma", 0))):
        for index in _properties_of(data, association, item):
            if 0 < index <= len(properties):
                yield properties[index - 1]


def _cicp_of_bitstream(data: bytes) -> tuple[int, int] | None:
    """As the coded picture says: the primary one, the first tile of a grid, or the first of a track."""
    primary = _primary(data)
    for item in (primary, _first_tile(data, primary)):
        for box in _described(data, item) if item is not None else ():
            if box.kind == b"hvcC":
                return bitstream.hevc_cicp(data[box.start : box.end])
            if box.kind == b"av1C":
                units = data[box.start + 4 : box.end]
                return bitstream.av1_cicp(units) or bitstream.av1_cicp(_beginning_of(data, item))
    for kind in (b"hvcC", b"av1C"):
        for entry in (b"hvc1", b"hev1", b"av01"):
            for box in find(data, (*_SAMPLE_ENTRY, (entry, _VISUAL_FIELDS), (kind, 0))):
                if kind == b"hvcC":
                    return bitstream.hevc_cicp(data[box.start : box.end])
                units = data[box.start + 4 : box.end]
                return bitstream.av1_cicp(units) or bitstream.av1_cicp(_beginning_of_track(data))
    return None


def coding(data: bytes) -> bytes | None:
    """The type of the primary item, or of the first tile if it is a grid; None: there is no item."""
    try:
        primary = _primary(data)
        kind = _item_type(data, primary)
        return _item_type(data, _first_tile(data, primary)) or kind if kind == b"grid" else kind
    except (struct.error, IndexError):
        return None


def _item_type(data: bytes, item: int | None) -> bytes | None:
    """ISO/IEC 14496-12, 8.11.6."""
    for container in find(data, ((b"meta", 4), (b"iinf", 0))):
        fields = 6 if data[container.start] == 0 else 8
        for box in children(data, container.start + fields, container.end):
            size = {2: 2, 3: 4}.get(data[box.start], 0)
            at = box.start + 4
            if size and int.from_bytes(data[at : at + size], "big") == item:
                return data[at + size + 2 : at + size + 6]
    return None


def without_unreadable_exif(data: bytes) -> bytes:
    """The file with EXIF items that are none renamed, for which libavif would refuse the pixels."""
    try:
        for container in find(data, ((b"meta", 4), (b"iinf", 0))):
            for box in children(data, container.start + (6 if data[container.start] == 0 else 8), container.end):
                size = {2: 2, 3: 4}.get(data[box.start], 0)
                at = box.start + 4
                place = at + size + 2
                if size and data[place : place + 4] == b"Exif":
                    beginning = _beginning_of(data, int.from_bytes(data[at : at + size], "big"))
                    if b"II*\0" not in beginning and b"MM\0*" not in beginning:
                        data = data[:place] + b"none" + data[place + 4 :]
    except (struct.error, IndexError, StopIteration):
        pass
    return data


def jp2_components(data: bytes) -> int:
    """Of a JPEG 2000 file, by the codestream's first segment (ISO/IEC 15444-1, A.5.1); 0: not said."""
    start = 0 if data.startswith(b"\xff\x4f") else next((box.start for box in find(data, ((b"jp2c", 0),))), -1)
    if start < 0 or data[start : start + 4] != b"\xff\x4f\xff\x51":
        return 0
    return int.from_bytes(data[start + 40 : start + 42], "big")


def _first_tile(data: bytes, item: int | None) -> int | None:
    """The first item of which another is made up (ISO/IEC 23008-12, 6.6.2)."""
    for references in find(data, ((b"meta", 4), (b"iref", 0))):
        size = 2 if data[references.start] == 0 else 4
        for box in children(data, references.start + 4, references.end):
            made = int.from_bytes(data[box.start : box.start + size], "big")
            if box.kind == b"dimg" and made == item:
                return int.from_bytes(data[box.start + size + 2 : box.start + 2 * size + 2], "big")
    return None


_LONGEST_BEGINNING = 4_096


def _beginning_of(data: bytes, item: int | None) -> bytes:
    """The first bytes of an item, by the `iloc` box (ISO/IEC 14496-12, 8.11.3)."""
    for box in find(data, ((b"meta", 4), (b"iloc", 0))):
        version = data[box.start]
        offset_bytes, length_bytes = data[box.start + 4] >> 4, data[box.start + 4] & 15
        base_bytes, index_bytes = data[box.start + 5] >> 4, data[box.start + 5] & 15 if version else 0
        id_bytes = 4 if version == 2 else 2  # noqa: PLR2004 - the one with many items
        at = box.start + 6
        count, at = int.from_bytes(data[at : at + id_bytes], "big"), at + id_bytes
        for _ in range(min(count, _MOST_BOXES)):
            found, at = int.from_bytes(data[at : at + id_bytes], "big"), at + id_bytes
            method, at = (data[at + 1] & 15, at + 2) if version else (0, at)
            base, at = int.from_bytes(data[at + 2 : at + 2 + base_bytes], "big"), at + 2 + base_bytes
            extents, at = int.from_bytes(data[at : at + 2], "big"), at + 2
            if found == item and extents and method <= 1:
                at += index_bytes
                start = base + int.from_bytes(data[at : at + offset_bytes], "big")
                length = int.from_bytes(data[at + offset_bytes : at + offset_bytes + length_bytes], "big")
                if method == 1:  # in the box of small data
                    start += next(find(data, ((b"meta", 4), (b"idat", 0)))).start
                return data[start : start + min(length or _LONGEST_BEGINNING, _LONGEST_BEGINNING)]
            at += extents * (index_bytes + offset_bytes + length_bytes)
            if at >= box.end:
                break
    return b""


def _beginning_of_track(data: bytes) -> bytes:
    """The first bytes of the first track's first chunk."""
    table = _SAMPLE_ENTRY[:-1]
    for kind, layout in ((b"stco", ">I"), (b"co64", ">Q")):
        for box in find(data, (*table, (kind, 0))):
            (start,) = struct.unpack_from(layout, data, box.start + 8)
            return data[start : start + _LONGEST_BEGINNING]
    return b""


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


_FOREVER_64 = (1 << 64) - 1
_FOREVER_32 = (1 << 32) - 1


def plays(data: bytes) -> int:
    """How often an image sequence asks to be shown, by its edit list; 0: for ever, also where it does not say."""
    try:
        return _plays(data)
    except struct.error:
        return 0


def _plays(data: bytes) -> int:
    for track in find(data, ((b"moov", 0), (b"trak", 0))):
        header = next((box for box in children(data, track.start, track.end) if box.kind == b"tkhd"), None)
        edits = next(find(data, ((b"edts", 0), (b"elst", 0)), track.start, track.end), None)
        if header is None or edits is None:
            continue
        if not data[edits.start + 3] & 1:
            return 1
        wide = data[header.start] == 1
        (whole,) = struct.unpack_from(">Q" if wide else ">I", data, header.start + (28 if wide else 20))
        (segment,) = struct.unpack_from(">Q" if data[edits.start] == 1 else ">I", data, edits.start + 8)
        if whole in (_FOREVER_32, _FOREVER_64) or segment == 0:
            return 0
        return int(min(65_535, max(1, -(-whole // segment))))
    return 0


def settled(avif: bytes, times: int) -> bytes:
    """An image sequence as libavif writes it (64-bit headers), without its creation times, shown so many times.

    Args:
        avif: repeated for ever, dated now.
        times: how often it is to be shown; 0: for ever.
    """
    result = bytearray(avif)
    movie = ((b"moov", 0),)
    track = (*movie, (b"trak", 0))
    edits = next(find(avif, (*track, (b"edts", 0), (b"elst", 0))))
    (segment,) = struct.unpack_from(">Q", avif, edits.start + 8)
    whole = _FOREVER_64 if times == 0 else times * segment
    for path, duration_at in (
        ((*movie, (b"mvhd", 0)), 24),
        ((*track, (b"tkhd", 0)), 28),
        ((*track, (b"mdia", 0), (b"mdhd", 0)), None),
    ):
        for box in find(avif, path):
            if avif[box.start] != 1:
                raise ValueError("this is not how libavif writes its headers")
            struct.pack_into(">QQ", result, box.start + 4, 0, 0)
            if duration_at is not None:
                struct.pack_into(">Q", result, box.start + duration_at, whole)
    result[edits.start + 3] = 0 if times == 1 else 1
    return bytes(result)
