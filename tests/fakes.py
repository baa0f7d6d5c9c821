"""In-memory stand-ins for AWS that keep the service's protocols honest: same conditions, same errors, no network."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from processor.aws.cloudfront import CloudFrontInvalidations, SweepState
from processor.errors import LeaseHeld, LeaseLost, Transient
from processor.keys import url_path
from processor.limits import Limits, check_size
from processor.recipe import Recipe
from processor.records import Lease, Record, SourceVersion, Status
from processor.service import Guard, Invalidations, Reconciler, StoredObject, Waiting


class Clock:
    """A time that moves only when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


Version = tuple[SourceVersion, bytes]


class FakeSources:
    """A versioned bucket: a stack of versions a key, None for a delete marker, the last one current."""

    def __init__(self) -> None:
        self.versions: dict[str, list[Version | None]] = {}
        self.heads = 0
        self.fetches: list[str] = []
        self.count = 0

    def upload(self, key: str, data: bytes) -> None:
        """Put a new current version."""
        self.count += 1
        version = SourceVersion(f"v{self.count}", hashlib.md5(data).hexdigest(), len(data))  # noqa: S324
        self.versions.setdefault(key, []).append((version, data))

    def remove(self, key: str) -> None:
        """Put a delete marker."""
        self.versions.setdefault(key, []).append(None)

    def undo(self, key: str) -> None:
        """Delete the newest version or delete marker for good, which brings back the one before."""
        if self.versions.get(key):
            self.versions[key].pop()

    def expire(self, key: str) -> None:
        """Delete all noncurrent versions, as a lifecycle rule does."""
        self.versions[key] = self.versions.get(key, [])[-1:]

    def current(self, key: str) -> Version | None:
        """The current version."""
        versions = self.versions.get(key)
        return versions[-1] if versions else None

    def head(self, key: str) -> SourceVersion | None:
        """As the protocol says."""
        self.heads += 1
        current = self.current(key)
        return current[0] if current else None

    def fetch(self, key: str, limits: Limits, version_id: str | None = None) -> Version | None:
        """As the protocol says."""
        self.fetches.append(key)
        found = self.current(key)
        if version_id is not None:
            versions = (each for each in self.versions.get(key, []) if each and each[0].version_id == version_id)
            found = next(versions, None)
        if found:
            check_size(found[0].size, limits)
        return found


class FakeRenditions:
    """A bucket of objects. `fail_at` makes the n-th write fail, once; `pause` is called after every write.

    `copies` are those of a CDN in front of it that has fetched every object as soon as it was there, and forgets only
    what it is told to.
    """

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.copies: defaultdict[str, set[StoredObject]] = defaultdict(set)
        self.retired: set[str] = set()
        self.fail_at: int | None = None
        self.pause: Callable[[], None] = lambda: None

    def store(self, objects: Sequence[StoredObject], guard: Guard) -> None:
        """As the protocol says."""
        for index, stored in enumerate(objects):
            if index == self.fail_at:
                self.fail_at = None
                raise Transient("storing: SlowDown")
            guard()
            self.objects[stored.key] = stored
            self.copies[stored.key].add(stored)
            self.retired.discard(stored.key)
            self.pause()

    def retire(self, objects: Sequence[StoredObject], guard: Guard) -> None:
        """As the protocol says."""
        for stored in objects:
            guard()
            if stored.key in self.objects:
                self.retired.add(stored.key)
            self.pause()

    def delete(self, object_keys: Iterable[str], guard: Guard) -> None:
        """As the protocol says."""
        for key in sorted(object_keys):
            guard()
            self.objects.pop(key, None)
            self.retired.discard(key)
            self.pause()


@dataclass
class _Row:
    record: Record
    token: str | None = None
    expires: datetime | None = None


