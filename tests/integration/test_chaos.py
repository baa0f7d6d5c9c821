"""The chaos harness in small: it passes on the code as it is, and fails on a step broken on purpose."""

from pathlib import Path

import pytest

from scripts.chaos import stream
from scripts.chaos.harness import SCENARIOS, laboratory
from scripts.chaos.proxy import Fault


def test_worker_killed_after_any_sixth_call_loses_nothing(tmp_path: Path) -> None:
    """Wherever the worker dies, every picture ends once, whole and announced."""
    with laboratory(tmp_path) as harness:
        results = harness.run([Fault.KILLED_AFTER], every=6)
    assert sum(result.calls for result in results) >= 10
    assert [problem for result in results for problem in result.problems] == []


def test_broken_step_is_noticed(tmp_path: Path) -> None:
    """A build that sends no events is found out by the same audit."""
    with laboratory(tmp_path, broken="announce") as harness:
        results = harness.run([Fault.NONE], every=1)
    assert all("was never announced" in problem for result in results for problem in result.problems)
    assert sum(len(result.problems) for result in results) == len(SCENARIOS)


EVERY_CALL = """GetItem PutItem UpdateItem DeleteItem TransactWriteItems SendMessage PutEvents CreateInvalidation
HeadObject GetObject PutObject CopyObject DeleteObjects"""


def test_every_kind_of_call_is_in_the_path(tmp_path: Path) -> None:
    """Else its failure would not be tried: the recipe, the distribution and the scenarios leave none out."""
    with laboratory(tmp_path) as harness:
        results = harness.run([Fault.NONE], every=1)
    assert [problem for result in results for problem in result.problems] == []
    assert {call.partition(" ")[0] for result in results for call in result.kinds} == set(EVERY_CALL.split())


@pytest.mark.parametrize(("broken", "good"), [("", True), ("look", False)])
def test_short_stream_ends_in_the_state_of_the_last_events(tmp_path: Path, broken: str, good: bool) -> None:  # noqa: FBT001
    """Events that come late, twice and in any order do no harm; in a build that believes its records they do."""
    with laboratory(tmp_path) as harness:
        streamed = stream.run(harness, tmp_path, 200, keys=9, broken=broken)
    assert (streamed.events, streamed.keys, streamed.killed >= 1) == (200, 9, True)
    assert (streamed.problems == []) == good, streamed.problems
