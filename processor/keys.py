"""From a source key to the keys and URLs of its renditions. Pure, and the only place that builds URLs."""

import hashlib
from urllib.parse import quote

from processor import pyramid
from processor.errors import Reason, Rejected
from processor.recipe import VERSIONS, Format, Recipe

MAX_KEY_BYTES = 1024
"""Of UTF-8, in S3 (object key naming guidelines) and in a DynamoDB sort key; partition keys may have 2,048."""

_LONGEST_TILE = "_files/16/511_511.webp"
"""What the longest key of a pyramid adds: sides have at most 65,535 pixels, tiles at least 128."""

_FIRST_PRINTABLE = 0x20
_DELETE = 0x7F


def is_folder(key: str) -> bool:
    """Whether this is the empty object that consoles make to show a folder."""
    return key.endswith("/")


def stem(key: str) -> str:
    """The key up to the last dot of its last segment, a leading dot excepted: `a.b/c.d.jpg` gives `a.b/c.d`."""
    folder, slash, name = key.rpartition("/")
    base, dot, _ = name.rpartition(".")
    return folder + slash + (base if dot and base else name)


def rendition_key(fmt: Format, source_key: str) -> str:
    """Where one rendition of a source is stored."""
    value = stem(source_key) if fmt.placeholder == "{stem}" else source_key
    return fmt.prefix + value + fmt.suffix


def rendition_keys(recipe: Recipe, source_key: str) -> tuple[str, ...]:
    """Where every rendition of a source is stored, in the recipe's order."""
    return tuple(rendition_key(fmt, source_key) for _, fmt in recipe.formats)


def manifest_key(recipe: Recipe, source_key: str) -> str | None:
    """Where a source's manifest is stored, or None where the recipe has none."""
    if recipe.manifest is None:
        return None
    return _filled(recipe.manifest, source_key)


def tiles_base(recipe: Recipe, source_key: str) -> str | None:
    """What the keys of a source's pyramid begin with, or None where the recipe has none."""
    return None if recipe.tiles is None else _filled(recipe.tiles.key, source_key)


def _filled(template: str, source_key: str) -> str:
    before, _, rest = template.partition("{")
    placeholder, _, after = rest.partition("}")
    return before + (stem(source_key) if placeholder == "stem" else source_key) + after


def object_keys(recipe: Recipe, source_key: str) -> tuple[str, ...]:
    """Everything that a source may have in the processed bucket."""
    manifest = manifest_key(recipe, source_key)
    return (*rendition_keys(recipe, source_key), *([manifest] if manifest is not None else []))


def version(data: bytes, recipe: Recipe) -> str:
    """16 hex digits that stand for a source's bytes and the recipe: the same for the same renditions."""
    return hashlib.sha256(data + recipe.fingerprint.encode()).hexdigest()[:16]


def versioned_key(version: str, key: str) -> str:
    """Where the copy of a rendition is that never changes."""
    return f"{VERSIONS}{version}/{key}"


def version_of(key: str) -> str | None:
    """The version that an object's key names; None for a stable key."""
    return key[len(VERSIONS) :].partition("/")[0] if key.startswith(VERSIONS) else None


def stable_key(key: str) -> str:
    """Of what an object is a copy; the key itself where it names no version."""
    version = version_of(key)
    return key if version is None else key.removeprefix(f"{VERSIONS}{version}/")


def owned_stem(recipe: Recipe, source_key: str) -> str | None:
    """The stem that a source must own before it may write, or None where no template uses stems."""
    templates = (
        *(fmt.key for _, fmt in recipe.formats),
        recipe.manifest or "",
        recipe.tiles.key if recipe.tiles else "",
    )
    uses_stem = any("{stem}" in template for template in templates)
    return stem(source_key) if uses_stem else None


def check_publishable(recipe: Recipe, source_key: str) -> None:
    """Refuse a key that no URL can reach or whose renditions S3 cannot name.

    Raises:
        Rejected: `unservable_key` or `key_too_long`.
    """
    if any(ord(character) < _FIRST_PRINTABLE or ord(character) == _DELETE for character in source_key):
        raise Rejected(Reason.UNSERVABLE_KEY, "the key holds control characters; upload it under a plain name")
    if any(segment in ("", ".", "..") for segment in source_key.split("/")):
        raise Rejected(
            Reason.UNSERVABLE_KEY,
            "the key holds an empty, '.' or '..' segment, which URLs cannot express; upload it under a plain path",
        )
    try:
        source_key.encode()
    except UnicodeEncodeError as exc:  # a file name that is no UTF-8; S3 has no such keys
        raise Rejected(Reason.UNSERVABLE_KEY, "the key is not valid UTF-8; upload it under a plain name") from exc
    planned = object_keys(recipe, source_key)
    if recipe.retain_days is not None:
        planned += tuple(versioned_key("0" * 16, key) for key in rendition_keys(recipe, source_key))
    if (base := tiles_base(recipe, source_key)) is not None:
        planned += (base + _LONGEST_TILE,)
    longest = max(len(key.encode()) for key in planned)
    if longest > MAX_KEY_BYTES:
        raise Rejected(
            Reason.KEY_TOO_LONG,
            f"a rendition's key would have {longest} bytes, S3 allows {MAX_KEY_BYTES}; upload it under a shorter name",
        )


def url(domain: str, key: str) -> str:
    """The public URL of a rendition. Everything but unreserved characters and `/` is escaped, `+` above all."""
    return f"https://{domain}{url_path(key)}"


def whole_version_path(key: str) -> str | None:
    """A path with a wildcard for all objects of the version that a key names; None for a stable key."""
    version = version_of(key)
    return None if version is None else f"/{VERSIONS}{version}/*"


def invalidation_path(key: str) -> str:
    """The path that has the CDN forget an object of a record, or all tiles that an entry stands for."""
    return pyramid.wildcard_path(key) or url_path(key)


def url_path(key: str) -> str:
    """The path of that URL. The edge function spells every request's path like this, and caches by it."""
    return "/" + quote(key, safe="/~")


def source_hash(source_key: str) -> str:
    """32 hex digits that stand for a source key in public object metadata, which must not name it."""
    return hashlib.sha256(source_key.encode()).hexdigest()[:32]
