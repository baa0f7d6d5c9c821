"""Encode: pixels to JPEG, WebP, AVIF or JPEG XL bytes, with nothing else in them."""

import io
import os
from collections.abc import Callable

from PIL import Image

from processor.recipe import Format, FormatName
from processor.steps import optional
from processor.steps.colour import bare, flattened

os.environ.setdefault("SVT_LOG", "0")  # read when the plugin is loaded; else it writes a page to stderr every time
import pillow_avif  # noqa: F401 - after SVT_LOG is set. Importing it replaces Pillow's AVIF reader and writer

WEBP_METHOD = 2
"""Half the CPU of the default 4 at 4 to 6 % more bytes and the same score (SSIMULACRA2)."""

AVIF_SPEED = 8
JXL_EFFORT = 5
"""Of 9. A third of the CPU of the default 7."""
SVT_SIDES = (64, 8192)
"""Pixels, shortest and longest. Inside, SVT-AV1 4.1 encoded every size tried; on thin pictures it hangs for ever, on
very long ones it raises. libaom is slower and does them all."""


def encoded(image: Image.Image, fmt: Format, background: str) -> bytes:
    """Encode one rendition.

    The bytes depend on the arguments alone: every encoder works in one thread and on an Image object of its own.

    Args:
        image: RGB or RGBA, of the rendition's size. May be shared with other threads; it is only read.
        fmt: which encoder, at which quality.
        background: `#rrggbb`, what transparency is laid on where the format has none.
    """
    return _ENCODERS[fmt.name](bare(image), fmt.quality, background)


def _jpeg(image: Image.Image, quality: int, background: str) -> bytes:
    return _saved(flattened(image, background), "JPEG", quality=quality, optimize=True, progressive=True)


def _webp(image: Image.Image, quality: int, _background: str) -> bytes:
    return _saved(image, "WEBP", quality=quality, method=WEBP_METHOD, icc_profile=None, exif=b"", xmp=b"")


def _avif(image: Image.Image, quality: int, _background: str) -> bytes:
    return _saved(
        image,
        "AVIF",
        quality=quality,
        codec=avif_codec(*image.size),
        speed=AVIF_SPEED,
        max_threads=1,
        icc_profile=None,
        exif=b"",
        xmp=b"",
    )


def _jxl(image: Image.Image, quality: int, _background: str) -> bytes:
    optional.jxl()
    return _saved(image, "JXL", quality=quality, effort=JXL_EFFORT, num_threads=0, exif=b"", xmp=b"")


_ENCODERS: dict[FormatName, Callable[[Image.Image, int, str], bytes]] = {
    "jpeg": _jpeg,
    "webp": _webp,
    "avif": _avif,
    "jxl": _jxl,
}


def avif_codec(width: int, height: int) -> str:
    """SVT-AV1 inside its safe envelope, libaom elsewhere."""
    shortest, longest = SVT_SIDES
    return "svt" if shortest <= min(width, height) and max(width, height) <= longest else "aom"


def _saved(image: Image.Image, pillow_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, pillow_format, **options)
    return buffer.getvalue()
