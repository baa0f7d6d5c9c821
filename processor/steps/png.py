"""PNG: the chunks that pixels need, put right where Pillow's reader is stricter or laxer than browsers are."""

import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from processor.errors import Reason, Rejected
from processor.steps import deflate
from processor.steps.notes import Note

_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_SHORTEST = {b"tRNS": 1, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"iCCP": 4, b"cICP": 4, b"eXIf": 8}
"""Chunks that say something about the pixels, and the fewest bytes with which they do. No others are kept."""

_GREY, _RGB, _PALETTE = 0, 2, 3
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Left, top and steps of the passes of an interlaced PNG (PNG 3, 8.1)."""

_UNLIKELY = 0xA5


@dataclass(frozen=True, slots=True)
class _Header:
    """What IHDR says."""

    width: int
    height: int
    bits: int
    colours: int
    interlaced: bool

    @property
    def row_bytes(self) -> int:
        """How many bytes the pixels have, unpacked, with the one in front of every row."""
        depth = self.bits * _CHANNELS.get(self.colours, 0)
        total = 0
        for left, top, across, down in _ADAM7 if self.interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(self.width - left) // across), -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                total += rows * (1 + -(-columns * depth // 8))
        return total


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One chunk: where it begins in the file, and how long its body says it is."""

    kind: bytes
    at: int
    length: int


