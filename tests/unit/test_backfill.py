"""What a backfill takes for done, and when it has the CDN forget the older copies."""

import argparse
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from processor.aws import clients
from processor.aws.listing import Listed
from processor.commands import backfill
from processor.commands.usage import UsageError
from processor.records import Record, Status
from scripts.scaling import prices
from scripts.scaling.deployed import default
from scripts.scaling.model import INVOCATION_MS, Size, bill, running
from tests.helpers import small_recipe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = small_recipe()
KEYS = [f"{number}.jpg" for number in range(250)]


def record(key: str, status: Status = Status.COMPLETE, fingerprint: str = RECIPE.fingerprint) -> Record:
    """A record of a version with the ETag `e`."""
    return Record(key, status, NOW, etag="e", fingerprint=fingerprint)


class World:
    """Pictures made anew as time passes, a clock that only waiting moves, and a CDN that is asked to forget."""

    def __init__(self, through_at: Mapping[str, float]) -> None:
        self.time = 0.0
        self.forgotten: list[tuple[float, list[str]]] = []
        self._through_at = through_at

    def get(self, key: str) -> Record:
        """The record of a picture: of the older recipe until its time has come."""
        return record(key) if self.time >= self._through_at[key] else record(key, fingerprint="older")

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def create_invalidation(self, **request: Any) -> None:
        """Note when the CDN was asked to forget what."""
        self.forgotten.append((self.time, request["InvalidationBatch"]["Paths"]["Items"]))


def world_of(monkeypatch: pytest.MonkeyPatch, through_at: Mapping[str, float]) -> World:
    """A world in the place of the table, the clock and CloudFront."""
    world = World(through_at)
    monkeypatch.setattr(time, "sleep", world.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: world.time)
    monkeypatch.setattr(clients, "cloudfront", lambda: world)
    return world


def forget(world: World) -> None:
    """What the command does when all of them are queued."""
    backfill._forget_older_copies(world, KEYS, RECIPE, "EDIST")  # type: ignore[arg-type]  # noqa: SLF001


def test_cdn_forgets_everything_once_when_the_last_picture_is_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, or it would fetch and keep an older rendition; and one path, however many pictures those are."""
    world = world_of(monkeypatch, {key: number * 2.0 for number, key in enumerate(KEYS)})
    forget(world)
    [(when, paths)] = world.forgotten
    assert when >= 2 * (len(KEYS) - 1)
    assert paths == ["/*"]


def test_picture_that_never_comes_does_not_hold_up_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The copies are forgotten when nothing has come through for as long as the message of a dead worker may take."""
    world = world_of(
        monkeypatch, dict.fromkeys(KEYS, 60.0) | {KEYS[0]: float("inf"), KEYS[7]: float("inf"), KEYS[8]: 1860.0}
    )
    forget(world)
    [(when, _)] = world.forgotten
    assert when == pytest.approx(1860 + 2100, abs=15)
    assert "248 made anew" in (out := capsys.readouterr().out)
    assert "2 are not through" in out
    assert "--invalidate" in out


