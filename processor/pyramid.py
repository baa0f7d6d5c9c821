"""Deep Zoom pyramids: which tiles a picture is cut into, and what they are called. Pure.

After the DZI format as OpenSeadragon reads it: level 0 is one pixel, every further one twice as large, the last one the
picture itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

DESCRIPTOR_TYPE = "application/xml"

_ENTRY = re.compile(r"/(.*)_files/\*(\d+)x(\d+)-(\d+)\.(jpg|webp)", re.DOTALL)

_TILE = re.compile(r"(.*)_files/\d+/\d+_\d+\.(?:jpg|webp)", re.DOTALL)

Place = tuple[int, int, int]
"""Level, column and row of a tile."""


@dataclass(frozen=True, slots=True)
class Pyramid:
    """How a picture is cut.

    Attributes:
        width: of the picture, in pixels.
        height: the same.
        tile: side of a tile without its overlap, in pixels.
        overlap: pixels that a tile shares with each neighbour.
        extension: `jpg` or `webp`.
    """

    width: int
    height: int
    tile: int
    overlap: int
    extension: str

    @property
    def top(self) -> int:
        """The level that is the picture itself."""
        return (max(self.width, self.height) - 1).bit_length()

    def size(self, level: int) -> tuple[int, int]:
        """Width and height of a level, rounded up."""
        shift = self.top - level
        return -(-self.width >> shift), -(-self.height >> shift)

    def grid(self, level: int) -> tuple[int, int]:
        """Columns and rows of a level."""
        width, height = self.size(level)
        return -(-width // self.tile), -(-height // self.tile)

    def box(self, place: Place) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a tile in its level, overlap included."""
        level, column, row = place
        width, height = self.size(level)
        return (
            max(0, column * self.tile - self.overlap),
            max(0, row * self.tile - self.overlap),
            min(width, (column + 1) * self.tile + self.overlap),
            min(height, (row + 1) * self.tile + self.overlap),
        )

    def places(self, level: int) -> Iterator[Place]:
        """Every tile of a level."""
        columns, rows = self.grid(level)
        return ((level, column, row) for row in range(rows) for column in range(columns))

    def all_places(self) -> Iterator[Place]:
        """Every tile, from the largest level to the smallest."""
        return (place for level in range(self.top, -1, -1) for place in self.places(level))

    def tile_key(self, base: str, place: Place) -> str:
        """Where a tile is."""
        level, column, row = place
        return f"{base}_files/{level}/{column}_{row}.{self.extension}"

    def entry(self, base: str) -> str:
        """What stands for all tiles in a record, which has no room for thousands of keys. No key begins with `/`."""
        return f"/{base}_files/*{self.width}x{self.height}-{self.tile}.{self.extension}"

    def descriptor(self) -> bytes:
        """The `.dzi` file."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
            f'Format="{self.extension}" Overlap="{self.overlap}" TileSize="{self.tile}">'
            f'<Size Width="{self.width}" Height="{self.height}"/></Image>\n'
        ).encode()


def descriptor_key(base: str) -> str:
    """Where a pyramid's descriptor is: viewers find the tiles by its name."""
    return f"{base}.dzi"


def descriptor_of(key: str) -> str:
    """The descriptor's key where this is a tile's, else the key itself."""
    match = _TILE.fullmatch(key)
    return key if match is None else descriptor_key(match[1])


def expanded(objects: Iterable[str]) -> frozenset[str]:
    """The keys that a record's `objects` stand for: themselves, and every tile of a pyramid."""
    found: set[str] = set()
    for each in objects:
        match = _ENTRY.fullmatch(each)
        if match is None:
            found.add(each)
        else:
            base, width, height, tile, extension = match.groups()
            pyramid = Pyramid(int(width), int(height), int(tile), 0, extension)
            found.update(pyramid.tile_key(base, place) for place in pyramid.all_places())
    return frozenset(found)


def wildcard_path(entry: str) -> str | None:
    """The one path that stands for all tiles of an entry at the CDN; None for a plain key."""
    match = _ENTRY.fullmatch(entry)
    return None if match is None else f"/{quote(match[1], safe='/~')}_files/*"
