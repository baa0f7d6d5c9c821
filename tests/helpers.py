"""What tests share: canonical pictures, and a comparison that prints what it measured."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageChops, ImageStat

from processor.recipe import Recipe

MARKER = b"S3CRET-MARKER"
"""Planted in every metadata field of `with_all_metadata`; no output may contain it."""

CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
"""Colours of `corners`: top left, top right, bottom left, bottom right."""


def assert_image_similar(actual: Image.Image, expected: Image.Image, epsilon: float) -> None:
    """Assert that two images have the same mode and size and differ by at most `epsilon` levels of 255 on average."""
    assert (actual.mode, actual.size) == (expected.mode, expected.size)
    means = ImageStat.Stat(ImageChops.difference(actual, expected)).mean
    measured = sum(means) / len(means)
    assert measured <= epsilon, f"mean difference {measured:.3f} of 255 levels is over {epsilon}"


def corners(width: int = 160, height: int = 120) -> Image.Image:
    """The canonical picture: four quarters of four colours, so that a turn or a mirror shows."""
    image = Image.new("RGB", (width, height))
    for index, colour in enumerate(CORNERS):
        left, top = (index % 2) * (width // 2), (index // 2) * (height // 2)
        image.paste(colour, (left, top, width if index % 2 else width // 2, height if index > 1 else height // 2))
    return image


def photo(width: int = 640, height: int = 480) -> Image.Image:
    """A picture with gradients and some texture, so that encoders have something to do. Always the same."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    round_ = Image.radial_gradient("L").resize((width, height))
    waves = Image.frombytes("L", (64, 64), bytes((x * y * 7 + x * 3) % 256 for x in range(64) for y in range(64)))
    return Image.merge("RGB", (across, down, ImageChops.blend(round_, waves.resize((width, height)), 0.3)))


def saved(image: Image.Image, fmt: str, **options: Any) -> bytes:
    """An image as a file's bytes, by Pillow's encoder."""
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def loaded(body: bytes) -> Image.Image:
    """A file's bytes as a decoded image."""
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def exif_block(orientation: int | None = None, comment: bytes = b"") -> bytes:
    """An EXIF block with an orientation, a description and a place."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    if comment:
        exif[0x010E] = comment.decode()
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.0), 29: comment.decode()})
    return exif.tobytes()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing: a decompression bomb as far as a reader can tell."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def small_recipe() -> Recipe:
    """Three renditions of at most 64 pixels: for tests whose subject is not the renditions."""
    return Recipe.from_json(
        '{"sizes": [{"name": "small", "width": 64, "height": 64, "formats": {"jpeg": {"key": "s/{stem}.jpg"},'
        ' "webp": {"key": "s/{stem}.webp"}, "avif": {"key": "s/{stem}.avif"}}}]}'
    )
