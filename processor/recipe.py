"""The recipe: the closed list of renditions that every picture gets, validated once and fingerprinted."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import resources
from importlib.util import find_spec
from itertools import combinations
from typing import Any, Literal, Self, get_args

from processor.errors import InvalidConfiguration

PIPELINE_VERSION = 3
"""Raised whenever the same source and recipe would come out as other bytes, so that old records are stale."""

MAX_RECIPE_BYTES = 3000
"""Of JSON. Lambda has 4,096 bytes for the whole environment, measured as JSON in which each quotation mark of the
recipe takes two. About as much is left where names are short and limits are the default; Terraform measures."""

MAX_WIDTHS = 12
"""Of one size. Each is a rendition in every format of every picture."""

MAX_RENDITIONS = 100
"""Of one picture. A record has 400 KB for them and their keys, an edge function 10 KB for what makes the keys."""

MAX_SIDE = 65_535
"""Pixels. No format here can express a longer side (JPEG's limit is 65,535)."""

MAX_RETAIN_DAYS = 3650
"""Ten years. URLs that shall live longer are not to be replaced at all."""

MIN_TILE, MAX_TILE, MAX_OVERLAP = 128, 4096, 16
"""Pixels. Smaller tiles make more objects: a picture of 80 megapixels has 1,700 of 254 pixels, and 6,600 of 128."""

VERSIONS = "v/"
"""Where copies under content-addressed keys are: `v/<16 hex digits>/<stable key>`."""

FormatName = Literal["jpeg", "webp", "avif", "jxl"]
Keepable = Literal["copyright"]
Chroma = Literal["auto", "full", "half"]

EXTENSIONS: dict[FormatName, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
    "avif": (".avif",),
    "jxl": (".jxl",),
}
CONTENT_TYPES: dict[FormatName, str] = {
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "jxl": "image/jxl",
}
DEFAULT_QUALITY: dict[FormatName, int] = {"jpeg": 85, "webp": 80, "avif": 60, "jxl": 80}

_WIDTH = "{width}"
_TEMPLATE = re.compile(r"[A-Za-z0-9_\-./]*(\{stem\}|\{name\})[A-Za-z0-9_\-.]*")
_SIZE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Format:
    """One file format of one size.

    Attributes:
        name: which encoder makes it.
        quality: 1 to 100 on that encoder's own scale.
        key: where it is stored: a template holding `{stem}` or `{name}` once.
        max_side: longest side in pixels; larger pictures are made smaller to fit. None: no cap.
        chroma: how finely colour is kept beside brightness. `half`: 4:2:0. `full`: 4:4:4. `auto`: full where the
            picture is a drawing that shows the difference.
    """

    name: FormatName
    quality: int
    key: str
    max_side: int | None = None
    chroma: Chroma = "auto"

    @property
    def prefix(self) -> str:
        """The literal text before the placeholder."""
        return self.key.partition("{")[0]

    @property
    def suffix(self) -> str:
        """The literal text after the placeholder."""
        return self.key.rpartition("}")[2]

    @property
    def extension(self) -> str:
        """The file name extension with its dot."""
        return "." + self.suffix.rpartition(".")[2]

    @property
    def placeholder(self) -> str:
        """`{stem}` or `{name}`."""
        return self.key[len(self.prefix) : len(self.key) - len(self.suffix)]


@dataclass(frozen=True, slots=True)
class Size:
    """One size of a picture, in one or more formats.

    Attributes:
        name: how records and the command line know it.
        formats: what it is encoded as.
        width: the box's width in pixels; None: unbounded.
        height: the box's height in pixels; None: unbounded.
        fit: how the picture meets the box. `inside`: aspect ratio kept, never enlarged.
    """

    name: str
    formats: tuple[Format, ...]
    width: int | None = None
    height: int | None = None
    fit: Literal["inside"] = "inside"


TileFormat = Literal["jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Tiles:
    """A Deep Zoom pyramid of pictures that are large enough.

    Attributes:
        key: where it is: a template like those of formats, without extension. The descriptor is at `<key>.dzi`, the
            tiles are below `<key>_files/`.
        format: of the tiles.
        quality: 1 to 100 on that encoder's own scale.
        tile: side of a tile without its overlap, in pixels.
        overlap: pixels that a tile shares with each neighbour.
        min_side: pixels; pictures whose longer side is shorter get none.
        chroma: as of formats; the recipe's.
    """

    key: str
    format: TileFormat = "jpeg"
    quality: int = 85
    tile: int = 254
    overlap: int = 1
    min_side: int = 4096
    chroma: Chroma = "auto"

    @property
    def extension(self) -> str:
        """The file name extension of a tile, without a dot."""
        return EXTENSIONS[self.format][0][1:]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The closed list of renditions. Make one with `Recipe.default()` or `Recipe.from_json(text)`.

    Attributes:
        sizes: in the order of the recipe; names are unique.
        background: `#rrggbb`, what transparency is flattened on where the format has none.
        linear: whether sizes are made in linear light rather than over sRGB's levels.
        keep: what of the source's metadata the renditions carry. `copyright`: its EXIF's Copyright and Artist.
        gps: whether records and events say where the picture was taken.
        manifest: where a JSON description of what is published is stored: a template like those of formats; None: there
            is none.
        retain_days: how long copies under content-addressed keys stay after they have been replaced; None: there are
            no such copies.
        tiles: Deep Zoom pyramids; None: there are none.
    """

    sizes: tuple[Size, ...]
    background: str = "#ffffff"
    linear: bool = False
    keep: tuple[Keepable, ...] = ()
    gps: bool = False
    manifest: str | None = None
    retain_days: int | None = None
    tiles: Tiles | None = None

    @classmethod
    def default(cls) -> Self:
        """The nine renditions that a stack makes when it names no recipe of its own."""
        return cls.from_json(resources.files("processor").joinpath("default_recipe.json").read_text("utf-8"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read and validate a recipe.

        Args:
            text: JSON in the shape of `processor/default_recipe.json`.

        Raises:
            InvalidConfiguration: naming every problem found, not only the first.
        """
        try:
            document = json.loads(text)
        except ValueError as exc:
            raise InvalidConfiguration([f"recipe: not valid JSON: {exc}"]) from exc
        reader = _Reader()
        if len(json.dumps(document, separators=(",", ":")).encode()) > MAX_RECIPE_BYTES:
            reader.problem("recipe", f"over {MAX_RECIPE_BYTES} bytes as compact JSON; shorten names or drop sizes")
        values = reader.recipe(document)
        if reader.problems:
            raise InvalidConfiguration(reader.problems)
        return cls(**values)

    def to_json(self) -> str:
        """The resolved recipe, every default spelled out, as canonical JSON (for the fingerprint and for reading)."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change whenever this recipe or the pipeline would make other objects.

        Whether there are content-addressed copies counts, for how long they stay does not.
        """
        counted = replace(self, retain_days=self.retain_days and 1)
        return hashlib.sha256(f"{PIPELINE_VERSION}\n{counted.to_json()}".encode()).hexdigest()[:16]

    def missing_encoders(self) -> list[str]:
        """What keeps this recipe from being made on this machine, a sentence each."""
        if find_spec("pillow_jxl") is None and any(fmt.name == "jxl" for _, fmt in self.formats):
            return [
                "recipe: it asks for jxl, whose encoder is not installed here; add the extra `jxl`, see docs/formats.md"
            ]
        return []

    @property
    def formats(self) -> tuple[tuple[Size, Format], ...]:
        """Every rendition to be made, in order."""
        return tuple((size, fmt) for size in self.sizes for fmt in size.formats)


class _Reader:
    """Turns untrusted JSON into recipe values and collects what is wrong with it on the way."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._chroma: Chroma = "auto"

    def problem(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}")

    def recipe(self, document: Any) -> dict[str, Any]:
        known = {"background", "chroma", "gps", "keep", "linear", "manifest", "retain_days", "sizes", "tiles"}
        fields = self.mapping("recipe", document, known=known)
        background = fields.get("background", "#ffffff")
        if not (isinstance(background, str) and _COLOUR.fullmatch(background)):
            self.problem("recipe.background", f"must be a colour like #ffffff, got {background!r}")
        self._chroma = self.chroma("recipe.chroma", fields.get("chroma"))
        entries = fields.get("sizes")
        if not (isinstance(entries, list) and entries):
            self.problem("recipe.sizes", "must be a list of at least one size")
            return {}
        sizes = tuple(
            self.size(where, each)
            for index, entry in enumerate(entries)
            for where, each in self.each_width(f"recipe.sizes[{index}]", entry)
        )
        if (count := sum(len(size.formats) for size in sizes)) > MAX_RENDITIONS:
            self.problem(
                "recipe.sizes", f"make {count} renditions, at most {MAX_RENDITIONS} may be; drop widths or formats"
            )
        names = [size.name for size in sizes]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problem("recipe.sizes", f"two sizes are called {name!r}; give each its own name")
        self.disjoint(sizes)
        manifest = self.manifest(fields.get("manifest"))
        retain_days = self.integer("recipe.retain_days", fields.get("retain_days"), MAX_RETAIN_DAYS)
        if retain_days is not None:
            self.clear_of_versions(sizes, manifest)
        tiles = self.tiles("recipe.tiles", fields.get("tiles"), sizes)
        return {
            "sizes": sizes,
            "background": str(background).lower(),
            "linear": self.switch("recipe.linear", fields.get("linear")),
            "keep": self.keep("recipe.keep", fields.get("keep")),
            "gps": self.switch("recipe.gps", fields.get("gps")),
            "manifest": manifest,
            "retain_days": retain_days,
            "tiles": tiles,
        }

    def switch(self, where: str, value: Any) -> bool:
        if value is not None and not isinstance(value, bool):
            self.problem(where, f"must be true or false, got {value!r}")
        return value is True

    def chroma(self, where: str, value: Any) -> Chroma:
        """The value, or the recipe's where there is none."""
        known: tuple[Chroma, ...] = get_args(Chroma)
        if value is not None and value not in known:
            self.problem(where, f"must be one of {', '.join(known)}, got {value!r}")
        return next((each for each in known if each == value), self._chroma)

    def keep(self, where: str, value: Any) -> tuple[Keepable, ...]:
        known = get_args(Keepable)
        if value is not None and not (isinstance(value, list) and all(item in known for item in value)):
            self.problem(where, f"must be a list out of {', '.join(known)}, got {value!r}")
            return ()
        return tuple(item for item in known if item in (value or ()))

    def manifest(self, value: Any) -> str | None:
        if value is None:
            return None
        if not (isinstance(value, str) and _TEMPLATE.fullmatch(value) and value.endswith(".json")):
            self.problem("recipe.manifest", f'must be like "manifest/{{name}}.json", got {value!r}')
        elif _has_odd_folder(value):
            self.problem("recipe.manifest", f"must not begin with / nor hold empty, . or .. segments, got {value!r}")
        return str(value)

    def each_width(self, where: str, entry: Any) -> Iterator[tuple[str, Any]]:
        """A size with `widths` as one plain size a width: `{width}` filled in, `-<width>` added to the name."""
        if not isinstance(entry, dict) or entry.get("widths") is None:
            yield where, entry
            return
        if entry.get("width") is not None:
            self.problem(where, "has width and widths; leave one out")
        formats = self.mapping(f"{where}.formats", entry.get("formats"), known=set(get_args(FormatName)))
        for fmt, settings in formats.items():
            key = settings.get("key") if isinstance(settings, dict) else None
            if not (isinstance(key, str) and _WIDTH in key):
                self.problem(f"{where}.formats.{fmt}.key", f"must hold {_WIDTH}, to tell the widths apart, got {key!r}")
                return
        for width in self.widths(f"{where}.widths", entry["widths"]):
            filled = {
                fmt: settings | {"key": settings["key"].replace(_WIDTH, str(width))}
                for fmt, settings in formats.items()
            }
            plain = {name: value for name, value in entry.items() if name not in ("width", "widths")}
            yield where, plain | {"name": f"{entry.get('name')}-{width}", "width": width, "formats": filled}

    def widths(self, where: str, value: Any) -> tuple[int, ...]:
        """Distinct widths in pixels, from the smallest; none if something is wrong with them."""
        if not (isinstance(value, list) and 1 <= len(value) <= MAX_WIDTHS):
            self.problem(where, f"must be a list of 1 to {MAX_WIDTHS} widths in pixels, got {value!r}")
            return ()
        widths = {self.integer(where, width, MAX_SIDE) for width in value}
        if None in widths:
            return ()
        if len(widths) < len(value):
            self.problem(where, "names a width twice; leave one out")
        return tuple(sorted(width for width in widths if width is not None))

    def size(self, where: str, entry: Any) -> Size:
        fields = self.mapping(where, entry, known={"name", "width", "widths", "height", "fit", "formats"})
        name = fields.get("name")
        if not (isinstance(name, str) and _SIZE_NAME.fullmatch(name)):
            self.problem(f"{where}.name", f"must be lower-case letters, digits, - and _ after a letter, got {name!r}")
        if fields.get("fit", "inside") != "inside":
            self.problem(f"{where}.fit", f'must be "inside", got {fields["fit"]!r}')
        formats = self.mapping(f"{where}.formats", fields.get("formats"), known=set(get_args(FormatName)))
        if not formats:
            self.problem(f"{where}.formats", "must name at least one of jpeg, webp, avif, jxl")
        return Size(
            name=str(name),
            width=self.integer(f"{where}.width", fields.get("width"), MAX_SIDE),
            height=self.integer(f"{where}.height", fields.get("height"), MAX_SIDE),
            formats=tuple(
                self.format(f"{where}.formats.{fmt}", fmt, formats[fmt])
                for fmt in get_args(FormatName)
                if fmt in formats
            ),
        )

    def format(self, where: str, name: FormatName, entry: Any) -> Format:
        fields = self.mapping(where, entry, known={"chroma", "quality", "key", "max_side"})
        key = fields.get("key")
        if not (isinstance(key, str) and _TEMPLATE.fullmatch(key) and key.endswith(EXTENSIONS[name])):
            extensions = " or ".join(EXTENSIONS[name])
            self.problem(
                f"{where}.key",
                f'must be like "{name}/{{stem}}{EXTENSIONS[name][0]}": letters, digits and _-./ around one {{stem}} '
                f"or {{name}}, no / after it, ending in {extensions}; got {key!r}",
            )
            key = f"{{stem}}{EXTENSIONS[name][0]}"
        elif _has_odd_folder(key):
            self.problem(f"{where}.key", f"must not begin with / nor hold empty, . or .. segments, got {key!r}")
        return Format(
            name=name,
            quality=self.integer(f"{where}.quality", fields.get("quality"), 100) or DEFAULT_QUALITY[name],
            key=key,
            max_side=self.integer(f"{where}.max_side", fields.get("max_side"), MAX_SIDE),
            chroma=self.chroma(f"{where}.chroma", fields.get("chroma")),
        )

    def mapping(self, where: str, value: Any, known: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.problem(where, f"must be an object, got {value!r}")
            return {}
        for name in sorted(set(value) - known):
            self.problem(f"{where}.{name}", f"unknown field; known are {', '.join(sorted(known))}")
        # null is how Terraform writes an optional attribute that nobody set
        return {name: item for name, item in value.items() if name in known and item is not None}

    def integer(self, where: str, value: Any, maximum: int) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= maximum:
            self.problem(where, f"must be a whole number from 1 to {maximum}, got {value!r}")
            return None
        return value

    def tiles(self, where: str, entry: Any, sizes: tuple[Size, ...]) -> Tiles | None:
        if entry is None:
            return None
        fields = self.mapping(where, entry, known={"key", "format", "quality", "tile", "overlap", "min_side"})
        key, fmt = fields.get("key"), fields.get("format", "jpeg")
        if fmt not in get_args(TileFormat):
            self.problem(f"{where}.format", f"must be jpeg or webp, got {fmt!r}")
            fmt = "jpeg"
        overlap = fields.get("overlap", 1)
        if isinstance(overlap, bool) or overlap not in range(MAX_OVERLAP + 1):
            self.problem(f"{where}.overlap", f"must be a whole number from 0 to {MAX_OVERLAP}, got {overlap!r}")
        tile = self.integer(f"{where}.tile", fields.get("tile"), MAX_TILE) or 254
        if tile < MIN_TILE:
            self.problem(f"{where}.tile", f"must be at least {MIN_TILE}, or there would be too many, got {tile!r}")
        if not (isinstance(key, str) and _TEMPLATE.fullmatch(key)) or _has_odd_folder(key) or key.startswith("{"):
            self.problem(
                f"{where}.key", f'must be like "tiles/{{name}}": a folder and one {{stem}} or {{name}}, got {key!r}'
            )
            return None
        result = Tiles(
            key=key,
            format=fmt,
            quality=self.integer(f"{where}.quality", fields.get("quality"), 100) or 85,
            tile=tile,
            overlap=overlap,
            min_side=self.integer(f"{where}.min_side", fields.get("min_side"), MAX_SIDE) or 4096,
            chroma=self._chroma,
        )
        prefix = key.partition("{")[0]
        others = [(f"{size.name}'s {each.key!r}", each.prefix) for size in sizes for each in size.formats]
        for name, other in [*others, ("content-addressed copies", VERSIONS)]:
            if prefix.startswith(other) or other.startswith(prefix):
                self.problem(
                    f"{where}.key", f"could name an object of {name}; give it a folder of its own, got {key!r}"
                )
        return result

    def clear_of_versions(self, sizes: tuple[Size, ...], manifest: str | None) -> None:
        """No template may be able to make a key among the content-addressed ones."""
        templates = [fmt.key for size in sizes for fmt in size.formats] + ([manifest] if manifest else [])
        for template in templates:
            prefix = template.partition("{")[0]
            if prefix.startswith(VERSIONS) or VERSIONS.startswith(prefix):
                self.problem(
                    "recipe.retain_days",
                    f"{template!r} could name an object below {VERSIONS}, where content-addressed copies are; give it "
                    "a folder of another name",
                )

    def disjoint(self, sizes: tuple[Size, ...]) -> None:
        """No two templates may be able to make the same key, whatever the pictures are called."""
        formats = [(size.name, fmt) for size in sizes for fmt in size.formats]
        for (size, fmt), (other_size, other) in combinations(formats, 2):
            if fmt.extension == other.extension and (
                fmt.prefix.startswith(other.prefix) or other.prefix.startswith(fmt.prefix)
            ):
                self.problem(
                    "recipe.sizes",
                    f"{size}'s {fmt.key!r} and {other_size}'s {other.key!r} could name the same object; give them "
                    "folders of which neither begins with the other",
                )


def _has_odd_folder(template: str) -> bool:
    return template.startswith("/") or any(part in ("", ".", "..") for part in template.split("/")[:-1])
