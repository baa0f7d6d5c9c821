"""APNG: the frames of an animated PNG (PNG 3, 4.9 and 11.3.7), each as a PNG of its own."""

import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from processor.steps.parts import Disposal, Part, Parts, may_be_transparent

_SIGNATURE_BYTES = 8
_HEADER = struct.Struct(">IIBBBBB")
_CONTROL = struct.Struct(">5I2H2B")
_NUMBER = struct.Struct(">I")
_GREYS, _WITH_ALPHA = {0, 4}, {4, 6}
_DISPOSALS = (Disposal.KEEP, Disposal.CLEAR, Disposal.RESTORE)
_SOURCE, _OVER = 0, 1
_USUAL_DENOMINATOR = 100
_MOST_PLAYS = 65_535


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk: its kind, where its body begins and ends, and whether all of it is there."""

    kind: bytes
    start: int
    end: int
    whole: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a fcTL chunk says, and the chunks with the pixels."""

    box: tuple[int, int, int, int]
    milliseconds: float
    disposal: Disposal
    over: bool
    pixels: list[_Chunk] = field(default_factory=list)


class _DamageError(Exception):
    """From here on the file makes no sense."""


def parts(data: bytes) -> Parts | None:
    """The frames of a PNG, up to the first damage.

    Args:
        data: a PNG whose chunks before the pixels are sound, see `png.mended`.

    Returns:
        None: it does not move.
    """
    chunks = list(_chunks(data))
    before = list(itertools.takewhile(lambda chunk: chunk.kind != b"IDAT", chunks))
    control = next((chunk for chunk in before if chunk.kind == b"acTL"), None)
    if control is None or before[0].kind != b"IHDR":
        return None
    announced, plays = struct.unpack_from(">2I", data, control.start)
    width, height, bits, colours, *methods = _HEADER.unpack_from(data, before[0].start)
    head = b"".join(data[chunk.start - 8 : chunk.end + 4] for chunk in before if chunk.kind in (b"PLTE", b"tRNS"))
    found: list[_Frame] = []
    damaged = False
    try:
        for frame in itertools.islice(_frames(data, chunks, (width, height)), announced):
            found.append(frame)  # noqa: PERF402 - keeps those before the damage
    except _DamageError:
        damaged = True
    separate = not found or found[0].pixels[0].kind != b"IDAT"
    if not separate and found[0].box != (0, 0, width, height):
        return None
    frames = tuple(
        Part(
            frame.box,
            partial(_still, data, frame, (bits, colours, *methods), head),
            frame.milliseconds,
            frame.disposal,
            frame.over,
        )
        for frame in found
    )
    return Parts(
        frames=frames,
        announced=announced + separate,
        reach=(width, height),
        plays=min(plays, _MOST_PLAYS),
        grey=colours in _GREYS,
        transparent=colours in _WITH_ALPHA
        or any(chunk.kind == b"tRNS" for chunk in before)
        or may_be_transparent((width, height), frames),
        cut=damaged or len(found) < announced,
        still_is_first=separate and announced == len(frames) == 1,
    )


def still(data: bytes) -> bytes:
    """A PNG without its animation: the picture for those who do not animate. The same object if it has none."""
    chunks = list(_chunks(data))
    kept = [chunk for chunk in chunks if chunk.kind not in (b"acTL", b"fcTL", b"fdAT")]
    if len(kept) == len(chunks):
        return data
    return data[:_SIGNATURE_BYTES] + b"".join(data[chunk.start - 8 : chunk.end + 4] for chunk in kept)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    at = _SIGNATURE_BYTES
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        yield _Chunk(kind, at + 8, min(end, len(data)), whole=end + 4 <= len(data))
        if kind == b"IEND":
            return
        at = end + 4


def _frames(data: bytes, chunks: list[_Chunk], size: tuple[int, int]) -> Iterator[_Frame]:
    """Frames with all their chunks. Numbers of the sequence are counted, as browsers do.

    Raises:
        _DamageError: after the last frame that is in order.
    """
    frame: _Frame | None = None
    sequence = 0
    default_image_ended = False
    for chunk in chunks:
        if chunk.kind == b"fcTL":
            if frame and frame.pixels:
                yield frame
                default_image_ended = True
            frame = _described(data, chunk, sequence, size)
            sequence += 1
        elif chunk.kind == b"fdAT":
            if frame and frame.pixels and frame.pixels[-1].kind == b"IDAT":
                yield frame
                raise _DamageError
            if frame is None or chunk.end - chunk.start < _NUMBER.size or _number(data, chunk) != sequence:
                raise _DamageError
            frame.pixels.append(chunk)
            sequence += 1
        elif chunk.kind == b"IDAT" and frame:
            if default_image_ended or (frame.pixels and frame.pixels[-1].kind == b"fdAT"):
                raise _DamageError
            frame.pixels.append(chunk)
    if frame and frame.pixels:
        yield frame


def _described(data: bytes, chunk: _Chunk, sequence: int, size: tuple[int, int]) -> _Frame:
    """What a fcTL chunk says.

    Raises:
        _DamageError: its checksum is wrong, or it says what cannot be.
    """
    body = data[chunk.start : chunk.end]
    if not chunk.whole or len(body) != _CONTROL.size:
        raise _DamageError
    if zlib.crc32(b"fcTL" + body) != _NUMBER.unpack_from(data, chunk.end)[0]:
        raise _DamageError
    number, width, height, left, top, numerator, denominator, disposal, blend = _CONTROL.unpack(body)
    inside = 0 < width <= size[0] - left and 0 < height <= size[1] - top
    if number != sequence or not inside or disposal >= len(_DISPOSALS) or blend not in (_SOURCE, _OVER):
        raise _DamageError
    milliseconds = 1000 * numerator / (denominator or _USUAL_DENOMINATOR)
    box = (left, top, left + width, top + height)
    return _Frame(box, milliseconds, _DISPOSALS[disposal], blend == _OVER)


def _number(data: bytes, chunk: _Chunk) -> int:
    (number,) = _NUMBER.unpack_from(data, chunk.start)
    return int(number)


def _still(data: bytes, frame: _Frame, kind: tuple[int, ...], head: bytes) -> bytes:
    """A frame as a PNG."""
    left, top, right, bottom = frame.box
    stream = b"".join(
        data[chunk.start + (_NUMBER.size if chunk.kind == b"fdAT" else 0) : chunk.end] for chunk in frame.pixels
    )
    header = _HEADER.pack(right - left, bottom - top, *kind)
    return b"".join(
        (data[:_SIGNATURE_BYTES], _chunk(b"IHDR", header), head, _chunk(b"IDAT", stream), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join((_NUMBER.pack(len(body)), kind, body, _NUMBER.pack(zlib.crc32(body, zlib.crc32(kind)))))
