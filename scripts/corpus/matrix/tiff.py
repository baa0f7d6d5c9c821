"""TIFF: every photometric, depth, sign, extra sample, layout and byte order, written here; compressions by libtiff."""

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.case import COMPLETE, UNSUPPORTED, Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB, ITU_LAB = 0, 1, 2, 3, 5, 6, 8, 9, 10
NAMES = {
    WHITE_IS_ZERO: "white-is-zero",
    BLACK_IS_ZERO: "black-is-zero",
    RGB: "rgb",
    PALETTE: "palette",
    CMYK: "cmyk",
    YCBCR: "ycbcr",
    LAB: "cielab",
    ICC_LAB: "icclab",
    ITU_LAB: "itulab",
}
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
SIGNS = {UNSIGNED: "", SIGNED: "-signed", FLOAT: "-float"}
EXTRAS = {None: "", 0: "-unspecified", 1: "-associated", 2: "-alpha"}
_READ_OR_REFUSED = COMPLETE | UNSUPPORTED
_ROWS = 16
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_BYTES = {3: 2, 4: 4}
_LETTERS = {3: "H", 4: "I"}
"""Of SHORT and LONG."""

Samples = "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a TIFF keeps its samples."""

    photometric: int
    bits: int
    sign: int = UNSIGNED
    extra: int | None = None
    planar: bool = False
    order: str = "<"
    reversed_bits: bool = False
    orientation: int = 1
    reduced_first: bool = False
    big: bool = False

    @property
    def name(self) -> str:
        """As part of a file name."""
        parts = [NAMES[self.photometric], f"-{self.bits}", SIGNS[self.sign], EXTRAS[self.extra]]
        parts += ["-planar" * self.planar, "-mm" * (self.order == ">"), "-reversed" * self.reversed_bits]
        parts += [
            f"-turned-{self.orientation}" if self.orientation != 1 else "",
            "-after-a-reduced" * self.reduced_first,
        ]
        return "".join([*parts, "-big" * self.big])


def layouts() -> Iterator[Layout]:
    """What libtiff can write, without compression."""
    for order in "<>":
        for layout in (*_greys(), *_colours(), *_others()):
            yield replace(layout, order=order)
    for way in range(2, 9):
        yield Layout(RGB, 8, orientation=way)
        yield Layout(BLACK_IS_ZERO, 16, orientation=way, order=">")


def _greys() -> Iterator[Layout]:
    for photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
        for bits in (1, 2, 4, 8, 12, 16, 32):
            yield Layout(photometric, bits)
        for sign, bits in ((SIGNED, 8), (SIGNED, 16), (SIGNED, 32), (FLOAT, 16), (FLOAT, 32), (FLOAT, 64)):
            yield Layout(photometric, bits, sign)
    for bits, extra, planar in itertools.product((8, 16), (0, 1, 2), (False, True)):
        yield Layout(BLACK_IS_ZERO, bits, extra=extra, planar=planar)


def _colours() -> Iterator[Layout]:
    kinds = ((UNSIGNED, 4), (UNSIGNED, 8), (UNSIGNED, 16), (UNSIGNED, 32), (FLOAT, 16), (FLOAT, 32), (SIGNED, 8))
    extras = (None, 0, 1, 2)
    for (sign, bits), extra, planar in itertools.product(kinds, extras, (False, True)):
        yield Layout(RGB, bits, sign, extra, planar)
    for bits, alpha, planar in itertools.product((8, 16), (False, True), (False, True)):
        yield Layout(CMYK, bits, extra=2 if alpha else None, planar=planar)
    for photometric, bits in itertools.product((LAB, ICC_LAB, ITU_LAB), (8, 16)):
        yield Layout(photometric, bits)


def _others() -> Iterator[Layout]:
    yield Layout(YCBCR, 8)
    yield Layout(YCBCR, 8, planar=True)
    for bits in (1, 2, 4, 8):
        yield Layout(PALETTE, bits)
        yield Layout(BLACK_IS_ZERO, bits, reversed_bits=True)
    for photometric, bits in ((RGB, 8), (RGB, 16), (BLACK_IS_ZERO, 8), (BLACK_IS_ZERO, 16)):
        yield Layout(photometric, bits, reduced_first=True)
        yield Layout(photometric, bits, big=True)


