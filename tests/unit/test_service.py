"""`reconcile` over in-memory fakes: every ending, and every way in which it may be interrupted."""

import hashlib
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from processor.errors import LeaseHeld, LeaseLost, Reason, Transient
from processor.limits import Limits
from processor.recipe import Recipe
from processor.records import Lease, Record, SourceVersion, Status
from processor.service import Action, Guard, StoredObject
from tests.fakes import Version, World

SMALL = Recipe.from_json(
    json.dumps(
        {
            "sizes": [
                {"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}},
                {"name": "thumb", "width": 8, "height": 8, "formats": {"jpeg": {"key": "thumbs/{stem}_t.jpg"}}},
            ]
        }
    )
)
SMALLER = Recipe.from_json('{"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}}}]}')
BY_NAME = Recipe.from_json('{"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{name}.jpg"}}}]}')
KEY = "cats/tom.png"
OBJECTS = {"full/cats/tom.jpg", "webp/cats/tom.webp", "thumbs/cats/tom_t.jpg"}


def picture(colour: str = "red") -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def world() -> World:
    """An empty world with the small recipe."""
    return World(SMALL)


def test_upload_is_published_recorded_and_announced(world: World) -> None:
    """An uploaded picture has every rendition stored, a complete record, a history row and one event."""
    world.sources.upload(KEY, picture())
    outcome = world.reconciler.reconcile(KEY)
    assert outcome.action is Action.PUBLISHED
    assert set(world.renditions.objects) == OBJECTS
    record = world.record(KEY)
    assert record.status is Status.COMPLETE
    assert record.announced_at is not None
    assert record.objects == OBJECTS
    assert record.published is not None
    assert record.published.original_size == len(picture())
    assert {fmt.key: fmt.bytes for fmt in record.published.formats} == {
        key: len(stored.body) for key, stored in world.renditions.objects.items()
    }
    [run] = world.records.runs
    assert run["status"] is Status.COMPLETE
    [(detail_type, detail)] = world.announcements.events
    assert detail_type == "ImageProcessed"
    assert {fmt["url"] for fmt in detail["formats"]} == {f"https://cdn.example/{key}" for key in OBJECTS}


def test_objects_carry_type_caching_and_hash(world: World) -> None:
    """Every stored object has its content type, the caching promise and the hash of the source's key."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    webp = world.renditions.objects["webp/cats/tom.webp"]
    assert webp.content_type == "image/webp"
    assert webp.cache_control == "public, max-age=300, s-maxage=86400"
    assert webp.source_hash == hashlib.sha256(KEY.encode()).hexdigest()[:32]


def test_savings_are_those_of_the_full_webp(world: World) -> None:
    """A record's savings are the percentage by which the full WebP is smaller than the source, negative if it grew."""
    data = picture()
    world.sources.upload(KEY, data)
    world.reconciler.reconcile(KEY)
    published = world.record(KEY).published
    assert published is not None
    webp = len(world.renditions.objects["webp/cats/tom.webp"].body)
    assert published.compression_savings == pytest.approx(100 * (1 - webp / len(data)), abs=0.01)


def test_duplicate_does_nothing(world: World) -> None:
    """A second event for the same version fetches, stores, records and announces nothing."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    outcome = world.reconciler.reconcile(KEY)
    assert outcome.action is Action.UNCHANGED
    assert world.sources.fetches == [KEY]
    assert len(world.records.runs) == 1
    assert world.announcements.types == ["ImageProcessed"]


def test_replacement_is_published(world: World) -> None:
    """A new version replaces every rendition and adds a second history row."""
    world.sources.upload(KEY, picture("red"))
    world.reconciler.reconcile(KEY)
    first = dict(world.renditions.objects)
    world.sources.upload(KEY, picture("blue"))
    assert world.reconciler.reconcile(KEY).action is Action.PUBLISHED
    assert all(world.renditions.objects[key].body != first[key].body for key in OBJECTS)
    assert len(world.records.runs) == 2


def test_removal_removes_everything_and_leaves_a_tombstone(world: World) -> None:
    """When the source goes, no object is left, the record says REMOVED, and the history stays."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    world.sources.remove(KEY)
    assert world.reconciler.reconcile(KEY).action is Action.REMOVED
    assert world.renditions.objects == {}
    assert world.record(KEY).status is Status.REMOVED
    assert [run["status"] for run in world.records.runs] == [Status.COMPLETE, Status.REMOVED]
    assert world.announcements.types == ["ImageProcessed", "ImageRemoved"]
    assert world.reconciler.reconcile(KEY).action is Action.UNCHANGED


def test_restored_source_is_published_again(world: World) -> None:
    """A source that comes back after its removal is published again."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, picture())
    assert world.reconciler.reconcile(KEY).action is Action.PUBLISHED
    assert set(world.renditions.objects) == OBJECTS


def test_removal_of_the_never_seen_leaves_no_trace(world: World) -> None:
    """An event for a key that is not there and never was leaves neither record nor event."""
    assert world.reconciler.reconcile(KEY).action is Action.UNCHANGED
    assert world.records.rows == {}
    assert world.announcements.events == []


def test_folder_markers_are_ignored(world: World) -> None:
    """A key that ends in a slash is a console's folder: nothing is read or recorded."""
    assert world.reconciler.reconcile("cats/").action is Action.IGNORED
    assert world.sources.heads == 0
    assert world.records.rows == {}


@pytest.mark.parametrize(
    ("key", "data", "reason"),
    [
        (KEY, b"", Reason.EMPTY),
        (KEY, b"these are only words", Reason.UNSUPPORTED_FORMAT),
        (KEY, picture()[:-30], Reason.CORRUPT),
        (KEY, b"x" * 1_000_001, Reason.TOO_LARGE),
        ("a//b.png", picture(), Reason.UNSERVABLE_KEY),
        ("../b.png", picture(), Reason.UNSERVABLE_KEY),
        ("a\nb.png", picture(), Reason.UNSERVABLE_KEY),
        ("é" * 510 + ".png", picture(), Reason.KEY_TOO_LONG),
    ],
)
def test_bad_picture_is_rejected_with_its_reason(world: World, key: str, data: bytes, reason: Reason) -> None:
    """A picture that can never work is recorded as REJECTED with reason and message, announced, and stores nothing."""
    world.sources.upload(key, data)
    assert world.reconciler.reconcile(key).action is Action.REJECTED
    record = world.record(key)
    assert (record.status, record.reason) == (Status.REJECTED, reason)
    assert record.message
    assert world.renditions.objects == {}
    assert world.records.owners == {}
    assert world.announcements.types == ["ImageRejected"]
    assert world.reconciler.reconcile(key).action is Action.UNCHANGED


def test_too_large_is_never_fetched(world: World) -> None:
    """A source over the size limit is refused by its length alone."""
    world.sources.upload(KEY, b"x" * 1_000_001)
    world.reconciler.reconcile(KEY)
    assert world.sources.fetches == []


def test_rejected_is_judged_anew_by_another_version_of_the_function(world: World) -> None:
    """What other bounds or a mended reader accept is published when it is asked for again, and not before."""
    world.sources.upload(KEY, picture())
    tight, loose = Limits(max_pixels=1), Limits()
    recipe = world.reconciler.recipe
    assert world.with_recipe(recipe, tight, "1").reconcile(KEY).action is Action.REJECTED
    assert world.with_recipe(recipe, tight, "1").reconcile(KEY).action is Action.UNCHANGED
    assert world.with_recipe(recipe, loose, "2").reconcile(KEY).action is Action.PUBLISHED
    assert world.with_recipe(recipe, loose, "3").reconcile(KEY).action is Action.UNCHANGED


def test_rejected_replacement_leaves_the_published_set(world: World) -> None:
    """A corrupt new version is REJECTED while the earlier version's renditions and figures stay."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    before = dict(world.renditions.objects)
    published = world.record(KEY).published
    world.sources.upload(KEY, b"no picture")
    assert world.reconciler.reconcile(KEY).action is Action.REJECTED
    assert world.renditions.objects == before
    assert world.record(KEY).published == published


def test_second_source_of_a_stem_is_a_conflict(world: World) -> None:
    """The second picture under one stem is REJECTED with the owner named, and overwrites nothing."""
    world.sources.upload(KEY, picture("red"))
    world.reconciler.reconcile(KEY)
    before = dict(world.renditions.objects)
    world.sources.upload("cats/tom.jpg", picture("blue"))
    world.reconciler.reconcile("cats/tom.jpg")
    record = world.record("cats/tom.jpg")
    assert record.reason is Reason.KEY_CONFLICT
    assert KEY in (record.message or "")
    assert world.renditions.objects == before


def test_waiting_claimant_inherits_the_stem(world: World) -> None:
    """When the owner is removed, the waiting picture is queued, and publishes when its turn comes."""
    world.sources.upload(KEY, picture("red"))
    world.reconciler.reconcile(KEY)
    world.sources.upload("cats/tom.jpg", picture("blue"))
    world.reconciler.reconcile("cats/tom.jpg")
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.queue.keys == [("cats/tom.jpg", 0)]
    assert world.reconciler.reconcile("cats/tom.jpg").action is Action.PUBLISHED
    assert set(world.renditions.objects) == OBJECTS


def test_removing_a_rejected_claimant_leaves_the_owner_alone(world: World) -> None:
    """Removing the picture that lost the stem deletes nothing of the one that owns it."""
    world.sources.upload(KEY, picture("red"))
    world.reconciler.reconcile(KEY)
    world.sources.upload("cats/tom.jpg", picture("blue"))
    world.reconciler.reconcile("cats/tom.jpg")
    world.sources.remove("cats/tom.jpg")
    world.reconciler.reconcile("cats/tom.jpg")
    assert set(world.renditions.objects) == OBJECTS


def test_name_templates_need_no_ownership(world: World) -> None:
    """Where templates hold the full name, two pictures of one stem are both published."""
    reconciler = world.with_recipe(BY_NAME)
    for key in (KEY, "cats/tom.jpg"):
        world.sources.upload(key, picture())
        assert reconciler.reconcile(key).action is Action.PUBLISHED
    assert set(world.renditions.objects) == {"full/cats/tom.png.jpg", "full/cats/tom.jpg.jpg"}


DROPPED = {"webp/cats/tom.webp", "thumbs/cats/tom_t.jpg"}
"""What the smaller recipe does not make."""


def dropped(world: World) -> World:
    """A picture that a smaller recipe has made again."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    assert world.with_recipe(SMALLER).reconcile(KEY).action is Action.PUBLISHED
    return world


def test_what_a_recipe_dropped_stays_for_its_days_of_grace(world: World) -> None:
    """After a smaller recipe the picture is made again; what the larger one had made goes in time, and is no orphan."""
    record = dropped(world).record(KEY)
    assert set(world.renditions.objects) == OBJECTS == record.objects
    assert world.renditions.retired == DROPPED == set(record.dropped)
    assert set(record.dropped.values()) == {world.clock() + timedelta(days=30 + 3)}
    assert not world.invalidations.batches


def test_what_was_dropped_is_forgotten_after_its_days_of_grace(world: World) -> None:
    """The next time that the picture is made again, and is deleted then if the bucket has not done it."""
    dropped(world).clock.pass_seconds(34 * 86400)
    world.with_recipe(BY_NAME).reconcile(KEY)
    assert set(world.renditions.objects) == {"full/cats/tom.png.jpg", "full/cats/tom.jpg"} == world.record(KEY).objects


def test_a_recipe_that_comes_back_makes_its_keys_current_again(world: World) -> None:
    """What it had dropped is stored again, and does not go."""
    dropped(world)
    world.with_recipe(SMALL).reconcile(KEY)
    assert set(world.renditions.objects) == OBJECTS
    assert not world.renditions.retired
    assert not world.record(KEY).dropped


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_what_was_dropped_does_not_outlive_its_version(world: World, change: str) -> None:
    """A replaced or removed picture is not shown under keys of an earlier recipe: deleted, and forgotten by the CDN."""
    dropped(world)
    if change == "replaced":
        world.sources.upload(KEY, picture("blue"))
    else:
        world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert not DROPPED & set(world.renditions.objects)
    assert not world.record(KEY).dropped
    assert world.invalidations.batches[-1][0] >= DROPPED


def test_a_replacement_that_meets_a_new_recipe_keeps_nothing_of_the_old_one(world: World) -> None:
    """The keys that the recipe dropped would show the replaced picture."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, picture("blue"))
    world.with_recipe(SMALLER).reconcile(KEY)
    assert set(world.renditions.objects) == {"full/cats/tom.jpg"}


def test_the_same_bytes_uploaded_again_are_no_replacement(world: World) -> None:
    """What a recipe dropped stays, whatever version of the source has the bytes."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, picture())
    world.with_recipe(SMALLER).reconcile(KEY)
    assert world.renditions.retired == DROPPED


def test_what_may_be_half_overwritten_is_not_kept(world: World) -> None:
    """A replacement failed half stored and was taken back: what the next recipe drops may show it, so it goes."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, picture("blue"))
    world.renditions.fail_at = 2
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    world.sources.undo(KEY)
    world.with_recipe(SMALLER).reconcile(KEY)
    assert set(world.renditions.objects) == {"full/cats/tom.jpg"}


def test_a_failed_try_by_the_new_recipe_drops_nothing(world: World) -> None:
    """It cannot have written what it does not make, so the next try keeps that."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    world.renditions.fail_at = 0
    with pytest.raises(Transient):
        world.with_recipe(SMALLER).reconcile(KEY)
    world.reconciler.reconcile(KEY)
    assert world.renditions.retired == DROPPED


def test_live_lease_is_respected_until_it_ends(world: World) -> None:
    """A second worker is told when to come back, and takes over once the lease has run out."""
    world.sources.upload(KEY, picture())
    world.records.acquire(KEY, frozenset(), 330)
    world.clock.pass_seconds(30)
    with pytest.raises(LeaseHeld) as held:
        world.reconciler.reconcile(KEY)
    assert held.value.retry_after_seconds == 300
    world.clock.pass_seconds(301)
    assert world.reconciler.reconcile(KEY).action is Action.PUBLISHED


def test_worker_that_lost_its_lease_does_not_flip_the_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another worker takes the lease over while we store, our attempt ends without record or event."""
    world.sources.upload(KEY, picture())
    store = world.renditions.store

    def store_slowly(objects: list[StoredObject], guard: Guard) -> None:
        store(objects, guard)
        world.clock.pass_seconds(331)
        world.records.acquire(KEY, frozenset(), 330)

    monkeypatch.setattr(world.renditions, "store", store_slowly)
    with pytest.raises(LeaseLost):
        world.reconciler.reconcile(KEY)
    assert world.record(KEY).status is Status.PROCESSING
    assert world.announcements.events == []


def test_replaced_while_processing_publishes_the_newer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the source changes before the record flips, the attempt starts over and only the newer one is announced."""
    world.sources.upload(KEY, picture("red"))
    store = world.renditions.store
    replaced = False

    def store_then_replace(objects: list[StoredObject], guard: Guard) -> None:
        nonlocal replaced
        store(objects, guard)
        if not replaced:
            replaced = True
            world.sources.upload(KEY, picture("blue"))

    monkeypatch.setattr(world.renditions, "store", store_then_replace)
    world.reconciler.reconcile(KEY)
    current = world.sources.head(KEY)
    assert isinstance(current, SourceVersion)
    assert world.record(KEY).version_id == current.version_id
    assert world.announcements.types == ["ImageProcessed"]


def test_source_removed_while_processing_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the source goes before the record flips, what was stored is taken back and the picture ends REMOVED."""
    world.sources.upload(KEY, picture())
    store = world.renditions.store

    def store_then_remove(objects: list[StoredObject], guard: Guard) -> None:
        store(objects, guard)
        world.sources.remove(KEY)

    monkeypatch.setattr(world.renditions, "store", store_then_remove)
    world.reconciler.reconcile(KEY)
    assert world.renditions.objects == {}
    assert world.record(KEY).status is Status.REMOVED


def test_failed_store_is_shown_and_the_retry_completes(world: World) -> None:
    """A store that fails half-way shows FAILED, announces nothing, holds no lease, and the retry rewrites all of it."""
    world.sources.upload(KEY, picture())
    world.renditions.fail_at = 1
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    assert world.record(KEY).status is Status.FAILED
    assert "SlowDown" in (world.record(KEY).message or "")
    assert world.announcements.events == []
    assert world.reconciler.reconcile(KEY).action is Action.PUBLISHED
    assert set(world.renditions.objects) == OBJECTS
    assert world.record(KEY).message is None


def test_half_stored_then_removed_leaves_nothing(world: World) -> None:
    """Objects of an attempt that failed half-way are found and deleted when the source goes before the retry."""
    world.sources.upload(KEY, picture())
    world.renditions.fail_at = 2
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    assert world.renditions.objects
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.renditions.objects == {}


def test_half_stored_then_corrupt_leaves_nothing(world: World) -> None:
    """A first version that failed half-way and was then replaced by a corrupt one is not half-published."""
    world.sources.upload(KEY, picture())
    world.renditions.fail_at = 2
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, b"no picture")
    world.reconciler.reconcile(KEY)
    assert world.renditions.objects == {}
    assert world.record(KEY).status is Status.REJECTED


def test_failed_announcement_is_made_up_for(world: World) -> None:
    """If the bus is down after the record has flipped, the retry announces, and does not encode again."""
    world.sources.upload(KEY, picture())
    world.announcements.down = True
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    world.announcements.down = False
    world.reconciler.reconcile(KEY)
    assert world.announcements.types == ["ImageProcessed"]
    assert world.record(KEY).status is Status.COMPLETE
    assert world.sources.fetches == [KEY]


def test_crash_before_the_announcement_is_made_up_for(world: World) -> None:
    """A record that flipped without its announcement is announced by the next event on its key."""
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    row = world.records.rows[KEY]
    row.record = replace(row.record, announced_at=None)
    world.announcements.events.clear()
    world.reconciler.reconcile(KEY)
    assert world.announcements.types == ["ImageProcessed"]
    assert world.record(KEY).announced_at is not None


def test_rejection_is_of_the_version_that_was_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad version that was there for the fetch alone does not condemn the good one before and after it."""
    world.sources.upload(KEY, picture())
    fetch = world.sources.fetch
    swapped = False

    def fetch_the_bad_one_once(key: str, limits: Limits, version_id: str | None = None) -> Version | None:
        nonlocal swapped
        if swapped:
            return fetch(key, limits, version_id)
        swapped = True
        world.sources.upload(KEY, b"no picture")
        fetched = fetch(key, limits, version_id)
        world.sources.undo(KEY)
        return fetched

    monkeypatch.setattr(world.sources, "fetch", fetch_the_bad_one_once)
    assert world.reconciler.reconcile(KEY).action is Action.PUBLISHED
    assert set(world.renditions.objects) == OBJECTS


def test_loser_of_a_stem_takes_its_own_leftovers_along(world: World) -> None:
    """What an attempt under an earlier recipe left half-stored goes, and what the stem's owner has published stays."""
    world.sources.upload("cats/tom.jpg", picture("blue"))
    world.with_recipe(SMALL).reconcile("cats/tom.jpg")
    world.sources.upload(KEY, picture())
    by_two_names = Recipe.from_json(
        '{"sizes": [{"name": "full", "formats": {"jpeg": {"key": "n/{name}.jpg"}, "webp": {"key": "n/{name}.webp"}}}]}'
    )
    world.renditions.fail_at = 1
    with pytest.raises(Transient):
        world.with_recipe(by_two_names).reconcile(KEY)
    assert "n/cats/tom.png.jpg" in world.renditions.objects
    world.with_recipe(SMALL).reconcile(KEY)
    assert world.record(KEY).reason is Reason.KEY_CONFLICT
    assert set(world.renditions.objects) == OBJECTS


def test_mixed_set_whose_version_is_gone_is_taken_down(world: World) -> None:
    """A half-written replacement followed by a bad version leaves nothing served where the good version is gone."""
    world.sources.upload(KEY, picture("red"))
    world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, picture("blue"))
    world.renditions.fail_at = 1
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    world.sources.upload(KEY, b"no picture")
    world.sources.expire(KEY)
    world.reconciler.reconcile(KEY)
    assert world.record(KEY).published is None
    assert world.renditions.objects == {}


