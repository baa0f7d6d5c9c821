"""What the CDN is told to forget, and when it is told nothing."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image

from processor.aws.cloudfront import CloudFrontInvalidations, invalidate_everything
from processor.errors import Transient
from processor.limits import Limits
from processor.recipe import Recipe
from processor.records import SourceVersion, Status
from tests.fakes import World

SIZES = [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}}]
RECIPE = Recipe.from_json(json.dumps({"sizes": SIZES}))
CHANGED = Recipe.from_json(json.dumps({"sizes": SIZES, "background": "#000000"}))
KEY = "cats/tom.png"
OBJECTS = frozenset({"full/cats/tom.jpg", "webp/cats/tom.webp"})


def picture(colour: str = "red") -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def world() -> World:
    """A world in which one picture is published and was announced."""
    world = World(RECIPE)
    world.sources.upload(KEY, picture())
    world.reconciler.reconcile(KEY)
    return world


def test_a_first_publication_invalidates_nothing(world: World) -> None:
    """There was nothing to cache but a 404, which is kept for a second."""
    assert world.invalidations.batches == []


def test_a_replacement_invalidates_what_it_replaced_in_one_batch(world: World) -> None:
    """All paths of the picture go in a single request, before the event tells anyone to look."""
    world.sources.upload(KEY, picture("blue"))
    world.announcements.down = True
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    [(keys, _)] = world.invalidations.batches
    assert keys == OBJECTS


def test_a_removal_invalidates_what_was_published(world: World) -> None:
    """A picture that was taken down must not be served from caches for a day."""
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    [(keys, _)] = world.invalidations.batches
    assert keys == OBJECTS
    assert world.record(KEY).stale == frozenset()


def test_a_duplicate_invalidates_nothing_more(world: World) -> None:
    """The second event for a replacement finds it done."""
    world.sources.upload(KEY, picture("blue"))
    world.reconciler.reconcile(KEY)
    world.reconciler.reconcile(KEY)
    assert len(world.invalidations.batches) == 1


def test_a_rejected_replacement_invalidates_nothing(world: World) -> None:
    """The earlier version stays published, and its copies are right."""
    world.sources.upload(KEY, b"not a picture")
    assert world.reconciler.reconcile(KEY).record is not None
    assert world.record(KEY).status is Status.REJECTED
    assert world.invalidations.batches == []


def test_a_change_of_the_recipe_invalidates_no_single_paths(world: World) -> None:
    """It concerns every picture, so it would use up the budget; the backfill invalidates everything once."""
    world.with_recipe(CHANGED).reconcile(KEY)
    assert world.record(KEY).fingerprint == CHANGED.fingerprint
    assert world.invalidations.batches == []


def test_a_failed_invalidation_is_made_up_for(world: World) -> None:
    """The retry invalidates the same paths under the same reference, then announces, and works on no pixel again."""
    world.sources.upload(KEY, picture("blue"))
    world.invalidations.down = True
    with pytest.raises(Transient, match="InternalError"):
        world.reconciler.reconcile(KEY)
    assert world.record(KEY).stale == OBJECTS
    assert world.announcements.types == ["ImageProcessed"]

    world.invalidations.down = False
    fetches = len(world.sources.fetches)
    world.reconciler.reconcile(KEY)
    [(keys, _)] = world.invalidations.batches
    assert keys == OBJECTS
    assert len(world.sources.fetches) == fetches
    assert world.announcements.types == ["ImageProcessed", "ImageProcessed"]
    assert world.record(KEY).stale == frozenset()


@pytest.mark.parametrize("what", ["invalidating", "announcing"])
def test_why_it_is_not_announced_is_in_the_record(world: World, what: str) -> None:
    """Until it is: the outcome itself, and what is said of that, stay as they are."""
    world.sources.upload(KEY, picture("blue"))
    failing = world.invalidations if what == "invalidating" else world.announcements
    failing.down = True
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    record = world.record(KEY)
    assert (record.status, record.message, record.announced_at) == (Status.COMPLETE, None, None)
    assert (record.hindrance or "").startswith(f"Transient: {what}: ")
    failing.down = False
    world.reconciler.reconcile(KEY)
    assert world.record(KEY).announced_at
    assert world.record(KEY).hindrance is None


def test_the_unforeseen_is_noted_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends the lease, so that the retry need not wait for that."""
    world.sources.remove(KEY)

    def fail(*_: object) -> None:
        raise ValueError("unheard of")

    monkeypatch.setattr(world.announcements, "announce", fail)
    with pytest.raises(ValueError, match="unheard of"):
        world.reconciler.reconcile(KEY)
    assert world.record(KEY).hindrance == "ValueError: unheard of"
    assert world.records.rows[KEY].token is None


def test_a_retry_after_a_failed_announcement_uses_the_same_reference(world: World) -> None:
    """CloudFront takes it for the same request then, and does not count it again."""
    world.sources.upload(KEY, picture("blue"))
    world.announcements.down = True
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    world.announcements.down = False
    world.reconciler.reconcile(KEY)
    first, second = world.invalidations.batches
    assert first == second


