"""`img-pipeline backfill`: put pictures that are in the raw bucket already through the pipeline."""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from processor import keys
from processor.commands import rollout
from processor.commands.stack import add_stack_option, optional_value, stack_values
from processor.commands.usage import COMPLETE, Subcommands, UsageError
from processor.errors import Transient
from processor.recipe import Recipe
from processor.records import FINAL, Record, Status
from processor.spool import Spool

if TYPE_CHECKING:
    from processor.aws.dynamodb import DynamoDBRecords
    from processor.aws.listing import Listed
    from processor.aws.sqs import IngestQueue

DOLLARS_PER_GB_SECOND = 0.0000166667
"""Lambda on x86-64 in us-east-1; Graviton costs a fifth less."""

DOLLARS_PER_PICTURE = 0.000058
"""All but compute and storage, in docs/scaling.md's bill: nine PUTs are most of it."""

SECONDS_PER_MEGABYTE = 1.0
"""Assumed where no picture of this stack has been measured yet: 12 demo photos of 0.8 MB take 0.5 s on average."""

DEFAULT_MEMORY_MB, DEFAULT_CONCURRENCY = 3008, 10
"""Terraform's own, for a stack whose outputs do not say."""

_PROGRESS_EVERY = 100
_PAUSE_SECONDS = 5
_PATIENCE_SECONDS = 2100
"""Without a single picture coming through. That of a worker that died comes back after half an hour at defaults; one
that fails is dead sooner, after five tries of two minutes at most."""

