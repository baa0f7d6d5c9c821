"""What the CDN is told to forget, and when it is told nothing."""

import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from PIL import Image

from processor.aws.cloudfront import CloudFrontInvalidations, invalidate_everything
from processor.errors import Transient
from processor.limits import Limits
from processor.recipe import Recipe
from processor.records import SourceVersion, Status
from processor.service import Action, Waiting
from tests.fakes import FakeBudget, FakeSweeps, World

SIZES = [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}, "webp": {"key": "webp/{stem}.webp"}}}]
RECIPE = Recipe.from_json(json.dumps({"sizes": SIZES}))
CHANGED = Recipe.from_json(json.dumps({"sizes": SIZES, "background": "#000000"}))
OTHER_KEYS = Recipe.from_json('{"sizes": [{"name": "s", "formats": {"jpeg": {"key": "s/{stem}.jpg"}}}]}')
KEY = "cats/tom.png"
SWEEPS = FakeSweeps(lambda: 0)
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


# -- what was removed, and the CDN cannot be told yet ----------------------------------------------------------------


@pytest.fixture
def waiting(world: World) -> World:
    """A world in which the picture was removed, and the CDN could not be told."""
    world.invalidations.waiting = Waiting(sweep=7, retry_after_seconds=600)
    world.sources.remove(KEY)
    outcome = world.reconciler.reconcile(KEY)
    assert outcome.action is Action.REMOVED
    return world


def test_removal_that_waits_for_the_cdn_says_so(waiting: World) -> None:
    """In the record and in the event, with the time at which copies expire at the latest; it asks again by itself."""
    tomorrow = waiting.clock() + timedelta(days=1)
    record = waiting.record(KEY)
    assert (record.status, record.objects, record.served_until) == (Status.REMOVED, frozenset(), tomorrow)
    assert record.still_served(waiting.clock())
    detail_type, detail = waiting.announcements.events[-1]
    assert (detail_type, detail["servedUntil"]) == ("ImageRemoved", tomorrow.isoformat())
    assert waiting.queue.keys == [(KEY, 600)]


def test_removal_that_goes_on_waiting_is_not_announced_again(waiting: World) -> None:
    """It asks for the same sweep, and keeps asking, in messages of its own."""
    outcome = waiting.reconciler.reconcile(KEY)
    assert outcome.action is Action.WAITING
    assert waiting.invalidations.sweeps == [None, 7]
    assert waiting.announcements.types == ["ImageProcessed", "ImageRemoved"]
    assert waiting.queue.keys == [(KEY, 600)] * 2


def test_end_of_waiting_is_announced(waiting: World) -> None:
    """The same event comes again, without a time; a third message finds nothing to do."""
    waiting.invalidations.waiting = None
    assert waiting.reconciler.reconcile(KEY).action is Action.FORGOTTEN
    assert waiting.record(KEY).served_until is None
    detail_type, detail = waiting.announcements.events[-1]
    assert detail_type == "ImageRemoved"
    assert "servedUntil" not in detail
    assert waiting.reconciler.reconcile(KEY).action is Action.UNCHANGED


def test_waiting_ends_when_copies_have_expired(waiting: World) -> None:
    """After a day the CDN holds none, whether it was told or not: nobody asks it for ever."""
    waiting.clock.pass_seconds(86_400)
    asked = len(waiting.invalidations.sweeps)
    assert waiting.reconciler.reconcile(KEY).action is Action.FORGOTTEN
    assert len(waiting.invalidations.sweeps) == asked
    assert waiting.record(KEY).removed == frozenset()


