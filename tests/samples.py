"""Pictures that no single call makes: files of the kinds that cameras, phones and design tools write."""

import io
import itertools
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import pytest
from PIL import Image

from processor.steps import optional
from tests.helpers import png_chunk, saved

needs_heif = pytest.mark.skipif(not optional.heif(), reason="needs the extra `heif`: pip install pillow-heif")
needs_jxl = pytest.mark.skipif(not optional.jxl(), reason="needs the extra `jxl`: pip install pillow-jxl-plugin")


def after_header(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks put right behind its header."""
    return png[:33] + b"".join(png_chunk(kind, body) for kind, body in chunks) + png[33:]


def box(kind: bytes, *bodies: bytes) -> bytes:
    """One box of an ISO base media file."""
    body = b"".join(bodies)
    return struct.pack(">I", 8 + len(body)) + kind + body


def ultra_hdr(picture: bytes, gain_map: bytes) -> bytes:
    """A JPEG with a gain map behind it, found by a multi-picture index (CIPA DC-007), as phones write it.

    Args:
        picture: a JPEG, the picture that every viewer shows.
        gain_map: a JPEG that brightens it on displays that can.
    """
    index_bytes = 90
    start = len(picture) + index_bytes
    entries = struct.pack("<IIIHH", 0x30000, start, 0, 0, 0)
    # offsets count from the byte order mark, which is 4 bytes of APP2 and 4 of "MPF\0" behind the start of image
    entries += struct.pack("<IIIHH", 0, len(gain_map), start - 10, 0, 0)
    fields = struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    fields += struct.pack("<HHII", 0xB001, 4, 1, 2)
    fields += struct.pack("<HHII", 0xB002, 7, len(entries), 50)
    tiff = struct.pack("<2sHIH", b"II", 42, 8, 3) + fields + struct.pack("<I", 0) + entries
    body = b"MPF\0" + tiff
    segment = b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    assert len(segment) == index_bytes, len(segment)
    return picture[:2] + segment + picture[2:] + gain_map


def pages(images: Iterable[Image.Image], fmt: str, **options: object) -> bytes:
    """Several images as one file."""
    first, *rest = images
    buffer = io.BytesIO()
    first.save(buffer, fmt, save_all=True, append_images=rest, **options)
    return buffer.getvalue()


def growing_gif(images: Sequence[Image.Image], **options: object) -> bytes:
    """A GIF whose screen is as large as the first image, and whose later frames are images of any size."""
    whole = [saved(image.quantize(), "GIF", optimize=False, **options) for image in images]
    return whole[0][:-1] + b"".join(_with_its_own_colours(gif) for gif in whole[1:]) + b";"


def _with_its_own_colours(gif: bytes) -> bytes:
    """What a GIF of one frame has between its screen's description and its end, with the colours in the frame."""
    table = gif[13 : 13 + (3 << ((gif[10] & 7) + 1))]
    at = 13 + len(table)
    while gif[at : at + 1] == b"!":
        at += 2
        while gif[at]:
            at += 1 + gif[at]
        at += 1
    return gif[13 + len(table) : at + 9] + bytes([gif[at + 9] | 0x80 | gif[10] & 7]) + table + gif[at + 10 : -1]


def deep_png(width: int, height: int, samples: Iterable[tuple[int, ...]]) -> bytes:
    """A 16-bit PNG of 1 to 4 channels, row by row."""
    pixels = [struct.pack(f">{len(pixel)}H", *pixel) for pixel in samples]
    channels = len(pixels[0]) // 2
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + b"".join(pixels[row * width : (row + 1) * width]) for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def deep_tiff(width: int, height: int, samples: Iterable[tuple[int, ...]], *, order: str, deflate: bool) -> bytes:
    """A 16-bit TIFF of RGB (3 channels) or CMYK (4), in one strip.

    Args:
        width: pixels.
        height: pixels.
        samples: row by row.
        order: `<` or `>`.
        deflate: compressed or raw.
    """
    pixels = [struct.pack(f"{order}{len(pixel)}H", *pixel) for pixel in samples]
    channels = len(pixels[0]) // 2
    body = zlib.compress(b"".join(pixels)) if deflate else b"".join(pixels)
    fields = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, channels, 8),
        (259, 3, 1, 8 if deflate else 1),
        (262, 3, 1, 2 if channels == 3 else 5),
        (273, 4, 1, 8 + 2 * channels),
        (277, 3, 1, channels),
        (278, 3, 1, height),
        (279, 4, 1, len(body)),
        (284, 3, 1, 1),
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + 2 * channels + len(body))
    directory = struct.pack(f"{order}H", len(fields))
    for tag, kind, count, value in fields:
        packed = struct.pack(
            f"{order}HH" if kind == 3 and count == 1 else f"{order}I",
            *((value, 0) if kind == 3 and count == 1 else (value,)),
        )
        directory += struct.pack(f"{order}HHI", tag, kind, count) + packed
    return head + struct.pack(f"{order}{channels}H", *[16] * channels) + body + directory + bytes(4)


def labelled(png: bytes, primaries: int, transfer: int) -> bytes:
    """A PNG that says by a cICP chunk what its numbers mean."""
    return after_header(png, (b"cICP", bytes([primaries, transfer, 0, 1])))


def inks(lightness: Mapping[tuple[int, ...], int]) -> bytes:
    """An ICC profile for printing: version 2, CMYK to Lab by a table of the sixteen full inks and overprints.

    Args:
        lightness: L* from 0 to 100 of overprints, each given as 0 or 1 for cyan, magenta, yellow and black. All are
            neutral, and what is left out is black.
    """
    table = b"".join(
        bytes((lightness.get(overprint, 0) * 255 // 100, 128, 128)) for overprint in itertools.product((0, 1), repeat=4)
    )
    ramp = bytes(range(256))
    identity = b"".join(struct.pack(">i", 65536 * (at % 4 == 0)) for at in range(9))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + table + ramp * 3
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"inks\0" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061),
        b"A2B0": lut + bytes(-len(lut) % 4),
    }
    start = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        directory += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ") + bytes(12) + b"acsp"
    header += bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + directory + body
