"""PNG and APNG, chunk by chunk."""

import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import ImageCms

from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.case import Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged
from scripts.corpus.matrix.exif import block

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
NAMES = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey-alpha", RGBA: "rgba"}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of Adam7: first column and row, and the steps."""

Chunk = tuple[bytes, bytes]


def cases(maker: Maker) -> Iterator[Case]:
    """Every type and depth, with what may stand beside the pixels, and damaged."""
    for (kind, depths), interlaced in itertools.product(DEPTHS.items(), (False, True)):
        for depth in depths:
            sound = Case(
                f"png/{_name(kind, depth, interlaced=interlaced)}.png", still(kind, depth, interlaced=interlaced)
            )
            yield sound
            if not interlaced:
                yield from _with_extras(kind, depth)
            if depth == 8 or (depth == 16 and kind in (RGB, GREY) and not interlaced):  # noqa: PLR2004
                yield from damaged(sound, anatomy(sound.body))
    for kind, depth in ((RGB, 8), (PALETTE, 8), (GREY, 16)):
        sound = Case(f"png/large-{NAMES[kind]}-{depth}.png", still(kind, depth, large=True))
        yield sound
        yield from damaged(sound, anatomy(sound.body))
    yield from _animated()
    yield from _by_tools(maker)


def still(  # noqa: PLR0913 - what a file consists of
    kind: int,
    depth: int,
    *,
    interlaced: bool = False,
    large: bool = False,
    before: Sequence[Chunk] = (),
    after: Sequence[Chunk] = (),
    key: bool = False,
) -> bytes:
    """A PNG. `before` and `after`: chunks around the pixels. `key`: with tRNS."""
    levels = _levels(kind, large=large)
    samples = _samples(depth, levels)
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    parts: list[Chunk] = [(b"IHDR", header)]
    early = [chunk for chunk in before if chunk[0] in (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT")]
    parts += early
    if kind == PALETTE:
        parts.append((b"PLTE", _palette(depth)))
    if key:
        parts.append((b"tRNS", _key(kind, depth, samples)))
    parts += [chunk for chunk in before if chunk not in early]
    pixels = zlib.compress(packed(samples, depth, interlaced=interlaced))
    half = len(pixels) // 2
    return written([*parts, (b"IDAT", pixels[:half]), (b"IDAT", pixels[half:]), *after, (b"IEND", b"")])


def written(chunks: Sequence[Chunk]) -> bytes:
    """A file of chunks, with lengths and checksums."""
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def anatomy(body: bytes) -> Anatomy:
    """The pixels end before zlib's checksum."""
    places = []
    at = len(SIGNATURE)
    while at + 8 <= len(body):
        (length,) = struct.unpack_from(">I", body, at)
        if body[at + 4 : at + 8] in (b"IDAT", b"fdAT"):
            places.append((at + 8, at + 8 + length))
        at += 12 + length
    return Anatomy(places[0][0], places[-1][1] - 4, b"acTL" in body)


def packed(samples: "np.ndarray[tuple[int, int, int], np.dtype[np.uint64]]", depth: int, *, interlaced: bool) -> bytes:
    """Rows of samples, each after its filter (none)."""
    if not interlaced:
        return b"".join(b"\0" + _row(row, depth) for row in samples)
    rows = []
    for left, top, across, down in _PASSES:
        part = samples[top::down, left::across]
        if part.size:
            rows += [b"\0" + _row(row, depth) for row in part]
    return b"".join(rows)


def _row(row: "np.ndarray[tuple[int, int], np.dtype[np.uint64]]", depth: int) -> bytes:
    if depth == 16:  # noqa: PLR2004 - bits
        return row.astype(">u2").tobytes()
    if depth == 8:  # noqa: PLR2004
        return row.astype(np.uint8).tobytes()
    bits = (row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1, dtype=np.uint64)) & np.uint64(1)
    return np.packbits(bits.astype(np.uint8).ravel()).tobytes()


def _levels(kind: int, *, large: bool) -> pictures.Levels:
    size = pictures.LARGE if large else (pictures.WIDTH, pictures.HEIGHT)
    colours = pictures.noisy(*size) if large else pictures.colours(*size)
    grey = (colours @ np.array([0.299, 0.587, 0.114]))[..., np.newaxis]
    alpha = pictures.opacity(*size)
    parts = {GREY: [grey], RGB: [colours], PALETTE: [grey], GREY_ALPHA: [grey, alpha], RGBA: [colours, alpha]}[kind]
    return np.concatenate(parts, axis=-1)


def _samples(depth: int, levels: pictures.Levels) -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint64]]":
    return pictures.numbers(levels, depth)


