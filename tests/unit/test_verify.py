"""What `verify` calls an orphan."""

from datetime import UTC, datetime, timedelta

from processor.aws.listing import Listed
from processor.commands.verify import ORPHAN_AGE, orphans
from processor.records import Record, Status


def test_only_old_unlisted_objects_are_orphans() -> None:
    """An object that some record plans, or that is younger than an attempt may last, is nobody's orphan."""
    now = datetime.now(UTC)
    record = Record("a.jpg", Status.PROCESSING, now, objects=frozenset({"s/planned.jpg"}))
    old = now - ORPHAN_AGE - timedelta(minutes=1)
    rendered = {
        key: Listed(key, 1, "e", modified)
        for key, modified in (("s/planned.jpg", old), ("s/young.jpg", now), ("s/orphan.jpg", old))
    }
    assert [finding.key for finding in orphans({"a.jpg": record}, rendered)] == ["s/orphan.jpg"]
