"""What `reconcile` must come to: a raw bucket, its events, and what may be published when all is done."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from processor import keys
from processor.errors import LeaseHeld, Reason, Rejected, Transient
from processor.limits import Limits
from processor.pyramid import Pyramid, expanded
from processor.recipe import Recipe
from processor.records import FINAL, Published, Record, Status
from processor.results import Rendition, Source, Tiled, Transcoded
from tests.fakes import World
from tests.stepping import Crash, Worker

if TYPE_CHECKING:
    from processor.service import StoredObject


def recipe(*templates: str, **options: Any) -> Recipe:
    """A recipe of one JPEG a template."""
    sizes = ", ".join(
        f'{{"name": "s{index}", "formats": {{"jpeg": {{"key": "{template}"}}}}}}'
        for index, template in enumerate(templates)
    )
    return Recipe.from_json(json.dumps({"sizes": json.loads(f"[{sizes}]")} | options))


RECIPES = (
    recipe("a/{stem}.jpg", "b/{stem}.jpg"),
    recipe("a/{stem}.jpg"),
    recipe("a/{stem}.jpg", "c/{stem}.jpg", "d/{stem}.jpg"),
    recipe("n/{name}.jpg", "m/{name}.jpg"),
    recipe("a/{stem}.jpg", "b/{stem}.jpg", retain_days=30, tiles={"key": "t/{stem}"}),
)
KEYS = ("x.png", "x.jpg", "x.gif", "y.png")
PATHS = 4
"""That may be invalidated: enough for one change, so that the next one has to do without, and waits for a sweep."""


def made(data: bytes, of: Recipe, size: str) -> bytes:
    """What the stand-in for the encoders makes: bytes that tell source, recipe and size."""
    return data + f"|{of.fingerprint}|{size}".encode()


def stand_in(data: bytes, of: Recipe, _limits: Limits) -> Transcoded:
    """A transcode that takes no time. What begins with `bad` is rejected."""
    if data.startswith(b"bad"):
        raise Rejected(Reason.CORRUPT, "a bad picture")
    renditions = tuple(Rendition(size.name, fmt.name, 1, 1, made(data, of, size.name)) for size, fmt in of.formats)
    return Transcoded(Source("png", 1, 1, 1, len(data)), renditions, tiled(data, of) if of.tiles else None)


def tiled(data: bytes, of: Recipe) -> Tiled:
    """A pyramid of one tile, or of three: versions of a picture are not of one size."""
    pyramid = Pyramid(1 + data[-7] % 2, 1, 1, 0, "jpg")
    return Tiled(pyramid, tuple(made(data, of, "tiles") for _ in pyramid.all_places()))


@contextmanager
def no_encoders() -> Iterator[None]:
    """The service with the stand-in."""
    with mock.patch("processor.pipeline.transcode", stand_in):
        yield


class Model:
    """A world of fakes, the messages under way, and the keys of which no message tells any more."""

    def __init__(self) -> None:
        self.world = World(RECIPES[0], budget=PATHS)
        self.world.sweeps.begin(self.world.sweeps.state())
        self.world.sweeps.end(1)
        self.world.records.finished = self._note_removal
        self.doomed: set[StoredObject] = set()
        self.messages: list[str] = []
        self.untold: set[str] = set()
        self.uploads: dict[str, bytes] = {}
        self.delay = 0
        self.promised: dict[str, tuple[bytes, set[str]]] = {}

    # -- what people do ----------------------------------------------------------------------------------------------

    def upload(self, key: str, *, good: bool = True) -> None:
        """A new version, and its event."""
        self.put(key, f"{'good' if good else 'bad'}-{len(self.uploads)}-{key}".encode())

    def upload_the_same_again(self, key: str) -> None:
        """A new version with the bytes of the current one, and its event."""
        current = self.world.sources.current(key)
        if current:
            self.put(key, current[1])

    def put(self, key: str, data: bytes) -> None:
        """A new version of these bytes, and its event."""
        self.world.sources.upload(key, data)
        version = self.world.sources.head(key)
        assert version is not None
        self.uploads[version.version_id] = data
        self.messages.append(key)

    def remove(self, key: str) -> None:
        """A delete marker, and its event."""
        self.world.sources.remove(key)
        self.messages.append(key)

    def undo(self, key: str) -> None:
        """The newest version or delete marker goes, of which S3 may tell nothing."""
        self.world.sources.undo(key)
        self.untold.add(key)

    def expire(self, key: str) -> None:
        """The lifecycle rule deletes every noncurrent version."""
        self.world.sources.expire(key)

    def deploy(self, index: int) -> None:
        """Another recipe. Records are stale until somebody looks at them: `backfill --stale`."""
        self.world.with_recipe(RECIPES[index])
        for key, row in self.world.records.rows.items():
            if row.record.status not in FINAL:  # by the recipe before, another version may be half stored
                self.promised.pop(key, None)
        self.untold |= set(self.world.sources.versions)

    # -- what the queue does -----------------------------------------------------------------------------------------

    def lose(self, key: str) -> None:
        """An event that never comes."""
        self.messages.remove(key)
        self.untold.add(key)

    def account(self, worker: Worker) -> None:
        """What fails comes back, and nothing fails in a way that nobody thought of."""
        if worker.failure is not None:
            assert isinstance(worker.failure, Transient | Crash), repr(worker.failure)
            self.messages.append(worker.key)
        self.collect()

    def collect(self) -> None:
        """Take over what the service has queued itself."""
        self.messages += [key for key, _ in self.world.queue.keys]
        self.delay = max([self.delay, *(seconds for _, seconds in self.world.queue.keys)])
        self.world.queue.keys.clear()

    def _note_removal(self, record: Record) -> None:
        """All that the CDN may show of a picture is to go once its removal was recorded."""
        if record.status is Status.REMOVED:
            source = keys.source_hash(record.image_id)
            self.doomed |= {each for each in self._copies() if each.source_hash == source}

    def _copies(self) -> "set[StoredObject]":
        return set().union(*self.world.renditions.copies.values())

    def settle(self) -> None:
        """Deliver every message, and look at every key of which none tells, as `verify` and `backfill` do."""
        self.messages += sorted(self.untold)
        self.untold.clear()
        for _ in range(300):
            if not self.messages:
                return
            key = self.messages.pop(0)
            self.world.clock.pass_seconds(self.delay)
            self.delay = 0
            try:
                self.world.reconciler.reconcile(key)
            except LeaseHeld as held:
                self.world.clock.pass_seconds(held.retry_after_seconds + 1)
                self.messages.append(key)
            self.collect()
        raise AssertionError(f"messages go round for ever: {self.messages}")

    # -- what must hold ----------------------------------------------------------------------------------------------

    def check_truth(self) -> None:
        """While a record is final, all that it calls published is in the bucket, made of the version it names."""
        for key, row in self.world.records.rows.items():
            if row.record.status in (Status.COMPLETE, Status.REJECTED) and row.record.published:
                self._check_whole(key, row.record.published)

            if row.record.status in FINAL:
                self._check_promised(key, row.record)

    def _check_promised(self, key: str, record: Record) -> None:
        """What was once published of a version is there, in that version, until it is replaced or removed."""
        if record.published is None:
            self.promised.pop(key, None)
            return
        data = self.uploads[record.published.version_id]
        before, objects = self.promised.get(key, (data, set()))
        objects = set(record.published.stable_keys) | (objects if before == data else set())
        self.promised[key] = data, objects
        for each in objects:
            stored = self.world.renditions.objects.get(each)
            if not each.startswith(("/", "t/")):  # tiles of another pyramid are replaced with their descriptor
                assert stored is not None, f"{each} of {key} was published, and is gone"
                assert stored.body.split(b"|")[0] == data, f"{each} of {key} shows another version"

    def _check_whole(self, key: str, published: Published) -> None:
        data = self.uploads[published.version_id]
        sources = set()
        for fmt in published.formats:
            stored = self.world.renditions.objects.get(fmt.key)
            assert stored is not None, f"{fmt.key} of {key} is missing"
            source, fingerprint, size = stored.body.split(b"|")
            assert size.decode() == fmt.size, f"{fmt.key} of {key} holds another size"
            sources.add((source, fingerprint))
        for fmt, copy in zip(published.formats, published.addressed, strict=True):
            stored, kept = (self.world.renditions.objects.get(each.key) for each in (fmt, copy))
            assert kept is not None, f"{copy.key} of {key} is missing"
            assert stored is not None
            assert kept.body == stored.body, f"{copy.key} of {key} has other bytes than {fmt.key}"
            assert copy.key not in self.world.renditions.retired, f"{copy.key} of {key} is served and about to go"
        for tile in expanded(published.tiles.keys) if published.tiles else ():
            stored = self.world.renditions.objects.get(tile)
            assert stored is not None, f"{tile} of {key} is missing"
            if tile.endswith(".jpg"):
                source, fingerprint, _ = stored.body.split(b"|")
                sources.add((source, fingerprint))
        assert len(sources) == 1, f"the published set of {key} is mixed: {sources}"
        assert sources.pop()[0] == data, f"{key} shows another version than its record names"

    def check_the_end(self) -> None:
        """Compare with the raw bucket when everything is settled."""
        expected: set[str] = set()
        for key in sorted(self.world.sources.versions):
            record = self.world.records.get(key)
            current = self.world.sources.current(key)
            if current is None:
                assert record is None or record.status is Status.REMOVED, f"{key} is gone, and {record}"
                assert record is None or record.published is None
            else:
                assert record is not None, f"{key} was never seen"
                self._compare_outcome(key, current[1])
            if record is not None:
                assert record.announced_at is not None, f"{record.status} of {key} was never announced"
                self._compare_objects(record)
                expected |= record.objects
        assert set(self.world.renditions.objects) <= expanded(expected), "orphans"
        self._check_versions()
        self._check_cdn()
        self.check_truth()
        self._compare_owners()

    def _compare_outcome(self, key: str, data: bytes) -> None:
        record = self.world.record(key)
        now = self.world.reconciler.recipe
        assert record.fingerprint == now.fingerprint
        if record.reason is Reason.KEY_CONFLICT:
            owner = self.world.records.owners[keys.stem(key)]
            assert owner not in (None, key)
            assert self.world.sources.current(str(owner)) is not None, f"{key} waits for {owner}, which is gone"
        elif data.startswith(b"bad"):
            assert (record.status, record.reason) == (Status.REJECTED, Reason.CORRUPT)
            if record.published:
                assert _formats(record.published) == set(keys.rendition_keys(now, key)) or not self._restorable(key)
        else:
            assert record.status is Status.COMPLETE, f"{key} is {record.status}: {record.message}"
            assert record.published is not None
            assert self.uploads[record.published.version_id] == data
            assert _formats(record.published) == set(keys.rendition_keys(now, key))
            assert (record.published.tiles is not None) == (now.tiles is not None)

    def _compare_objects(self, record: Record) -> None:
        """What is published, and copies of replaced versions for their time, all of them about to go."""
        published = record.published.keys if record.published else frozenset[str]()
        assert published <= record.objects
        assert set(record.dropped) <= record.objects - published
        replaced = record.objects - published - set(record.dropped)
        assert {keys.version_of(key) for key in replaced} == set(record.retained)
        dropped = expanded(record.dropped) - expanded(published)
        stored = (replaced | dropped) & set(self.world.renditions.objects)
        assert stored <= self.world.renditions.retired, "what was replaced or dropped would stay for ever"
        assert record.published or not record.objects, "nothing stays of what is removed"

    def _check_cdn(self) -> None:
        """Nothing that was removed is still served, unless the same was published again."""
        served = self.doomed & self._copies() - set(self.world.renditions.objects.values())
        assert not served, f"removed, and still served: {sorted(copy.key for copy in served)}"

    def _check_versions(self) -> None:
        """What is under a key with a version is of that version: never overwritten by another."""
        for key, stored in self.world.renditions.objects.items():
            if keys.version_of(key):
                data, fingerprint, _ = stored.body.split(b"|")
                digest = hashlib.sha256(data + fingerprint).hexdigest()
                assert keys.version_of(key) == digest[:16], f"{key} holds another version"

    def _restorable(self, key: str) -> bool:
        published = self.world.record(key).published
        versions = self.world.sources.versions[key]
        return any(each and published and each[0].version_id == published.version_id for each in versions)

    def _compare_owners(self) -> None:
        for stem, owner in self.world.records.owners.items():
            assert owner is not None, f"the clean-up of {stem} was never finished"
            assert self.world.sources.current(owner) is not None, f"{owner} is gone and still owns {stem}"


def _formats(published: Published) -> set[str]:
    return {fmt.key for fmt in published.formats}
