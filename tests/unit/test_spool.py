"""Tables on disk, and the commands that compare millions of pictures through them."""

import argparse
import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from processor import keys
from processor.aws import clients, listing
from processor.aws.dynamodb import DynamoDBRecords
from processor.aws.listing import Listed
from processor.aws.sqs import IngestQueue
from processor.commands import backfill, verify
from processor.records import Published, PublishedFormat, Record, Status
from processor.spool import Spool
from tests.helpers import small_recipe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = small_recipe()
RECIPE_TEXT = (
    '{"sizes": [{"name": "small", "width": 64, "height": 64, "formats": {"jpeg": {"key": "s/{stem}.jpg"},'
    ' "webp": {"key": "s/{stem}.webp"}, "avif": {"key": "s/{stem}.avif"}}}]}'
)


def test_table_is_a_mapping_in_the_order_of_s3() -> None:
    """A table has the last value of each key, and its keys come in the order of their UTF-8."""
    names = ["b", "a", "ä", "\U0001f600", "￿", "a", ""]
    with Spool() as spool:
        table = spool.table("numbers", ((name, number) for number, name in enumerate(names)))
        assert dict(table) == {"b": 0, "a": 5, "ä": 2, "\U0001f600": 3, "￿": 4, "": 6}
        assert list(table) == sorted(set(names), key=str.encode)
        assert (len(table), "a" in table, "c" in table, table.get("c")) == (6, True, False, None)
        with pytest.raises(KeyError):
            table["c"]


def test_table_can_grow_while_another_is_read() -> None:
    """What is found while one table is read may be kept in a second one."""
    with Spool() as spool:
        numbers = spool.table("numbers", ((str(number), number) for number in range(5000)))
        even = spool.table("even", ((key, None) for key, number in numbers.items() if number % 2 == 0))
        assert len(even) == 2500


def test_relation_has_every_pair_once() -> None:
    """Two uploads may have one object; a pair that comes again is the same pair."""
    with Spool() as spool:
        relation = spool.relation("pairs", [("k", "b"), ("k", "a"), ("other", "c"), ("k", "b")])
        assert (relation.of("k"), relation.of("none")) == (["a", "b"], [])


def record(key: str) -> Record:
    """A published picture of an older recipe."""
    formats = tuple(
        PublishedFormat(size.name, fmt.name, 64, 64, 1000, keys.rendition_key(fmt, key), "image/jpeg")
        for size, fmt in RECIPE.formats
    )
    published = Published("1", 1000, {}, formats, None, 100)
    objects = frozenset(each.key for each in formats)
    return Record(
        key, Status.COMPLETE, NOW, etag="e", fingerprint="older", published=published, objects=objects, announced_at=NOW
    )


class Stack:
    """So many pictures of an older recipe, listed and scanned one after the other, and as many orphans."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, pictures: int) -> None:
        self.names = [f"folder/{number:07}.jpg" for number in range(pictures)]
        self.queued = 0
        for service in ("s3", "dynamodb", "sqs", "cloudfront"):
            monkeypatch.setattr(clients, service, lambda: None)
        monkeypatch.setattr(listing, "objects", self._objects)
        monkeypatch.setattr(DynamoDBRecords, "all", lambda _: (record(name) for name in self.names))
        monkeypatch.setattr(IngestQueue, "enqueue", self._enqueue)
        monkeypatch.setattr(IngestQueue, "waiting", lambda _: 0)
        names = ("raw_bucket", "processed_bucket", "table_name", "queue_url", "distribution_id")
        outputs = {name: {"value": name} for name in names} | {"recipe": {"value": RECIPE_TEXT}}
        self.file = folder / "stack.json"
        self.file.write_text(json.dumps(outputs), "utf-8")

    def _objects(self, _client: Any, bucket: str, prefix: str = "", _after: str = "") -> Iterator[Listed]:
        if bucket == "raw_bucket":
            return (Listed(name, 1000, "e", NOW) for name in self.names if name.startswith(prefix))
        stored = (key for name in self.names for key in keys.rendition_keys(RECIPE, name))
        return (Listed(key, 1000, "e", NOW) for key in stored)

    def _enqueue(self, _key: str, **_: Any) -> None:
        self.queued += 1


def peak(run: Callable[[], int]) -> int:
    """Bytes of Python objects that a call held at most."""
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("command", "line"), [(verify, ["--json"]), (backfill, ["s3://raw_bucket/"])])
def test_memory_does_not_grow_with_the_pictures(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    command: ModuleType,
    line: list[str],
) -> None:
    """Five times as many records, uploads and renditions take less than a megabyte more: they are kept on disk."""

    def needed(pictures: int) -> int:
        stack = Stack(monkeypatch, tmp_path, pictures)
        command.add(parsers := argparse.ArgumentParser().add_subparsers())
        [parser] = parsers.choices.values()
        options = parser.parse_args([*line, "--stack", str(stack.file)])
        return peak(lambda: options.run(options))

    needed(10)  # loads modules
    few, many = needed(500), needed(2_500)
    shown = capfd.readouterr().out
    assert shown.count('"stale"') == 3_010 if command is verify else "2,500 pictures" in shown
    assert many < few + 1_000_000
