"""A change of the recipe at the CDN: it widens when every picture is made, and goes on wherever it was interrupted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from processor import keys, rollout
from processor.errors import Transient
from processor.recipe import Recipe
from processor.records import Published, PublishedFormat, Record, Status
from processor.rollout import Codes, Plan

RECIPE_JSON = (
    '{"sizes": [{"name": "s", "formats": {"jpeg": {"key": "s/{stem}.jpg"}, "avif": {"key": "s/{stem}.avif"}}}]}'
)
RECIPE = Recipe.from_json(RECIPE_JSON)
BEFORE = Recipe.from_json('{"sizes": [{"name": "s", "formats": {"jpeg": {"key": "s/{stem}.jpg"}}}]}')
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
FUNCTION = "stack-negotiate"


def digest(text: str) -> str:
    """SHA-256 as the stack keeps it."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class FakeEdge:
    """Parameters and functions in memory. `fail_at` makes the n-th call fail, once, after it has taken effect.

    Attributes:
        recipes: kept ones.
        running: what each function runs.
        settled_at: from when on no older version publishes.
        recipe_json: the stack's.
        meant: what the function is to run, as the stack keeps it.
    """

    recipes: dict[str, datetime | None]
    running: dict[str, str]
    settled_at: datetime = NOON
    recipe_json: str = RECIPE_JSON
    meant: str = "now"
    fail_at: int | None = None
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.fail_at == len(self.calls):
            self.fail_at = None
            raise Transient(f"{name}: killed")

    def plan(self) -> Plan:
        """As the protocol says."""
        self._called("plan")
        return Plan("new", digest(self.recipe_json), timedelta(days=30), self.settled_at)

    def kept(self) -> Mapping[str, datetime | None]:
        """As the protocol says."""
        self._called("kept")
        return dict(self.recipes)

    def codes(self) -> Mapping[str, Codes]:
        """As the protocol says."""
        self._called("codes")
        return {FUNCTION: Codes(self.meant, "after")}

    def live(self, function: str) -> str:
        """As the protocol says."""
        self._called("live")
        return self.running[function]

    def accept(self, function: str) -> None:
        """As the protocol says."""
        assert function == FUNCTION
        self.meant = "after"
        self._called("accept")

    def publish(self, function: str, code: str) -> None:
        """As the protocol says."""
        self.running[function] = code
        self._called("publish")

    def drop(self, recipe: str, until: datetime) -> None:
        """As the protocol says."""
        self.recipes[recipe] = until
        self._called("drop")


def record(key: str, by: Recipe = RECIPE, *, status: Status = Status.COMPLETE, made: Recipe | None = None) -> Record:
    """A picture whose last attempt was by one recipe, and whose published set was made by it or by another."""
    formats = tuple(
        PublishedFormat("s", "jpeg", 1, 1, 1, each, "image/jpeg") for each in keys.rendition_keys(made or by, key)
    )
    return Record(key, status, NOON, fingerprint=by.fingerprint, published=Published("v", 1, {}, formats, None, 1))


def finish(edge: FakeEdge, *records: Record, slept: list[float] | None = None) -> rollout.Late | None:
    """At noon."""
    return rollout.finish(edge, RECIPE_JSON, lambda: records, lambda: NOON, (slept if slept is not None else []).append)


@pytest.fixture
def edge() -> FakeEdge:
    """In the middle of a change."""
    return FakeEdge({"new": None, "old": None}, {FUNCTION: "now"})


def test_all_that_the_recipe_makes_is_served_when_every_picture_is_made(edge: FakeEdge) -> None:
    """The code for that time runs, and what was dropped is served for its days of grace."""
    assert finish(edge, record("a.jpg"), record("b.jpg")) is None
    assert edge.running == {FUNCTION: "after"}
    assert edge.recipes == {"new": None, "old": NOON + timedelta(days=30)}