_FORGET_LATER = "when they are, have the CDN forget the older ones: repeat it with --invalidate"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a backfill takes."""

    pictures: int
    bytes: int
    seconds: float
    dollars: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an earlier run came.

    Attributes:
        after: the last key that was queued.
        renewed: whether older copies have to be forgotten when all is through.
    """

    after: str = ""
    renewed: bool = False

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """What is in a file; the very beginning if it is not there."""
        if path is None or not path.exists():
            return cls()
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as exc:
            raise UsageError(f"{path} is no progress of a backfill; delete it to begin anew") from exc

    def write(self, path: Path) -> None:
        """Keep it in a file."""
        path.write_text(json.dumps(asdict(self)), "utf-8")


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "backfill",
        help="process what is in the raw bucket already",
        description="Queue every picture below a prefix whose record is not current. Without --run: only count, and "
        "estimate time and cost from this stack's own records.",
        epilog="Where an older recipe's pictures are made anew, the command waits until they are through and then has "
        "the CDN forget everything: one path, for all of them. If the recipe has other keys than before, the CDN then "
        "serves all that it makes, see `img-pipeline rollout`. Needs to list the raw bucket, to scan the table "
        "and to send to the queue; for the end also cloudfront:CreateInvalidation, and what `rollout` needs.",
    )
    parser.add_argument("source", metavar="s3://BUCKET/PREFIX", help="the stack's raw bucket, with or without a prefix")
    parser.add_argument("--run", dest="for_real", action="store_true", help="do it")
    parser.add_argument(
        "--distributed", action="store_true", help="start the state machine on the prefix instead: for millions"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--stale", action="store_true", help="only what an older recipe made")
    which.add_argument(
        "--rejected", action="store_true", help="only what was rejected: judged anew if the function changed since"
    )
    parser.add_argument(
        "--invalidate", action="store_true", help="have the CDN forget everything in the end, whatever was made"
    )
    parser.add_argument("--rate", type=float, default=20, metavar="N", help="pictures queued a second (20)")
    parser.add_argument("--max-queued", type=int, default=1000, metavar="N", help="wait while more are queued (1000)")
    parser.add_argument("--budget", type=float, metavar="DOLLARS", help="stop before the estimated cost is over this")
    parser.add_argument(
        "--progress", type=Path, metavar="FILE", help="remember here how far it came, and go on from there"
    )
    parser.add_argument("--memory-mb", type=int, metavar="MB", help="of the function, for costs (the stack's own)")
    parser.add_argument("--concurrency", type=int, metavar="N", help="pictures at a time, for times (the stack's own)")
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    values = stack_values(options, "raw_bucket", "table_name", "queue_url", "recipe")
    prefix = _prefix(options.source, values["raw_bucket"])
    if options.rate <= 0 or options.max_queued < 1:
        raise UsageError("--rate must be above 0 and --max-queued 1 or more")
    options.memory_mb = options.memory_mb or int(optional_value(options, "memory_mb") or DEFAULT_MEMORY_MB)
    options.concurrency = options.concurrency or int(
        optional_value(options, "maximum_concurrency") or DEFAULT_CONCURRENCY
    )
    try:
        return _start_map(prefix, options) if options.distributed else _backfill(prefix, values, options)
    except Transient as exc:
        raise UsageError(f"the stack does not answer: {exc}. Repeat it: what is current by then is skipped") from exc


def _backfill(prefix: str, values: Mapping[str, str], options: argparse.Namespace) -> int:
    from processor.aws import clients, listing  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415
    from processor.aws.sqs import IngestQueue  # noqa: PLC0415

    earlier = Progress.read(options.progress)
    recipe = Recipe.from_json(values["recipe"])
    records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
    with Spool() as spool:
        known = spool.table("known", ((record.image_id, record) for record in records.all()))
        listed = listing.objects(clients.s3(), values["raw_bucket"], prefix, earlier.after)
        wanted = due(listed, known, recipe, stale_only=options.stale, rejected_only=options.rejected)
        todo = spool.table("todo", ((each.key, each) for each in wanted))
        speed = seconds_per_byte(known.values())
        total = estimate(todo.values(), speed, options.memory_mb)
        minutes = max(total.seconds / options.concurrency, total.pictures / options.rate) / 60
        print(
            f"{total.pictures:,} pictures, {total.bytes / 1e6:,.1f} MB; about {minutes:,.1f} minutes at "
            f"{options.concurrency} at a time, about ${total.dollars:,.2f}"
        )
        if not options.for_real:
            print("nothing was queued; --run does it")
            return COMPLETE
        begun = unfinished(known, prefix, earlier.after, recipe) if earlier.renewed else ()
        stale = (key for key, each in todo.items() if is_stale(each, known.get(key), recipe))
        renewed = spool.table("renewed", ((key, None) for key in chain(begun, stale)))
        renews = bool(renewed) or earlier.renewed
        # asked for before anything is begun, for what comes first may take hours
        asks = renews or options.invalidate
        distribution = stack_values(options, "distribution_id")["distribution_id"] if asks else ""
        queue = IngestQueue(clients.sqs(), values["queue_url"], values["raw_bucket"])
        if not _queue_all(queue, todo.values(), speed, options, renews=renews):
            return COMPLETE
        if distribution:
            _forget_older_copies(records, renewed, recipe, distribution)
        if (edge := rollout.connect(options)) is not None:
            rollout.finish(edge, options)
    if options.progress:
        options.progress.unlink(missing_ok=True)
    return COMPLETE


def _start_map(prefix: str, options: argparse.Namespace) -> int:
    """Start a Distributed Map, which lists and queues without this machine; the function skips what is current."""
    machine = stack_values(options, "backfill_state_machine_arn")["backfill_state_machine_arn"]
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.translate import transient_errors  # noqa: PLC0415

    if not options.for_real:
        print(f"would queue everything below {prefix!r} with {machine}; --run does it")
        return COMPLETE
    with transient_errors("starting the state machine"):
        answer = clients.stepfunctions().start_execution(stateMachineArn=machine, input=json.dumps({"prefix": prefix}))
    print(f"started {answer['executionArn']}; it costs about $25 per million pictures besides their processing")
    print(
        "if an older recipe made some of them, end with: img-pipeline backfill … --stale --run --invalidate. It waits "
        "for what is left, and then has the CDN serve all that the recipe makes"
    )
    return COMPLETE


def _prefix(source: str, raw_bucket: str) -> str:
    parts = urlsplit(source, allow_fragments=False)
    if parts.scheme != "s3" or parts.netloc != raw_bucket:
        raise UsageError(f"{source!r} is not in this stack's raw bucket: use s3://{raw_bucket}/PREFIX")
    return source.removeprefix(f"s3://{raw_bucket}").removeprefix("/")


def due(
    listed: "Iterator[Listed]",
    known: Mapping[str, Record],
    recipe: Recipe,
    *,
    stale_only: bool = False,
    rejected_only: bool = False,
) -> "Iterator[Listed]":
    """What is not current, or was rejected."""
    for source in listed:
        if keys.is_folder(source.key):
            continue
        record = known.get(source.key)
        if rejected_only:
            if record is not None and record.status is Status.REJECTED:
                yield source
        elif is_stale(source, record, recipe) or (not stale_only and not _is_of(source, record)):
            yield source


def _is_of(source: "Listed", record: Record | None) -> bool:
    """Whether a picture has ended, and has not been replaced since."""
    return record is not None and record.status in FINAL and record.etag == source.etag


def is_stale(source: "Listed", record: Record | None, recipe: Recipe) -> bool:
    """Whether an older recipe made it."""
    return record is not None and _is_of(source, record) and record.fingerprint != recipe.fingerprint


def unfinished(known: Mapping[str, Record], prefix: str, last: str, recipe: Recipe) -> Iterator[str]:
    """What an earlier run has queued, up to a last key, and is not through yet."""
    return (key for key in known if key.startswith(prefix) and key <= last and not _is_through(known[key], recipe))


def seconds_per_byte(known: Iterable[Record]) -> float:
    """Measured on this stack's own pictures."""
    total, milliseconds = 0, 0
    for record in known:
        if record.status is Status.COMPLETE and record.published:
            total += record.published.original_size
            milliseconds += record.published.processing_time
    return milliseconds / 1000 / total if total else SECONDS_PER_MEGABYTE / 1e6


def estimate(todo: "Iterable[Listed]", speed: float, memory_mb: int) -> Estimate:
    """Time of the function, and dollars."""
    pictures, size = 0, 0
    for source in todo:
        pictures += 1
        size += source.size
    seconds = size * speed
    dollars = seconds * memory_mb / 1024 * DOLLARS_PER_GB_SECOND + pictures * DOLLARS_PER_PICTURE
    return Estimate(pictures, size, seconds, dollars)


def _queue_all(
    queue: "IngestQueue", todo: "Collection[Listed]", speed: float, options: argparse.Namespace, *, renews: bool
) -> bool:
    """Whether all of them were queued, and not only what the budget allowed."""
    spent = 0.0
    started = time.monotonic()
    done = 0
    for done, source in enumerate(todo, 1):
        spent += estimate([source], speed, options.memory_mb).dollars
        if options.budget is not None and spent > options.budget:
            print(f"stopped before ${options.budget:,.2f}: {done - 1:,} of {len(todo):,} queued; repeat it to go on")
            return False
        while done % _PROGRESS_EVERY == 1 and queue.waiting() > options.max_queued:
            time.sleep(_PAUSE_SECONDS)
        queue.enqueue(source.key)
        if options.progress:
            Progress(source.key, renews).write(options.progress)
        if done % _PROGRESS_EVERY == 0:
            print(f"{done:,} of {len(todo):,} queued, the last was {source.key}", file=sys.stderr)
        time.sleep(max(0.0, started + done / options.rate - time.monotonic()))
    print(f"{done:,} queued")
    return True


def _forget_older_copies(
    records: "DynamoDBRecords", renewed: Collection[str], recipe: Recipe, distribution: str
) -> None:
    """Invalidate everything, once, and not before the pictures are through: until then the CDN would fetch old ones."""
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.cloudfront import invalidate_everything  # noqa: PLC0415

    try:
        late = wait_until_through(records, renewed, recipe)
    except KeyboardInterrupt:
        print(f"not waited for: all are queued, not all are through; {_FORGET_LATER}", file=sys.stderr)
        raise
    invalidate_everything(clients.cloudfront(), distribution, uuid.uuid4().hex)
    print(f"{len(renewed) - late:,} made anew; the CDN forgets all older copies within minutes")
    if late:
        print(f"{late:,} are not through (img-pipeline redrive may say why); {_FORGET_LATER}")


def wait_until_through(records: "DynamoDBRecords", renewed: Collection[str], recipe: Recipe) -> int:
    """Wait, in the order of queueing, until the recipe's renditions of every picture are published.

    Returns:
        How many are still not, when none has come through for longer than a dead worker's message takes to come back.
    """
    coming = iter(renewed)
    waiting: list[str] = []
    through = 0
    moved_at = time.monotonic()
    while time.monotonic() - moved_at < _PATIENCE_SECONDS:
        waiting += islice(coming, _PROGRESS_EVERY - len(waiting))
        if not waiting:
            return 0
        still = [key for key in waiting if not _is_through(records.get(key), recipe)]
        if len(still) < len(waiting):
            moved_at = time.monotonic()
            through += len(waiting) - len(still)
            print(f"{through:,} of {len(renewed):,} made anew", file=sys.stderr)
        else:
            time.sleep(_PAUSE_SECONDS)
        waiting = still
    return len(renewed) - through


def _is_through(record: Record | None, recipe: Recipe) -> bool:
    if record is None or record.status is Status.REMOVED:
        return True
    return record.status in FINAL and record.fingerprint == recipe.fingerprint
