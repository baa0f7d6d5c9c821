"""Bitstream: what the first header of a coded picture, AV1 or HEVC, says about its colours."""

_SEQUENCE_HEADER = 1
_SPS = 33
_LONGEST = 4_096
"""Bytes of a header that are looked at. Real ones have some dozens."""

_EXTENDED = 255


class _Bits:
    """Reads numbers of some bits, most significant first; raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:_LONGEST], "big")
        self._left = 8 * min(len(data), _LONGEST)

    def take(self, count: int) -> int:
        """A number of so many bits."""
        if count > self._left:
            raise ValueError("the header is cut short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """One bit."""
        return bool(self.take(1))

    def golomb(self) -> int:
        """A number in Exp-Golomb code, `ue(v)`. One with a sign, `se(v)`, is as long."""
        zeros = 0
        while not self.flag():
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def av1_cicp(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer by the first sequence header among some units (AV1 specification, 5.3 to 5.5)."""
    at = 0
    while at < len(data):
        header = data[at]
        at += 1 + (header >> 2 & 1)
        if not header & 2:  # without a size it is the last
            length = len(data) - at
        else:
            length, shift = 0, 0
            while shift < 56 and at < len(data):  # noqa: PLR2004 - of LEB128, eight bytes
                length |= (data[at] & 0x7F) << shift
                shift += 7
                at += 1
                if data[at - 1] < 0x80:  # noqa: PLR2004 - the last of them
                    break
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            return _sequence_header(_Bits(data[at : at + length]))
        at += length
    return None


def hevc_cicp(configuration: bytes) -> tuple[int, int] | None:
    """The same by the sequence parameter set in a decoder's configuration (ISO/IEC 14496-15, 8.3.3; H.265, 7.3.2)."""
    at = 23
    for _ in range(configuration[22]):
        kind, count = configuration[at] & 63, int.from_bytes(configuration[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(configuration[at : at + 2], "big")
            if kind == _SPS:
                unit = configuration[at + 4 : at + 2 + length]  # without its own header
                return _parameter_set(_Bits(unit.replace(b"\0\0\3", b"\0\0")))
            at += 2 + length
            if at >= len(configuration):
                return None
    return None


def _sequence_header(bits: _Bits) -> tuple[int, int] | None:
    profile = bits.take(3)
    bits.take(1)
    reduced = bits.flag()
    if reduced:
        bits.take(5)
    else:
        _operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    bits.take(across + down)
    if not reduced and bits.flag():  # frame numbers
        bits.take(7)
    bits.take(3)
    if not reduced:
        _tools(bits)
    bits.take(3)
    high = bits.flag()
    if profile == 2 and high:  # noqa: PLR2004 - the professional one
        bits.take(1)
    if profile != 1:
        bits.take(1)  # monochrome
    return (bits.take(8), bits.take(8)) if bits.flag() else None


def _operating_points(bits: _Bits) -> None:
    model, delay_bits = False, 0
    if bits.flag():  # timing
        bits.take(64)
        if bits.flag():
            bits.golomb()
        model = bits.flag()
        if model:
            delay_bits = bits.take(5) + 1
            bits.take(42)
    delays = bits.flag()
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:  # noqa: PLR2004 - levels with tiers
            bits.take(1)
        if model and bits.flag():
            bits.take(2 * delay_bits + 1)
        if delays and bits.flag():
            bits.take(4)


def _tools(bits: _Bits) -> None:
    bits.take(4)
    order = bits.flag()
    if order:
        bits.take(2)
    chosen = bits.flag()
    forced = True if chosen else bits.flag()  # for screen content
    if forced and not bits.flag():
        bits.take(1)
    if order:
        bits.take(3)


def _parameter_set(bits: _Bits) -> tuple[int, int] | None:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _profile(bits, layers)
    bits.golomb()
    if bits.golomb() == 3:  # noqa: PLR2004 - 4:4:4
        bits.take(1)
    _skip(bits, 2)
    if bits.flag():  # a window
        _skip(bits, 4)
    _skip(bits, 2)
    order_bits = bits.golomb() + 4
    _skip(bits, 3 * (layers + 1 if bits.flag() else 1))
    _skip(bits, 6)
    if bits.flag() and bits.flag():
        _scaling_lists(bits)
    bits.take(2)
    if bits.flag():  # uncompressed samples
        bits.take(8)
        _skip(bits, 2)
        bits.take(1)
    _reference_sets(bits)
    if bits.flag():  # long-term references
        for _ in range(min(bits.golomb(), 32)):
            bits.take(order_bits + 1)
    bits.take(2)
    return _usability(bits) if bits.flag() else None


def _skip(bits: _Bits, count: int) -> None:
    for _ in range(count):
        bits.golomb()


def _profile(bits: _Bits, layers: int) -> None:
    bits.take(96)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)


def _scaling_lists(bits: _Bits) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):  # noqa: PLR2004 - of the largest two only
            if not bits.flag():
                bits.golomb()
            else:
                _skip(bits, min(64, 1 << (4 + 2 * size)) + (size > 1))


def _reference_sets(bits: _Bits) -> None:
    count, pictures = bits.golomb(), 0
    for index in range(min(count, 64)):
        if index and bits.flag():  # as the one before, with changes
            bits.take(1)
            bits.golomb()
            pictures = sum(bits.flag() or bits.flag() for _ in range(pictures + 1))
        else:
            pictures = min(bits.golomb() + bits.golomb(), 32)
            for _ in range(pictures):
                bits.golomb()
                bits.take(1)


def _usability(bits: _Bits) -> tuple[int, int] | None:
    if bits.flag() and bits.take(8) == _EXTENDED:  # the shape of pixels
        bits.take(32)
    if bits.flag():  # overscan
        bits.take(1)
    if not bits.flag():
        return None
    bits.take(4)
    return (bits.take(8), bits.take(8)) if bits.flag() else None
