"""What is remembered of a picture: frozen values that the service reasons about and the adapters store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from processor import keys
from processor.errors import Reason
from processor.pyramid import Pyramid, descriptor_key


class Status(StrEnum):
    """Where a picture stands."""

    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    REMOVED = "REMOVED"


FINAL = frozenset({Status.COMPLETE, Status.REJECTED, Status.REMOVED})
"""The states that only a new event changes. FAILED is not one: its message is still queued, or dead."""


STILL_SERVED = "STILL_SERVED"
"""What the table's index lists a picture by, instead of its status, while the CDN may show what was removed of it."""

CACHED = timedelta(days=1)
"""How long the CDN keeps a copy unless it is told to forget it: `s-maxage`, and `max_ttl` of Terraform's `delivery`."""

UNVERSIONED = "null"
"""S3's version id for every object of a bucket without versioning."""


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """Which bytes of a source.

    Attributes:
        version_id: S3's, or "null" where the bucket has no versioning.
        etag: S3's, without its quotes.
        size: bytes.
    """

    version_id: str
    etag: str
    size: int

    def same_bytes(self, version_id: str | None, etag: str | None) -> bool:
        """Whether an earlier record of version and ETag speaks of these very bytes."""
        if self.etag == etag:
            return True
        return self.version_id == version_id and version_id != UNVERSIONED


@dataclass(frozen=True, slots=True)
class PublishedFormat:
    """One stored rendition, in the words of the record's `formats` list.

    Attributes:
        size: the recipe's name for it, such as `thumbnail`.
        format: `jpeg`, `webp` or `avif`.
        width: pixels.
        height: pixels.
        bytes: length of the object.
        key: where it is in the processed bucket.
        content_type: as served.
    """

    size: str
    format: str
    width: int
    height: int
    bytes: int
    key: str
    content_type: str

    def as_document(self) -> dict[str, Any]:
        """The entry of `formats` in records and events."""
        return {
            "size": self.size,
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "bytes": self.bytes,
            "key": self.key,
            "contentType": self.content_type,
        }


@dataclass(frozen=True, slots=True)
class PublishedTiles:
    """A stored Deep Zoom pyramid.

    Attributes:
        base: what its keys begin with.
        pyramid: how it was cut.
    """

    base: str
    pyramid: Pyramid

    @property
    def keys(self) -> frozenset[str]:
        """The descriptor, and an entry that stands for all tiles, see `pyramid.expanded`."""
        return frozenset({descriptor_key(self.base), self.pyramid.entry(self.base)})

    def as_document(self) -> dict[str, Any]:
        """The entry `tiles` in records and events."""
        return {"base": self.base, **asdict(self.pyramid)}

    def described(self, domain: str) -> dict[str, Any]:
        """The same with the descriptor's URL."""
        return self.as_document() | {"url": keys.url(domain, descriptor_key(self.base))}


@dataclass(frozen=True, slots=True)
class Published:
    """The set of renditions that is being served. A rejected replacement leaves it as it is.

    Attributes:
        version_id: of the source it was made from.
        original_size: bytes of that source.
        source: what is known of that source, see `pipeline.Source.as_document`.
        formats: every rendition.
        compression_savings: percent saved by the full WebP, negative where it grew; None without a WebP.
        processing_time: milliseconds from fetch to stored.
        manifest: the key of its JSON description; None: the recipe asked for none.
        manifest_bytes: length of that object.
        tiles: the Deep Zoom pyramid; None: the recipe asked for none, or the picture is not large enough.
        version: under which each rendition has a copy that never changes; None: the recipe asked for none.
    """

    version_id: str
    original_size: int
    source: Mapping[str, Any]
    formats: tuple[PublishedFormat, ...]
    compression_savings: float | None
    processing_time: int
    manifest: str | None = None
    version: str | None = None
    tiles: PublishedTiles | None = None
    manifest_bytes: int | None = None

    @property
    def stable_keys(self) -> frozenset[str]:
        """Of those of its objects that a replacement overwrites."""
        described = () if self.manifest is None else (self.manifest,)
        tiled = frozenset[str]() if self.tiles is None else self.tiles.keys
        return frozenset(fmt.key for fmt in self.formats).union(described, tiled)

    @property
    def keys(self) -> frozenset[str]:
        """Of all its objects in the processed bucket."""
        return self.stable_keys.union(fmt.key for fmt in self.addressed if self.version)

    def described(self, domain: str) -> list[dict[str, Any]]:
        """The entries of `formats` in events: each with its URL, and that of its copy where there is one."""
        return [
            fmt.as_document()
            | {"url": keys.url(domain, fmt.key)}
            | ({"versionedUrl": keys.url(domain, copy.key)} if self.version else {})
            for fmt, copy in zip(self.formats, self.addressed, strict=True)
        ]

    @property
    def addressed(self) -> tuple[PublishedFormat, ...]:
        """The renditions under the keys that pages should name: the versioned ones where there are any."""
        return addressed(self.formats, self.version)


