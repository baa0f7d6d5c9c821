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

LARGE = 1_000_000
"""Pixels. From here on an encoder's time is what a picture costs; below, its bytes are."""

WEBP_METHOD, WEBP_METHOD_LARGE = 2, 1
"""libwebp's effort, 0 to 6, default 4. At equal bytes and scores of photos, 2 takes half the CPU of 4, and 1 two thirds
of that; on small pictures 1 costs 5 to 10 % more bytes (`make bench-codecs`)."""

AVIF_OPTIONS: dict[str, dict[str, object]] = {
    "svt": {"speed": 9, "advanced": {"tune": "3"}},
    "aom": {"speed": 8},
}
"""By codec. Tune 3 is SVT-AV1's for still images ("IQ"): at equal bytes 5 to 10 points of SSIMULACRA2 above its default
at no CPU; with it speed 9 loses nothing that can be seen against 8, at two thirds of the CPU (`make bench-codecs`)."""

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
    method = WEBP_METHOD_LARGE if _is_large(image) else WEBP_METHOD
    return _saved(image, "WEBP", quality=quality, method=method, icc_profile=None, exif=b"", xmp=b"")


def _avif(image: Image.Image, quality: int, _background: str) -> bytes:
    codec = avif_codec(*image.size)
    return _saved(
        image,
        "AVIF",
        quality=quality,
        codec=codec,
        **AVIF_OPTIONS[codec],
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


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height >= LARGE


def _saved(image: Image.Image, pillow_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, pillow_format, **options)
    return buffer.getvalue()
