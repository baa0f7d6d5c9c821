"""JPEG: which kind a file is, where its pixels end, and whether they are all there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image, ImageChops

from processor.errors import Reason, Rejected

END = b"\xff\xd9"

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_HIERARCHICAL = {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE}
_ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_JPEG_LS = 0xF7
_BETWEEN_SCANS = frozenset({0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTARTS = tuple(bytes((0xFF, 0xD0 + number)) for number in range(8))
_NAMED_SEGMENTS = (
    (0xE0, b"JFIF", 7),
    (0xE2, b"ICC_PROFILE\0", 14),
    (0xED, b"Photoshop 3.0\0", 1 << 16),  # which nobody here reads at all
    (0xEE, b"Adobe", 7),
)
_COEFFICIENTS = 64
_MOST_SEGMENTS = 100_000

_FILLER = {False: b"\x5a\xc3\x96\x69" * 16, True: bytes(4) + b"\x5a\xc3\x96\x69" * 16}
"""What no pixel may depend on, if all of them are there. An arithmetic encoder leaves out the zeros at its end."""

_GREY = range(124, 133)
_STRIP_ROWS = 256


@dataclass(slots=True)
class Layout:
    """What the segments of a file say.

    Attributes:
        frame: the marker that begins its frame; 0: there is none.
        bits: of a sample.
        width: in pixels.
        height: in pixels; 0: it is said behind the first scan, or not at all.
        sampling: horizontal and vertical sampling factor of each component, by its number.
        end: where the last scan ends.
        ended: whether the file says so there.
        scanned: for each component, how many bits of each coefficient are still to come.
        last: the components of the last scan.
        restarts_missing: whether some scan has fewer restart markers than it must have.
        unreadable: where segments begin and end at which the reader would stumble, though no pixel needs them.
    """

    frame: int = 0
    bits: int = 8
    width: int = 0
    height: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    end: int = 0
    ended: bool = False
    scanned: dict[int, list[int | None]] = field(default_factory=dict)
    last: tuple[int, ...] = ()
    restarts_missing: bool = False
    unreadable: list[tuple[int, int]] = field(default_factory=list)

    @property
    def arithmetic(self) -> bool:
        """Whether it is coded arithmetically, which its reader must have in one piece."""
        return self.frame in _ARITHMETIC

    @property
    def lossless(self) -> bool:
        """Whether it is coded without loss, which cannot be decoded smaller."""
        return self.frame in _LOSSLESS

    @property
    def progressive(self) -> bool:
        """Whether its pixels come in several passes."""
        return self.frame in _PROGRESSIVE

    @property
    def covered(self) -> bool:
        """Whether there is a scan of every component."""
        return all(component in self.scanned for component in self.sampling)

    @property
    def refined(self) -> bool:
        """Whether every bit of every coefficient has come."""
        return self.covered and all(bits == 0 for coefficients in self.scanned.values() for bits in coefficients)


def layout(data: bytes) -> Layout:
    """Walk the segments up to where the picture ends."""
    found, interval = Layout(), 0
    for marker, body, place, scan in _segments(data):
        if marker == 0xD9:  # noqa: PLR2004 - end of image
            found.ended = found.end > 0
        elif _is_unreadable(marker, body):
            found.unreadable.append(place)
        elif marker == 0xDD and len(body) >= 2:  # noqa: PLR2004 - restart interval
            interval = int.from_bytes(body[:2], "big")
        elif (marker in _FRAMES or marker in (0xDE, _JPEG_LS)) and not found.frame and len(body) >= 6:  # noqa: PLR2004
            found.frame, found.bits = marker, body[0]
            found.height, found.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            for at in range(6, min(len(body) - 2, 6 + 3 * body[5]), 3):
                found.sampling[body[at]] = (body[at + 1] >> 4, body[at + 1] & 15)
        elif marker == 0xDA:  # noqa: PLR2004 - a scan
            _scan(found, body, data, scan, interval)
    return found


def check_kind(found: Layout) -> None:
    """Refuse the kinds that libjpeg-turbo cannot read as Pillow builds it.

    Raises:
        Rejected: `unsupported_format`.
    """
    count = len(found.sampling)
    widest = max((across for across, _ in found.sampling.values()), default=1)
    highest = max((down for _, down in found.sampling.values()), default=1)
    fractions = any(across and down and (widest % across or highest % down) for across, down in found.sampling.values())
    kind = ""
    if found.frame == _JPEG_LS:
        kind = "JPEG-LS"
    elif found.frame in _HIERARCHICAL:
        kind = "a hierarchical JPEG"
    elif found.lossless and found.arithmetic:
        kind = "a lossless arithmetic JPEG"
    elif found.frame and found.bits != 8:  # noqa: PLR2004 - the usual depth
        kind = f"a JPEG of {found.bits} bits a sample"
    elif found.frame and found.width and not found.height:
        kind = "a JPEG that says its height behind its pixels (DNL)"
    elif found.frame and count not in (0, 1, 3, 4):
        kind = f"a JPEG of {count} colour components"
    elif fractions:
        kind = "a JPEG with fractional subsampling"
    if kind:
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT, f"this is {kind}, which cannot be read; export it as an ordinary JPEG of 8 bits"
        )


def check_complete(found: Layout) -> None:
    """Refuse what lacks pixels by its segments alone.

    A file that says where it ends may leave out what refines its pixels; one that breaks off there may not.

    Raises:
        ValueError: pixels are missing.
    """
    if found.restarts_missing:
        raise ValueError("some of its restart intervals are missing")
    if not found.covered:
        raise ValueError("a colour component is missing")
    if found.progressive and not found.ended and not found.refined:
        raise ValueError("its later passes are missing")


def mended(data: bytes, found: Layout) -> bytes:
    """The file with an end where its last scan ends, whatever comes there, and without metadata that cannot be read."""
    if not found.ended and found.end:
        data = data[: found.end] + END
    if not found.unreadable:
        return data
    starts = [0, *(end for _, end in found.unreadable)]
    ends = [*(start for start, _ in found.unreadable), len(data)]
    found.end -= sum(end - start for start, end in found.unreadable if end <= found.end)
    found.unreadable = []
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def is_doubtful(found: Layout, image: Image.Image, whole: tuple[int, int]) -> bool:
    """Whether the last scan may have ended early, which its reader does not say.

    It makes pixels that are missing grey, so the corner that comes last tells. Passes that refine are not seen there,
    and the rare kinds without grey are always in doubt.

    Args:
        found: by the segments.
        image: decoded, maybe smaller.
        whole: the size that the file says.
    """
    if not found.ended or found.arithmetic or found.lossless:
        return True
    if found.progressive:
        return not found.refined
    corner = _last_block(found, image, whole)
    if image.mode == "RGB" and set(found.last) != set(found.sampling):
        order = list(found.sampling)
        bands = [corner.convert("YCbCr").getchannel(order.index(component)) for component in found.last]
    else:
        bands = list(corner.split())
    return all(level in _GREY for band in bands for level in band.getextrema())


def with_filler(data: bytes, found: Layout) -> bytes:
    """The file with something behind its last scan that changes no pixel if all of them are there."""
    return data[: found.end] + _FILLER[found.arithmetic] + data[found.end :]


def same(one: Image.Image, other: Image.Image) -> bool:
    """Whether two images have the same pixels, found out a few rows at a time."""
    if (one.size, one.mode) != (other.size, other.mode):
        return False
    for top in range(0, one.height, _STRIP_ROWS):
        rows = (0, top, one.width, min(one.height, top + _STRIP_ROWS))
        if ImageChops.difference(one.crop(rows), other.crop(rows)).getbbox(alpha_only=False) is not None:
            return False
    return True


def _is_unreadable(marker: int, body: bytes) -> bool:
    """Whether Pillow refuses a file for this segment: it trusts the lengths of those that it knows by their names."""
    return any(
        marker == known and body.startswith(name) and len(body) < shortest for known, name, shortest in _NAMED_SEGMENTS
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, tuple[int, int], tuple[int, int]]]:
    """Up to the end of the image, or to what does not belong to it.

    Yields:
        Marker, body, where the segment is, and where the data of its scan are.
    """
    at, scanned = 2, False
    for _ in range(_MOST_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 2 > len(data):
            return
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:  # noqa: PLR2004 - without a body
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004 - fill bytes
            if scanned and marker == 0xD8:  # noqa: PLR2004 - another picture begins
                return
            continue
        if marker == 0xD9:  # noqa: PLR2004 - the end
            yield marker, b"", (at, at + 2), (at, at)
            return
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        if scanned and (marker not in _BETWEEN_SCANS or end > len(data)):
            return
        place, body, at = (at, end), data[at + 4 : end], end
        if marker == 0xDA:  # noqa: PLR2004 - a scan, whose data follow
            scanned = True
            following = _MARKER.search(data, end)
            at = following.start() if following else len(data)
        yield marker, body, place, (end, at)


def _scan(found: Layout, body: bytes, data: bytes, scan: tuple[int, int], interval: int) -> None:
    """Take down what a scan brings."""
    start, end = scan
    while end > start and data[end - 1] == 0xFF:  # noqa: PLR2004 - fill bytes, or half of a marker
        end -= 1
    found.end = end
    count = body[0] if body else 0
    if len(body) < 4 + 2 * count:
        return
    found.last = tuple(body[1 + 2 * index] for index in range(count))
    first, final, low = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15
    for component in found.last:
        bits = found.scanned.setdefault(component, [None] * _COEFFICIENTS)
        for index in range(first, min(final, _COEFFICIENTS - 1) + 1):
            bits[index] = low
    if interval and not found.lossless:
        needed = -(-_units(found) // interval) - 1
        found.restarts_missing |= sum(data.count(restart, start, end) for restart in _RESTARTS) < needed


def _units(found: Layout) -> int:
    """Minimum coded units of the last scan (ITU-T T.81, A.2)."""
    widest = max((across for across, _ in found.sampling.values()), default=1) or 1
    highest = max((down for _, down in found.sampling.values()), default=1) or 1
    across, down = 1, 1
    if len(found.last) == 1:
        across, down = found.sampling.get(found.last[0], (1, 1))
        columns, rows = -(-found.width * across // widest), -(-found.height * down // highest)
        return -(-columns // 8) * -(-rows // 8)
    return -(-found.width // (8 * widest)) * -(-found.height // (8 * highest))


def _last_block(found: Layout, image: Image.Image, whole: tuple[int, int]) -> Image.Image:
    """The lower right half of the unit that is coded last, where its neighbours do not shine through."""
    widest = max((across for across, _ in found.sampling.values()), default=1) or 1
    highest = max((down for _, down in found.sampling.values()), default=1) or 1
    width = ((whole[0] - 1) % (8 * widest) + 1) * image.width // whole[0] // 2
    height = ((whole[1] - 1) % (8 * highest) + 1) * image.height // whole[1] // 2
    return image.crop((image.width - max(1, width), image.height - max(1, height), image.width, image.height))
