"""Animations of every kind that their formats can express, written chunk by chunk: no library writes most of them."""

import io
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from tests.helpers import png_chunk

Box = tuple[int, int, int, int]
"""Left, top, width and height."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By PNG's type of colour: grey, RGB, palette, grey with opacity, RGB with opacity."""

_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class PngKind:
    """A kind of PNG.

    Attributes:
        colours: its type.
        bits: of a sample.
        transparency: the body of its tRNS chunk; empty: none.
        interlaced: whether its pixels come in seven passes.
        extra: chunks between the header and the pixels.
    """

    colours: int
    bits: int = 8
    transparency: bytes = b""
    interlaced: bool = False
    extra: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def white(self) -> int:
        """The largest sample."""
        return (1 << self.bits) - 1


PALETTE = bytes(random.Random(5).randrange(256) for _ in range(3 * 256))  # noqa: S311 - a picture


class Apng:
    """An animated PNG, frame by frame."""

    def __init__(self, kind: PngKind, size: tuple[int, int], frames: int, plays: int = 0) -> None:
        self.kind = kind
        self.size = size
        self.sequence = 0
        header = struct.pack(">IIBBBBB", *size, kind.bits, kind.colours, 0, 0, int(kind.interlaced))
        chunks = [(b"IHDR", header), (b"acTL", struct.pack(">II", frames, plays)), *kind.extra]
        if kind.colours == 3:
            chunks.append((b"PLTE", PALETTE[: 3 << kind.bits]))
        if kind.transparency:
            chunks.append((b"tRNS", kind.transparency))
        self.body = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)

    def control(self, box: Box, *, dispose: int = 0, blend: int = 0, delay: tuple[int, int] = (10, 100)) -> "Apng":
        """Describe the frame that follows."""
        left, top, width, height = box
        fields = (self.sequence, width, height, left, top, *delay, dispose, blend)
        self.body += png_chunk(b"fcTL", struct.pack(">5I2H2B", *fields))
        self.sequence += 1
        return self

    def default(self, samples: Sequence[int]) -> "Apng":
        """The pixels of the default image."""
        self.body += png_chunk(b"IDAT", zlib.compress(packed(self.kind, self.size, samples)))
        return self

    def pixels(self, size: tuple[int, int], samples: Sequence[int], pieces: int = 1) -> "Apng":
        """The pixels of a further frame, in so many chunks."""
        stream = zlib.compress(packed(self.kind, size, samples))
        step = -(-len(stream) // pieces)
        for at in range(0, len(stream), step):
            self.body += png_chunk(b"fdAT", struct.pack(">I", self.sequence) + stream[at : at + step])
            self.sequence += 1
        return self

    def chunk(self, kind: bytes, body: bytes) -> "Apng":
        """Any chunk."""
        self.body += png_chunk(kind, body)
        return self

    def end(self) -> bytes:
        """The file."""
        return self.body + png_chunk(b"IEND", b"")


def packed(kind: PngKind, size: tuple[int, int], samples: Sequence[int]) -> bytes:
    """Rows of samples as PNG stores them, unfiltered."""
    width, height = size
    channels = CHANNELS[kind.colours]
    result = bytearray()
    for left, top, across, down in _ADAM7 if kind.interlaced else ((0, 0, 1, 1),):
        columns = range(left, width, across)
        for row in range(top, height, down) if columns else ():
            values = [
                samples[channels * (row * width + column) + band] for column in columns for band in range(channels)
            ]
            bits = "".join(f"{value:0{kind.bits}b}" for value in values)
            bits += "0" * (-len(bits) % 8)
            result += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return bytes(result)


def random_apng(kind: PngKind, seed: int, *, separate: bool = False, frames: int = 7) -> bytes:
    """Frames of noise at random places, blended and left behind in every way.

    Args:
        kind: of PNG.
        seed: of everything random.
        separate: whether the default image is no part of the animation.
        frames: how many.
    """
    chance = random.Random(seed)  # noqa: S311 - a picture
    size = (13, 11)
    file = Apng(kind, size, frames, plays=chance.choice((0, 1, 3)))
    if separate:
        file.default(_noise(kind, size, chance))
    for at in range(frames):
        whole = (at == 0 and not separate) or chance.random() < 0.2
        left, top = (0, 0) if whole else (chance.randrange(size[0]), chance.randrange(size[1]))
        width = size[0] if whole else chance.randint(1, size[0] - left)
        height = size[1] if whole else chance.randint(1, size[1] - top)
        delay = (chance.randint(2, 90), chance.choice((0, 100, 1000)))
        file.control((left, top, width, height), dispose=chance.randrange(3), blend=chance.randrange(2), delay=delay)
        samples = _noise(kind, (width, height), chance)
        if at == 0 and not separate:
            file.default(samples)
        else:
            file.pixels((width, height), samples, pieces=chance.randint(1, 3))
    return file.end()


def _noise(kind: PngKind, size: tuple[int, int], chance: random.Random) -> list[int]:
    """Samples of few levels, so that a key colour is met; opacity at both ends and between."""
    levels = sorted({0, kind.white, kind.white // 2, kind.white // 3, chance.randint(0, kind.white)})
    return [chance.choice(levels) for _ in range(size[0] * size[1] * CHANNELS[kind.colours])]


@dataclass(frozen=True, slots=True)
class GifFrame:
    """One frame of a GIF.

    Attributes:
        box: where.
        pixels: row by row; empty: all the first colour.
        disposal: as the file says it.
        transparent: the number of its transparent colour.
        centiseconds: how long; None: it has no control extension at all.
        table: its own colours, three bytes each.
        interlaced: whether its rows come in four passes.
    """

    box: Box
    pixels: Sequence[int] = ()
    disposal: int = 0
    transparent: int | None = None
    centiseconds: int | None = 10
    table: bytes = b""
    interlaced: bool = False


COLOURS = bytes((255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0))
"""A table of four: red, green, blue, yellow."""


def gif(
    size: tuple[int, int],
    frames: Sequence[GifFrame | bytes],
    *,
    table: bytes = COLOURS,
    background: int = 0,
    version: bytes = b"GIF89a",
) -> bytes:
    """A GIF; frames that are bytes are put in as they are."""
    body = version + struct.pack("<2H3B", *size, _table_flags(table), background, 0) + table
    return body + b"".join(frame if isinstance(frame, bytes) else gif_frame(frame) for frame in frames) + b";"


def repeated(times: int) -> bytes:
    """The extension that says how often a GIF repeats; 0: for ever."""
    return b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", times) + b"\0"


def gif_frame(frame: GifFrame) -> bytes:
    """A frame's extension, description and pixels."""
    body = b""
    if frame.centiseconds is not None:
        flags = frame.disposal << 2 | (frame.transparent is not None)
        body += b"!\xf9\x04" + struct.pack("<BHBB", flags, frame.centiseconds, frame.transparent or 0, 0)
    body += b"," + struct.pack("<4HB", *frame.box, _table_flags(frame.table) | 0x40 * frame.interlaced) + frame.table
    _, _, width, height = frame.box
    pixels = list(frame.pixels) or [0] * (width * height)
    if frame.interlaced:
        rows = [row for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for row in range(start, height, step)]
        pixels = [pixel for row in rows for pixel in pixels[row * width : (row + 1) * width]]
    return body + gif_pixels(pixels)


def gif_pixels(pixels: Sequence[int], bits: int = 2) -> bytes:
    """Pixels without compression: the table of codes is cleared before it grows."""
    codes = [1 << bits]
    for at, pixel in enumerate(pixels):
        codes += [pixel] if at % 2 else [1 << bits, pixel]
    codes.append((1 << bits) + 1)
    number = sum(code << (bits + 1) * at for at, code in enumerate(codes))
    stream = number.to_bytes(-(-len(codes) * (bits + 1) // 8), "little")
    blocks = [stream[at : at + 255] for at in range(0, len(stream), 255)]
    return bytes([bits]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def _table_flags(table: bytes) -> int:
    return 0x80 | (len(table) // 3).bit_length() - 2 if table else 0


def random_gif(seed: int, frames: int = 8) -> bytes:
    """Frames of random pixels at random places, also beyond the screen, in every disposal, with and without holes."""
    chance = random.Random(seed)  # noqa: S311 - a picture
    size = (chance.randint(4, 14), chance.randint(4, 14))
    drawn: list[GifFrame | bytes] = []
    for at in range(frames):
        whole = chance.random() < (0.5 if at == 0 else 0.2)
        left, top = (0, 0) if whole else (chance.randrange(size[0]), chance.randrange(size[1]))
        width = size[0] if whole else chance.randint(1, size[0] - left + (at > 0) * 3)
        height = size[1] if whole else chance.randint(1, size[1] - top + (at > 0) * 3)
        drawn.append(
            GifFrame(
                (left, top, width, height),
                [chance.randrange(4) for _ in range(width * height)],
                disposal=chance.randrange(5),
                transparent=chance.choice((None, 0, 1, 3)),
                centiseconds=chance.choice((None, 2, 9, 30)),
                table=chance.choice((b"", b"", COLOURS[::-1], COLOURS[:6])),
                interlaced=chance.random() < 0.3,
            )
        )
    said = chance.choice((b"", repeated(0), repeated(2)))
    return gif(size, [said, *drawn], background=chance.randrange(4))


def random_webp(seed: int, *, opaque: bool = False, frames: int = 6) -> bytes:
    """Lossless frames at random even places, blended and left behind in both ways.

    Args:
        seed: of everything random.
        opaque: whether the frames have no opacity of their own, so that the file's header announces none.
        frames: how many.
    """
    chance = random.Random(seed)  # noqa: S311 - a picture
    size = (14, 12)
    body = b"ANIM" + struct.pack("<I4BH", 6, 30, 60, 200, 255, chance.choice((0, 1, 3)))
    for at in range(frames):
        whole = at == 0 and chance.random() < 0.5
        left, top = (0, 0) if whole else (2 * chance.randrange(6), 2 * chance.randrange(5))
        width = size[0] if whole else chance.randint(1, size[0] - left)
        height = size[1] if whole else chance.randint(1, size[1] - top)
        mode = "RGB" if opaque else "RGBA"
        pixels = bytes(chance.choice((0, 90, 160, 255)) for _ in range(len(mode) * width * height))
        image = Image.frombytes(mode, (width, height), pixels)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", lossless=True, exact=True)
        picture = buffer.getvalue()[12:]
        fields = b"".join(
            value.to_bytes(3, "little")
            for value in (left // 2, top // 2, width - 1, height - 1, chance.randint(11, 900))
        )
        frame = fields + bytes([chance.randrange(4)]) + picture
        body += b"ANMF" + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) % 2)
    extended = bytes([0x02 if opaque else 0x12, 0, 0, 0]) + b"".join((side - 1).to_bytes(3, "little") for side in size)
    body = b"WEBPVP8X" + struct.pack("<I", len(extended)) + extended + body
    return b"RIFF" + struct.pack("<I", len(body)) + body
