"""The most expensive pictures that the default limits let through, made here: nobody publishes such files."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_avif  # noqa: F401 - replaces Pillow's AVIF writer
import pillow_heif
from PIL import Image

from processor.limits import DEFAULT_LIMITS
from tests.samples import growing_gif

WIDTH = 10_000
OPAQUE = (WIDTH, DEFAULT_LIMITS.max_pixels // WIDTH)
TRANSPARENT = (WIDTH, DEFAULT_LIMITS.max_alpha_pixels // WIDTH)
FEW_FRAMES = DEFAULT_LIMITS.max_animation_pixels // DEFAULT_LIMITS.max_frame_pixels
MANY_FRAMES = DEFAULT_LIMITS.max_frames

_GRAIN = 4
"""Pixels of a grain: soft enough for 80 megapixels to fit into the 64 MiB of a file, hard enough to cost something."""


_COARSE = 0xF0
"""Bits of a sample that are left where the format has no loss and would not fit otherwise."""


def _samples(size: tuple[int, int], channels: int, seed: int = 7) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Soft noise, height x width x channels."""
    width, height = size
    random = np.random.default_rng(seed)
    bands = [
        Image.fromarray(random.integers(0, 256, (height // 64 + 2, width // 64 + 2), np.uint8)).resize(
            (width // _GRAIN, height // _GRAIN), Image.Resampling.BICUBIC
        )
        for _ in range(channels)
    ]
    return np.dstack([np.asarray(band.resize(size, Image.Resampling.BILINEAR)) for band in bands])


def _image(size: tuple[int, int], mode: str, seed: int = 7) -> Image.Image:
    samples = _samples(size, len(mode), seed)
    return Image.fromarray(samples[..., 0] if len(mode) == 1 else samples, mode)


def _saved(image: Image.Image, pillow_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, pillow_format, **options)
    return buffer.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _deep_png(channels: str) -> bytes:
    """16 bits a sample; Pillow writes that for grey alone, so libheif's wheel does not help either: by hand."""
    import struct  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    size = TRANSPARENT if "A" in channels else OPAQUE
    width, height = size
    kind = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[channels]
    packer = zlib.compressobj(1)
    rows = _samples(size, len(channels)) & _COARSE
    body = b"".join(packer.compress(b"\1" + _differences(rows[y].astype(">u2") * 257)) for y in range(height))
    body += packer.flush()

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _differences(row: "np.ndarray[tuple[int, ...], np.dtype[np.uint16]]") -> bytes:
    """PNG's filter 1: every byte less the one a pixel before."""
    stored = np.frombuffer(row.astype(">u2").tobytes(), np.uint8)
    step = 2 * row.shape[1]
    return np.concatenate([stored[:step], stored[step:] - stored[:-step]]).tobytes()


def _heif(mode: str, size: tuple[int, int], pillow_format: str = "HEIF") -> bytes:
    pillow_heif.register_heif_opener()
    return _saved(_image(size, mode), pillow_format, quality=40, enc_params={"preset": "ultrafast"})


def _deep_heif() -> bytes:
    """10 bits a sample, with HDR's curve, so that every pixel goes through the tone mapping."""
    samples = _samples(OPAQUE, 3).astype(np.uint16) * 257
    picture = pillow_heif.from_bytes("RGB;16", OPAQUE, samples.tobytes())
    buffer = io.BytesIO()
    picture.save(
        buffer,
        quality=40,
        enc_params={"preset": "ultrafast"},
        save_nclx_profile=True,
        color_primaries=9,
        transfer_characteristics=16,
        matrix_coefficients=9,
        full_range_flag=1,
    )
    return buffer.getvalue()


def _film(pillow_format: str, mode: str, frames: int, bits: int = 0xFF, **options: object) -> bytes:
    """An animation of as many pixels as are allowed, every frame unlike the one before."""
    pixels = DEFAULT_LIMITS.max_animation_pixels // frames
    side = min(int(pixels**0.5), 16_383)
    pictures = [_image((side, side), mode, seed).point(lambda level: level & bits) for seed in range(min(frames, 4))]
    strip = [pictures[at % len(pictures)] for at in range(frames)]
    return _saved(strip[0], pillow_format, save_all=True, append_images=strip[1:], duration=50, loop=0, **options)


def _growing_gif() -> bytes:
    """Transparent frames as large as allowed, on a screen of 10 x 10 pixels."""
    side = int(DEFAULT_LIMITS.max_frame_pixels**0.5)
    frame = _image((side, side), "L").point(lambda level: level & 0xC0)
    return growing_gif([Image.new("L", (10, 10)), *[frame] * (FEW_FRAMES - 1)], transparency=1, disposal=3)


PICTURES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "baseline.jpg": ("JPEG, RGB", lambda: _saved(_image(OPAQUE, "RGB"), "JPEG", quality=80)),
    "progressive.jpg": (
        "JPEG, progressive, without subsampling, turned",
        lambda: _saved(
            _image(OPAQUE, "RGB"), "JPEG", quality=75, progressive=True, subsampling=0, exif=_turned().tobytes()
        ),
    ),
    "cmyk.jpg": (
        "JPEG, CMYK, turned",
        lambda: _saved(_image(OPAQUE, "CMYK"), "JPEG", quality=75, exif=_turned().tobytes()),
    ),
    "rgb16.png": ("PNG, 16-bit RGB", lambda: _deep_png("RGB")),
    "rgba.png": ("PNG, RGBA", lambda: _saved(_image(TRANSPARENT, "RGBA"), "PNG", compress_level=1)),
    "rgba16.png": ("PNG, 16-bit RGBA", lambda: _deep_png("RGBA")),
    "rgba.webp": ("WebP, RGBA", lambda: _saved(_image(TRANSPARENT, "RGBA"), "WEBP", quality=60, method=0)),
    "transparent.gif": (
        "GIF with a transparent colour",
        lambda: _saved(_image(TRANSPARENT, "L").convert("P"), "GIF", transparency=7),
    ),
    "cmyk.tiff": ("TIFF, CMYK, JPEG", lambda: _saved(_image(OPAQUE, "CMYK"), "TIFF", compression="jpeg")),
    "float.tiff": (
        "TIFF, 32-bit float, Deflate",
        lambda: _saved(
            Image.fromarray((_samples(OPAQUE, 1)[..., 0] & _COARSE).astype(np.float32) / 255),
            "TIFF",
            compression="tiff_adobe_deflate",
        ),
    ),
    "rle.bmp": ("BMP, as large as its bytes allow", lambda: _saved(_image((5_500, 4_000), "RGB"), "BMP")),
    "rgb.avif": ("AVIF, RGB", lambda: _saved(_image((8_000, 10_000), "RGB"), "AVIF", quality=50, speed=10)),
    "rgba.avif": ("AVIF, RGBA", lambda: _saved(_image((7_000, 7_100), "RGBA"), "AVIF", quality=50, speed=10)),
    "rgb.heic": ("HEIC, RGB", lambda: _heif("RGB", OPAQUE)),
    "rgba.heic": ("HEIC, RGBA", lambda: _heif("RGBA", TRANSPARENT)),
    "hdr.heic": ("HEIC, 10-bit, PQ", _deep_heif),
    "rgb.jp2": (
        "JPEG 2000, RGB",
        lambda: _saved(_image(OPAQUE, "RGB"), "JPEG2000", quality_mode="rates", quality_layers=[20], irreversible=True),
    ),
    "rgba.jp2": (
        "JPEG 2000, RGBA",
        lambda: _saved(
            _image(TRANSPARENT, "RGBA"), "JPEG2000", quality_mode="rates", quality_layers=[20], irreversible=True
        ),
    ),
    "few.gif": (f"GIF, {FEW_FRAMES} frames", lambda: _film("GIF", "L", FEW_FRAMES, 0xC0)),
    "many.gif": (f"GIF, {MANY_FRAMES} frames", lambda: _film("GIF", "L", MANY_FRAMES, 0xC0)),
    "growing.gif": (f"GIF, {FEW_FRAMES} frames beyond its screen", _growing_gif),
    "few.png": (
        f"APNG, RGBA, {FEW_FRAMES} frames",
        lambda: _film("PNG", "RGBA", FEW_FRAMES, 0xC0, compress_level=6),
    ),
    "many.png": (
        f"APNG, RGBA, {MANY_FRAMES} frames",
        lambda: _film("PNG", "RGBA", MANY_FRAMES, 0xC0, compress_level=6),
    ),
    "few.webp": (
        f"animated WebP, RGBA, {FEW_FRAMES} frames",
        lambda: _film("WEBP", "RGBA", FEW_FRAMES, quality=30, method=0),
    ),
    "many.webp": (
        f"animated WebP, RGBA, {MANY_FRAMES} frames",
        lambda: _film("WEBP", "RGBA", MANY_FRAMES, quality=30, method=0),
    ),
    "few.avif": (
        f"AVIF sequence, {FEW_FRAMES} frames",
        lambda: _film("AVIF", "RGB", FEW_FRAMES, quality=40, speed=10, codec="aom"),
    ),
    "narrow.png": (
        "PNG, 1 pixel wide, as high as allowed",
        lambda: _saved(_image((64, DEFAULT_LIMITS.max_side), "RGBA").crop((0, 0, 1, DEFAULT_LIMITS.max_side)), "PNG"),
    ),
    "long.png": (
        "PNG, RGBA, as wide as allowed",
        lambda: _saved(
            _image((DEFAULT_LIMITS.max_side, DEFAULT_LIMITS.max_alpha_pixels // DEFAULT_LIMITS.max_side), "RGBA"),
            "PNG",
            compress_level=1,
        ),
    ),
}
"""File name to what it is and how it is made."""


def made(folder: Path, name: str) -> Path:
    """The file of that name, from the cache if it was made before, by this module and for these limits."""
    recipe = Path(__file__).read_bytes() + repr(DEFAULT_LIMITS).encode()
    path = folder / hashlib.sha256(recipe).hexdigest()[:12] / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        body = PICTURES[name][1]()
        if len(body) > DEFAULT_LIMITS.max_object_bytes:
            raise ValueError(f"{name} has {len(body):,} bytes, which the pipeline refuses; make its noise softer")
        path.write_bytes(body)
    return path