def addressed(formats: tuple[PublishedFormat, ...], version: str | None) -> tuple[PublishedFormat, ...]:
    """Renditions under the keys of a version; as they are where there is none."""
    if version is None:
        return formats
    return tuple(replace(fmt, key=keys.versioned_key(version, fmt.key)) for fmt in formats)


@dataclass(frozen=True, slots=True)
class Record:
    """The `current` record of a picture: the last attempt, and what is published.

    Attributes:
        image_id: the source key.
        status: how the last attempt ended, or that it is running.
        updated_at: when.
        version_id: of the source that the last attempt saw.
        etag: of the same.
        fingerprint: of the recipe it used.
        function_version: which of the function's versions that was; empty outside Lambda.
        reason: why it was rejected.
        message: the same for a person; or what failed, in state FAILED.
        published: what is being served; None before the first publication and after removal.
        objects: every key that this picture may have in the processed bucket, planned ones included.
        announced_at: when the outcome was put on the event bus; None: still to do.
        hindrance: what failed last at invalidating or announcing it.
        stale: keys of which the CDN may hold a replaced copy, still to be invalidated.
        aging: keys of which it may hold an older copy that nobody is going to invalidate.
        removed: keys of which it may hold what was removed: invalidated without fail.
        aged_at: when it has dropped all that `aging` and `removed` speak of, even if nobody tells it.
        sweep: number of the invalidation of everything that `removed` waits for; None: for none.
        retained: versions that were replaced, and until when their copies stay.
        dropped: objects of the published version that a later recipe does not make, and until when they stay.
        attempted: fingerprints of the recipes by which attempts were begun that have not ended in a final state: what
            they make may hold another version than the published one.
    """

    image_id: str
    status: Status
    updated_at: datetime
    version_id: str | None = None
    etag: str | None = None
    fingerprint: str | None = None
    function_version: str = ""
    reason: Reason | None = None
    message: str | None = None
    published: Published | None = None
    objects: frozenset[str] = field(default=frozenset())
    announced_at: datetime | None = None
    hindrance: str | None = None
    stale: frozenset[str] = field(default=frozenset())
    aging: frozenset[str] = field(default=frozenset())
    removed: frozenset[str] = field(default=frozenset())
    aged_at: datetime | None = None
    sweep: int | None = None
    retained: Mapping[str, datetime] = field(default_factory=dict)
    dropped: Mapping[str, datetime] = field(default_factory=dict)
    attempted: frozenset[str] = field(default=frozenset())

    @property
    def served_until(self) -> datetime | None:
        """Until when the CDN may show what was removed, at the latest; None: it was told to forget it."""
        return self.aged_at if self.removed else None

    def still_served(self, now: datetime) -> bool:
        """Whether the CDN may show what was removed."""
        return self.served_until is not None and self.served_until > now


@dataclass(slots=True)
class Lease:
    """The right to work on one picture until it ends.

    Attributes:
        image_id: the source key.
        token: tells our lease from any later one on the same picture.
        before: the record as we found it; None: this key was never seen.
        objects: every key that this picture may have in the processed bucket, those planned now included. It grows
            where an attempt knows only later what it is going to store, see `Records.plan`.
        ends_at: from when on another worker may take over.
    """

    image_id: str
    token: str
    before: Record | None
    objects: frozenset[str]
    ends_at: datetime