@dataclass
class FakeRecords:
    """The table's conditions on a dictionary."""

    clock: Clock
    rows: dict[str, _Row] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    owners: dict[str, str | None] = field(default_factory=dict)
    claimants: dict[str, set[str]] = field(default_factory=dict)
    tokens: int = 0
    finished: Callable[[Record], None] = lambda _: None

    def get(self, image_id: str) -> Record | None:
        """As the protocol says."""
        row = self.rows.get(image_id)
        return row.record if row else None

    def acquire(self, image_id: str, planned: frozenset[str], seconds: int, fingerprint: str = "") -> Lease:
        """As the protocol says."""
        row = self.rows.get(image_id)
        now = self.clock()
        if row and row.token and row.expires and row.expires >= now:
            raise LeaseHeld(image_id, (row.expires - now).total_seconds())
        self.tokens += 1
        before = row.record if row else None
        base = before or Record(image_id, Status.PROCESSING, now)
        objects = planned | base.objects
        attempted = base.attempted | ({fingerprint} if fingerprint else frozenset())
        shown = replace(base, status=Status.PROCESSING, objects=objects, attempted=attempted)
        self.rows[image_id] = _Row(shown, f"token-{self.tokens}", now + timedelta(seconds=seconds))
        return Lease(image_id, f"token-{self.tokens}", before, objects, now + timedelta(seconds=seconds))

    def _held(self, lease: Lease) -> _Row:
        row = self.rows.get(lease.image_id)
        if row is None or row.token != lease.token:
            raise LeaseLost("taken by another")
        return row

    def plan(self, lease: Lease, planned: frozenset[str]) -> None:
        """As the protocol says."""
        lease.objects |= planned
        row = self._held(lease)
        row.record = replace(row.record, objects=row.record.objects | planned)

    def finish(self, lease: Lease, record: Record, run: dict[str, Any]) -> None:
        """As the protocol says."""
        row = self._held(lease)
        row.record, row.expires = record, self.clock() + timedelta(seconds=30)
        self.runs.append({"imageId": lease.image_id} | run)
        self.finished(record)

    def release(self, lease: Lease, record: Record) -> None:
        """As the protocol says."""
        row = self._held(lease)
        row.record, row.token = record, None

    def discard(self, lease: Lease) -> None:
        """As the protocol says."""
        self._held(lease)
        del self.rows[lease.image_id]

    def claim(self, stem: str, image_id: str) -> str:
        """As the protocol says."""
        owner = self.owners.get(stem)
        if owner is None or owner == image_id:
            self.owners[stem] = image_id
            self.claimants.get(stem, set()).discard(image_id)
            return image_id
        self.claimants.setdefault(stem, set()).add(image_id)
        return owner

    def disown(self, stem: str, image_id: str) -> frozenset[str]:
        """As the protocol says."""
        owner = self.owners.get(stem)
        if owner != image_id and not (owner is None and self.claimants.get(stem)):
            return frozenset()
        self.owners[stem] = None
        return frozenset(self.claimants.get(stem, ()))

    def settle_claims(self, stem: str) -> None:
        """As the protocol says."""
        if self.owners.get(stem) is None:
            self.owners.pop(stem, None)
            self.claimants.pop(stem, None)


class FakeAnnouncements:
    """Remembers what was announced. `down` makes it fail."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.down = False

    def announce(self, detail_type: str, detail: dict[str, Any]) -> None:
        """As the protocol says."""
        if self.down:
            raise Transient("announcing: InternalException")
        self.events.append((detail_type, detail))

    @property
    def types(self) -> list[str]:
        """The detail types, in order."""
        return [detail_type for detail_type, _ in self.events]


class FakeInvalidations:
    """Remembers what was invalidated. `down` makes it fail, `budget` is how many paths replacements may take.

    `waiting` is what it answers to removals.
    """

    def __init__(self) -> None:
        self.batches: list[tuple[frozenset[str], str]] = []
        self.sweeps: list[int | None] = []
        self.down = False
        self.budget = 1000
        self.waiting: Waiting | None = None

    def invalidate(self, object_keys: frozenset[str], reference: str) -> bool:
        """As the protocol says."""
        if self.down:
            raise Transient("invalidating: InternalError")
        if len(object_keys) > self.budget:
            return False
        self.budget -= len(object_keys)
        self.batches.append((object_keys, reference))
        return True

    def forget(self, object_keys: frozenset[str], reference: str, sweep: int | None) -> Waiting | None:
        """As the protocol says."""
        if self.down:
            raise Transient("invalidating: InternalError")
        self.sweeps.append(sweep)
        if self.waiting is None:
            self.batches.append((object_keys, reference))
        return self.waiting


class FakeBudget:
    """So many paths."""

    def __init__(self, paths: int) -> None:
        self.paths = paths

    def take(self, paths: int) -> bool:
        """As the protocol says."""
        if paths > self.paths:
            return False
        self.paths -= paths
        return True

    def give_back(self, paths: int) -> None:
        """As the protocol says."""
        self.paths += paths


class FakeSweeps:
    """The table's conditions on a value."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.now = SweepState()

    def state(self) -> SweepState:
        """As the protocol says."""
        return self.now

    def begin(self, state: SweepState) -> int | None:
        """As the protocol says."""
        if state.begun != self.now.begun:
            return None
        self.now = replace(self.now, begun=state.begun + 1, begun_at=self.clock())
        return self.now.begun

    def end(self, number: int) -> None:
        """As the protocol says."""
        self.now = replace(self.now, ended=max(number, self.now.ended))