def expected(layout: Layout) -> frozenset[str]:
    """Plain kinds must be read; of rarer ones it may be said that they are not supported."""
    plain = layout.sign == UNSIGNED and layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK)
    odd = (layout.photometric == RGB and layout.bits in (4, 32)) or (layout.big and layout.order == ">")
    return COMPLETE if plain and not odd and layout.bits != 12 and layout.extra is None else _READ_OR_REFUSED  # noqa: PLR2004


def truth(layout: Layout) -> str:
    """What a layout was drawn from. TIFF defines no black and white for signed samples, and palettes are our own."""
    if layout.sign == SIGNED or layout.photometric == PALETTE or layout.orientation != 1 or layout.bits < 8:  # noqa: PLR2004
        return ""
    drawn = "grey" if layout.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) else "rgb"
    return {"grey": "grey-alpha", "rgb": "rgba"}[drawn] if layout.extra in (1, 2) else drawn


def cases(maker: Maker) -> Iterator[Case]:
    """Every layout; some compressed in every way, and damaged."""
    for layout in layouts():
        yield Case(f"tiff/{layout.name}.tif", written(layout), expected(layout), truth=truth(layout))
    for layout in (Layout(RGB, 8), Layout(RGB, 16, planar=True), Layout(BLACK_IS_ZERO, 1), Layout(CMYK, 8)):
        sound = Case(f"tiff/strips-{layout.name}.tif", written(layout), truth=truth(layout))
        yield sound
        yield from damaged(sound, anatomy(sound.body))
    yield from _compressed(maker)
    yield from _by_tools(maker)


