"""Photos in, every size and format a web page needs out.

`transcode` and what it returns are loaded on first use, so that parts which never touch a pixel start without Pillow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from processor.errors import InvalidConfiguration, Reason, Rejected, TranscodeError, Transient
from processor.limits import Limits
from processor.recipe import Recipe

if TYPE_CHECKING:
    from processor.pipeline import transcode
    from processor.results import Rendition, Source, Transcoded

__version__ = "0.1.0"

__all__ = [
    "InvalidConfiguration",
    "Limits",
    "Reason",
    "Recipe",
    "Rejected",
    "Rendition",
    "Source",
    "TranscodeError",
    "Transcoded",
    "Transient",
    "__version__",
    "transcode",
]

_ON_FIRST_USE = {"Rendition", "Source", "Transcoded", "transcode"}


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("processor.pipeline"), name)
