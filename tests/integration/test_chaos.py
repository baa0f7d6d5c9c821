"""The chaos harness in small: it passes on the code as it is, and fails on a step broken on purpose."""

from pathlib import Path

from scripts.chaos.harness import laboratory
from scripts.chaos.proxy import Fault


def test_worker_killed_after_any_fourth_call_loses_nothing(tmp_path: Path) -> None:
    """Wherever the worker dies, every picture ends once, whole and announced."""
    with laboratory(tmp_path) as harness:
        results = harness.run([Fault.KILLED_AFTER], every=4)
    assert sum(result.calls for result in results) >= 10
    assert [problem for result in results for problem in result.problems] == []


def test_broken_step_is_noticed(tmp_path: Path) -> None:
    """A build that sends no events is found out by the same audit."""
    with laboratory(tmp_path, broken="announce") as harness:
        results = harness.run([Fault.NONE], every=1)
    assert all("was never announced" in problem for result in results for problem in result.problems)
    assert sum(len(result.problems) for result in results) == 4