def test_what_was_removed_is_forgotten_though_the_key_is_published_again(waiting: World) -> None:
    """The new picture's URLs may show the removed one: its event says so, and that they do not any more."""
    waiting.sources.upload(KEY, picture("blue"))
    waiting.reconciler.reconcile(KEY)
    record = waiting.record(KEY)
    assert (record.status, record.removed) == (Status.COMPLETE, OBJECTS)
    assert "servedUntil" in waiting.announcements.events[-1][1]
    waiting.invalidations.waiting = None
    waiting.reconciler.reconcile(KEY)
    assert waiting.invalidations.batches[-1][0] == OBJECTS
    assert waiting.announcements.types[-2:] == ["ImageProcessed", "ImageProcessed"]
    assert "servedUntil" not in waiting.announcements.events[-1][1]


def test_failure_while_waiting_is_in_the_record(waiting: World) -> None:
    """And the message is retried as any other."""
    waiting.invalidations.down = True
    with pytest.raises(Transient, match="InternalError"):
        waiting.reconciler.reconcile(KEY)
    record = waiting.record(KEY)
    assert (record.hindrance or "").startswith("Transient: invalidating: ")
    assert record.removed == OBJECTS


def test_replaced_copies_that_nobody_invalidated_go_with_the_removal(world: World) -> None:
    """What was left to age is remembered for as long as it may be served."""
    world.invalidations.budget = 0
    world.sources.upload(KEY, picture("blue"))
    world.reconciler.reconcile(KEY)
    assert world.record(KEY).aging == OBJECTS
    world.with_recipe(OTHER_KEYS)
    world.reconciler.reconcile(KEY)
    assert world.record(KEY).aging == OBJECTS
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.invalidations.batches[-1][0] == OBJECTS | {"s/cats/tom.jpg"}


def test_what_has_expired_is_not_paid_for(world: World) -> None:
    """A day after a replacement its copies are gone by themselves."""
    world.invalidations.budget = 0
    world.sources.upload(KEY, picture("blue"))
    world.with_recipe(OTHER_KEYS)
    world.reconciler.reconcile(KEY)
    world.clock.pass_seconds(86_400)
    world.sources.remove(KEY)
    world.reconciler.reconcile(KEY)
    assert world.invalidations.batches[-1][0] == {"s/cats/tom.jpg"}


# -- the adapter -----------------------------------------------------------------------------------------------------


def removing(world: World, *keys: str) -> list[Waiting | None]:
    """Upload and publish pictures, then remove them all. Returns what each waits for."""
    for key in keys:
        world.sources.upload(key, picture())
        world.reconciler.reconcile(key)
    for key in keys:
        world.sources.remove(key)
        world.reconciler.reconcile(key)
    waits = dict(world.queue.keys)
    return [Waiting(world.record(key).sweep or 0, waits[key]) if key in waits else None for key in keys]


def test_removals_beyond_the_budget_are_forgotten_with_everything_else() -> None:
    """By path as far as the budget goes; then once everything; then together, 15 minutes later, once more."""
    world = World(RECIPE, budget=4)
    waits = removing(world, "a.png", "b.png", "c.png", "d.png", "e.png")
    assert waits == [None, None, None, Waiting(2, 901), Waiting(2, 901)]
    assert world.cloudfront.batches == [["/full/a.jpg", "/webp/a.webp"], ["/full/b.jpg", "/webp/b.webp"], ["/*"]]
    world.clock.pass_seconds(901)
    for key in ("d.png", "e.png"):
        assert world.reconciler.reconcile(key).action is Action.FORGOTTEN
    assert len(world.cloudfront.batches) == 4
    assert not any(world.renditions.copies.values())


def test_a_hundred_thousand_removals_cost_a_sweep_each_quarter_of_an_hour() -> None:
    """However many wait, CloudFront is asked once, and no path is paid for beyond the budget."""
    world = World(RECIPE, budget=10)
    removing(world, *(f"{number}.png" for number in range(300)))
    world.clock.pass_seconds(901)
    for number in range(300):
        world.reconciler.reconcile(f"{number}.png")
    assert sum(len(batch) for batch in world.cloudfront.batches) == 10 + 2
    assert not any(world.renditions.copies.values())


