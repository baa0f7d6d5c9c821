"""Optional: readers and writers that may be installed or not, loaded when the first file of their kind comes."""

import io
from functools import cache
from importlib import import_module
from typing import Any


@cache
def heif() -> bool:
    """Whether HEIC and HEIF can be read; registers the reader with Pillow.

    pillow-heif and its decode-only sibling pi-heif do equally well. Neither touches AVIF: pillow-avif-plugin reads it.
    """
    for name in ("pillow_heif", "pi_heif"):
        module = _loaded(name)
        if module is not None:
            module.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
            return True
    return False


def deep_heif(data: bytes) -> Any:
    """The primary picture of a HEIF file with 10 or 12 bits, as `mode`, `size`, `stride` and `data` of 16-bit numbers.

    libheif puts them into the high bits, so white is just below 65,535.
    """
    module = _loaded("pillow_heif") or _loaded("pi_heif")
    if module is None:
        raise ModuleNotFoundError("no reader for HEIF is installed")
    return module.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=True, remove_stride=False)


@cache
def jxl() -> bool:
    """Whether JPEG XL can be read and written; importing the plugin registers both with Pillow."""
    return _loaded("pillow_jxl") is not None


def _loaded(name: str) -> Any | None:
    try:
        return import_module(name)
    except ImportError:
        return None