def anatomy(body: bytes) -> Anatomy:
    """Directory first, pixels last, as written here."""
    order = "<" if body[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", body, 4)
    (count,) = struct.unpack_from(f"{order}H", body, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from(f"{order}HHII", body, entry)
        if tag == 273:  # noqa: PLR2004 - StripOffsets
            if kind == 4 and number > 1:  # noqa: PLR2004 - LONG
                (value,) = struct.unpack_from(f"{order}I", body, value)
            return Anatomy(value, len(body))
    raise ValueError("no strips")


def written(layout: Layout) -> bytes:
    """A file: header, directories, values, strips."""
    pages = [replace(layout, reduced_first=False)]
    body = b""
    if layout.reduced_first:
        pages.insert(0, layout)
    head = 16 if layout.big else 8
    offset = head
    for at, page in enumerate(pages):
        part, length = _page(page, offset, small=layout.reduced_first and at == 0, last=at == len(pages) - 1)
        body += part
        offset += length
    mark = b"II" if layout.order == "<" else b"MM"
    if layout.big:
        return mark + struct.pack(f"{layout.order}HHHQ", 43, 8, 0, head) + body
    return mark + struct.pack(f"{layout.order}HI", 42, head) + body


def _page(layout: Layout, offset: int, *, small: bool, last: bool) -> tuple[bytes, int]:
    samples, bits, palette = _samples(layout, small=small)
    height, width, channels = samples.shape
    order = layout.order
    strips = [
        _packed(samples[top : top + _ROWS, :, plane], layout)
        for plane in ([slice(at, at + 1) for at in range(channels)] if layout.planar else [slice(None)])
        for top in range(0, height, _ROWS)
    ]
    fields: dict[int, tuple[int, Sequence[int]]] = {
        254: (4, [int(small)]),
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * channels),
        259: (3, [1]),
        262: (3, [layout.photometric]),
        266: (3, [2 if layout.reversed_bits else 1]),
        273: (4, [0] * len(strips)),
        274: (3, [layout.orientation]),
        277: (3, [channels]),
        278: (4, [_ROWS]),
        279: (4, [len(strip) for strip in strips]),
        284: (3, [2 if layout.planar else 1]),
        339: (3, [layout.sign] * channels),
    }
    if palette:
        fields[320] = (3, palette)
    if layout.extra is not None:
        fields[338] = (3, [layout.extra])
    if layout.photometric == YCBCR:
        fields[530] = (3, [1, 1])
    size, inline, count = (20, 8, 8) if layout.big else (12, 4, 2)
    directory = count + size * len(fields) + inline
    values = offset + directory
    lengths = {tag: len(numbers) * _BYTES[kind] for tag, (kind, numbers) in fields.items()}
    long = {tag: length for tag, length in lengths.items() if length > inline}
    places, at = {}, values
    for tag, length in long.items():
        places[tag] = at
        at += length + length % 2
    data = at
    fields[273] = (4, [data + sum(map(len, strips[:index])) for index in range(len(strips))])
    entries, tail = b"", b""
    for tag, (kind, numbers) in sorted(fields.items()):
        value = struct.pack(f"{order}{len(numbers)}{_LETTERS[kind]}", *numbers)
        entries += struct.pack(f"{order}HH{'Q' if layout.big else 'I'}", tag, kind, len(numbers))
        entries += (
            struct.pack(f"{order}{'Q' if layout.big else 'I'}", places[tag])
            if tag in places
            else value.ljust(inline, b"\0")
        )
    for tag in long:
        kind, numbers = fields[tag]
        value = struct.pack(f"{order}{len(numbers)}{_LETTERS[kind]}", *numbers)
        tail += value + b"\0" * (len(value) % 2)
    pixels = b"".join(strips)
    pixels += b"\0" * (len(pixels) % 2 if not last else 0)
    end = data + len(pixels)
    following = 0 if last else end
    head = struct.pack(f"{order}{'Q' if layout.big else 'H'}", len(fields)) + entries
    head += struct.pack(f"{order}{'Q' if layout.big else 'I'}", following)
    body = head + tail + pixels
    return body, len(body)


def _samples(
    layout: Layout, *, small: bool
) -> "tuple[np.ndarray[tuple[int, int, int], np.dtype[np.float64]], int, list[int]]":
    size = (20, 14) if small else (pictures.WIDTH, pictures.HEIGHT)
    colours, grey = pictures.colours(*size), pictures.grey(*size)
    if small:
        colours, grey = 1 - colours, 1 - grey
    palette: list[int] = []
    match layout.photometric:
        case 0:
            levels = 1 - grey
        case 1:
            levels = grey
        case 3:
            levels = grey
            count = 1 << layout.bits
            ramp = [65_535 * at // (count - 1) for at in range(count)]
            palette = [*ramp, *(level // 2 for level in ramp), *(65_535 - level for level in ramp)]
        case 5:
            levels = np.concatenate([1 - colours, np.zeros_like(grey)], axis=-1)
        case 6:
            rows = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
            levels = np.clip(colours @ rows.T + np.array([0, 0.5, 0.5]), 0, 1)
        case 8 | 9 | 10:
            levels = _lab(colours, layout)
        case _:
            levels = colours
    if layout.extra is not None:
        alpha = pictures.opacity(*size)
        levels = np.concatenate([levels * alpha if layout.extra == 1 else levels, alpha], axis=-1)
    return levels, layout.bits, palette


def _lab(colours: pictures.Levels, layout: Layout) -> pictures.Levels:
    """CIE L*a*b* of D50, as levels from 0 to 1 of what the format makes of them: a and b signed in CIELab."""
    light = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004
    rows = np.array(
        [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    )
    ratio = light @ rows.T / np.array([0.9642, 1, 0.8249])
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    lightness = (116 * root[..., 1] - 16) / 100
    a, b = 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])
    if layout.photometric == LAB:
        a, b = np.mod(a, 256) / 255, np.mod(b, 256) / 255  # two's complement
        if layout.bits == 16:  # noqa: PLR2004
            a, b = (np.mod(np.round(each * 255 * 256), 65_536) / 65_535 for each in (a, b))
    else:
        a, b = (a + 128) / 255, (b + 128) / 255
    return np.stack([lightness, a, b], axis=-1)


def _packed(samples: "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]", layout: Layout) -> bytes:
    order, bits = layout.order, layout.bits
    if layout.sign == FLOAT:
        return samples.astype(f"{order}f{bits // 8}").tobytes()
    if layout.sign == SIGNED:
        return np.round(samples * ((1 << (bits - 1)) - 1)).astype(f"{order}i{bits // 8}").tobytes()
    numbers = pictures.numbers(np.clip(samples, 0, 1), bits)
    if bits % 8 == 0:
        whole = numbers.astype(f"{order}u{bits // 8}").tobytes()
        return whole.translate(_REVERSED) if layout.reversed_bits else whole
    rows = []
    for row in numbers:
        each = (row.reshape(-1, 1) >> np.arange(bits - 1, -1, -1, dtype=np.uint64)) & np.uint64(1)
        rows.append(
            np.packbits(each.astype(np.uint8).ravel(), bitorder="little" if layout.reversed_bits else "big").tobytes()
        )
    return b"".join(rows)


def _compressed(maker: Maker) -> Iterator[Case]:
    """By libtiff's tiffcp: compressions, predictors, tiles, byte orders, BigTIFF."""
    sources = [
        Layout(RGB, 8),
        Layout(RGB, 16),
        Layout(RGB, 8, extra=2),
        Layout(BLACK_IS_ZERO, 8),
        Layout(BLACK_IS_ZERO, 16),
    ]
    sources += [
        Layout(PALETTE, 8),
        Layout(PALETTE, 4),
        Layout(CMYK, 8),
        Layout(BLACK_IS_ZERO, 1),
        Layout(WHITE_IS_ZERO, 1),
    ]
    sources += [Layout(RGB, 32, FLOAT), Layout(BLACK_IS_ZERO, 32, FLOAT)]
    for layout in sources:
        source = {"in.tif": written(layout)}
        for how in _ways(layout):
            name = f"tiff/tiffcp-{layout.name}-{''.join(how).strip('-').replace('-', '_').replace(':', '_')}.tif"
            command = ["tiffcp", *how, "in.tif", "out.tif"]
            refused = layout.sign == FLOAT or "lsb2msb" in how or "webp" in how
            for case in maker.attempt(name, command, source, "out.tif"):
                yield replace(
                    case,
                    expected=_READ_OR_REFUSED if refused else COMPLETE,
                    truth="" if "jpeg" in how else truth(layout),
                )


def _ways(layout: Layout) -> Iterator[list[str]]:
    ways = ["none", "lzw", "zip", "packbits", "lzma", "zstd"]
    if layout.bits == 8 and layout.photometric != PALETTE and layout.extra is None:  # noqa: PLR2004
        ways.append("jpeg")
        if layout.photometric == RGB:
            ways += ["jpeg:r", "webp"]
    if layout.bits == 1:
        ways += ["g3:1d", "g3:2d", "g3:fill", "g4"]
    if layout.bits in (8, 16):
        ways += ["lzw:2", "zip:2"]
    if layout.sign == FLOAT:
        ways += ["zip:3"]
    for way in ways:
        yield ["-c", way]
        yield ["-c", way, "-t", "-w", "32", "-l", "16"]
    yield ["-8"]
    yield ["-B"]
    if layout.bits == 8 and layout.photometric in (RGB, CMYK):  # noqa: PLR2004
        yield ["-p", "separate"]
    yield ["-r", "1"]
    yield ["-f", "lsb2msb", "-c", "lzw"]


def _by_tools(maker: Maker) -> Iterator[Case]:
    source = {"in.png": pictures.saved(pictures.rgba(), "PNG"), "in.ppm": pictures.ppm(pictures.colours(), 16)}
    for fmt in (
        "rgb24",
        "rgba",
        "gray",
        "gray16le",
        "rgb48le",
        "rgba64le",
        "pal8",
        "monow",
        "monob",
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv411p",
        "ya8",
    ):
        for way in ("raw", "lzw", "packbits", "deflate"):
            command = [
                "ffmpeg",
                "-v",
                "error",
                "-i",
                "in.png",
                "-pix_fmt",
                fmt,
                "-compression_algo",
                way,
                "-bitexact",
                "out.tif",
            ]
            yield from maker.attempt(f"tiff/ffmpeg-{fmt}-{way}.tif", command, source, "out.tif")
    for way in ("None", "LZW", "Zip", "RLE", "JPEG", "Fax", "Group4", "LZMA", "Zstd"):
        for name, more in {
            "": [],
            "-grey": ["-colorspace", "Gray"],
            "-8": ["-depth", "8"],
            "-lab": ["-colorspace", "Lab"],
            "-two-pages": ["(", "+clone", "-negate", ")"],
        }.items():
            command = ["convert", "in.ppm", *more, "-strip", "-compress", way, "out.tif"]
            for case in maker.attempt(f"tiff/imagemagick-{way.lower()}{name}.tif", command, source, "out.tif"):
                yield replace(case, expected=_READ_OR_REFUSED if name == "-lab" else COMPLETE)
