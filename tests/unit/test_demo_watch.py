"""Watching: every record until it is final, no longer than something happens, and not after the worker died."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processor.records import Record, Status
from scripts.demo.errors import DemoError
from scripts.demo.outcomes import Outcome
from scripts.demo.photos import Picture
from scripts.demo.run import verdict
from scripts.demo.table import Progress
from scripts.demo.watch import Watch

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Table:
    """Plays back the states of each picture, one a look, and stays at the last."""

    states: Mapping[str, Iterable[Status | None]]
    looks: dict[str, int] = field(default_factory=dict)

    def get(self, image_id: str) -> Record | None:
        """The next state."""
        states = list(self.states[image_id])
        look = self.looks[image_id] = self.looks.get(image_id, -1) + 1
        status = states[min(look, len(states) - 1)]
        return Record(image_id, status, NOW) if status else None


@dataclass
class Told:
    """Remembers what it was told."""

    finished: list[str] = field(default_factory=list)
    working: set[str] = field(default_factory=set)

    def show(self, done: int, working: Sequence[str], finished: Sequence[Outcome]) -> None:
        """Remember it."""
        self.finished += [outcome.picture.key for outcome in finished]
        self.working |= set(working)
        assert done == len(self.finished)


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def read(self) -> float:
        """The time."""
        return self.now


def pictures(folder: Path, *keys: str) -> list[Picture]:
    """Pictures of three bytes."""
    for key in keys:
        (folder / key).write_bytes(b"abc")
    return [Picture(key, folder / key) for key in keys]


def watch(table: Table, told: Told, check_alive: Callable[[], None] = lambda: None) -> tuple[Watch, Clock]:
    """A watch with patience of ten seconds on a clock of its own."""
    clock = Clock()
    return Watch(table, told, check_alive, 10, clock.read, clock.sleep), clock


def test_waits_until_every_record_is_final(tmp_path: Path) -> None:
    """Outcomes come in the pictures' order, each with its last record, and each end is told once."""
    table = Table(
        {
            "a": [None, Status.PROCESSING, Status.PROCESSING, Status.COMPLETE],
            "b": [Status.PROCESSING, Status.REJECTED],
        }
    )
    told = Told()
    outcomes = watch(table, told)[0].until_final(pictures(tmp_path, "a", "b"))
    assert [(each.picture.key, each.record and each.record.status) for each in outcomes] == [
        ("a", Status.COMPLETE),
        ("b", Status.REJECTED),
    ]
    assert [each.uploaded_bytes for each in outcomes] == [3, 3]
    assert told.finished == ["b", "a"]
    assert told.working == {"a", "b"}


def test_a_failed_try_is_not_the_end(tmp_path: Path) -> None:
    """FAILED means that the message will be tried again: it is waited for, and what comes then counts."""
    table = Table({"a": [Status.FAILED, *[Status.FAILED] * 20, Status.PROCESSING, Status.COMPLETE]})
    (outcome,) = watch(table, Told())[0].until_final(pictures(tmp_path, "a"))
    assert outcome.is_final


def test_patience_ends_when_nothing_happens(tmp_path: Path) -> None:
    """After ten seconds without any change, it returns what there is; a change starts them anew."""
    table = Table({"a": [None], "b": [*[None] * 40, Status.PROCESSING]})
    watching, clock = watch(table, Told())
    outcomes = watching.until_final(pictures(tmp_path, "a", "b"))
    assert [each.is_final for each in outcomes] == [False, False]
    assert [each.reason for each in outcomes] == ["not started", "processing"]
    assert clock.now == pytest.approx(8 + 10, abs=0.5)


def test_a_dead_worker_ends_the_wait(tmp_path: Path) -> None:
    """Whoever checks that the worker lives is asked while waiting, and heard."""

    def dead() -> None:
        raise DemoError("it died")

    with pytest.raises(DemoError, match="it died"):
        watch(Table({"a": [None]}), Told(), dead)[0].until_final(pictures(tmp_path, "a"))


def test_the_exit_code_tells_whether_all_was_dealt_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rejected picture is dealt with; one that never ended is not, and the end of the worker's log is shown."""
    (tmp_path / "log").write_text("the last words\n")
    picture = Picture("a", tmp_path / "a")
    refused = Outcome(picture, 3, Record("a", Status.REJECTED, NOW))
    stuck = Outcome(picture, 3, Record("a", Status.FAILED, NOW))
    assert verdict([refused], tmp_path / "log") == 0
    assert verdict([refused, stuck], tmp_path / "log") == 1
    assert "1 of 2 pictures were not finished" in (said := capsys.readouterr().err)
    assert "the last words" in said


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_progress_is_one_line_on_a_terminal_and_a_line_a_picture_elsewhere(tmp_path: Path) -> None:
    """A terminal gets no line break and is left clean; a log gets one line for every end."""
    refused = Outcome(Picture("a\x1b[2J", tmp_path), 3, Record("a", Status.REJECTED, NOW))
    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        progress = Progress(2, stream)
        progress.show(0, ["a\x1b[2J"], [])
        progress.show(1, [], [refused])
        progress.close()
    assert "\n" not in terminal.getvalue()
    assert "1 of 2 done" in terminal.getvalue()
    assert terminal.getvalue().endswith(" \r")
    assert log.getvalue().count("\n") == 1
    assert "1 of 2" in log.getvalue()
    assert "\x1b" not in terminal.getvalue() + log.getvalue()