def _palette(depth: int) -> bytes:
    """From blue over grey to yellow."""
    count = 1 << depth
    ramp = [round(255 * at / (count - 1)) for at in range(count)]
    return b"".join(bytes((level, level // 2 + 40, 255 - level)) for level in ramp)


def _key(kind: int, depth: int, samples: "np.ndarray[tuple[int, int, int], np.dtype[np.uint64]]") -> bytes:
    """The colour of the middle is transparent; of a palette the first half fades."""
    if kind == PALETTE:
        count = 1 << depth
        return bytes(round(255 * at / count) for at in range(count // 2))
    middle = samples[samples.shape[0] // 2, samples.shape[1] // 2]
    return b"".join(struct.pack(">H", int(value)) for value in middle)


def _name(kind: int, depth: int, extra: str = "", *, interlaced: bool = False) -> str:
    return f"{NAMES[kind]}-{depth}{'-interlaced' if interlaced else ''}{extra and '-' + extra}"


def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _extras(kind: int, depth: int) -> dict[str, tuple[Sequence[Chunk], Sequence[Chunk]]]:
    """Chunks before and after the pixels, by name."""
    icc = b"icc\0\0" + zlib.compress(_profile())
    chromaticities = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
    chunks: dict[str, tuple[Sequence[Chunk], Sequence[Chunk]]] = {
        "gamma-srgb": ([(b"gAMA", struct.pack(">I", 45_455))], []),
        "gamma-linear": ([(b"gAMA", struct.pack(">I", 100_000))], []),
        "gamma-zero": ([(b"gAMA", bytes(4))], []),
        "chromaticities": (
            [(b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", struct.pack(">8I", *chromaticities))],
            [],
        ),
        "srgb": ([(b"sRGB", b"\0")], []),
        "cicp-srgb": ([(b"cICP", bytes((1, 13, 0, 1)))], []),
        "exif-before": ([(b"eXIf", block(6))], []),
        "exif-after": ([], [(b"eXIf", block(6))]),
        "texts": (
            [(b"tEXt", b"Title\0a"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 5000))],
            [(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"), (b"tIME", bytes((7, 230, 1, 1, 0, 0, 0)))],
        ),
        "unknown": ([(b"prVt", b"abc")], [(b"vpAg", b"")]),
        "physical": ([(b"pHYs", struct.pack(">IIB", 2835, 5670, 1)), (b"oFFs", bytes(9))], []),
    }
    if kind in (RGB, RGBA, PALETTE):
        chunks["profile"] = ([(b"iCCP", icc)], [])
        chunks["profile-broken"] = ([(b"iCCP", icc[:60])], [])
    if kind in (GREY, GREY_ALPHA):
        chunks["profile-of-other-colours"] = ([(b"iCCP", icc)], [])
    if kind in (RGB, RGBA):
        chunks["palette-suggested"] = ([(b"PLTE", _palette(4))], [])
    background = {PALETTE: b"\0", GREY: bytes(2), GREY_ALPHA: bytes(2), RGB: bytes(6), RGBA: bytes(6)}[kind]
    bits = min(depth, 8)
    significant = bytes([bits]) * {PALETTE: 3, GREY: 1, GREY_ALPHA: 2, RGB: 3, RGBA: 4}[kind]
    chunks["background"] = ([(b"sBIT", significant), (b"bKGD", background)], [])
    return chunks


def _with_extras(kind: int, depth: int) -> Iterator[Case]:
    for name, (before, after) in _extras(kind, depth).items():
        body = still(kind, depth, before=before, after=after)
        yield Case(f"png/{_name(kind, depth, name)}.png", body)
        if before and name in ("texts", "profile", "exif-before", "physical"):
            at = body.index(before[0][0]) + 4 + len(before[0][1])
            wrong = body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]
            yield Case(f"png/{_name(kind, depth, name)}~wrong-crc.png", wrong, compared=False)
    if kind in (GREY, RGB, PALETTE):
        for interlaced in (False, True):
            body = still(kind, depth, key=True, interlaced=interlaced)
            yield Case(f"png/{_name(kind, depth, 'key', interlaced=interlaced)}.png", body)


def _animated() -> Iterator[Case]:
    """Every type and depth over four frames: both blends, all disposals, parts of the canvas."""
    for kind, depths in DEPTHS.items():
        for depth, default in itertools.product(depths, (False, True)):
            if depth < 4 and default:  # noqa: PLR2004 - rare enough once
                continue
            name = f"png/animated-{_name(kind, depth, 'with-default' if default else '')}.png"
            sound = Case(name, animated(kind, depth, default=default))
            yield sound
            if depth == 8:  # noqa: PLR2004
                yield from damaged(sound, anatomy(sound.body))


def animated(kind: int, depth: int, *, default: bool = False) -> bytes:
    """An APNG. `default`: its first picture is no frame."""
    samples = _samples(depth, _levels(kind, large=False))
    height, width, _ = samples.shape
    plain = zlib.compress(packed(samples, depth, interlaced=False))
    parts: list[Chunk] = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))]
    parts.append((b"acTL", struct.pack(">II", 4, 3)))
    if kind == PALETTE:
        parts += [(b"PLTE", _palette(depth)), (b"tRNS", _key(kind, depth, samples))]
    number = itertools.count()
    if not default:
        parts.append((b"fcTL", _control(next(number), (0, 0, width, height), 0, 0)))
    parts.append((b"IDAT", plain))
    for at in range(4 if default else 3):
        box = (5 + 9 * at, 7, 30, 22 + at)
        parts.append((b"fcTL", _control(next(number), box if at else (0, 0, width, height), at % 3, (at + 1) % 2)))
        left, top, across, down = box if at else (0, 0, width, height)
        part = np.roll(samples, 7 * (at + 1), axis=1)[top : top + down, left : left + across]
        body = zlib.compress(packed(part, depth, interlaced=False))
        parts.append((b"fdAT", struct.pack(">I", next(number)) + body))
    return written([*parts, (b"IEND", b"")])


def _control(number: int, box: tuple[int, int, int, int], disposal: int, blend: int) -> bytes:
    left, top, width, height = box
    return struct.pack(">IIIIIHHBB", number, width, height, left, top, 8, 100, disposal, blend)


def _by_tools(maker: Maker) -> Iterator[Case]:
    """As others write them."""
    source = {"in.png": still(RGBA, 16), "in.ppm": pictures.ppm(pictures.colours(), 16)}
    for name in ("1bit", "gray", "rgb24", "rgba64be", "ya8", "ya16be", "rgb48be", "pal8", "monob", "gray16be"):
        fmt = "monob" if name == "1bit" else name
        command = ["ffmpeg", "-v", "error", "-i", "in.png", "-pix_fmt", fmt, "-pred", "paeth", "-bitexact", "out.png"]
        yield from maker.attempt(f"png/ffmpeg-{name}.png", command, source, "out.png")
    for kind in ("png8", "png24", "png32", "png48", "png64", "png00"):
        for more in ([], ["-interlace", "PNG"], ["-colorspace", "Gray"], ["-monochrome"]):
            name = f"png/imagemagick-{kind}{''.join(more).replace('-', '_')}.png"
            command = ["convert", "in.png", "-strip", *more, f"{kind}:out.png"]
            yield from maker.attempt(name, command, source, "out.png")
