"""From a source key to the keys and URLs of its renditions. Pure, and the only place that builds URLs."""

import hashlib
from urllib.parse import quote

from processor.errors import Reason, Rejected
from processor.recipe import Format, Recipe

MAX_KEY_BYTES = 1024
"""Of UTF-8, in S3 (object key naming guidelines) and in a DynamoDB sort key; partition keys may have 2,048."""

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


def owned_stem(recipe: Recipe, source_key: str) -> str | None:
    """The stem that a source must own before it may write, or None where no template uses stems."""
    uses_stem = any(fmt.placeholder == "{stem}" for _, fmt in recipe.formats)
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
    longest = max(len(key.encode()) for key in rendition_keys(recipe, source_key))
    if longest > MAX_KEY_BYTES:
        raise Rejected(
            Reason.KEY_TOO_LONG,
            f"a rendition's key would have {longest} bytes, S3 allows {MAX_KEY_BYTES}; upload it under a shorter name",
        )


def url(domain: str, key: str) -> str:
    """The public URL of a rendition. Everything but unreserved characters and `/` is escaped, `+` above all."""
    return f"https://{domain}{url_path(key)}"


def url_path(key: str) -> str:
    """The path of that URL. The edge function spells every request's path like this, and caches by it."""
    return "/" + quote(key, safe="/~")


def source_hash(source_key: str) -> str:
    """32 hex digits that stand for a source key in public object metadata, which must not name it."""
    return hashlib.sha256(source_key.encode()).hexdigest()[:32]
