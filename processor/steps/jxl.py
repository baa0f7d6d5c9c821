"""JPEG XL: how large a picture says it is, read from its first bits, because its reader decodes as it opens."""

_CODESTREAM = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height by the header's `ratio` from 1 to 7 (ISO/IEC 18181-1, D.2)."""

_SIDE_BITS = (9, 13, 18, 30)


def declared_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels.

    Raises:
        ValueError: there is no codestream, or it ends within its header.
    """
    bits = _Bits(_codestream(data)[len(_CODESTREAM) :])
    small = bits.take(1)
    height = _side(bits, small=bool(small))
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return _side(bits, small=bool(small)), height


def _side(bits: "_Bits", *, small: bool) -> int:
    """One side: five bits in units of 8 pixels, or a length class and that many bits."""
    if small:
        return 8 * (bits.take(5) + 1)
    return bits.take(_SIDE_BITS[bits.take(2)]) + 1


class _Bits:
    """Reads numbers of some bits, least significant first."""

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data[:16], "little")
        self.left = 8 * min(len(data), 16)

    def take(self, count: int) -> int:
        if count > self.left:
            raise ValueError("the header is cut short")
        taken = self.value & ((1 << count) - 1)
        self.value >>= count
        self.left -= count
        return taken


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, out of its container where it has one."""
    if data.startswith(_CODESTREAM):
        return data[:32]
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = at + 8
        if length == 1:
            length, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        if kind in (b"jxlc", b"jxlp"):
            body += 4 if kind == b"jxlp" else 0
            if data[body : body + 2] == _CODESTREAM:
                return data[body : body + 32]
            break
        if length < body - at:
            break
        at += length
    raise ValueError("no codestream is where it should be")