def test_interrupted_waiting_says_what_is_left_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is forgotten then, for the older renditions would come back; the way to make up for it is named."""
    world = world_of(monkeypatch, dict.fromkeys(KEYS, float("inf")))

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        forget(world)
    assert world.forgotten == []
    assert "--invalidate" in capsys.readouterr().err


def test_resumed_run_waits_for_what_the_earlier_one_queued() -> None:
    """Below the prefix, up to the last key, and only for what has not ended by the recipe in force."""
    known = {
        "a/1": record("a/1", Status.PROCESSING),
        "a/2": record("a/2"),
        "a/3": record("a/3", Status.REMOVED, "older"),
        "a/4": record("a/4", fingerprint="older"),
        "a/5": record("a/5", Status.PROCESSING),
        "b": record("b", Status.PROCESSING),
    }
    assert list(backfill.unfinished(known, "a/", "a/4", RECIPE)) == ["a/1", "a/4"]


def test_broken_progress_file_is_refused(tmp_path: Path) -> None:
    """It says which file, and what to do."""
    (path := tmp_path / "progress").write_text("a/b.jpg")
    with pytest.raises(UsageError, match="progress is no progress"):
        backfill.Progress.read(path)


@pytest.mark.parametrize(
    ("known", "everything", "stale_only"),
    [
        (None, True, False),
        (record("k"), False, False),
        (record("k", fingerprint="older"), True, True),
        (record("k", Status.REJECTED, "older"), True, True),
        (record("k", Status.PROCESSING, "older"), True, False),
        (Record("k", Status.COMPLETE, NOW, etag="replaced", fingerprint="older"), True, False),
    ],
)
def test_due_is_what_is_not_current(known: Record | None, everything: bool, stale_only: bool) -> None:  # noqa: FBT001
    """New and replaced pictures only without --stale; what an older recipe made always; what is current never."""
    listed, records = [Listed("k", 1, "e", NOW)], {"k": known} if known else {}
    assert [bool(list(backfill.due(iter(listed), records, RECIPE, stale_only=only))) for only in (False, True)] == [
        everything,
        stale_only,
    ]


def test_rejected_are_asked_for_again_and_nothing_else() -> None:
    """With --rejected, whatever their recipe: the function decides whether it has changed since."""
    found = (record("good"), record("bad", Status.REJECTED), record("old", fingerprint="older"))
    records = {each.image_id: each for each in found}
    listed = [Listed(key, 1, "e", NOW) for key in ("bad", "good", "new", "old")]
    assert [each.key for each in backfill.due(iter(listed), records, RECIPE, rejected_only=True)] == ["bad"]


def test_the_estimate_is_the_scaling_models() -> None:
    """What a backfill says that it will cost is what docs/scaling.md says that pictures cost, within 2 %."""
    size = Size(3008, 0.9)
    speed = (0.9 + INVOCATION_MS / 1000) / 1e6
    estimated = backfill.estimate([Listed("k", 1_000_000, "e", NOW)], speed, size.memory_mb)
    assert estimated.dollars * 1e6 == pytest.approx(running(bill(size, 9, 0, 1)), rel=0.02)
    assert prices.GB_SECOND.dollars == backfill.DOLLARS_PER_GB_SECOND


def test_defaults_are_terraforms() -> None:
    """A stack whose outputs are older than these two is estimated as Terraform would make it."""
    assert default("memory_mb") == backfill.DEFAULT_MEMORY_MB
    assert default("maximum_concurrency") == backfill.DEFAULT_CONCURRENCY


@pytest.mark.parametrize(
    ("outputs", "arguments", "expected"),
    [
        ({"memory_mb": 2048, "maximum_concurrency": 50}, {}, (2048, 50)),
        ({"memory_mb": 2048, "maximum_concurrency": 50}, {"memory_mb": 1769, "concurrency": 7}, (1769, 7)),
        ({}, {}, (3008, 10)),
    ],
)
def test_memory_and_concurrency_are_the_stacks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outputs: dict[str, int],
    arguments: dict[str, int],
    expected: tuple[int, int],
) -> None:
    """An estimate is for the deployed function, unless another one is asked for."""
    texts = dict.fromkeys(("table_name", "queue_url", "recipe"), "-") | {"raw_bucket": "raw"}
    stack = tmp_path / "stack.json"
    stack.write_text(json.dumps({name: {"value": value} for name, value in (texts | outputs).items()}), "utf-8")
    monkeypatch.setattr(backfill, "_backfill", lambda *_: 0)
    backfill.add(parsers := argparse.ArgumentParser().add_subparsers())
    line = ["--stack", str(stack), "s3://raw/"]
    for name, value in arguments.items():
        line += [f"--{name.replace('_', '-')}", str(value)]
    options = parsers.choices["backfill"].parse_args(line)
    assert options.run(options) == 0
    assert (options.memory_mb, options.concurrency) == expected
