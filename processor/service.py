"""The use case: make what is published match the raw bucket, for one key, whatever happened to it."""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self, TypeAlias

from processor import keys, markup, pyramid
from processor.errors import LeaseLost, Reason, Rejected, Transient
from processor.limits import Limits, check_size
from processor.recipe import CONTENT_TYPES, Recipe
from processor.records import (
    CACHED,
    FINAL,
    UNVERSIONED,
    Lease,
    Published,
    PublishedFormat,
    PublishedTiles,
    Record,
    SourceVersion,
    Status,
    addressed,
)
from processor.results import Tiled, Transcoded

MAX_RESTARTS = 5
"""How often one attempt starts over because the source changed under it, before it leaves that to a retry."""

CACHE_CONTROL = "public, max-age=300, s-maxage=86400"
"""Browsers may show an old picture for five minutes; the CDN is invalidated, or asks again after a day."""

MANIFEST_TYPE = "application/json"

IMMUTABLE = "public, max-age=31536000, immutable"
"""What is under a content-addressed key never changes."""

_LATEST_GONE = timedelta(days=2) + CACHED
"""After its days a retired copy may be there for two more, since S3 deletes by the day, and then in the CDN."""

MAX_RETAINED_BYTES = 100_000
"""Of the keys of replaced versions. A record lists them, and an item of the table has 400 KB."""

MAX_DROPPED_BYTES = 40_000
"""Of the keys that recipes dropped, which a record lists twice."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One rendition on its way to the processed bucket."""

    key: str
    body: bytes
    content_type: str
    cache_control: str
    source_hash: str


class Sources(Protocol):
    """The raw bucket. All methods raise Transient."""

    def head(self, key: str) -> SourceVersion | None:
        """The current version, or None where there is none (a delete marker included)."""

    def fetch(self, key: str, limits: Limits, version_id: str | None = None) -> tuple[SourceVersion, bytes] | None:
        """The current version, or the one named, with its bytes; None if there is none.

        Raises Rejected(too_large) before reading past the limit.
        """


Guard: TypeAlias = Callable[[], None]
"""Called right before every write; raises LeaseLost when the right to write has ended."""


class Renditions(Protocol):
    """The processed bucket. All methods raise Transient."""

    def store(self, objects: Sequence[StoredObject], guard: Guard) -> None:
        """Write every object, replacing what is there."""

    def retire(self, objects: Sequence[StoredObject], guard: Guard) -> None:
        """Have objects go by themselves; a missing one is no error. Ignores the objects' bodies.

        Copies of replaced versions after the recipe's `retain_days`, others after the days of grace.
        """

    def delete(self, object_keys: Iterable[str], guard: Guard) -> None:
        """Delete objects; a missing one is no error."""


class Records(Protocol):
    """The table. All methods raise Transient."""

    def get(self, image_id: str) -> Record | None:
        """The current record, consistently read."""

    def acquire(self, image_id: str, planned: frozenset[str], seconds: int, fingerprint: str) -> Lease:
        """Take the lease, note the planned objects and by which recipe, and show the picture as PROCESSING.

        Raises LeaseHeld.
        """

    def plan(self, lease: Lease, planned: frozenset[str]) -> None:
        """Note further objects that an attempt is going to store, in the record and in its lease. Raises LeaseLost."""

    def finish(self, lease: Lease, record: Record, run: dict[str, Any]) -> None:
        """Replace the current record and add a history row, in one transaction; keep the lease. Raises LeaseLost."""

    def release(self, lease: Lease, record: Record) -> None:
        """Replace the current record and end the lease. Raises LeaseLost."""

    def discard(self, lease: Lease) -> None:
        """Forget a picture that never was, lease included. Raises LeaseLost."""

    def claim(self, stem: str, image_id: str) -> str:
        """Own a stem if nobody does, else wait for it. Answers the owner: `image_id` itself on success."""

    def disown(self, stem: str, image_id: str) -> frozenset[str]:
        """Give up a stem, if owned. Answers who waits for it, until `settle_claims` is called."""

    def settle_claims(self, stem: str) -> None:
        """Forget an ownerless stem whose waiting claimants have been queued again."""