def mended(data: bytes) -> tuple[bytes, tuple[Note, ...]]:
    """The file with nothing in it but what pixels need.

    A chunk that pixels do not need is left out if its checksum is wrong, if it is too short, or if it comes after the
    pixels, where no browser looks for it. Palettes are filled up with their last colour, which browsers show for
    numbers beyond it. The key colour of a grey picture is scaled as the reader scales its pixels.

    Returns:
        The file, the same object if nothing is to be changed, and what there is to note about it.

    Raises:
        Rejected: `unsupported_format`.
    """
    chunks = list(_chunks(data))
    if chunks and chunks[0].kind == b"CgBI":
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            "this is a PNG in the form that Apple's tools make for apps (CgBI); upload the PNG it was made from",
        )
    header = _header(data)
    animated = _is_animated(data, chunks, header)
    colours = next((chunk.length // 3 for chunk in chunks if chunk.kind == b"PLTE"), 0)
    kept, notes, late, changed = [data[:8]], set[Note](), False, False
    for chunk in chunks:
        before = data[chunk.at : chunk.at + 12 + chunk.length]
        out_of_place = late and chunk.kind in _SHORTEST and chunk.kind != b"eXIf"
        after = b"" if out_of_place else _kept(chunk.kind, before, header, colours, animated=animated)
        if chunk.kind == b"iCCP" and not after and not late:
            notes.add(Note.PROFILE_DROPPED)
        changed |= after != before
        late |= chunk.kind == b"IDAT"
        kept.append(after)
    return (b"".join(kept) if changed else data), tuple(notes)


def load(image: Image.Image, data: bytes) -> None:
    """Decode the pixels, all of them: the reader itself is content with a stream that ends after some rows.

    Rows are decoded in order, so the last one tells. It holds an unlikely colour beforehand, and only if it still does
    afterwards is the stream unpacked once more, to count.

    Raises:
        ValueError: rows are missing.
    """
    header = _header(data)
    last = image.height - 1
    if header.interlaced:
        last = max(0, last - image.height % 2)  # the last pass has the odd rows
    colour: int | tuple[int, ...] = 0x0101 * _UNLIKELY if image.mode.startswith("I") else _UNLIKELY
    if len(image.getbands()) > 1:
        colour = (_UNLIKELY,) * len(image.getbands())
    image.im = Image.new(image.mode, image.size, colour).im
    image.load()
    row = image.crop((0, last, image.width, last + 1)).tobytes()
    untouched = row == Image.new(image.mode, (image.width, 1), colour).tobytes()
    if untouched and deflate.measured(_stream(data), header.row_bytes).length < header.row_bytes:
        raise ValueError("its pixels end early")


def with_true_checksum(data: bytes) -> bytes | None:
    """The file with the right checksum behind its pixels; None: they are not all there."""
    header = _header(data)
    stream = _stream(data)
    found = deflate.measured(stream, None)
    if found.length < header.row_bytes or found.packed is None:
        return None
    stream = b"\x78\x9c" + stream[deflate.HEADER_BYTES : found.packed] + struct.pack(">I", found.checksum)
    pixels = [chunk for chunk in _chunks(data) if chunk.kind == b"IDAT"]
    end = pixels[-1].at + 12 + pixels[-1].length
    body = struct.pack(">I4s", len(stream), b"IDAT") + stream
    return data[: pixels[0].at] + body + struct.pack(">I", zlib.crc32(body[4:])) + data[end:]


def _header(data: bytes) -> _Header:
    if len(data) < 29 or data[12:16] != b"IHDR":  # noqa: PLR2004 - signature and header
        return _Header(0, 0, 0, 0, interlaced=False)
    width, height, bits, colours, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    return _Header(width, height, bits, colours, interlaced=bool(interlaced))


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Up to the end, or to what is no chunk."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if not kind.isalpha():
            return
        yield _Chunk(kind, at, length)
        if kind == b"IEND":
            return
        at += 12 + length


def _is_whole(chunk: bytes) -> bool:
    """Whether all of a chunk is there, with the right checksum."""
    length = int.from_bytes(chunk[:4], "big")
    return len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _is_animated(data: bytes, chunks: list[_Chunk], header: _Header) -> bool:
    """Whether the file says that it moves, and says so in a way that its reader can begin with."""
    found = False
    sequence = 0
    for chunk in itertools.takewhile(lambda chunk: chunk.kind != b"IDAT", chunks):
        if chunk.kind not in _ANIMATION:
            continue
        body = data[chunk.at + 8 : chunk.at + 8 + chunk.length]
        if not _is_whole(data[chunk.at : chunk.at + 12 + chunk.length]) or chunk.kind == b"fdAT":
            return False
        if chunk.kind == b"acTL":
            found = len(body) >= 8 and 0 < int.from_bytes(body[:4], "big") <= 1 << 31  # noqa: PLR2004 - two numbers
            continue
        if len(body) < 26:  # noqa: PLR2004 - of a frame's description
            return False
        number, width, height, left, top = struct.unpack_from(">5I", body)
        if number != sequence or left + width > header.width or top + height > header.height or not width or not height:
            return False
        sequence += 1
    return found


def _kept(kind: bytes, chunk: bytes, header: _Header, colours: int, *, animated: bool) -> bytes:
    """What is kept of a chunk; empty: nothing."""
    if kind in _ANIMATION:
        return chunk if animated else b""
    if kind in _CRITICAL:
        wanted = 1 << min(8, header.bits)
        pads = kind == b"PLTE" and header.colours == _PALETTE and 0 < colours < wanted and _is_whole(chunk)
        return _chunk(kind, chunk[8:-4] + chunk[-7:-4] * (wanted - colours)) if pads else chunk
    body = chunk[8:-4]
    if kind not in _SHORTEST or not _is_whole(chunk) or len(body) < _SHORTEST[kind]:
        return b""
    if kind == b"iCCP" and body.partition(b"\0")[2][:1] != b"\0":  # compressed in an unknown way
        return b""
    return _key_colour(chunk, body, header, colours) if kind == b"tRNS" else chunk


def _key_colour(chunk: bytes, body: bytes, header: _Header, colours: int) -> bytes:
    """The chunk of transparency, with numbers as large as the pixels that its reader makes."""
    if header.colours == _PALETTE:
        pads = (1 << min(8, header.bits)) - colours if len(body) == colours else 0
        return _chunk(b"tRNS", body + body[-1:] * pads) if pads > 0 else chunk
    count = {_GREY: 1, _RGB: 3}.get(header.colours, 0)
    if not count or len(body) < 2 * count:
        return b""
    white = (1 << header.bits) - 1
    scale = 255 // white if white < 255 else 1  # noqa: PLR2004 - the largest of 8 bits
    levels = struct.unpack_from(f">{count}H", body)
    return _chunk(b"tRNS", struct.pack(f">{count}H", *((level & white) * scale for level in levels)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _stream(data: bytes) -> bytes:
    """The bodies of the chunks of pixels."""
    return b"".join(
        data[chunk.at + 8 : chunk.at + 8 + chunk.length] for chunk in _chunks(data) if chunk.kind == b"IDAT"
    )