class FakeCloudFront:
    """The CDN's API. Drops the copies that a batch names, and fetches what is there again at once."""

    def __init__(self, renditions: FakeRenditions) -> None:
        self.renditions = renditions
        self.batches: list[list[str]] = []

    def create_invalidation(self, **request: Any) -> None:
        """As boto3 does."""
        paths = request["InvalidationBatch"]["Paths"]["Items"]
        self.batches.append(paths)
        for path in paths:
            for key in self._matching(path):
                stored = self.renditions.objects.get(key)
                self.renditions.copies[key] = {stored} if stored else set()

    def _matching(self, path: str) -> list[str]:
        if path.endswith("*"):
            return [key for key in self.renditions.copies if url_path(key).startswith(path[:-1])]
        return [unquote(path[1:])]


class FakeQueue:
    """Remembers what was queued, and what was shown again."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, int]] = []
        self.shown: list[tuple[str, int]] = []

    def enqueue(self, key: str, delay_seconds: int = 0) -> None:
        """As the protocol says."""
        self.keys.append((key, delay_seconds))

    def show_again(self, receipt_handle: str, seconds: int) -> None:
        """As the protocol says."""
        self.shown.append((receipt_handle, seconds))


LIMITS = Limits(max_object_bytes=1_000_000)


class World:
    """A reconciler in a world of fakes. With `budget` the CDN is the real adapter on a fake API, with so many paths."""

    def __init__(self, recipe: Recipe, budget: int | None = None) -> None:
        self.clock = Clock()
        self.sources = FakeSources()
        self.renditions = FakeRenditions()
        self.records = FakeRecords(self.clock)
        self.announcements = FakeAnnouncements()
        self.invalidations = FakeInvalidations()
        self.queue = FakeQueue()
        self.cloudfront = FakeCloudFront(self.renditions)
        self.sweeps = FakeSweeps(self._seconds)
        self.cdn: Invalidations = self.invalidations
        if budget is not None:
            self.cdn = CloudFrontInvalidations(
                lambda: self.cloudfront, "E", FakeBudget(budget), FakeBudget(budget), self.sweeps, self._seconds
            )
        self.reconciler = self.with_recipe(recipe)

    def with_recipe(self, recipe: Recipe, limits: Limits = LIMITS, version: str = "") -> Reconciler:
        """A reconciler of the same world after a change of recipe, of bounds, or of the function."""
        self.reconciler = Reconciler(
            sources=self.sources,
            renditions=self.renditions,
            records=self.records,
            announcements=self.announcements,
            invalidations=self.cdn,
            queue=self.queue,
            recipe=recipe,
            limits=limits,
            function_version=version,
            cdn_domain="cdn.example",
            lease_seconds=330,
            now=self.clock,
        )
        return self.reconciler

    def _seconds(self) -> float:
        return self.clock().timestamp()

    def record(self, key: str) -> Record:
        """The current record, which must exist."""
        record = self.records.get(key)
        assert record is not None, f"no record of {key!r}"
        return record
