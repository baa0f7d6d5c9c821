"""`img-pipeline status`: what became of a picture, or of all of them lately."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from processor import keys, markup
from processor.commands import history
from processor.commands.stack import add_stack_option, not_answering, stack_values
from processor.commands.usage import COMPLETE, SOME_REJECTED, Subcommands, UsageError
from processor.errors import Transient
from processor.records import CACHED, STILL_SERVED, Record, Status

if TYPE_CHECKING:
    from processor.aws.dynamodb import DynamoDBRecords

_TROUBLES_SHOWN = 20
_RUNS_SHOWN = 20
_MOST_RUNS = 1000


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "status",
        help="what became of a picture, or of all of them lately",
        description="What became of a picture: its state, why it was rejected, and the URL of every rendition. "
        "With --history: every run of it, newest first. Without keys: how many pictures reached which state lately, "
        "and which need attention. Exit code: 0 if every picture named is complete (with --history: has runs), 3 if "
        "not, 2 for bad usage, 1 for the unforeseen.",
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", help="a source key, as uploaded")
    parser.add_argument("--days", type=int, default=1, metavar="N", help="without keys: how many days to look back (1)")
    parser.add_argument("--history", action="store_true", help="the runs of a picture: when, what came of it, how long")
    parser.add_argument("--limit", type=int, metavar="N", help="with --history: at most so many runs (20)")
    parser.add_argument("--before", metavar="TIME", help="with --history: only runs before this time (UTC, ISO 8601)")
    parser.add_argument("--json", action="store_true", help="one JSON object a picture or run, or one for the summary")
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.days < 1:
        raise UsageError(f"--days must be 1 or more, got {options.days}")
    _check_history(options)
    values = stack_values(options, "table_name", "cdn_domain")
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415

    try:
        records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
        if options.history:
            return _show_history(records, options)
        if options.keys:
            return _show_pictures(records, values["cdn_domain"], options)
        return _show_summary(records, options)
    except Transient as exc:
        raise not_answering(exc) from exc


def _check_history(options: argparse.Namespace) -> None:
    if not options.history:
        if options.limit is not None or options.before is not None:
            raise UsageError("--limit and --before choose runs: add --history")
        return
    if not options.keys:
        raise UsageError("--history of which picture? Name its key, as uploaded")
    options.limit = _RUNS_SHOWN if options.limit is None else options.limit
    if not 1 <= options.limit <= _MOST_RUNS:
        raise UsageError(f"--limit must be 1 to {_MOST_RUNS}, got {options.limit}; --before shows older runs")
    try:
        datetime.fromisoformat(options.before or "2026-01-01")
    except ValueError as exc:
        raise UsageError(f"--before must be a time such as 2026-01-31T12:00, got {options.before!r}") from exc


def _show_history(records: "DynamoDBRecords", options: argparse.Namespace) -> int:
    shown = [history.show(records, key, options.limit, options.before, as_json=options.json) for key in options.keys]
    return COMPLETE if all(shown) else SOME_REJECTED


def _show_pictures(records: "DynamoDBRecords", domain: str, options: argparse.Namespace) -> int:
    all_complete = True
    for key in options.keys:
        record = records.get(key)
        all_complete &= record is not None and record.status is Status.COMPLETE
        print(json.dumps(_document(key, record, domain)) if options.json else "\n".join(_lines(key, record, domain)))
    return COMPLETE if all_complete else SOME_REJECTED


def _document(key: str, record: Record | None, domain: str) -> dict[str, Any]:
    if record is None:
        return {"imageId": key, "status": None}
    document: dict[str, Any] = {
        "imageId": key,
        "status": record.status,
        "updatedAt": record.updated_at.isoformat(),
        "reason": record.reason,
        "message": record.message,
    }
    if record.served_until and record.still_served(datetime.now(UTC)):
        document["servedUntil"] = record.served_until.isoformat()
    if published := record.published:
        document |= {
            "originalSize": published.original_size,
            "compressionSavings": published.compression_savings,
            "processingTime": published.processing_time,
            "source": dict(published.source),
            "formats": published.described(domain),
            "tiles": published.tiles.described(domain) if published.tiles else None,
            "markup": markup.paste(published.source, published.addressed, domain),
        }
    return document


def _lines(key: str, record: Record | None, domain: str) -> Iterator[str]:
    if record is None:
        yield f"{key}: never seen; is it spelled as uploaded, and has its message left the queue?"
        return
    yield f"{key}: {record.status} since {record.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    if record.message:
        yield f"  {f'{record.reason}: ' if record.reason else ''}{record.message}"
    if record.served_until and record.still_served(datetime.now(UTC)):
        yield (
            f"  the CDN may serve what was removed, until {record.served_until:%Y-%m-%d %H:%M:%S} UTC at the latest; "
            "it is going to be told to forget everything"
        )
    if record.hindrance:
        yield f"  {'not announced' if record.announced_at is None else 'last failure'}: {record.hindrance}"
    if published := record.published:
        if record.status is not Status.COMPLETE:
            yield "  an earlier version is still being served:"
        savings = published.compression_savings
        saved = "" if savings is None else f", the full WebP {'saves' if savings >= 0 else 'adds'} {abs(savings):.0f} %"
        yield (
            f"  {published.source['format']} {published.source['width']} × {published.source['height']}, "
            f"{published.original_size:,} bytes{saved}, made in {published.processing_time:,} ms"
        )
        for fmt in published.formats:
            yield f"  {f'{fmt.width} × {fmt.height}':>13} {fmt.bytes:>12,} bytes  {keys.url(domain, fmt.key)}"


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A picture that needs attention."""

    image_id: str
    status: Status
    reason: str | None
    updated_at: str


