"""`img-pipeline remove`: take pictures out of the raw bucket; their renditions follow."""

import argparse
from typing import TYPE_CHECKING

from processor.commands.stack import add_stack_option, optional_value, stack_values
from processor.commands.usage import COMPLETE, Subcommands, UsageError
from processor.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "remove",
        help="remove pictures and everything made of them",
        description="Remove pictures from the raw bucket. The pipeline then deletes their renditions and keeps a "
        "tombstone with their history. Earlier versions can be restored until they expire, unless --all-versions.",
    )
    parser.add_argument("keys", nargs="+", metavar="KEY", help="a source key, as uploaded")
    parser.add_argument("--all-versions", action="store_true", help="delete every version for good, copies included")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    values = stack_values(options, "raw_bucket", "queue_url")
    from processor.aws import clients, listing  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.sqs import IngestQueue  # noqa: PLC0415

    s3, bucket = clients.s3(), values["raw_bucket"]
    places = [(s3, bucket)]
    if copies := optional_value(options, "raw_replica_bucket"):  # S3 does not replicate that a version was deleted
        places.append((clients.s3(optional_value(options, "replica_region")), copies))
    queue = IngestQueue(clients.sqs(), values["queue_url"], bucket)
    missing = []
    try:
        for key in options.keys:
            if not _is_there(places, key, options):
                missing.append(key)
            elif options.dry_run:
                print(f"{key}: would be removed")
            elif options.all_versions:
                count = sum(listing.delete_all_versions(client, where, key) for client, where in places)
                print(f"{key}: {count} versions deleted for good")
            else:
                listing.mark_deleted(s3, bucket, key)
                print(f"{key}: removed; its renditions follow within seconds")
            if options.all_versions and not options.dry_run:
                # S3's own events of single versions may be lost or late, and an earlier try may have ended before this
                queue.enqueue(key)
    except Transient as exc:
        raise UsageError(f"not all were removed: {exc}. It can be repeated") from exc
    if missing:
        raise UsageError(f"there is no picture {', '.join(map(repr, missing))}; is it spelled as uploaded?")
    return COMPLETE


def _is_there(places: "Sequence[tuple[S3Client, str]]", key: str, options: argparse.Namespace) -> bool:
    """Whether there is something to remove: a current version, or any at all with `--all-versions`."""
    from processor.aws import listing  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.s3 import S3Sources  # noqa: PLC0415

    if options.all_versions:
        return any(next(listing.versions(client, where, key), None) for client, where in places)
    return S3Sources(*places[0]).head(key) is not None
