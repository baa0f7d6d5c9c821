"""TIFF: which of its pages is the picture, whether a camera's raw data are meant, and which kinds can be read."""

import struct
from dataclasses import dataclass
from typing import Any

from PIL import ImagePalette, TiffImagePlugin

from processor.errors import Reason, Rejected
from processor.steps import deflate

_II, _MM = b"II", b"MM"
_GREY, _MASK, _CMYK, _YCBCR, _LAB = 1, 4, 5, 6, 8
_PHOTOMETRIC = {
    0: "grey with white as zero",
    1: "grey",
    2: "RGB",
    3: "a palette",
    4: "a mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIELAB",
    9: "ICCLAB",
    10: "ITULAB",
    32_844: "LogL",
    32_845: "LogLuv",
}
_SENSOR = {32_803, 34_892}
"""Colour filter array and linear raw: what a camera's sensor saw (TIFF/EP and DNG)."""

_RAW_COMPRESSIONS = {262, 32_767, 32_769, 32_770, 32_867, 34_713, 65_000, 65_535}
"""Of Kodak, Sony, Epson, Samsung, Kodak again, Nikon, Kodak once more and Pentax."""

_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32_771, 32_773, 32_946, 34_925, 50_000}
"""Those that the bundled libtiff reads: raw, fax, LZW, JPEG, Deflate, PackBits, LZMA and Zstandard."""

_COMPRESSION_NAMES = {
    32_766: "NeXT",
    32_809: "ThunderScan",
    33_003: "JPEG 2000",
    33_005: "JPEG 2000",
    34_661: "JBIG",
    34_676: "SGI Log",
    34_677: "SGI Log 24",
    34_712: "JPEG 2000",
    34_887: "LERC",
    34_892: "lossy JPEG of DNG",
    34_933: "PNG",
    34_934: "JPEG XR",
    50_001: "WebP",
    50_002: "JPEG XL",
    52_546: "JPEG XL",
}
_FAX_AND_JPEG = {2, 3, 4, 6, 7, 32_771}

_DEFLATE = {8, 32_946}
_SPARE_BYTES = 1024 * 1024
_DNG_VERSION = 50_706
_TAGS = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 279, 284, 324, 325, 330, 332, 338, 339, _DNG_VERSION}
_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_PIXEL_TAGS = _TAGS | {301, 317, 320, 322, 323, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532}
"""Without which there is no picture, or another one. All else may be damaged."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_DIRECTORIES = 64
_MOST_ENTRIES = 4_096
_MOST_SAMPLES = 16
_MOST_NUMBERS = 256
_MOST_STRIPS = 2_000_000
_REDUCED, _MASKING = 1, 4

_MISSING: dict[Any, tuple[str, str]] = {
    (_MM, 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
    (_II, 0, (1,), 1, (32,), ()): ("I", "I;32N"),
    (_MM, 0, (1,), 1, (32,), ()): ("I", "I;32N"),
    (_MM, 1, (1,), 1, (32,), ()): ("I", "I;32N"),
}
"""Kinds that Pillow unpacks and does not list."""

_NATIVE = {
    "I;16S": "I;16NS",
    "I;16BS": "I;16NS",
    "I;32S": "I;32N",
    "I;32BS": "I;32N",
    "F;32F": "F;32NF",
    "F;32BF": "F;32NF",
}
"""Libtiff puts numbers into this machine's order, which Pillow forgets where they have a sign or a fraction."""

TiffImagePlugin.READ_LIBTIFF = True  # Pillow's own reader takes planes and subsampling for what they are not
TiffImagePlugin.OPEN_INFO.update(_MISSING)
TiffImagePlugin.OPEN_INFO.update(
    {key: (mode, _NATIVE[raw]) for key, (mode, raw) in TiffImagePlugin.OPEN_INFO.items() if raw in _NATIVE}
)


