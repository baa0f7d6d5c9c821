"""Optional: readers and writers that may be installed or not, loaded when the first file of their kind comes."""

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


@cache
def jxl() -> bool:
    """Whether JPEG XL can be read and written; importing the plugin registers both with Pillow."""
    return _loaded("pillow_jxl") is not None


def _loaded(name: str) -> Any | None:
    try:
        return import_module(name)
    except ImportError:
        return None
