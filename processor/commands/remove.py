"""`img-pipeline remove`: take pictures out of the raw bucket; their renditions follow."""

import argparse
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from processor.commands.stack import add_stack_option, optional_value, stack_values
from processor.commands.usage import COMPLETE, SOME_REJECTED, Subcommands, UsageError
from processor.errors import Transient
from processor.records import Record, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client

    from processor.aws.dynamodb import DynamoDBRecords
    from processor.aws.sqs import IngestQueue

_WAIT_SECONDS = 60
_PAUSE_SECONDS = 1


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "remove",
        help="remove pictures and everything made of them",
        description="Remove pictures from the raw bucket. The pipeline then deletes their renditions and keeps a "
        "tombstone with their history. Earlier versions can be restored until they expire, unless --all-versions. Exit "
        "code: 0 if nothing is served of them any more, 3 if something may still be when the wait ends: `status KEY` "
        "says until when; 2 for bad usage, 1 for the unforeseen.",
    )
    parser.add_argument("keys", nargs="+", metavar="KEY", help="a source key, as uploaded")
    parser.add_argument("--all-versions", action="store_true", help="delete every version for good, copies included")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--wait",
        type=int,
        default=_WAIT_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait until nothing is served any more ({_WAIT_SECONDS}); 0: do not wait, exit with 0",
    )
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.wait < 0:
        raise UsageError(f"--wait must be 0 or more seconds, got {options.wait}")
    values = stack_values(options, "raw_bucket", "queue_url", *(["table_name"] if options.wait else []))
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415
    from processor.aws.sqs import IngestQueue  # noqa: PLC0415

    bucket = values["raw_bucket"]
    places = [(clients.s3(), bucket)]
    if copies := optional_value(options, "raw_replica_bucket"):  # S3 does not replicate that a version was deleted
        places.append((clients.s3(optional_value(options, "replica_region")), copies))
    queue = IngestQueue(clients.sqs(), values["queue_url"], bucket)
    removed: list[str] = []
    missing: list[str] = []
    try:
        for key in options.keys:
            (removed if _is_there(places, key, options) else missing).append(key)
            if key in removed and options.dry_run:
                print(f"{key}: would be removed")
            elif key in removed:
                _remove(places, queue, key, options)
    except Transient as exc:
        raise UsageError(f"not all were removed: {exc}. It can be repeated") from exc
    all_gone = True
    if options.wait and not options.dry_run:
        all_gone = _wait(DynamoDBRecords(clients.dynamodb(), values["table_name"]), removed, options.wait)
    if missing:
        raise UsageError(f"there is no picture {', '.join(map(repr, missing))}; is it spelled as uploaded?")
    return COMPLETE if all_gone else SOME_REJECTED


def _remove(
    places: "Sequence[tuple[S3Client, str]]", queue: "IngestQueue", key: str, options: argparse.Namespace
) -> None:
    from processor.aws import listing  # noqa: PLC0415 - boto3 is for those who talk to AWS

    if not options.all_versions:
        listing.mark_deleted(*places[0], key)
        print(f"{key}: removed from the raw bucket; its renditions follow within seconds")
        return
    count = sum(listing.delete_all_versions(client, where, key) for client, where in places)
    print(f"{key}: {count} versions deleted for good")
    # S3's own events of single versions may be lost or late, and an earlier try may have ended before this
    queue.enqueue(key)


def _wait(records: "DynamoDBRecords", removed: list[str], seconds: int) -> bool:
    """Wait until nothing is served of pictures, and say so of each. False: that is not so of all."""
    ends = time.monotonic() + seconds
    waiting = list(removed)
    try:
        while waiting:
            found = {key: _still_there(records.get(key)) for key in waiting}
            for key in [key for key in waiting if found[key] is None]:
                print(f"{key}: nothing is served of it any more, within a minute or two everywhere")
                waiting.remove(key)
            if not waiting or time.monotonic() >= ends:
                break
            time.sleep(_PAUSE_SECONDS)
    except Transient as exc:
        raise UsageError(
            f"removed, but what is still served is not known: {exc}. Look with `img-pipeline status`"
        ) from exc
    for key in waiting:
        print(f"{key}: {found[key]}; `img-pipeline status` shows when that ends")
    return not waiting


def _still_there(record: Record | None) -> str | None:
    """What may still be served of a picture that was removed; None: nothing is."""
    if record is None:
        return None
    if record.served_until and record.still_served(datetime.now(UTC)):
        return f"the CDN may serve copies until {record.served_until:%Y-%m-%d %H:%M:%S} UTC; it is told within minutes"
    if record.status is not Status.REMOVED or record.announced_at is None:
        return f"its renditions are still there ({record.status})"
    return None


def _is_there(places: "Sequence[tuple[S3Client, str]]", key: str, options: argparse.Namespace) -> bool:
    """Whether there is something to remove: a current version, or any at all with `--all-versions`."""
    from processor.aws import listing  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.s3 import S3Sources  # noqa: PLC0415

    if options.all_versions:
        return any(next(listing.versions(client, where, key), None) for client, where in places)
    return S3Sources(*places[0]).head(key) is not None