@dataclass(frozen=True, slots=True)
class _Directory:
    """One image file directory: where it is, its numbers by tag, the next one, and which entries are broken.

    Of long lists, such as those of strips, the fields have the beginning only.
    """

    at: int
    fields: dict[int, tuple[int, ...]]
    lists: dict[int, tuple[int, int, bytes]]
    following: int
    broken: tuple[int, ...]

    def first(self, tag: int, otherwise: int) -> int:
        """A field's first number."""
        return self.fields.get(tag, (otherwise,))[0]

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.first(256, 0) * self.first(257, 0)

    @property
    def raw_bytes(self) -> int:
        """How many bytes the pixels have where they are not compressed."""
        bits = self.fields.get(258, (1,))
        samples = self.first(277, 1)
        return self.first(257, 0) * -(-self.first(256, 0) * (sum(bits) if len(bits) > 1 else bits[0] * samples) // 8)

    @property
    def is_mask(self) -> bool:
        """Whether it says only which parts of another page are seen."""
        return bool(self.first(254, 0) & _MASKING) or self.first(262, 0) == _MASK

    @property
    def is_whole(self) -> bool:
        """Whether it is a picture, at its own size."""
        reduced = self.first(254, 0) & _REDUCED or self.first(255, 0) == 2  # noqa: PLR2004 - reduced, in old files
        return self.pixels > 0 and not reduced and not self.is_mask


def with_picture_first(data: bytes) -> bytes:
    """The file as if it began with the page that is the picture, checked for being of a kind that can be read.

    Metadata that lie beyond the end of the file are left out.

    That is the first page that is not marked as reduced or as a mask. If all are, it is such a page among the
    sub-directories of the first page, and else the largest page.

    Returns:
        The same object if that is the first page anyway.

    Raises:
        Rejected: `unsupported_format`, or `corrupt` if data are missing that libtiff would make up.
    """
    reader = _Reader(data)
    chain = reader.chain()
    if not chain:
        return data
    below = [
        reader.directory(at)
        for page in chain[:_MOST_DIRECTORIES]
        for at in page.fields.get(330, ())[: _MOST_DIRECTORIES // len(chain) + 1]
    ]
    _check_raw(data, [*chain, *below])
    picture = next((page for page in (*chain, *below) if page.is_whole), None)
    if picture is None:
        picture = max(chain, key=lambda page: 0 if page.is_mask else page.pixels)
    _check_kind(picture, data[:4])
    _check_strips(reader, picture, len(data))
    if picture is chain[0] and not picture.broken:
        return data
    return reader.beginning_with(picture)


def with_true_checksums(data: bytes) -> bytes | None:
    """The file with the right checksum behind each strip of Deflate; None: pixels are missing, or nothing changes."""
    reader = _Reader(data)
    page = next(iter(reader.chain()), None)
    if page is None:
        return None
    places = [place for place in reader.places(page) if place[1] > deflate.CHECKSUM_BYTES]
    if page.first(259, 1) not in _DEFLATE or sum(length for _, length in places) > len(data):
        return None
    result, room = bytearray(data), 2 * page.raw_bytes + _SPARE_BYTES
    for start, length in places:
        found = deflate.measured(data[start : start + length], room)
        room -= found.length
        if found.packed is None or found.packed + deflate.CHECKSUM_BYTES > length or room < 0:
            return None
        struct.pack_into(">I", result, start + found.packed, found.checksum)
    return bytes(result) if result != data else None


def with_old_palette(image: TiffImagePlugin.TiffImageFile) -> None:
    """Put right a palette of 8-bit numbers, which old programs wrote in place of 16-bit ones."""
    levels = image.tag_v2.get(320)
    if image.mode in ("P", "PA") and levels and 0 < max(levels) <= 255:  # noqa: PLR2004 - the largest of 8 bits
        image.palette = ImagePalette.raw("RGB;L", bytes(levels))


class _Reader:
    """Reads directories, of which damaged ones are empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data[:2] == _II else ">"
        self._big = data[2:4] in (b"+\0", b"\0+")
        self._entry = struct.Struct(self._order + ("HHQ8s" if self._big else "HHI4s"))

    def chain(self) -> list[_Directory]:
        """The pages, as far as anybody looks at them."""
        found: list[_Directory] = []
        at = self._number("Q", 8) if self._big else self._number("I", 4)
        while at and len(found) < _MOST_DIRECTORIES and at not in [page.at for page in found]:
            found.append(self.directory(at))
            at = found[-1].following
        return found

    def directory(self, at: int) -> _Directory:
        """One directory."""
        count = self._number("Q" if self._big else "H", at)
        start = at + (8 if self._big else 2)
        fields: dict[int, tuple[int, ...]] = {}
        lists: dict[int, tuple[int, int, bytes]] = {}
        broken = []
        for index in range(min(count, _MOST_ENTRIES)):
            place = start + index * self._entry.size
            if place + self._entry.size > len(self._data):
                break
            tag, kind, items, value = self._entry.unpack_from(self._data, place)
            if tag in _TAGS and (numbers := self.numbers(kind, items, value, _MOST_NUMBERS)):
                fields[tag] = numbers
                lists[tag] = (kind, items, value)
            if tag not in _PIXEL_TAGS and self._is_beyond(_SIZES.get(kind, 0) * items, value):
                broken.append(place)
        following = self._number("Q" if self._big else "I", start + count * self._entry.size)
        return _Directory(at, fields, lists, following, tuple(broken))

    def beginning_with(self, page: _Directory) -> bytes:
        """The file with a page's directory as its first, and its broken entries of a type that nobody reads."""
        result = bytearray(self._data)
        struct.pack_into(self._order + ("Q" if self._big else "I"), result, 8 if self._big else 4, page.at)
        for place in page.broken:
            struct.pack_into("<H", result, place + 2, 0)
        return bytes(result)

    def places(self, page: _Directory) -> list[tuple[int, int]]:
        """Where the strips or tiles of a page begin, and how long they are."""
        for offsets, lengths in ((273, 279), (324, 325)):
            if offsets in page.lists and lengths in page.lists:
                starts = self.numbers(*page.lists[offsets], _MOST_STRIPS)
                return list(zip(starts, self.numbers(*page.lists[lengths], _MOST_STRIPS), strict=False))
        return []

    def _is_beyond(self, length: int, value: bytes) -> bool:
        at = int.from_bytes(value, "little" if self._order == "<" else "big")
        return length > len(value) and at + length > len(self._data)

    def numbers(self, kind: int, items: int, value: bytes, most: int) -> tuple[int, ...]:
        """What an entry holds, at most so many; nothing if it is none or lies beyond the end."""
        code = _TYPES.get(kind)
        if code is None or not 0 < items <= len(self._data):
            return ()
        inline = struct.calcsize("=" + code) * items <= len(value)
        layout = struct.Struct(f"{self._order}{min(items, most)}{code}")
        if inline:
            return layout.unpack_from(value)
        at = int.from_bytes(value, "little" if self._order == "<" else "big")
        return layout.unpack_from(self._data, at) if at + layout.size <= len(self._data) else ()

    def _number(self, code: str, at: int) -> int:
        layout = struct.Struct(self._order + code)
        return int(layout.unpack_from(self._data, at)[0]) if at + layout.size <= len(self._data) else 0


def _check_raw(data: bytes, directories: list[_Directory]) -> None:
    """Refuse what only looks like a TIFF: the preview in it is not the picture that was taken."""
    phase_one = data[8:12] in (b"IIII", b"MMMM") and (data[13:16] == b"waR" or data[12:15] == b"Raw")
    if (
        data[8:10] == b"CR"
        or phase_one
        or any(
            page.first(262, 0) in _SENSOR or page.first(259, 1) in _RAW_COMPRESSIONS or _DNG_VERSION in page.fields
            for page in directories
        )
    ):
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            "this is a camera's raw file (DNG, NEF, CR2, ARW or the like); develop it and upload the JPEG",
        )


def _check_kind(page: _Directory, head: bytes) -> None:
    if head == b"MM\0+":
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            "this is a BigTIFF with its highest bytes first, which cannot be read; export it as an ordinary TIFF",
        )
    compression = page.first(259, 1)
    if compression and compression not in _COMPRESSIONS:
        name = _COMPRESSION_NAMES.get(compression, f"compression {compression}")
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT, f"this is a TIFF with {name} inside, which cannot be read; export it with LZW"
        )
    samples = page.first(277, 3 if compression == 6 else 1)  # noqa: PLR2004 - JPEG of old
    bits = page.fields.get(258, (1,))
    bits = bits * samples if len(bits) == 1 and samples <= _MOST_SAMPLES else bits[:samples]
    if not page.pixels or not 0 < samples <= _MOST_SAMPLES or len(bits) != samples:
        return  # damaged, as its reader will say
    photometric = _YCBCR if compression == 6 else page.first(262, 0)  # noqa: PLR2004 - the same
    extra = page.fields.get(338, ())
    planar = page.first(284, 1) == 2 and samples > 1  # noqa: PLR2004 - each sample by itself
    formats = page.fields.get(339, (1,))
    formats = formats[:1] if len(set(formats)) == 1 else formats
    plain = (bits[: -len(extra)], ()) if planar and extra and not any(extra) else (bits, extra)
    known = (head[:2], photometric, formats, page.first(266, 1), *plain) in TiffImagePlugin.OPEN_INFO
    odd = (
        formats == (2,) and bits[0] == 8,  # noqa: PLR2004 - signed bytes, of which Pillow ignores the sign
        planar and photometric <= _GREY and any(extra),
        bits[0] == 12 and compression in _FAX_AND_JPEG,  # noqa: PLR2004
        photometric == _CMYK and page.first(332, 1) != 1,
        planar and photometric == _LAB,
        planar and photometric == _YCBCR and extra,
    )
    if known and not any(odd):
        return
    kind = _PHOTOMETRIC.get(photometric, f"photometric interpretation {photometric}")
    depth = f"{'/'.join(map(str, bits[:1] if len(set(bits)) == 1 else bits))} bits a sample"
    also = {2: "signed", 3: "floating"}.get(formats[0], "")
    more = ", ".join(
        word for word in (also, "with extra samples" if extra else "", "in planes" if planar else "") if word
    )
    raise Rejected(
        Reason.UNSUPPORTED_FORMAT,
        f"this is a TIFF of {kind} with {depth}{', ' if more else ''}{more}, which cannot be read; "
        "export it with 8 or 16 bits in RGB",
    )


def _check_strips(reader: _Reader, page: _Directory, size: int) -> None:
    """Refuse pixels that lie beyond the end of the file, of which libtiff makes some up and complains of others."""
    places = reader.places(page)
    most = page.raw_bytes if page.first(259, 1) == 1 and len(places) == 1 else size  # some say too much there
    if any(start + min(length, most) > size for start, length in places):
        raise Rejected(Reason.CORRUPT, "the TIFF data end before the last pixel; export the picture again")
