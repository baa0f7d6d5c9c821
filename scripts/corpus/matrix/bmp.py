"""BMP, written here and by ImageMagick."""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.case import UNSUPPORTED, Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged

_CORE, _INFO, _V4, _V5 = 12, 40, 108, 124


def cases(maker: Maker) -> Iterator[Case]:
    """Every depth, header and direction; run lengths; damaged."""
    for bits, header, downwards in itertools.product((1, 4, 8, 16, 24, 32), (_CORE, _INFO, _V4, _V5), (False, True)):
        if header == _CORE and (downwards or bits in (16, 32)):
            continue
        sound = Case(f"bmp/{bits}-{header}{'-downwards' * downwards}.bmp", written(bits, header, downwards=downwards))
        yield sound
        if header == _INFO and not downwards:
            yield from damaged(sound, anatomy(sound.body))
    large = Case("bmp/large.bmp", pictures.saved(pictures.image(pictures.noisy(*pictures.LARGE)), "BMP"))
    yield large
    yield from damaged(large, anatomy(large.body))
    source = {"in.png": pictures.saved(pictures.rgba(), "PNG")}
    for kind in ("bmp", "bmp2", "bmp3"):
        for name, more in {
            "": [],
            "-rle": ["-colors", "99", "-compress", "RLE"],
            "-mono": ["-monochrome"],
            "-opaque": ["-alpha", "off"],
        }.items():
            command = ["convert", "in.png", *more, f"{kind}:out.bmp"]
            yield from maker.attempt(f"bmp/imagemagick-{kind}{name}.bmp", command, source, "out.bmp")
    command = ["ffmpeg", "-v", "error", "-i", "in.png", "-pix_fmt", "rgb444le", "-bitexact", "out.bmp"]
    for unusual in maker.attempt("bmp/ffmpeg-rgb444le.bmp", command, source, "out.bmp"):
        yield replace(unusual, expected=UNSUPPORTED)
    for fmt in ("bgra", "bgr24", "rgb565le", "rgb555le", "rgb8", "pal8", "gray", "monob"):
        command = ["ffmpeg", "-v", "error", "-i", "in.png", "-pix_fmt", fmt, "-bitexact", "out.bmp"]
        yield from maker.attempt(f"bmp/ffmpeg-{fmt}.bmp", command, source, "out.bmp")


def anatomy(body: bytes) -> Anatomy:
    """From the offset in the header to the end of the last row."""
    return Anatomy(int.from_bytes(body[10:14], "little"), len(body))


def written(bits: int, header: int, *, downwards: bool = False) -> bytes:
    """A file without compression."""
    colours, grey = pictures.colours(), pictures.grey()[..., 0]
    height, width = grey.shape
    if bits <= 8:  # noqa: PLR2004
        numbers = pictures.numbers(grey, bits)
        ramp = [round(255 * at / ((1 << bits) - 1)) for at in range(1 << bits)]
        gap = b"" if header == _CORE else b"\0"
        palette = b"".join(bytes((255 - level, level // 2, level)) + gap for level in ramp)
        each = (numbers[..., np.newaxis] >> np.arange(bits - 1, -1, -1, dtype=np.uint64)) & np.uint64(1)
        rows = [np.packbits(row.astype(np.uint8).ravel()).tobytes() for row in each]
    else:
        palette = b""
        eight = pictures.numbers(colours, 8)
        if bits == 16:  # noqa: PLR2004
            five = pictures.numbers(colours, 5)
            rows = [row.astype("<u2").tobytes() for row in (five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2])]
        else:
            order = eight[..., ::-1]
            if bits == 32:  # noqa: PLR2004
                order = np.concatenate([order, np.zeros_like(order[..., :1])], axis=-1)
            rows = [row.astype(np.uint8).tobytes() for row in order]
    rows = [row + bytes(-len(row) % 4) for row in (rows if downwards else rows[::-1])]
    pixels = b"".join(rows)
    if header == _CORE:
        info = struct.pack("<IHHHH", header, width, height, 1, bits)
    else:
        info = struct.pack(
            "<IiiHHIIiiII", header, width, -height if downwards else height, 1, bits, 0, len(pixels), 2835, 2835, 0, 0
        )
        if header in (_V4, _V5):
            info += bytes(16) + b"BGRs" + bytes(header - _INFO - 20)
    offset = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels
