"""What transcoding a picture gives: values without any pixels' library, which the function's own process reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from processor.pyramid import Pyramid
from processor.recipe import FormatName
from processor.steps.notes import Note

SourceFormat: TypeAlias = Literal["jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heif", "jp2", "jxl"]
"""What is read, by content."""


@dataclass(frozen=True, slots=True)
class Source:
    """What came in.

    Attributes:
        format: `jpeg`, `png`, `webp`, `gif`, `tiff`, `bmp`, `avif`, `heif`, `jp2` or `jxl`, by content.
        width: pixels as displayed, that is after orientation.
        height: the same.
        frames: frames or pages in the file, of which the first is used.
        bytes: of the file.
        milliseconds: how long an animation plays; 0 for a still picture.
        notes: what was done to it that its owner may want to know.
        details: what is worth knowing of it, see `about.camera` and `about.looks`. Texts in it are the file's own.
    """

    format: SourceFormat
    width: int
    height: int
    frames: int
    bytes: int
    milliseconds: int = 0
    notes: tuple[Note, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """The entry `source` in records, in events and on the command line; empty things are left out."""
        document: dict[str, Any] = {
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "frames": self.frames,
            "bytes": self.bytes,
        }
        if self.milliseconds:
            document["milliseconds"] = self.milliseconds
        if self.notes:
            document["notes"] = [str(note) for note in self.notes]
        return document | dict(self.details)


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file that came out.

    Attributes:
        size: the name of its size in the recipe.
        format: `jpeg`, `webp`, `avif` or `jxl`.
        width: pixels.
        height: pixels.
        body: the file.
    """

    size: str
    format: FormatName
    width: int
    height: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Tiled:
    """A Deep Zoom pyramid.

    Attributes:
        pyramid: how the picture was cut.
        bodies: the tiles, in the order of `Pyramid.all_places`.
    """

    pyramid: Pyramid
    bodies: tuple[bytes, ...]


STAGES = ("prepare", "render", "tile")
"""Of transcoding: everything up to upright pixels in sRGB; resizing and encoding; the pyramid."""


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A picture and everything that its recipe asks for, in the recipe's order.

    Attributes:
        source: what came in.
        renditions: one for each format of each size.
        tiled: the pyramid; None: the recipe asked for none, or the picture is not large enough.
        milliseconds: how long each of `STAGES` took. No part of what was made.
    """

    source: Source
    renditions: tuple[Rendition, ...]
    tiled: Tiled | None = None
    milliseconds: Mapping[str, int] = field(default_factory=dict, compare=False)