def _show_summary(records: "DynamoDBRecords", options: argparse.Namespace) -> int:
    today = datetime.now(UTC).date()
    days = [(today - timedelta(days=ago)).isoformat() for ago in range(options.days)]
    counts = dict.fromkeys(Status, 0)
    troubles: list[_Trouble] = []
    for status in (*Status, STILL_SERVED):
        for entry in (entry for day in days for entry in records.listed(status, day)):
            found = Status(entry["status"])
            counts[found] += 1
            if found in (Status.REJECTED, Status.FAILED):
                troubles.append(_Trouble(entry["imageId"], found, entry.get("reason"), entry["updatedAt"]))
    still_served = _still_served(records)
    troubles.sort(key=lambda trouble: trouble.updated_at, reverse=True)
    if options.json:
        latest = [
            {"imageId": each.image_id, "status": each.status, "reason": each.reason, "updatedAt": each.updated_at}
            for each in troubles[:_TROUBLES_SHOWN]
        ]
        served = {"count": len(still_served), "imageIds": still_served[:_TROUBLES_SHOWN]}
        print(json.dumps({"days": days, "counts": counts, "needAttention": latest, "stillServed": served}))
        return COMPLETE
    print(f"pictures last touched on {days[0]}" + (f" and the {len(days) - 1} days before" if len(days) > 1 else ""))
    for status, count in counts.items():
        print(f"  {status:<10} {count:>9,}")
    if still_served:
        print(f"  {len(still_served):,} removed, and the CDN may still serve them until it is told:")
        for image_id in still_served[:_TROUBLES_SHOWN]:
            print(f"    {image_id}")
    for trouble in troubles[:_TROUBLES_SHOWN]:
        print(f"  {trouble.updated_at[:19]}  {trouble.status} {trouble.reason or ''}  {trouble.image_id}")
    if len(troubles) > _TROUBLES_SHOWN:
        print(f"  … and {len(troubles) - _TROUBLES_SHOWN:,} more")
    return COMPLETE


def _still_served(records: "DynamoDBRecords") -> list[str]:
    """Pictures of which the CDN may serve what was removed. Copies last for a day, so two days hold them all."""
    now = datetime.now(UTC)
    days = (now.date().isoformat(), (now.date() - timedelta(days=1)).isoformat())
    since = (now - CACHED).isoformat()
    found = (entry for day in days for entry in records.listed(STILL_SERVED, day))
    return sorted({entry["imageId"] for entry in found if entry["updatedAt"] > since})