@pytest.mark.parametrize(
    "late",
    [
        record("b.jpg", BEFORE),
        record("b.jpg", BEFORE, status=Status.PROCESSING),
        record("b.jpg", BEFORE, status=Status.FAILED),
        record("b.jpg", status=Status.REJECTED, made=BEFORE),
    ],
    ids=["untouched", "worked on", "failed", "rejected, and its published version is gone"],
)
def test_one_late_picture_holds_it_back(edge: FakeEdge, late: Record) -> None:
    """Its URLs would be missing: nothing changes, and it is named."""
    assert finish(edge, record("a.jpg"), late) == rollout.Late(1, ["b.jpg"])
    assert edge.running == {FUNCTION: "now"}
    assert edge.recipes == {"new": None, "old": None}


@pytest.mark.parametrize(
    "other",
    [
        replace(record("b.jpg", BEFORE, status=Status.REMOVED), published=None),
        replace(record("b.jpg", BEFORE, status=Status.REJECTED), published=None),
        replace(record("b.jpg", BEFORE, status=Status.PROCESSING), published=None),
    ],
    ids=["removed", "rejected", "new"],
)
def test_what_publishes_nothing_holds_nothing_back(edge: FakeEdge, other: Record) -> None:
    """It has no URL that could be missing; what it publishes later is by the recipe in force."""
    assert finish(edge, other) is None
    assert edge.running == {FUNCTION: "after"}


def test_older_versions_of_the_processor_are_waited_for(edge: FakeEdge) -> None:
    """One that was called before the deployment may publish by the recipe before until it has to end."""
    edge.settled_at = NOON + timedelta(seconds=90)
    slept: list[float] = []
    finish(edge, slept=slept)
    assert slept == [90]


def test_only_some_of_many_late_pictures_are_named(edge: FakeEdge) -> None:
    """The message stays short, the count is right."""
    late = finish(edge, *(record(f"{number}.jpg", BEFORE) for number in range(10)))
    assert late is not None
    assert (late.count, len(late.named)) == (10, 3)


def test_another_recipe_than_the_stacks_changes_nothing(edge: FakeEdge) -> None:
    """An old file of outputs would have pictures counted by the wrong recipe."""
    edge.recipe_json = "{}"
    with pytest.raises(Transient, match="write that file again, or deploy"):
        finish(edge)
    assert edge.recipes == {"new": None, "old": None}


def test_several_recipes_end_together() -> None:
    """A recipe that changed twice before its backfill was through."""
    edge = FakeEdge({"new": None, "old": None, "older": None, "over": NOON}, {FUNCTION: "now"})
    assert finish(edge) is None
    assert edge.recipes == {"new": None, "over": NOON} | dict.fromkeys(("old", "older"), NOON + timedelta(days=30))


@pytest.mark.parametrize("call", range(1, 18))
def test_interrupted_anywhere_it_goes_on(call: int) -> None:
    """After a kill at any call the same command comes to the same end, and nothing is widened before it is decided."""
    edge = FakeEdge({"new": None, "old": None, "older": None}, {FUNCTION: "now"}, fail_at=call)
    whole = FakeEdge({"new": None, "old": None, "older": None}, {FUNCTION: "now"})
    assert finish(whole) is None
    if call <= len(whole.calls):
        with pytest.raises(Transient):
            finish(edge)
    assert edge.running == {FUNCTION: "now"} or None not in (edge.recipes["old"], edge.recipes["older"])
    assert finish(edge) is None
    assert (edge.recipes, edge.running, edge.meant) == (whole.recipes, whole.running, "after")


@pytest.mark.parametrize(("recipes", "meant"), [({"new": None, "old": None}, "now"), ({"new": None}, "after")])
def test_what_answers_otherwise_is_found_and_mended(recipes: dict[str, datetime | None], meant: str) -> None:
    """Which code is meant depends on whether a change is pending."""
    edge = FakeEdge(recipes, {FUNCTION: "by hand"})
    state = rollout.look(edge)
    assert state.wrong == [FUNCTION]
    rollout.mend(edge, state)
    assert edge.running == {FUNCTION: meant}
    assert edge.meant == meant
    assert not rollout.look(edge).wrong
