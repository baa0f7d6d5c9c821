"""GIF: the frames of a file (GIF89a, sections 18 to 27), each as a GIF of its own, read as browsers read them."""

import struct
from dataclasses import dataclass
from functools import partial

from processor.steps.parts import Disposal, Part, Parts, may_be_transparent

_HEADER_BYTES = 13
_DESCRIPTOR = struct.Struct("<4HB")
_CONTROL_LABEL, _APPLICATION_LABEL = 0xF9, 0xFF
_CONTROL_BYTES = 4
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_LOOP_BYTES = 3
_INTERLACED, _HAS_TABLE = 0x40, 0x80
_COLOURS_BYTES = 3 * 256
_MOST_CODE_BITS = 11
"""Before the first code, which is a bit longer: 12 bits is the longest. Nobody needs more than 8."""
_MOST_PLAYS = 65_535
_DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}
"""4 is what some old programs wrote for 3. Others leave the frame."""


@dataclass(frozen=True, slots=True)
class _Control:
    """What a graphic control extension says of the frame after it."""

    milliseconds: int = 0
    disposal: Disposal = Disposal.KEEP
    transparent: int | None = None


@dataclass(frozen=True, slots=True)
class _Picture:
    """A frame as it is stored: size, flags, the colours that it uses, its transparent one, and its blocks."""

    size: tuple[int, int]
    interlaced: bool
    colours: bytes
    transparent: int | None
    blocks: tuple[int, int]


def parts(data: bytes, size: tuple[int, int], enough: int) -> Parts:
    """The frames of a GIF, up to what is neither a frame nor an extension.

    Args:
        data: the file.
        size: width and height of the screen and the first frame together, which is what browsers show.
        enough: frames after which not to go on.
    """
    common, at = _table(data, data[10], _HEADER_BYTES)
    frames: list[Part] = []
    control = _Control()
    plays, transparent, damaged = 1, False, False
    while at < len(data) and len(frames) < enough and data[at] != ord(";"):
        introducer = data[at]
        if introducer == ord(",") and at + 10 < len(data):
            left, top, width, height, flags = _DESCRIPTOR.unpack_from(data, at + 1)
            own, start = _table(data, flags, at + 10)
            at = _after_blocks(data, start + 1)
            picture = _Picture(
                (width, height),
                bool(flags & _INTERLACED),
                (common if own is None else own) or b"",
                control.transparent,
                (start, at),
            )
            frames.append(
                Part(
                    (left, top, left + width, top + height),
                    partial(_still, data, picture),
                    control.milliseconds,
                    control.disposal,
                )
            )
            transparent |= len(frames) == 1 and control.transparent is not None
            control = _Control()
        elif introducer == ord("!") and at + 2 < len(data):
            label, start = data[at + 1], at + 2
            at = _after_blocks(data, start)
            if label == _CONTROL_LABEL:
                if data[start] != _CONTROL_BYTES or start + _CONTROL_BYTES >= len(data):
                    damaged = True
                    break
                control = _controlled(data, start + 1)
            elif label == _APPLICATION_LABEL:
                plays = _plays(data, start, plays)
        else:
            damaged = True
            break
    found = tuple(frames)
    return Parts(
        frames=found,
        announced=max(1, len(found)),
        reach=(max(size[0], *(part.box[2] for part in found), 0), max(size[1], *(part.box[3] for part in found), 0)),
        plays=plays,
        grey=False,
        transparent=transparent or may_be_transparent(size, found),
        cut=damaged,
        still_is_first=True,
    )


def _table(data: bytes, flags: int, at: int) -> tuple[bytes | None, int]:
    """A table of colours, and where it ends."""
    if not flags & _HAS_TABLE:
        return None, at
    end = at + (3 << ((flags & 7) + 1))
    return data[at:end], end


def _after_blocks(data: bytes, at: int) -> int:
    """Where a run of blocks ends, with the empty one."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


def _controlled(data: bytes, at: int) -> _Control:
    flags, centiseconds, index = struct.unpack_from("<BHB", data, at)
    disposal = _DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)
    return _Control(10 * centiseconds, disposal, index if flags & 1 else None)


def _plays(data: bytes, at: int, before: int) -> int:
    """How often an application extension asks to play. It counts repeats after the first; 0: for ever."""
    name = data[at + 1 : at + 1 + data[at]]
    at += 1 + data[at]
    if name not in _LOOPING or data[at : at + 2] != b"\3\1" or at + _LOOP_BYTES >= len(data):
        return before
    (repeats,) = struct.unpack_from("<H", data, at + 2)
    return min(repeats + 1, _MOST_PLAYS) if repeats else 0


def _still(data: bytes, picture: _Picture) -> bytes:
    """A frame as a GIF. What its table of colours lacks is black, as in browsers.

    Raises:
        ValueError: its codes are longer than pixels can be.
    """
    start, end = picture.blocks
    if start >= len(data) or data[start] > _MOST_CODE_BITS:
        raise ValueError("its pixels have codes of a length that cannot be")
    width, height = picture.size
    control = b""
    if picture.transparent is not None:
        control = bytes((ord("!"), _CONTROL_LABEL, _CONTROL_BYTES, 1, 0, 0, picture.transparent, 0))
    return b"".join(
        (
            b"GIF89a",
            struct.pack("<2H3B", width, height, _HAS_TABLE | 7, 0, 0),
            picture.colours.ljust(_COLOURS_BYTES, b"\0"),
            control,
            b",",
            _DESCRIPTOR.pack(0, 0, width, height, _INTERLACED * picture.interlaced),
            data[start:end],
        )
    )
