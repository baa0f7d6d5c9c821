"""What `redrive` says of a dead message."""

from datetime import UTC, datetime
from typing import Any

import pytest

from processor.commands.redrive import examined
from processor.events import Hint, Message, hint_body
from processor.records import Record, Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def removed(until: datetime) -> Record:
    """A record of a removal that was announced, and of which the CDN could not be told."""
    return Record(
        "a.jpg",
        Status.REMOVED,
        NOW,
        announced_at=NOW,
        hindrance="no CDN",
        removed=frozenset({"a"}),
        aged_at=until,
    )


class _Records:
    """A table with one record at most."""

    def __init__(self, record: Record | None) -> None:
        self._record = record

    def get(self, _key: str) -> Record | None:
        """The record, whatever is asked for."""
        return self._record


@pytest.mark.parametrize(
    ("record", "reason", "why"),
    [
        (None, "never_seen", ""),
        (Record("a.jpg", Status.FAILED, NOW, message="boom"), "failed", "boom"),
        (Record("a.jpg", Status.PROCESSING, NOW), "unfinished", f"since {NOW.isoformat()}"),
        (Record("a.jpg", Status.COMPLETE, NOW, hindrance="no bus"), "unannounced", "COMPLETE; no bus"),
        (Record("a.jpg", Status.REMOVED, NOW), "unannounced", "REMOVED"),
        (Record("a.jpg", Status.COMPLETE, NOW, announced_at=NOW), "settled", "COMPLETE"),
        (removed(datetime(2999, 1, 1, tzinfo=UTC)), "still_served", "until 2999-01-01 00:00:00 UTC; no CDN"),
        (removed(NOW), "settled", "REMOVED"),
    ],
)
def test_dead_message_is_joined_with_its_record(record: Record | None, reason: str, why: str) -> None:
    """Settled is what nobody waits for any more: ended, invalidated and announced."""
    message = Message("id", "receipt", hint_body(Hint("raw", "a.jpg")))
    records: Any = _Records(record)
    dead = examined(message, records, "raw")
    assert (dead.key, dead.reason, dead.why) == ("a.jpg", reason, why)
