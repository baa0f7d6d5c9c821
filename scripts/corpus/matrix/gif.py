"""GIF, block by block and by gifsicle."""

import itertools
import struct
from collections.abc import Iterator

from PIL import Image

from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.case import Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged


def cases(maker: Maker) -> Iterator[Case]:
    """Stills of every palette; animations of every disposal, on opaque and transparent beginnings; damaged."""
    for bits, interlaced, key in itertools.product(range(1, 9), (False, True), (False, True)):
        picture = pictures.rgb().quantize(1 << bits, dither=Image.Dither.NONE)
        options = {"transparency": 1} if key else {}
        body = pictures.saved(picture, "GIF", interlace=interlaced, optimize=False, **options)
        name = f"gif/still-{1 << bits}{'-interlaced' * interlaced}{'-key' * key}.gif"
        sound = Case(name, body)
        yield sound
        if bits in (1, 8) and not key:
            yield from damaged(sound, anatomy(sound.body))
    large = pictures.image(pictures.noisy(*pictures.LARGE)).quantize(256)
    sound = Case("gif/large.gif", pictures.saved(large, "GIF"))
    yield sound
    yield from damaged(sound, anatomy(sound.body))
    for first, second in itertools.product(range(4), repeat=2):
        for opaque, smaller in itertools.product((True, False), (True, False)):
            what = f"{'opaque' if opaque else 'key'}{'-smaller' if smaller else ''}"
            name = f"gif/animated-{first}{second}-{what}.gif"
            sound = Case(name, animated((first, second), opaque=opaque, smaller=smaller))
            yield sound
            if (first, second) == (1, 2):
                yield from damaged(sound, anatomy(sound.body))
    yield from _by_tools(maker)


def anatomy(body: bytes) -> Anatomy:
    """From the first picture's data to the last block of the last one's."""
    at = 13 + (3 << (body[10] & 7) + 1 if body[10] & 0x80 else 0)
    start, end, count = 0, 0, 0
    while at < len(body) and body[at] != 0x3B:  # noqa: PLR2004 - the trailer
        if body[at] == 0x2C:  # noqa: PLR2004 - a picture
            count += 1
            at += 10 + (3 << (body[at + 9] & 7) + 1 if body[at + 9] & 0x80 else 0) + 1
            start = start or at
            while body[at]:
                at += body[at] + 1
            end = at
        else:
            at += 2
            while body[at]:
                at += body[at] + 1
        at += 1
    return Anatomy(start, end, count > 1)


def animated(disposals: tuple[int, int], *, opaque: bool, smaller: bool) -> bytes:
    """Three frames on a screen of 40 x 30; the first covers it or not, the others are parts with holes or without."""
    table = bytes((0, 0, 0, 255, 0, 0, 0, 160, 0, 0, 80, 255))
    body = b"GIF89a" + struct.pack("<HHBBB", 40, 30, 0xF1, 1, 0) + table
    body += b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    boxes = ((4, 3, 30, 22) if smaller else (0, 0, 40, 30), (8, 6, 20, 12), (16, 10, 18, 16))
    for at, (left, top, width, height) in enumerate(boxes):
        disposal = (*disposals, 1)[at]
        key = not opaque or at == 2  # noqa: PLR2004 - the last one always has holes
        body += b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | key, 10, 0, 0)
        body += b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0)
        levels = [(x // 4 + y // 4 + at) % 3 + (at > 0 or opaque) for y in range(height) for x in range(width)]
        body += b"\x02" + _blocks(_lzw([min(level, 3) for level in levels])) + b"\0"
    return body + b"\x3b"


def _lzw(indices: list[int]) -> bytes:
    """Codes of three bits, cleared before they would grow."""
    codes = [4]
    for start in range(0, len(indices), 2):
        codes += [*indices[start : start + 2], 4]
    codes.append(5)
    number = sum(code << 3 * at for at, code in enumerate(codes))
    return number.to_bytes(-(-3 * len(codes) // 8), "little")


def _blocks(data: bytes) -> bytes:
    return b"".join(bytes((len(part),)) + part for part in (data[at : at + 255] for at in range(0, len(data), 255)))


def _by_tools(maker: Maker) -> Iterator[Case]:
    source = {f"{at}.png": pictures.saved(frame, "PNG") for at, frame in enumerate(pictures.frames(transparent=False))}
    source |= {
        f"{at}.gif": pictures.saved(frame.quantize(64), "GIF")
        for at, frame in enumerate(pictures.frames(transparent=False))
    }
    source["key.gif"] = pictures.saved(pictures.rgb().quantize(64), "GIF", transparency=3)
    for disposal in ("none", "asis", "background", "previous"):
        for level in ("-O1", "-O3", "-U"):
            command = [
                "gifsicle",
                level,
                f"--disposal={disposal}",
                "--delay=7",
                "--loopcount=2",
                "0.gif",
                "1.gif",
                "2.gif",
                "-o",
                "out.gif",
            ]
            yield from maker.attempt(f"gif/gifsicle-{disposal}{level}.gif", command, source, "out.gif")
    for name, more in {
        "interlaced": ["--interlace"],
        "comment": ["--comment", "x" * 999],
        "extension": ["--app-extension", "A", "b"],
        "colours-9": ["--colors", "9"],
        "position": ["--position", "9,5", "--logical-screen", "90x70"],
    }.items():
        yield from maker.attempt(
            f"gif/gifsicle-{name}.gif", ["gifsicle", *more, "key.gif", "-o", "out.gif"], source, "out.gif"
        )
    for name, more in {
        "coalesced": ["-coalesce"],
        "layers": ["-layers", "optimize"],
        "plus": ["-layers", "optimizeplus"],
        "disposed": ["-dispose", "background"],
    }.items():
        command = ["convert", "-delay", "9", "0.png", "1.png", "2.png", *more, "out.gif"]
        yield from maker.attempt(f"gif/imagemagick-{name}.gif", command, source, "out.gif")
    for flags in ("0", "+offsetting", "+transdiff", "+offsetting+transdiff"):
        command = ["ffmpeg", "-v", "error", "-i", "%d.png", "-gifflags", flags, "-bitexact", "out.gif"]
        yield from maker.attempt(f"gif/ffmpeg-{flags.strip('+').replace('+', '-')}.gif", command, source, "out.gif")