class Announcements(Protocol):
    """The event bus. Raises Transient."""

    def announce(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Publish one event."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What was removed, and the CDN cannot be told yet.

    Attributes:
        sweep: number of the invalidation of everything that it waits for.
        retry_after_seconds: when to ask again.
    """

    sweep: int
    retry_after_seconds: int


class Invalidations(Protocol):
    """The copies that the CDN keeps. Raises Transient."""

    def invalidate(self, object_keys: frozenset[str], reference: str) -> bool:
        """Have the CDN forget replaced objects. False: its copies live out their time, the CDN takes no more now.

        The same reference and keys again are the same request, and cost nothing.
        """

    def forget(self, object_keys: frozenset[str], reference: str, sweep: int | None) -> Waiting | None:
        """Have the CDN forget removed objects, without fail. None: it was told.

        Otherwise to be repeated later, with the number of the sweep that is waited for.
        """


class Queue(Protocol):
    """The ingest queue. Raises Transient."""

    def enqueue(self, key: str, delay_seconds: int = 0) -> None:
        """Ask for a key to be reconciled, as if it had just been uploaded."""


class Transcoder(Protocol):
    """What makes the renditions: `pipeline.transcode`, or the same in a process of its own."""

    def __call__(self, data: bytes, recipe: Recipe, limits: Limits, /) -> Transcoded:
        """Make every rendition of a picture. Raises Rejected or Transient."""


def _transcode_here(data: bytes, recipe: Recipe, limits: Limits, /) -> Transcoded:
    """In this process. Only now is Pillow loaded: the function's own process never needs it."""
    from processor.pipeline import transcode  # noqa: PLC0415

    return transcode(data, recipe, limits)


class Action(StrEnum):
    """What one reconciliation did."""

    PUBLISHED = "published"
    REJECTED = "rejected"
    REMOVED = "removed"
    WAITING = "waiting for the CDN"
    FORGOTTEN = "forgotten by the CDN"
    UNCHANGED = "unchanged"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one reconciliation did.

    Attributes:
        key: of the source.
        action: what was done.
        record: what it left; None: there is none.
        left_to_age: objects of which the CDN may show a replaced copy until that expires: the budget is used up, or
            too many invalidations are under way.
    """

    key: str
    action: Action
    record: Record | None = None
    left_to_age: frozenset[str] = frozenset()


_EVENTS = {
    Status.COMPLETE: ("ImageProcessed", Action.PUBLISHED),
    Status.REJECTED: ("ImageRejected", Action.REJECTED),
    Status.REMOVED: ("ImageRemoved", Action.REMOVED),
}


_ABOUT_THE_KEY = frozenset({Reason.KEY_CONFLICT, Reason.KEY_TOO_LONG, Reason.UNSERVABLE_KEY})
"""Reasons for which no version of this picture can be published by this recipe."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What an attempt found published, and falls back on where the picture turns out to be bad.

    Attributes:
        published: that set; None: there is none.
        whole: whether it is in the bucket as it was made. Not so after an attempt that died: that may have written over
            a part of it.
        fingerprint: of the recipe that made it.
        retained: earlier versions whose copies stay for a while.
        dropped: objects of that set that its recipe did not make any more, and that stay for a while.
        etag: of the source that it was made from; None: not known.
        attempted: recipes by which something may have been written over a part of it.
    """

    published: Published | None
    whole: bool
    fingerprint: str | None
    retained: Mapping[str, datetime] = field(default_factory=dict)
    dropped: Mapping[str, datetime] = field(default_factory=dict)
    etag: str | None = None
    attempted: frozenset[str] = field(default=frozenset())

    @classmethod
    def found(cls, before: Record | None) -> Self:
        """What the record before an attempt says of it."""
        if before is None:
            return cls(None, whole=True, fingerprint=None)
        return replace(cls.left(before), whole=before.status in FINAL, fingerprint=before.fingerprint)

    @classmethod
    def left(cls, record: Record) -> Self:
        """What an attempt leaves that ends as in a record, though it is not recorded."""
        published = record.published
        etag = record.etag if published and published.version_id == record.version_id else None
        return cls(
            published,
            whole=True,
            fingerprint=record.fingerprint,
            retained=record.retained,
            dropped=record.dropped,
            etag=etag,
            attempted=record.attempted,
        )

    def has_whole(self, recipe: Recipe) -> bool:
        """Whether what a recipe does not make of that set is in the bucket as it was made."""
        return self.whole or self.attempted == {recipe.fingerprint}


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reconciles keys over the adapters it is given."""

    sources: Sources
    renditions: Renditions
    records: Records
    announcements: Announcements
    invalidations: Invalidations
    queue: Queue
    recipe: Recipe
    limits: Limits
    cdn_domain: str
    lease_seconds: int
    transcode: Transcoder = _transcode_here
    function_version: str = ""
    recipe_grace_days: int = 30
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def reconcile(self, key: str) -> Outcome:
        """Make the published renditions of `key` match its current source, or the lack of one.

        Idempotent: duplicates, reordering, replacement, removal, backfill and repair are all this call.

        Raises:
            LeaseHeld: another worker is on it; ask again when its lease ends.
            Transient: something failed on the way; ask again.
        """
        if keys.is_folder(key):
            return Outcome(key, Action.IGNORED)
        record = self.records.get(key)
        if record is not None and record.announced_at and not record.removed and self._is_settled(record):
            return Outcome(key, Action.UNCHANGED, record)
        lease = self.records.acquire(key, self._planned_objects(key), self.lease_seconds, self.recipe.fingerprint)
        try:
            settled = self._settle(lease)
        except LeaseLost:
            raise
        except Exception as exc:
            self._note_failure(lease, exc)
            raise
        return self._conclude(lease, settled)

    def _planned_objects(self, key: str) -> frozenset[str]:
        try:
            keys.check_publishable(self.recipe, key)
        except Rejected:
            return frozenset()
        return frozenset(keys.object_keys(self.recipe, key))

    def _is_settled(self, record: Record) -> bool:
        """Whether nothing has changed since the record was made, at the price of one look at the source."""
        if record.status not in FINAL or record.reason is Reason.KEY_CONFLICT:
            return False  # a conflict may have ended since
        if record.status is Status.REJECTED and record.function_version != self.function_version:
            return False  # other bounds, more memory or a mended reader may accept it
        if record.status is not Status.REMOVED and record.fingerprint != self.recipe.fingerprint:
            return False
        return _describes(record, self.sources.head(record.image_id))

    def _settle(self, lease: Lease) -> Record | None:
        """Work until the record describes what the raw bucket holds. None: the key is not there and never was."""
        before = lease.before
        if before is not None and self._is_settled(before):
            return before
        standing = _Standing.found(before)
        for restart in range(MAX_RESTARTS):
            started = time.monotonic()
            source = self.sources.head(lease.image_id)
            if source is None and before is None and restart == 0:
                return None
            record = self._remove(lease) if source is None else self._publish(lease, standing, source, started)
            if record is None:
                continue  # it went between the look and the fetch
            if _describes(record, self.sources.head(lease.image_id)):
                # what an earlier round wrote may have been cached, though no record ever spoke of it
                rewritten = lease.objects if restart else frozenset()
                record = _with_copies(before, record, rewritten, self.now())
                self.records.finish(lease, record, _run(record, started))
                return record
            standing = _Standing.left(record)
        raise Transient(f"{lease.image_id!r} was replaced {MAX_RESTARTS} times while it was being processed")

    def _conclude(self, lease: Lease, record: Record | None) -> Outcome:
        """Invalidate and announce what is not yet, and end the lease."""
        if record is None:
            self.records.discard(lease)
            return Outcome(lease.image_id, Action.UNCHANGED)
        again = record.announced_at is not None
        if again and not record.removed:
            self.records.release(lease, record)
            return Outcome(lease.image_id, Action.UNCHANGED, record)
        detail_type, action = _EVENTS[record.status]
        try:
            left = self._invalidate(record)
            waiting = self._forget(record)
            concluded = self._concluded(record, left, waiting)
            if not (again and waiting):  # that copies may be served is said once, and that they are not any more
                self.announcements.announce(detail_type, self._detail(concluded))
            if waiting:
                self.queue.enqueue(lease.image_id, waiting.retry_after_seconds)
        except Exception as exc:  # the retry finds it settled, and only does this
            self._note_failure(lease, exc, record)
            raise
        self.records.release(lease, concluded)
        if again:
            action = Action.WAITING if waiting else Action.FORGOTTEN
        return Outcome(lease.image_id, action, concluded, left)

    def _invalidate(self, record: Record) -> frozenset[str]:
        """Have the CDN forget what was replaced. Returns what it was not told of."""
        if not record.stale or self.invalidations.invalidate(record.stale, _reference(record)):
            return frozenset()
        return record.stale

    def _forget(self, record: Record) -> Waiting | None:
        """Have the CDN forget what was removed, unless its copies have expired meanwhile. None: it holds none."""
        if not record.still_served(self.now()):
            return None
        return self.invalidations.forget(record.removed, f"{_reference(record)}-removed", record.sweep)

    def _concluded(self, record: Record, left: frozenset[str], waiting: Waiting | None) -> Record:
        """A record of which everyone was told, except the CDN of what it still waits for."""
        now = self.now()
        aging, removed = record.aging - record.stale | left, record.removed if waiting else frozenset[str]()
        aged_at = now + CACHED if left else record.aged_at
        return replace(
            record,
            announced_at=now,
            hindrance=None,
            stale=frozenset(),
            aging=aging,
            removed=removed,
            aged_at=aged_at if aging or removed else None,
            sweep=waiting.sweep if waiting else None,
        )

    # -- the three endings -------------------------------------------------------------------------------------------

    def _publish(self, lease: Lease, standing: _Standing, source: SourceVersion, started: float) -> Record | None:
        """Make, store and describe every rendition, or reject the picture. None: the source went meanwhile."""
        try:
            keys.check_publishable(self.recipe, lease.image_id)
            self._claim(lease)
            check_size(source.size, self.limits)
            fetched = self.sources.fetch(lease.image_id, self.limits)
            if fetched is None:
                return None
            source, data = fetched
            result = self.transcode(data, self.recipe, self.limits)
        except Rejected as rejection:
            return self._reject(lease, standing, source, rejection)
        published = self._store(lease, source, data, result, started)
        retained = self._retire(lease, standing, published)
        replaced = standing.published
        same = replaced is not None and source.same_bytes(replaced.version_id, standing.etag)
        dropped = self._retire_dropped(lease, standing, published) if same else {}
        objects = published.keys.union(_of_versions(lease.objects, retained), dropped)
        self._delete(lease, lease.objects, objects)  # what an earlier version had by an earlier recipe
        return replace(
            self._attempt(lease, source),
            status=Status.COMPLETE,
            published=published,
            objects=objects,
            retained=retained,
            dropped=dropped,
        )

    def _reject(self, lease: Lease, standing: _Standing, source: SourceVersion, rejection: Rejected) -> Record:
        """A rejected replacement leaves the published set served; a rejected newcomer leaves nothing at all."""
        kept = self._upheld(lease, standing, rejection)
        retained = self._retire(lease, standing, kept) if kept else {}
        dropped = self._retire_dropped(lease, standing, kept) if kept else {}
        objects = kept.keys.union(_of_versions(lease.objects, retained), dropped) if kept else frozenset[str]()
        self._clear(lease, kept, objects)
        return replace(
            self._attempt(lease, source),
            reason=rejection.reason,
            message=rejection.message,
            published=kept,
            objects=objects,
            retained=retained,
            dropped=dropped,
        )

    def _upheld(self, lease: Lease, standing: _Standing, rejection: Rejected) -> Published | None:
        """The published set of an earlier version, made anew from that version where it may not be whole.

        It is made anew as well after a change of the recipe, so that every key of the recipe exists. Where that version
        is gone for good, a set that may be a mixture is taken down: the published set is whole or absent.
        """
        published = standing.published
        unharmed = published if standing.whole else None
        if published is None or (standing.whole and standing.fingerprint == self.recipe.fingerprint):
            return unharmed
        if rejection.reason in _ABOUT_THE_KEY:
            return unharmed  # the recipe's keys are not this picture's to write
        started = time.monotonic()
        try:
            fetched = self.sources.fetch(lease.image_id, self.limits, published.version_id)
            if fetched is None:
                return unharmed
            source, data = fetched
            result = self.transcode(data, self.recipe, self.limits)
        except Rejected:
            return unharmed
        return self._store(lease, source, data, result, started)

    def _remove(self, lease: Lease) -> Record:
        self._clear(lease, None, frozenset())
        return Record(image_id=lease.image_id, status=Status.REMOVED, updated_at=self.now())

    def _store(self, lease: Lease, source: SourceVersion, data: bytes, result: Transcoded, started: float) -> Published:
        formats = self._formats(lease.image_id, result)
        version = keys.version(data, self.recipe) if self.recipe.retain_days is not None else None
        copies = addressed(formats, version) if version is not None else ()
        tiles = self._tiles(lease.image_id, result)
        if planned := frozenset(copy.key for copy in copies) | (tiles.keys if tiles else frozenset()):
            self.records.plan(lease, planned)
        if copies:  # first, so that nothing ever names a copy that is not there
            self._put(lease, copies, result, IMMUTABLE, [])
        if tiles and result.tiled:
            self._put_tiles(lease, tiles, result.tiled)
        manifest = self._manifest(lease.image_id, result, formats, version)
        self._put(lease, formats, result, CACHE_CONTROL, [manifest] if manifest else [])
        return Published(
            version_id=source.version_id,
            original_size=source.size,
            source=result.source.as_document(),
            formats=formats,
            compression_savings=_savings(source.size, formats),
            processing_time=_milliseconds_since(started),
            manifest=manifest.key if manifest else None,
            manifest_bytes=len(manifest.body) if manifest else None,
            version=version,
            tiles=tiles,
        )

    def _tiles(self, key: str, result: Transcoded) -> PublishedTiles | None:
        base = keys.tiles_base(self.recipe, key)
        return None if base is None or result.tiled is None else PublishedTiles(base, result.tiled.pyramid)

    def _put_tiles(self, lease: Lease, tiles: PublishedTiles, tiled: Tiled) -> None:
        """Store a pyramid, its descriptor last: nobody looks for a tile before."""
        source_hash = keys.source_hash(lease.image_id)
        content_type = CONTENT_TYPES["webp" if tiled.pyramid.extension == "webp" else "jpeg"]
        self.renditions.store(
            [
                StoredObject(tiled.pyramid.tile_key(tiles.base, place), body, content_type, CACHE_CONTROL, source_hash)
                for place, body in zip(tiled.pyramid.all_places(), tiled.bodies, strict=True)
            ],
            self._guard(lease),
        )
        descriptor = pyramid.descriptor_key(tiles.base)
        body = tiled.pyramid.descriptor()
        self.renditions.store(
            [StoredObject(descriptor, body, pyramid.DESCRIPTOR_TYPE, CACHE_CONTROL, source_hash)], self._guard(lease)
        )

    def _delete(self, lease: Lease, objects: frozenset[str], keep: frozenset[str]) -> None:
        """Delete what entries of a record stand for, but for what those to be kept stand for."""
        self.renditions.delete(pyramid.expanded(objects) - pyramid.expanded(keep), self._guard(lease))

    def _put(
        self,
        lease: Lease,
        formats: Iterable[PublishedFormat],
        result: Transcoded,
        cache_control: str,
        further: list[StoredObject],
    ) -> None:
        source_hash = keys.source_hash(lease.image_id)
        renditions = [
            StoredObject(fmt.key, rendition.body, fmt.content_type, cache_control, source_hash)
            for fmt, rendition in zip(formats, result.renditions, strict=True)
        ]
        self.renditions.store(renditions + further, self._guard(lease))

    def _retire(self, lease: Lease, standing: _Standing, current: Published) -> Mapping[str, datetime]:
        """Have the copies of a replaced version go in time. Answers all versions whose copies are still to stay.

        Before the flip: what is retired though the flip fails, the next attempt stores anew or retires once more.
        """
        days = self.recipe_grace_days if self.recipe.retain_days is None else self.recipe.retain_days
        now = self.now()
        retained = {
            version: ends for version, ends in standing.retained.items() if ends > now and version != current.version
        }
        replaced = standing.published
        if replaced and replaced.version and replaced.version != current.version:
            source_hash = keys.source_hash(lease.image_id)
            self.renditions.retire(
                [StoredObject(fmt.key, b"", fmt.content_type, IMMUTABLE, source_hash) for fmt in replaced.addressed],
                self._guard(lease),
            )
            retained[replaced.version] = now + timedelta(days=days) + _LATEST_GONE
        return _bounded(retained, lease.objects)

    def _retire_dropped(self, lease: Lease, standing: _Standing, current: Published) -> Mapping[str, datetime]:
        """Have what the recipe does not make any more go in time, of the same version of the source.

        Before the flip, as above. Answers all dropped objects that are still to stay.
        """
        replaced, now = standing.published, self.now()
        if replaced is None or not standing.has_whole(self.recipe):
            return {}
        staying = {key: ends for key, ends in standing.dropped.items() if ends > now and key not in current.keys}
        fresh = replaced.stable_keys - current.keys - set(staying)
        if replaced.tiles and current.tiles and replaced.tiles.base == current.tiles.base:
            fresh -= replaced.tiles.keys  # of a pyramid whose descriptor is another now
        source_hash = keys.source_hash(lease.image_id)
        self.renditions.retire(
            [
                StoredObject(key, b"", _content_type(replaced, key), CACHE_CONTROL, source_hash)
                for key in sorted(pyramid.expanded(fresh) - pyramid.expanded(current.keys))
            ],
            self._guard(lease),
        )
        ends = now + timedelta(days=self.recipe_grace_days) + _LATEST_GONE
        return _youngest(staying | dict.fromkeys(fresh, ends))

    def _clear(self, lease: Lease, kept: Published | None, keep: frozenset[str]) -> None:
        """Delete all that this picture has in the processed bucket but for `keep`.

        Without anything published that is kept, give up its stem.
        """
        owner = self._owner(lease)
        objects = lease.objects
        if owner != lease.image_id:  # what is under the stem is its owner's, whatever an attempt of ours had planned
            theirs = self.records.get(owner)
            objects -= self._planned_objects(lease.image_id) | (theirs.objects if theirs else frozenset())
        self._delete(lease, objects, keep)
        if kept is None and owner == lease.image_id:
            self._disown(lease)

    def _attempt(self, lease: Lease, source: SourceVersion) -> Record:
        """What every record of an attempt on a source has in common."""
        return Record(
            image_id=lease.image_id,
            status=Status.REJECTED,
            updated_at=self.now(),
            version_id=source.version_id,
            etag=source.etag,
            fingerprint=self.recipe.fingerprint,
            function_version=self.function_version,
        )

    def _note_failure(self, lease: Lease, failure: Exception, ended: Record | None = None) -> None:
        """Show the failure, of what had ended or of the attempt, and end the lease.

        Where even that fails, the lease ends by itself.
        """
        try:
            noted = replace(ended, hindrance=_in_words(failure)) if ended else self._after_failure(lease, failure)
            self.records.release(lease, noted)
        except Transient as exc:
            failure.add_note(f"and the failure could not be recorded: {exc}")

    def _after_failure(self, lease: Lease, failure: Exception) -> Record:
        """FAILED, or the attempt's result where its flip took effect and only the answer was lost."""
        flipped = self.records.get(lease.image_id)
        if flipped is not None and flipped.status in FINAL:
            return replace(flipped, hindrance=_in_words(failure))  # the retry finds it settled, and only announces
        base = lease.before or Record(image_id=lease.image_id, status=Status.FAILED, updated_at=self.now())
        return replace(
            base,
            status=Status.FAILED,
            updated_at=self.now(),
            reason=None,
            message=_in_words(failure),
            objects=lease.objects,
            announced_at=None,
            hindrance=None,
            attempted=base.attempted | {self.recipe.fingerprint},
        )

    # -- the lease ---------------------------------------------------------------------------------------------------

    def _check(self, lease: Lease) -> None:
        """Stop a worker that has outlived its lease before it writes what another may be writing by now."""
        if self.now() >= lease.ends_at:
            raise LeaseLost(f"the lease on {lease.image_id!r} ended before its work did")

    def _guard(self, lease: Lease) -> Guard:
        return lambda: self._check(lease)

    # -- ownership ---------------------------------------------------------------------------------------------------

    def _owner(self, lease: Lease) -> str:
        """Who may write under this picture's stem: itself wherever possible, and where no template uses stems."""
        stem = keys.owned_stem(self.recipe, lease.image_id)
        if stem is None:
            return lease.image_id
        self._check(lease)
        return self.records.claim(stem, lease.image_id)

    def _claim(self, lease: Lease) -> None:
        owner = self._owner(lease)
        if owner != lease.image_id:
            raise Rejected(
                Reason.KEY_CONFLICT,
                f"{owner!r} already publishes under {keys.stem(lease.image_id)!r}; rename this picture, remove that "
                "one, or use {name} in the recipe's key templates",
            )

    def _disown(self, lease: Lease) -> None:
        """Give up the stem and wake who waits for it. Safe to repeat: nobody is forgotten before being queued.

        Whatever the recipe: the stem may have been claimed under an earlier one.
        """
        stem = keys.stem(lease.image_id)
        self._check(lease)
        for claimant in sorted(self.records.disown(stem, lease.image_id)):
            self.queue.enqueue(claimant)
        self.records.settle_claims(stem)

    # -- values ------------------------------------------------------------------------------------------------------

    def _formats(self, key: str, result: Transcoded) -> tuple[PublishedFormat, ...]:
        return tuple(
            PublishedFormat(
                size=rendition.size,
                format=rendition.format,
                width=rendition.width,
                height=rendition.height,
                bytes=len(rendition.body),
                key=keys.rendition_key(fmt, key),
                content_type=CONTENT_TYPES[fmt.name],
            )
            for (_, fmt), rendition in zip(self.recipe.formats, result.renditions, strict=True)
        )

    def _manifest(
        self, key: str, result: Transcoded, formats: tuple[PublishedFormat, ...], version: str | None
    ) -> StoredObject | None:
        """The description of what is published, for static site builders; last, so that what it names is there."""
        manifest_key = keys.manifest_key(self.recipe, key)
        if manifest_key is None:
            return None
        body = markup.manifest(key, result.source.as_document(), addressed(formats, version), self.cdn_domain)
        return StoredObject(manifest_key, body, MANIFEST_TYPE, CACHE_CONTROL, keys.source_hash(key))

    def _detail(self, record: Record) -> dict[str, Any]:
        """What an event says of a record. URLs are included so that subscribers build none."""
        detail: dict[str, Any] = {
            "imageId": record.image_id,
            "status": record.status,
            "versionId": record.version_id,
            "reason": record.reason,
            "message": record.message,
        }
        if record.served_until:
            detail["servedUntil"] = record.served_until.isoformat()
        if record.status is Status.COMPLETE and record.published:
            detail |= {
                "originalSize": record.published.original_size,
                "compressionSavings": record.published.compression_savings,
                "processingTime": record.published.processing_time,
                "source": dict(record.published.source),
                "formats": record.published.described(self.cdn_domain),
                "tiles": record.published.tiles.described(self.cdn_domain) if record.published.tiles else None,
            }
        return {name: value for name, value in detail.items() if value is not None}


def _describes(record: Record, source: SourceVersion | None) -> bool:
    """Whether a record is about what the raw bucket holds now."""
    if source is None:
        return record.status is Status.REMOVED
    return record.status is not Status.REMOVED and source.same_bytes(record.version_id, record.etag)


def _with_copies(before: Record | None, after: Record, rewritten: frozenset[str], now: datetime) -> Record:
    """A record with the objects of which the CDN may hold a copy that is none of theirs any more.

    Args:
        before: the record that the attempt found.
        after: what the attempt came to.
        rewritten: what it may have written before that, and of which no record ever spoke.
        now: the time.
    """
    if before is None:
        before = Record(after.image_id, Status.PROCESSING, now)  # a missing picture is remembered for a second only
    if before.aged_at and before.aged_at <= now:
        before = replace(before, aging=frozenset(), removed=frozenset())
    stale, removed, aging = before.stale | rewritten, before.removed, before.aging
    if after.status is Status.REMOVED or (before.published and not after.published):  # or taken down
        stale, removed, aging = frozenset(), removed | stale | aging | before.objects, frozenset()
    else:
        stale |= _replaced(before, after)
        aging |= before.objects - after.objects - stale  # what another recipe made, or an attempt that died
    aged_at = now + CACHED if removed or aging else None
    return replace(after, stale=stale, removed=removed, aging=aging, aged_at=aged_at)


def _replaced(before: Record, after: Record) -> frozenset[str]:
    """The objects that have other bytes now, or are gone because they would show another version.

    The same source anew, after a change of the recipe, has none to be invalidated: that concerns all pictures, and is
    one invalidation of everything.
    """
    old, new = before.published, after.published
    if old is None or new is None or old.version_id == new.version_id != UNVERSIONED:
        return frozenset()
    return old.stable_keys.union(set(before.dropped) - set(after.dropped))  # a versioned one is never replaced


def _of_versions(objects: Iterable[str], versions: Iterable[str]) -> frozenset[str]:
    """Those of some objects that are copies of one of some versions."""
    wanted = frozenset(versions)
    return frozenset(key for key in objects if keys.version_of(key) in wanted)


def _bounded(retained: Mapping[str, datetime], objects: frozenset[str]) -> dict[str, datetime]:
    """As many of the youngest versions as a record has room for."""
    kept: dict[str, datetime] = {}
    room = MAX_RETAINED_BYTES
    for version, ends in sorted(retained.items(), key=lambda each: each[1], reverse=True):
        room -= sum(len(key.encode()) for key in _of_versions(objects, [version]))
        if room < 0:
            break
        kept[version] = ends
    return kept


def _youngest(dropped: Mapping[str, datetime]) -> dict[str, datetime]:
    """As many dropped objects as a record has room for, those that stay longest."""
    kept: dict[str, datetime] = {}
    room = MAX_DROPPED_BYTES
    for key, ends in sorted(dropped.items(), key=lambda each: each[1], reverse=True):
        room -= len(key.encode())
        if room >= 0:
            kept[key] = ends
    return kept


def _content_type(published: Published, key: str) -> str:
    """The content type of an object of a published set."""
    types = {fmt.key: fmt.content_type for fmt in published.formats}
    if key == published.manifest:
        return MANIFEST_TYPE
    if published.tiles and key == pyramid.descriptor_key(published.tiles.base):
        return pyramid.DESCRIPTOR_TYPE
    return types.get(key) or CONTENT_TYPES["webp" if key.endswith(".webp") else "jpeg"]


def _in_words(failure: Exception) -> str:
    """A failure as a record keeps it."""
    return f"{type(failure).__name__}: {failure}"[:1000]


def _reference(record: Record) -> str:
    """The same for every try at invalidating what one attempt changed, so that retries are not paid for again."""
    return hashlib.sha256(f"{record.image_id}\n{record.updated_at.isoformat()}".encode()).hexdigest()[:32]


def _run(record: Record, started: float) -> dict[str, Any]:
    """The history row of an attempt: one flat summary that nobody rewrites."""
    run: dict[str, Any] = {
        "record": f"run#{record.updated_at.isoformat()}#{uuid.uuid4().hex[:12]}",
        "status": record.status,
        "versionId": record.version_id,
        "etag": record.etag,
        "fingerprint": record.fingerprint,
        "reason": record.reason,
        "message": record.message,
        "processingTime": _milliseconds_since(started),
    }
    if record.status is Status.COMPLETE and record.published:
        run["originalSize"] = record.published.original_size
        run["bytesOut"] = sum(fmt.bytes for fmt in record.published.formats)
        run["compressionSavings"] = record.published.compression_savings
    return run


def _savings(original_size: int, formats: Sequence[PublishedFormat]) -> float | None:
    """Percent saved by the largest WebP against the source; None where there is no WebP."""
    webp = max((fmt for fmt in formats if fmt.format == "webp"), key=lambda fmt: fmt.width * fmt.height, default=None)
    return round(100 * (1 - webp.bytes / original_size), 2) if webp else None


def _milliseconds_since(started: float) -> int:
    return round(1000 * (time.monotonic() - started))
