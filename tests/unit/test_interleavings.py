"""`reconcile` against a model: whatever happens in whatever order, the renditions end as the raw bucket says."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model import RECIPES, Model, no_encoders
from tests.stepping import Fate, Worker

KEYS = ("x.png", "x.jpg", "y.png")


class Interleavings(RuleBasedStateMachine):
    """Uploads, replacements, removals, restores; duplicate, lost and late events; crashes; new recipes; time."""

    @initialize()
    def start(self) -> None:
        """An empty world."""
        self.encoders = no_encoders()
        self.encoders.__enter__()
        self.model = Model()
        self.workers: list[Worker] = []

    def teardown(self) -> None:
        """Let everybody finish, compare, and leave no thread behind."""
        if not hasattr(self, "model"):
            return
        try:
            self._finish_workers()
            self.model.settle()
            self.model.check_the_end()
        finally:
            for worker in self.workers:
                while not worker.done:
                    worker.step(Fate.CRASH)
            self.encoders.__exit__(None, None, None)

    @rule(key=st.sampled_from(KEYS), good=st.booleans())
    def upload(self, key: str, *, good: bool) -> None:
        """A new version, and its event."""
        self.model.upload(key, good=good)

    @rule(key=st.sampled_from(KEYS))
    def remove(self, key: str) -> None:
        """A delete marker, and its event."""
        self.model.remove(key)

    @rule(key=st.sampled_from(KEYS), what=st.sampled_from([Model.upload_the_same_again, Model.undo, Model.expire]))
    def do_something_rare(self, key: str, what: Callable[[Model, str], None]) -> None:
        """The same bytes again, a version deleted for good, or all the old ones."""
        what(self.model, key)

    @rule(index=st.integers(0, len(RECIPES) - 1))
    def deploy_another_recipe(self, index: int) -> None:
        """A deployment waits for the workers that still have the old one."""
        self._finish_workers()
        self.model.deploy(index)

    @precondition(lambda self: self.model.messages)
    @rule(data=st.data(), lost=st.booleans())
    def duplicate_or_lose_a_message(self, data: st.DataObject, *, lost: bool) -> None:
        """At least once may be twice, and an event may never come."""
        key = data.draw(st.sampled_from(self.model.messages))
        if lost:
            self.model.lose(key)
        else:
            self.model.messages.append(key)

    @precondition(lambda self: self.model.messages and len(self.workers) < 3)
    @rule(data=st.data(), steps=st.integers(0, 25))
    def deliver(self, data: st.DataObject, steps: int) -> None:
        """Any message, in any order, to one more worker."""
        key = data.draw(st.sampled_from(sorted(self.model.messages)))
        self.model.messages.remove(key)
        worker = Worker(self.model.world.reconciler, key)
        self.workers.append(worker)
        self._work(worker, steps)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), steps=st.integers(1, 25))
    def work(self, data: st.DataObject, steps: int) -> None:
        """A worker gets some calls further."""
        self._work(data.draw(st.sampled_from(self.workers)), steps)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), fate=st.sampled_from([Fate.CRASH, Fate.LOSE_ANSWER, Fate.REFUSE]))
    def go_wrong(self, data: st.DataObject, fate: Fate) -> None:
        """A worker is killed, or a call of its fails, before or after it took effect."""
        worker = data.draw(st.sampled_from(self.workers))
        worker.step(fate)
        note(f"{worker.key}: {fate} after {worker.calls}")
        self._reap()

    @rule(seconds=st.sampled_from([31, 331]))
    def pass_time(self, seconds: int) -> None:
        """Leases run out, also under workers that are still at it."""
        self.model.world.clock.pass_seconds(seconds)

    @invariant()
    def a_final_record_tells_the_truth(self) -> None:
        """While a record is final, all that it calls published is in the bucket, made of the version it names."""
        if hasattr(self, "model"):
            self.model.check_truth()

    def _work(self, worker: Worker, steps: int) -> None:
        for _ in range(steps):
            if not worker.done:
                worker.step()
        note(f"{worker.key} after {worker.calls}")
        self._reap()

    def _finish_workers(self) -> None:
        for worker in self.workers:
            worker.finish()
        self._reap()

    def _reap(self) -> None:
        for worker in [worker for worker in self.workers if worker.done]:
            self.workers.remove(worker)
            self.model.account(worker)


SETTINGS = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def test_any_order_ends_as_the_raw_bucket_says() -> None:
    """Whatever happens in whatever order, the end is what the raw bucket says, whole and announced."""
    run_state_machine_as_test(Interleavings, settings=SETTINGS)


# -- the same, systematically: one thing goes wrong or happens, after every single call ------------------------------

A, B = "x.png", "x.jpg"


def nothing(_model: Model) -> None:
    """An empty world."""


def published(model: Model) -> None:
    """A picture is published."""
    model.upload(A)
    model.settle()


def two_of_a_stem(model: Model) -> None:
    """One picture owns the stem, and one waits for it."""
    published(model)
    model.upload(B)
    model.settle()


def half_replaced(model: Model) -> None:
    """A picture is published, and the worker that stored half of its replacement was killed."""
    published(model)
    model.upload(A)
    worker = Worker(model.world.reconciler, model.messages.pop())
    while not worker.done:
        worker.step(Fate.CRASH if worker.calls[-1:] == ["store"] else Fate.GO_ON)
    model.account(worker)
    model.world.clock.pass_seconds(331)


def named(model: Model) -> None:
    """Two pictures of a stem are published under their names."""
    model.deploy(3)
    for key in (A, B):
        model.upload(key)
    model.settle()


def bad(model: Model) -> None:
    """A bad picture is rejected."""
    model.upload(A, good=False)
    model.settle()


def removed(model: Model) -> None:
    """A picture was published and removed."""
    published(model)
    model.remove(A)
    model.settle()


def with_recipe(index: int) -> Callable[[Model], None]:
    """Deploy another recipe and ask for the picture."""

    def deploy(model: Model) -> None:
        model.deploy(index)
        model.messages.append(A)

    deploy.__name__ = f"deploy_recipe_{index}"
    return deploy


def upload(model: Model) -> None:
    """A good version."""
    model.upload(A)


def upload_bad(model: Model) -> None:
    """A bad version."""
    model.upload(A, good=False)


def upload_other(model: Model) -> None:
    """A good version of the other picture."""
    model.upload(B)


def remove(model: Model) -> None:
    """A delete marker."""
    model.remove(A)


def undo(model: Model) -> None:
    """The newest version or marker goes for good."""
    model.undo(A)


def expire(model: Model) -> None:
    """The noncurrent versions go."""
    model.expire(A)


def overtake(model: Model) -> None:
    """The lease runs out, and another worker does everything that is to be done, while the first one still lives."""
    model.world.clock.pass_seconds(331)
    model.messages.append(A)
    model.settle()


def overtake_removal(model: Model) -> None:
    """The same, and the picture has gone meanwhile."""
    model.remove(A)
    overtake(model)


def overtake_bad(model: Model) -> None:
    """The same, and a bad version has come meanwhile."""
    model.upload(A, good=False)
    overtake(model)


def versioned(model: Model) -> None:
    """A picture is published with copies of its version, and those of an earlier one stay for a while."""
    model.deploy(4)
    published(model)
    published(model)


BEFORE = (nothing, published, two_of_a_stem, half_replaced, named, bad, removed, versioned)
WORK = (upload, upload_bad, remove, with_recipe(1), with_recipe(2), with_recipe(0), with_recipe(4))
MEANWHILE = (upload, upload_bad, upload_other, remove, undo, expire, overtake, overtake_removal, overtake_bad)
AFTERWARDS = (nothing, upload_bad, remove, with_recipe(1))


@dataclass(frozen=True)
class Script:
    """One run: what was, what one worker has to do, and what happens to it after its `stop`-th call."""

    before: Callable[[Model], None]
    work: Callable[[Model], None]
    stop: int
    fate: Fate
    meanwhile: Callable[[Model], None]
    afterwards: Callable[[Model], None]

    def run(self) -> bool:
        """Whether there was a `stop`-th call. Fails unless the end is whole and right."""
        model = Model()
        self.before(model)
        self.work(model)
        if A not in model.messages:
            return False
        model.messages.remove(A)
        worker = Worker(model.world.reconciler, A)
        for _ in range(self.stop):
            worker.step()
            if worker.done:
                return False
        try:
            self.meanwhile(model)
            worker.step(self.fate)
            worker.finish()
            model.account(worker)
            model.check_truth()
            if self.fate is Fate.CRASH:
                model.world.clock.pass_seconds(331)
            self.afterwards(model)
            model.settle()
            model.check_the_end()
        except AssertionError as exc:
            raise AssertionError(f"{self}, having called {worker.calls}") from exc
        return True

    def __str__(self) -> str:
        """The script in words."""
        parts = (self.before, self.work, self.stop, self.fate, self.meanwhile, self.afterwards)
        return " > ".join(str(getattr(part, "__name__", part)) for part in parts)


def run_at_every_call(scripts: Iterable[Script]) -> int:
    """Each script, stopped after no call, the first, the second, … Answers how many runs that were."""
    runs = 0
    for script in scripts:
        for stop in count():
            if not replace(script, stop=stop).run():
                break
            runs += 1
    return runs


@pytest.fixture(autouse=True, scope="module")
def _no_encoders() -> Iterator[None]:
    with no_encoders():
        yield


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("work", WORK)
def test_every_failure_after_every_call(before: Callable[[Model], None], work: Callable[[Model], None]) -> None:
    """Wherever a worker is killed, refused or not answered, and whatever comes next, the end is whole and right."""
    crashes = [Script(before, work, 0, Fate.CRASH, nothing, afterwards) for afterwards in AFTERWARDS]
    failures = [Script(before, work, 0, fate, nothing, upload_bad) for fate in (Fate.LOSE_ANSWER, Fate.REFUSE)]
    assert run_at_every_call(crashes + failures) >= 18


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("work", WORK)
def test_every_event_after_every_call(before: Callable[[Model], None], work: Callable[[Model], None]) -> None:
    """Whatever happens to the source or to the lease between any two calls, the end is whole and right."""
    scripts = [Script(before, work, 0, Fate.GO_ON, meanwhile, nothing) for meanwhile in MEANWHILE]
    assert run_at_every_call(scripts) >= 27


EVENTS, MANY = 10_000, 500


def test_ten_thousand_events_end_as_the_last_of_each_key_says() -> None:
    """A shuffled, duplicated stream of 10,000 events over 500 keys ends in what the raw bucket holds of each."""
    rng = random.Random(20260101)  # noqa: S311 - reproducible, not secret
    names = [f"{number}.png" for number in range(MANY)]
    model = Model()
    late: list[str] = []
    for _ in range(EVENTS // 10):
        for key in rng.choices(names, k=3):
            rng.choices((model.upload, upload_bad_one(model), model.remove), (6, 1, 3))[0](key)
        late += rng.choices(model.messages, k=7) + model.messages  # three events and seven duplicates
        model.messages.clear()
        rng.shuffle(late)
        while len(late) > MANY:
            model.world.clock.pass_seconds(1)
            model.world.reconciler.reconcile(late.pop())
            model.collect()
    model.messages += late
    for _ in range(EVENTS):
        if not model.messages:
            break
        model.world.clock.pass_seconds(1)
        model.world.reconciler.reconcile(model.messages.pop())
        model.collect()
    assert model.messages == []
    model.check_the_end()
    finished = sum(run["status"] == "COMPLETE" for run in model.world.records.runs)
    assert MANY < finished < EVENTS // 2


def upload_bad_one(model: Model) -> Callable[[str], None]:
    """Uploads a bad version."""
    return lambda key: model.upload(key, good=False)
