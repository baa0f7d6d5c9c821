"""`img-pipeline redrive`: what is in the dead-letter queue, why, and back with it."""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from processor.commands.stack import add_stack_option, not_answering, stack_values
from processor.commands.usage import COMPLETE, Subcommands, UsageError
from processor.errors import Transient
from processor.events import Message, UnreadableEvent
from processor.records import Record, Status

if TYPE_CHECKING:
    from processor.aws.dynamodb import DynamoDBRecords
    from processor.aws.sqs import DeadLetters

REASONS = (
    "unreadable_event",
    "other_bucket",
    "never_seen",
    "failed",
    "unfinished",
    "unannounced",
    "still_served",
    "settled",
)

_EXPLAINED = """Reasons. failed: its last try failed, the message says why. unfinished: its last try died.
unannounced: the picture has ended, but not all have been told: the event bus, or the CDN of what is stale.
still_served: the CDN may serve what was removed, and could not be told to forget it.
settled: the picture has ended since, and all were told. never_seen: there is no record. other_bucket: of a bucket that
is not this stack's. unreadable_event: no S3 event."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A message and what is known of it."""

    message: Message
    key: str | None
    reason: str
    why: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"messageId": self.message.message_id, "key": self.key, "reason": self.reason, "message": self.why}


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "redrive",
        help="what is in the dead-letter queue and why; send it back",
        description="List what failed five times, joined with the records that say why. Nothing is changed without "
        "--send or --discard.",
        epilog=_EXPLAINED,
    )
    parser.add_argument("--reason", action="append", choices=REASONS, help="only these (may be repeated)")
    parser.add_argument("--matching", metavar="TEXT", help="only those whose key or message holds this text")
    parser.add_argument("--show", metavar="ID", help="one message with its body and record, as JSON")
    parser.add_argument("--json", action="store_true", help="one JSON object a message")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--send", action="store_true", help="send them back to the ingest queue")
    action.add_argument("--discard", action="store_true", help="delete them for good")
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    values = stack_values(options, "table_name", "queue_url", "dead_letter_queue_url", "raw_bucket")
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415
    from processor.aws.sqs import DeadLetters  # noqa: PLC0415

    letters = DeadLetters(clients.sqs(), values["dead_letter_queue_url"], values["queue_url"])
    records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
    try:
        return _redrive(letters, records, values["raw_bucket"], options)
    except Transient as exc:
        raise not_answering(exc) from exc


def _redrive(letters: "DeadLetters", records: "DynamoDBRecords", bucket: str, options: argparse.Namespace) -> int:
    held: list[Message] = []
    counts: Counter[str] = Counter()
    try:
        for message in letters.messages():
            held.append(message)
            dead = examined(message, records, bucket)
            if not _chosen(dead, options):
                continue
            counts[dead.reason] += 1
            _print(dead, records, options)
            if options.send or options.discard:
                (letters.send_back if options.send else letters.delete)(message)
                held.pop()
    finally:
        for message in held:
            letters.put_back(message)
    if options.show and not counts:
        raise UsageError(f"no message {options.show} in the dead-letter queue; `img-pipeline redrive` lists them")
    if not options.json and not options.show:
        _print_summary(counts, options)
    return COMPLETE


def examined(message: Message, records: "DynamoDBRecords", bucket: str) -> Dead:
    """Join a message with the record of the first picture that it is about and that has not ended."""
    try:
        hints = message.hints()
    except UnreadableEvent as exc:
        return Dead(message, None, "unreadable_event", str(exc))
    if not hints:
        return Dead(message, None, "unreadable_event", "it names no object")
    if any(hint.bucket != bucket for hint in hints):
        return Dead(message, hints[0].key, "other_bucket", f"of bucket {hints[0].bucket!r}")
    found = [(hint.key, *_reason(records.get(hint.key))) for hint in hints]
    key, reason, why = min(found, key=lambda each: each[1] == "settled")
    return Dead(message, key, reason, why)


def _reason(record: Record | None) -> tuple[str, str]:
    if record is None:
        return "never_seen", ""
    if record.status is Status.FAILED:
        return "failed", record.message or ""
    if record.status is Status.PROCESSING:
        return "unfinished", f"since {record.updated_at.isoformat()}"
    if record.announced_at is None:  # then its invalidations may be missing too
        return "unannounced", f"{record.status}; {record.hindrance}" if record.hindrance else record.status
    if record.still_served(datetime.now(UTC)):
        return "still_served", f"until {record.served_until:%Y-%m-%d %H:%M:%S} UTC; {record.hindrance or record.status}"
    return "settled", record.status


def _chosen(dead: Dead, options: argparse.Namespace) -> bool:
    if options.show:
        return bool(dead.message.message_id == options.show)
    if options.reason and dead.reason not in options.reason:
        return False
    return options.matching is None or options.matching in f"{dead.key}\n{dead.why}"


def _print(dead: Dead, records: "DynamoDBRecords", options: argparse.Namespace) -> None:
    if options.show:
        record = records.get(dead.key) if dead.key else None
        shown = {"status": record.status, "updatedAt": record.updated_at.isoformat()} if record else None
        print(json.dumps(dead.document() | {"body": dead.message.body, "record": shown}, indent=2, ensure_ascii=False))
    elif options.json:
        print(json.dumps(dead.document()))
    else:
        print(f"{dead.message.message_id}  {dead.reason:<16}  {dead.key or '-'}  {dead.why}")


def _print_summary(counts: Counter[str], options: argparse.Namespace) -> None:
    done = "sent back" if options.send else "deleted" if options.discard else "found"
    each = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    print(f"{counts.total()} {done}" + (f": {each}" if each else ""))
    if counts and not (options.send or options.discard):
        print("nothing was changed; --send sends them back, --discard deletes them")
