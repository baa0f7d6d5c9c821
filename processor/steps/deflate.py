"""Deflate: what a compressed stream holds, whatever the checksum behind it says."""

import zlib
from dataclasses import dataclass

_PACKED_BYTES, _UNPACKED_BYTES = 64 * 1024, 1024 * 1024
HEADER_BYTES = 2
CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """A stream that was unpacked and thrown away.

    Attributes:
        length: bytes unpacked.
        packed: bytes in front of its checksum, with its header; None: its end was not seen.
        checksum: the right one (Adler-32).
    """

    length: int
    packed: int | None
    checksum: int


def measured(stream: bytes, enough: int | None) -> Measured:
    """Unpack a zlib stream, a megabyte at a time.

    Args:
        stream: the stream, which may be damaged or break off.
        enough: bytes unpacked after which not to go on; None: to the end.
    """
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    length, checksum, at = 0, 1, HEADER_BYTES
    try:
        while at < len(stream) and not unpacking.eof and (enough is None or length < enough):
            part = unpacking.decompress(stream[at : at + _PACKED_BYTES], _UNPACKED_BYTES)
            left = len(unpacking.unconsumed_tail) + len(unpacking.unused_data)
            at += min(_PACKED_BYTES, len(stream) - at) - left
            length += len(part)
            checksum = zlib.adler32(part, checksum)
    except zlib.error:
        pass
    return Measured(length, at if unpacking.eof else None, checksum)