def test_what_failed_to_be_invalidated_is_part_of_the_next_one(world: World) -> None:
    """A picture removed before the retry takes its leftover paths along."""
    world.sources.upload(KEY, picture("blue"))
    world.invalidations.down = True
    with pytest.raises(Transient):
        world.reconciler.reconcile(KEY)
    world.invalidations.down = False
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    [(keys, _)] = world.invalidations.batches
    assert keys == OBJECTS


def test_without_a_budget_the_picture_is_published_all_the_same(world: World) -> None:
    """Copies live out their day; the outcome says which, so that it shows in the metrics."""
    world.invalidations.budget = 1
    world.sources.upload(KEY, picture("blue"))
    outcome = world.reconciler.reconcile(KEY)
    assert outcome.left_to_age == OBJECTS
    assert world.announcements.types == ["ImageProcessed", "ImageProcessed"]
    assert world.record(KEY).stale == frozenset()


def test_what_an_overtaken_round_wrote_is_invalidated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first publication that was replaced while it ran had its first version in the bucket for a moment."""
    world = World(RECIPE)
    world.sources.upload(KEY, picture())
    fetch = world.sources.fetch

    def fetched(key: str, limits: Limits) -> tuple[SourceVersion, bytes] | None:
        found = fetch(key, limits)
        if len(world.sources.fetches) == 1:
            world.sources.upload(KEY, picture("blue"))
        return found

    monkeypatch.setattr(world.sources, "fetch", fetched)
    world.reconciler.reconcile(KEY)
    [(keys, _)] = world.invalidations.batches
    assert keys == OBJECTS


@dataclass
class _Budget:
    """Takes what `allows` says."""

    allows: bool = True
    taken: list[int] = field(default_factory=list)

    def take(self, paths: int) -> bool:
        """As the protocol says."""
        self.taken.append(paths)
        return self.allows

    def give_back(self, paths: int) -> None:
        """As the protocol says."""
        self.taken.append(-paths)


@pytest.fixture
def cloudfront() -> Any:
    """A client whose answers are stubbed."""
    return boto3.client("cloudfront", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106


def expect(stubber: Stubber, *paths: str) -> None:
    """Expect one request for these paths."""
    batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": "r"}
    stubber.add_response("create_invalidation", {}, {"DistributionId": "EDIST", "InvalidationBatch": batch})


def test_paths_are_spelled_like_the_cache_spells_them(cloudfront: Any) -> None:
    """The edge function spells requests as `keys.url` does, and so does the invalidation."""
    budget = _Budget()
    with Stubber(cloudfront) as stubber:
        expect(stubber, "/full/%C3%BC~.jpg", "/full/a%20b%2Bc%20%281%29.jpg")
        done = CloudFrontInvalidations(lambda: cloudfront, "EDIST", budget).invalidate(
            frozenset({"full/ü~.jpg", "full/a b+c (1).jpg"}), "r"
        )
        stubber.assert_no_pending_responses()
    assert done
    assert budget.taken == [2]


def test_beyond_the_budget_cloudfront_is_not_even_asked(cloudfront: Any) -> None:
    """Not a path is paid for that nobody allowed."""
    with Stubber(cloudfront):
        assert not CloudFrontInvalidations(lambda: cloudfront, "EDIST", _Budget(allows=False)).invalidate(OBJECTS, "r")


def test_everything_is_one_path_and_needs_no_budget(cloudfront: Any) -> None:
    """What a backfill asks for once."""
    with Stubber(cloudfront) as stubber:
        expect(stubber, "/*")
        invalidate_everything(cloudfront, "EDIST", "r")
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("code", "transient"), [("TooManyInvalidationsInProgress", False), ("InternalError", True)])
def test_failed_invalidation_costs_nothing(cloudfront: Any, code: str, transient: bool) -> None:  # noqa: FBT001
    """Its paths go back. 3,000 may be in progress, and those beyond are left to age as beyond the budget."""
    budget = _Budget()
    with Stubber(cloudfront) as stubber:
        stubber.add_client_error("create_invalidation", code, "no", 400)
        invalidations = CloudFrontInvalidations(lambda: cloudfront, "EDIST", budget)
        if transient:
            with pytest.raises(Transient, match=code):
                invalidations.invalidate(OBJECTS, "r")
        else:
            assert not invalidations.invalidate(OBJECTS, "r")
    assert budget.taken == [2, -2]


def test_paths_that_cannot_be_given_back_do_not_hide_the_failure(
    cloudfront: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count as spent then."""

    def fail(*_: object) -> None:
        raise Transient("the table is gone")

    monkeypatch.setattr(_Budget, "give_back", fail)
    with Stubber(cloudfront) as stubber:
        stubber.add_client_error("create_invalidation", "InternalError", "no", 400)
        with pytest.raises(Transient, match="InternalError"):
            CloudFrontInvalidations(lambda: cloudfront, "EDIST", _Budget()).invalidate(OBJECTS, "r")


def test_no_client_is_made_before_there_is_something_to_invalidate() -> None:
    """Most uploads are new, and CloudFront's part of the SDK takes long to load."""

    def made() -> Any:
        pytest.fail("a client was made")

    assert not CloudFrontInvalidations(made, "EDIST", _Budget(allows=False)).invalidate(OBJECTS, "r")
