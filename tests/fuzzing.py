"""Mutation of pictures, and the one thing that must hold of each: whole, or rejected for a reason, quickly."""

import random
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from PIL import Image

from processor.errors import Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.recipe import Recipe
from processor.steps import optional
from scripts.corpus.checks import problems
from tests.helpers import corners, exif_block, photo, png_chunk, saved, small_recipe
from tests.samples import growing_gif

LIMITS = replace(
    Limits(),
    max_pixels=1_000_000,
    max_alpha_pixels=1_000_000,
    max_total_pixels=4_000_000,
    max_animation_pixels=1_000_000,
    max_frame_pixels=250_000,
    max_frames=100,
)
"""Small, so that a mutated size is either out of bounds or cheap."""

MAX_CPU_SECONDS = 20
_INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds() -> dict[str, bytes]:
    """Small pictures of every format and most of their options, made here."""
    picture, clear = photo(48, 40), corners(40, 32).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    frames = [corners(24, 20), photo(24, 20)]
    exif = exif_block(6, b"x")
    made = {
        "jpeg": saved(picture, "JPEG", exif=exif, comment=b"c"),
        "jpeg-progressive": saved(picture, "JPEG", progressive=True, icc_profile=bytes(300)),
        "jpeg-cmyk": saved(picture.convert("CMYK"), "JPEG"),
        "jpeg-grey": saved(picture.convert("L"), "JPEG"),
        "mpo": saved(picture, "MPO", save_all=True, append_images=[frames[0]]),
        "png": saved(clear, "PNG", exif=exif),
        "png-palette": saved(picture.convert("P"), "PNG", transparency=3),
        "png-16": saved(Image.linear_gradient("L").resize((30, 20)).convert("I;16"), "PNG"),
        "apng": saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=70),
        "webp": saved(clear, "WEBP", exif=exif),
        "webp-lossless": saved(clear, "WEBP", lossless=True),
        "webp-animated": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "gif": saved(picture.convert("P"), "GIF", comment=b"c"),
        "gif-animated": saved(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=2, loop=0),
        "gif-growing": growing_gif([frames[1], picture]),
        "tiff": saved(picture, "TIFF", exif=exif),
        "tiff-lzw": saved(clear, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": saved(picture, "TIFF", compression="jpeg"),
        "tiff-pages": saved(
            frames[0], "TIFF", save_all=True, append_images=frames[1:], compression="tiff_adobe_deflate"
        ),
        "tiff-fax": saved(picture.convert("1"), "TIFF", compression="group4"),
        "bmp": saved(picture, "BMP"),
        "bmp-palette": saved(picture.convert("P"), "BMP"),
        "avif": saved(clear, "AVIF", exif=exif, speed=10),
        "avif-animated": saved(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10),
        "jp2": saved(picture, "JPEG2000"),
    }
    if optional.heif():
        made["heif"] = saved(clear, "HEIF", exif=exif)
        made["heif-burst"] = saved(frames[0], "HEIF", save_all=True, append_images=frames[1:])
    if optional.jxl():
        made["jxl"] = saved(clear, "JXL", exif=exif)
    raw = made["png"]
    made["png-texts"] = raw[:33] + png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"text" * 50)) + raw[33:]
    return made


def mutated(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Another file: a few bytes, numbers, pieces or ends of this one changed."""
    body = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        rng.choice(_MUTATIONS)(body, rng, others)
        if not body:
            body = bytearray(data[:1])
    return bytes(_with_checksums(body) if body.startswith(b"\x89PNG") and rng.random() < 0.8 else body)


def verdict(data: bytes, recipe: Recipe | None = None, limits: Limits = LIMITS) -> str:
    """`complete` or the reason.

    Raises:
        AssertionError: if neither is true, or it took too long.
    """
    recipe = recipe or small_recipe()
    started = time.process_time()
    try:
        result = transcode(data, recipe, limits, threads=1)
    except Rejected as rejected:
        assert rejected.message.isprintable(), rejected.message  # noqa: PT017 - this is the check
        return rejected.reason.value
    finally:
        spent = time.process_time() - started
        assert spent < MAX_CPU_SECONDS, f"{spent:.1f} s of CPU"
    found = problems(recipe, result)
    assert not found, found
    return "complete"


def _flip(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)


def _byte(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    body[rng.randrange(len(body))] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))


def _header_byte(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    body[rng.randrange(min(len(body), 200))] = rng.randrange(256)


def _number(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    layout = rng.choice(("<H", ">H", "<I", ">I"))
    size = struct.calcsize(layout)
    if len(body) > size:
        at = rng.randrange(min(len(body) - size, rng.choice((64, 400, len(body)))) or 1)
        struct.pack_into(layout, body, at, rng.choice(_INTERESTING) & ((1 << 8 * size) - 1))


def _cut(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    del body[rng.randrange(len(body)) :]


def _drop(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    at = rng.randrange(len(body))
    del body[at : at + rng.choice((1, 2, 4, 16, 100))]


def _repeat(body: bytearray, rng: random.Random, _others: Sequence[bytes]) -> None:
    at, length = rng.randrange(len(body)), rng.choice((1, 4, 12, 64, 300))
    body[at:at] = body[at : at + length] * rng.choice((1, 2, 20))


def _splice(body: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    start, at = rng.randrange(len(other)), rng.randrange(len(body))
    body[at : at + rng.choice((0, 20, 100))] = other[start : start + rng.choice((4, 30, 300))]


_MUTATIONS: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    *(_flip, _byte, _header_byte, _header_byte, _number, _number, _number),
    *(_cut, _drop, _repeat, _splice),
)


def _with_checksums(body: bytearray) -> bytearray:
    """A PNG whose chunks' checksums are right again, so that a change reaches what is behind them."""
    at = 8
    while at + 12 <= len(body):
        (length,) = struct.unpack_from(">I", body, at)
        if at + 12 + length > len(body):
            break
        struct.pack_into(">I", body, at + 8 + length, zlib.crc32(body[at + 4 : at + 8 + length]))
        at += 12 + length
    return body
