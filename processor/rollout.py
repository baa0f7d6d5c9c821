"""A change of the recipe as the CDN sees it: which code the edge functions are to run, and from when they serve more.

Terraform keeps in the stack of which recipes something is published, the code that each edge function runs, which fits
the pictures of all those recipes, and its code for when every picture is made by the recipe in force: docs/recipes.md.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from processor import keys
from processor.errors import Transient
from processor.recipe import Recipe
from processor.records import Record, Status

_NAMED = 3
"""How many of the pictures that are late are named."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What Terraform wrote last.

    Attributes:
        recipe: id of the keys of the recipe in force.
        recipe_hash: SHA-256 of that recipe's JSON.
        grace: for how long what a recipe dropped is still served.
        settled_at: from when on no older version of the processor publishes anything.
    """

    recipe: str
    recipe_hash: str
    grace: timedelta
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class Codes:
    """The source of an edge function.

    Attributes:
        now: what it is to run.
        after: what it is to run once every picture is made by the recipe in force.
    """

    now: str
    after: str


class Edge(Protocol):
    """The edge functions, and what the stack keeps about them. All methods raise Transient."""

    def plan(self) -> Plan:
        """What Terraform wrote last."""

    def kept(self) -> Mapping[str, datetime | None]:
        """Recipes of which something is published, by id, and until when; None: pictures are made by it."""

    def codes(self) -> Mapping[str, Codes]:
        """The source of each edge function, by its name."""

    def live(self, function: str) -> str:
        """The source that answers; empty if none does."""

    def accept(self, function: str) -> None:
        """Note that a function is to run from now on what it is to run after a change."""

    def publish(self, function: str, code: str) -> None:
        """Have a function run a source."""

    def drop(self, recipe: str, until: datetime) -> None:
        """Note that no picture is made by a recipe any more, and until when its keys are served."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a change of the recipe stands.

    Attributes:
        plan: what Terraform wrote last.
        pending: earlier recipes by which pictures are still made.
        dropped: earlier recipes of which only dropped keys are served, and until when.
        codes: the source of each edge function, by its name.
        wrong: functions that answer with another source than is meant.
    """

    plan: Plan
    pending: Sequence[str]
    dropped: Mapping[str, datetime]
    codes: Mapping[str, Codes]
    wrong: Sequence[str]

    def meant(self, function: str) -> str:
        """What a function is to run."""
        codes = self.codes[function]
        return codes.now if self.pending else codes.after


@dataclass(frozen=True, slots=True)
class Late:
    """Published pictures that the recipe in force has not made.

    Attributes:
        count: how many.
        named: some of them.
    """

    count: int
    named: Sequence[str]


def look(edge: Edge) -> State:
    """Where a change of the recipe stands, and what is wrong."""
    plan, kept = edge.plan(), edge.kept()
    earlier = {recipe: until for recipe, until in kept.items() if recipe != plan.recipe}
    pending = sorted(recipe for recipe, until in earlier.items() if until is None)
    dropped = {recipe: until for recipe, until in earlier.items() if until is not None}
    state = State(plan, pending, dropped, edge.codes(), wrong=())
    return replace(state, wrong=[name for name in sorted(state.codes) if edge.live(name) != state.meant(name)])


def mend(edge: Edge, state: State) -> None:
    """Have every function run what is meant, and note that first if a change was decided and not noted."""
    for name, codes in state.codes.items():
        if codes.now != state.meant(name):
            edge.accept(name)
    for name in state.wrong:
        edge.publish(name, state.meant(name))


def finish(
    edge: Edge,
    recipe_json: str,
    all_records: Callable[[], Iterable[Record]],
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> Late | None:
    """Serve all that the recipe makes, if every published picture is made by it. Safe to repeat, whenever it stopped.

    What has been decided is noted first: should publishing fail, `look` finds the wrong code, and `mend` goes on.

    Returns:
        Pictures that are late; None: the change of the recipe is through.

    Raises:
        Transient: the recipe is not the stack's, or AWS does not answer.
    """
    state = look(edge)
    _check_recipe(state.plan, recipe_json)
    if state.pending:
        if (rest := (state.plan.settled_at - now()).total_seconds()) > 0:
            sleep(rest)
        late = _late(all_records(), Recipe.from_json(recipe_json))
        if late.count:
            return late
        _check_recipe(edge.plan(), recipe_json)  # somebody may have deployed meanwhile
        for recipe in state.pending:
            edge.drop(recipe, now() + state.plan.grace)
        state = look(edge)
    mend(edge, state)
    return None


def _check_recipe(plan: Plan, recipe_json: str) -> None:
    if hashlib.sha256(recipe_json.encode()).hexdigest() != plan.recipe_hash:
        raise Transient("the stack has another recipe than --stack says: write that file again, or deploy")


def _late(records: Iterable[Record], recipe: Recipe) -> Late:
    """Whatever the state of a picture is: by its time, no earlier recipe publishes any more."""
    count, named = 0, list[str]()
    for record in records:
        if not is_made_by(record, recipe):
            count += 1
            if len(named) < _NAMED:
                named.append(record.image_id)
    return Late(count, named)


def is_made_by(record: Record, recipe: Recipe) -> bool:
    """Whether everything that a recipe makes of a picture is published, if anything is.

    A picture may end by the recipe and have its published set from an earlier one: a rejected replacement, of which the
    published version is gone.
    """
    if record.published is None or record.status is Status.REMOVED:
        return True
    made = frozenset(keys.rendition_keys(recipe, record.image_id))
    return record.fingerprint == recipe.fingerprint and made <= record.published.stable_keys