def test_source_that_goes_before_the_fetch_is_no_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture removed between the look and the fetch ends as REMOVED in the same attempt."""
    world.sources.upload(KEY, picture())

    def fetch_too_late(key: str, _limits: Limits, _version_id: str | None = None) -> None:
        world.sources.remove(key)

    monkeypatch.setattr(world.sources, "fetch", fetch_too_late)
    assert world.reconciler.reconcile(KEY).action is Action.REMOVED
    assert world.records.owners == {}


WITH_MANIFEST = replace(SMALL, manifest="manifest/{name}.json")
MANIFEST = "manifest/cats/tom.png.json"


def test_a_manifest_describes_what_is_published(world: World) -> None:
    """Stored beside the renditions, with their URLs and an element to paste, and remembered with them."""
    world.with_recipe(WITH_MANIFEST)
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    stored = world.renditions.objects[MANIFEST]
    assert (stored.content_type, stored.cache_control) == ("application/json", "public, max-age=300, s-maxage=86400")
    document = json.loads(stored.body)
    assert (document["imageId"], document["width"], document["height"]) == (KEY, 16, 12)
    assert {entry["url"] for entry in document["formats"]} == {f"https://cdn.example/{key}" for key in OBJECTS}
    assert document["markup"].startswith("<picture>")
    assert 'style="background: #' in document["markup"]
    assert world.record(KEY).objects == OBJECTS | {MANIFEST}


def test_a_manifest_goes_with_its_picture(world: World) -> None:
    """On removal, and when the recipe gives manifests up; it is invalidated like a rendition."""
    world.with_recipe(WITH_MANIFEST)
    for key in (KEY, "cats/kim.png"):
        world.sources.upload(key, picture())
        world.reconciler.reconcile(key)
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert MANIFEST not in world.renditions.objects
    assert MANIFEST in world.invalidations.batches[-1][0]
    world.with_recipe(SMALL).reconcile("cats/kim.png")
    assert {"manifest/cats/kim.png.json"} == {key for key in world.renditions.objects if key.endswith(".json")}
    assert "manifest/cats/kim.png.json" in world.renditions.retired


def test_flip_whose_answer_is_lost_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the flip takes effect and its answer is lost, the retry only announces: one encode, one history row."""
    world.sources.upload(KEY, picture())
    finish = world.records.finish

    def finish_unheard(lease: Lease, record: Record, run: dict[str, Any]) -> None:
        finish(lease, record, run)
        raise Transient("recording: the connection was closed before the answer")

    monkeypatch.setattr(world.records, "finish", finish_unheard)
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    assert world.record(KEY).status is Status.COMPLETE
    world.reconciler.reconcile(KEY)
    assert world.sources.fetches == [KEY]
    assert len(world.records.runs) == 1
    assert world.announcements.types == ["ImageProcessed"]