def refusing(world: World, times: int) -> list[str]:
    """Have CloudFront refuse what comes next as too much. Returns a list that fills with what it was asked."""
    asked: list[str] = []
    takes = world.cloudfront.create_invalidation

    def refuse(**request: Any) -> None:
        asked.extend(request["InvalidationBatch"]["Paths"]["Items"])
        if len(asked) > times:
            takes(**request)
            return
        raise ClientError({"Error": {"Code": "TooManyInvalidationsInProgress"}}, "CreateInvalidation")

    world.cloudfront.create_invalidation = refuse  # type: ignore[method-assign]
    return asked


def test_too_many_under_way_is_tried_again() -> None:
    """Neither left to age nor retried until the message is dead: a sweep is tried again and again."""
    world = World(RECIPE, budget=10)
    asked = refusing(world, times=4)
    assert removing(world, KEY) == [Waiting(1, 121)]
    assert asked == ["/full/cats/tom.jpg", "/webp/cats/tom.webp", "/*"]
    for action in (Action.WAITING, Action.FORGOTTEN):
        world.clock.pass_seconds(121)
        assert world.reconciler.reconcile(KEY).action is action
    assert asked[3:] == ["/*", "/*"]
    assert not any(world.renditions.copies.values())


def test_sweep_that_began_before_a_removal_does_not_count_for_it() -> None:
    """It may have been taken before the picture was gone."""
    world = World(RECIPE, budget=0)
    earlier = world.sweeps.begin(world.sweeps.state())
    assert removing(world, KEY) == [Waiting(2, 121)]
    assert earlier is not None
    world.sweeps.end(earlier)
    assert world.reconciler.reconcile(KEY).action is Action.WAITING
    world.clock.pass_seconds(901)
    assert world.reconciler.reconcile(KEY).action is Action.FORGOTTEN


def test_references_of_sweeps_never_come_again() -> None:
    """CloudFront takes a repeated one for done, also after the table was restored to an earlier time."""
    references: list[str] = []
    client = SimpleNamespace(
        create_invalidation=lambda **request: references.append(request["InvalidationBatch"]["CallerReference"])
    )
    for _ in range(2):
        cdn = CloudFrontInvalidations(lambda: client, "E", FakeBudget(0), FakeBudget(0), FakeSweeps(lambda: 0))
        assert cdn.forget(OBJECTS, "r", None) is None
    assert len(set(references)) == 2


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
        done = CloudFrontInvalidations(lambda: cloudfront, "EDIST", budget, FakeBudget(0), SWEEPS).invalidate(
            frozenset({"full/ü~.jpg", "full/a b+c (1).jpg"}), "r"
        )
        stubber.assert_no_pending_responses()
    assert done
    assert budget.taken == [2]


def test_beyond_the_budget_cloudfront_is_not_even_asked(cloudfront: Any) -> None:
    """Not a path is paid for that nobody allowed."""
    with Stubber(cloudfront):
        assert not CloudFrontInvalidations(
            lambda: cloudfront, "EDIST", _Budget(allows=False), FakeBudget(0), SWEEPS
        ).invalidate(OBJECTS, "r")


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
        invalidations = CloudFrontInvalidations(lambda: cloudfront, "EDIST", budget, FakeBudget(0), SWEEPS)
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
            CloudFrontInvalidations(lambda: cloudfront, "EDIST", _Budget(), FakeBudget(0), SWEEPS).invalidate(
                OBJECTS, "r"
            )


def test_no_client_is_made_before_there_is_something_to_invalidate() -> None:
    """Most uploads are new, and CloudFront's part of the SDK takes long to load."""

    def made() -> Any:
        pytest.fail("a client was made")

    assert not CloudFrontInvalidations(made, "EDIST", _Budget(allows=False), FakeBudget(0), SWEEPS).invalidate(
        OBJECTS, "r"
    )
