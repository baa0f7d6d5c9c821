"""`img-pipeline verify`: compare raw bucket, records and processed bucket, and mend what differs."""

import argparse
import json
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from processor import keys, pyramid, rollout
from processor.commands import rollout as rollout_command
from processor.commands.stack import add_stack_option, not_answering, optional_value, stack_values
from processor.commands.usage import COMPLETE, SOME_REJECTED, Subcommands
from processor.errors import Transient
from processor.recipe import Recipe
from processor.records import FINAL, Published, Record, Status
from processor.spool import Spool, Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from processor.aws.dynamodb import DynamoDBRecords
    from processor.aws.listing import Listed
    from processor.aws.sqs import IngestQueue

ORPHAN_AGE = timedelta(minutes=15)
"""Younger objects may belong to a picture that is being worked on."""

TERRAFORMS_OWN = frozenset({"_missing/picture"})
"""What Terraform's module `delivery` keeps in the processed bucket. Every key of a rendition has an extension."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Attributes:
        kind: what it is.
        key: of the source; of the object itself for an orphan.
        text: for a person.
    """

    kind: str
    key: str
    text: str


def add(subcommands: Subcommands) -> None:
    """Declare the command."""
    parser = subcommands.add_parser(
        "verify",
        help="compare uploads, records and renditions; repair on request",
        description="Compare raw bucket, records and processed bucket. With --repair every picture that differs is "
        "queued and orphans are deleted: the way to rebuild records and renditions from the raw bucket "
        "alone. Needs to list both buckets and to scan the table. Keeps what it compares in a temporary file, about "
        "9 KB a picture, so that millions need no more memory than a few. Exit code: 0 if nothing differs, 3 if not.",
    )
    parser.add_argument("--repair", action="store_true", help="queue what differs, delete orphans")
    parser.add_argument("--prefix", default="", help="only pictures whose key begins so; leaves orphans out")
    parser.add_argument("--json", action="store_true", help="one JSON object a difference")
    add_stack_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    values = stack_values(options, "raw_bucket", "processed_bucket", "table_name", "queue_url", "recipe")
    from processor.aws import clients, listing  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.dynamodb import DynamoDBRecords  # noqa: PLC0415
    from processor.aws.sqs import IngestQueue  # noqa: PLC0415

    s3, recipe = clients.s3(), Recipe.from_json(values["recipe"])
    records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
    queue = IngestQueue(clients.sqs(), values["queue_url"], values["raw_bucket"])
    counts: Counter[str] = Counter()
    deleted = 0
    try:
        with Spool() as spool:
            # In this order: what is stored was planned in a record before, and what is recorded was uploaded before.
            stored = listing.objects(s3, values["processed_bucket"])
            rendered = spool.table("rendered", ((each.key, each) for each in stored if each.key not in TERRAFORMS_OWN))
            known = spool.table("known", ((record.image_id, record) for record in records.all()))
            uploaded = listing.objects(s3, values["raw_bucket"], options.prefix)
            sources = spool.table("sources", ((each.key, each) for each in uploaded))
            makers = Makers(spool.relation("makers", makers_of(sources, recipe)).of)
            repair = _Repair(s3, values["processed_bucket"], records, queue, makers, rendered)
            for finding in _findings(spool, Contents(sources, known, rendered), makers, recipe, options.prefix):
                counts[finding.kind] += 1
                _show(finding, as_json=options.json)
                if options.repair:
                    deleted += repair.begin(finding)
            if deleted:
                _have_forgotten(deleted, optional_value(options, "distribution_id"))
            for finding in edge_findings(options):
                counts[finding.kind] += 1
                _show(finding, as_json=options.json)
            compared = f"{len(sources)} uploads, {len(rendered)} renditions"
    except Transient as exc:
        raise not_answering(exc) from exc
    if not options.json:
        what = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing differs"
        print(f"{compared}: {what}" + (", repair begun" * bool(counts and options.repair)))
    return SOME_REJECTED if counts else COMPLETE


def _have_forgotten(deleted: int, distribution: str | None) -> None:
    """Have the CDN forget orphans, which may be of pictures that were removed, with everything else: it is one path."""
    if distribution is None:
        sys.stderr.write(f"{deleted} orphans are deleted; the CDN may serve copies of them for up to a day\n")
        return
    from processor.aws import clients  # noqa: PLC0415 - boto3 is for those who talk to AWS
    from processor.aws.cloudfront import invalidate_everything  # noqa: PLC0415

    invalidate_everything(clients.cloudfront(), distribution, uuid.uuid4().hex)
    sys.stderr.write(f"{deleted} orphans are deleted; the CDN forgets everything within minutes\n")


def edge_findings(options: argparse.Namespace) -> Iterator[Finding]:
    """Edge functions that run other code than is meant. With --repair they run it before they are shown."""
    edge = rollout_command.connect(options)
    if edge is None:
        return
    state = rollout.look(edge)
    if options.repair:
        rollout.mend(edge, state)
    for name in state.wrong:
        yield Finding("edge", name, "it answers with other code than was deployed")


def _show(finding: Finding, *, as_json: bool) -> None:
    document = {"kind": finding.kind, "key": finding.key, "text": finding.text}
    print(json.dumps(document) if as_json else f"{finding.kind:<14} {finding.key}: {finding.text}")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a stack holds.

    Attributes:
        sources: uploads by key, only those below the prefix.
        known: all records by source key.
        rendered: all objects of the processed bucket by key.
    """

    sources: Table["Listed"]
    known: Table[Record]
    rendered: Table["Listed"]


def _findings(spool: Spool, contents: Contents, makers: "Makers", recipe: Recipe, prefix: str) -> Iterator[Finding]:
    """Every difference below a prefix, then the orphans if the prefix is empty."""
    unsettled: Table[None] = spool.table("unsettled", ())
    for finding in differences(contents.sources, contents.known, contents.rendered, recipe, prefix):
        unsettled.update([(finding.key, None)])
        yield finding
    if prefix:
        return
    listed = spool.table("listed", ((key, None) for key in listed_objects(contents.known.values())))
    yield from orphans(listed, contents.rendered, makers, unsettled)


def differences(
    sources: "Mapping[str, Listed]",
    known: Mapping[str, Record],
    rendered: "Mapping[str, Listed]",
    recipe: Recipe,
    prefix: str = "",
) -> Iterator[Finding]:
    """Pictures below a prefix that are not as the raw bucket and the recipe want them."""
    for key, source in sources.items():
        if not keys.is_folder(key) and (finding := _difference(source, known.get(key), rendered, recipe)):
            yield finding
    for key, record in known.items():
        if not key.startswith(prefix):
            continue
        if key not in sources and record.status is not Status.REMOVED:
            yield Finding("left_over", key, "it is gone from the raw bucket")
        elif key not in sources and (finding := _untold(record)):
            yield finding


def _difference(
    source: "Listed", record: Record | None, rendered: "Mapping[str, Listed]", recipe: Recipe
) -> Finding | None:
    if record is None:
        return Finding("unprocessed", source.key, "it has no record")
    if record.status not in FINAL:
        return Finding("unfinished", source.key, f"{record.status} since {record.updated_at:%Y-%m-%d %H:%M:%S} UTC")
    if record.status is Status.REMOVED or record.etag != source.etag:
        return Finding("outdated", source.key, "its record is of another version")
    if record.fingerprint != recipe.fingerprint:
        return Finding("stale", source.key, "it was made by another recipe")
    if untold := _untold(record):
        return untold
    damage = _damage(record, rendered)
    return Finding("damaged", source.key, damage) if damage else None


def _untold(record: Record) -> Finding | None:
    """What a picture's outcome has still to be told: to the CDN, or to subscribers."""
    why = f": {record.hindrance}" if record.hindrance else ""
    if record.served_until and record.still_served(datetime.now(UTC)):
        until = f"{record.served_until:%Y-%m-%d %H:%M:%S} UTC"
        return Finding("still_served", record.image_id, f"the CDN may serve what was removed until {until}{why}")
    if record.announced_at is None:
        return Finding("unannounced", record.image_id, f"its outcome was never announced{why}")
    return None


def _damage(record: Record, rendered: "Mapping[str, Listed]") -> str | None:
    if record.published is None:
        return None
    for key, size in _sizes(record.published):
        found = rendered.get(key)
        if found is None:
            return f"{key} is missing"
        if size is not None and found.size != size:
            return f"{key} has {found.size} bytes instead of {size}"
    return None


def _sizes(published: Published) -> Iterator[tuple[str, int | None]]:
    """Every object of a set, and how long it is where that is known."""
    for fmt in (*published.formats, *(published.addressed if published.version else ())):
        yield fmt.key, fmt.bytes
    if published.manifest is not None:
        yield published.manifest, published.manifest_bytes
    for key in sorted(pyramid.expanded(published.tiles.keys) if published.tiles else ()):
        yield key, None


def makers_of(sources: Iterable[str], recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Pairs of an object's key and an upload that may have it, by the recipe in force: see `Makers`."""
    for source in sources:
        if not keys.is_folder(source):
            yield from ((key, source) for key in _least_keys(recipe, source))


def _least_keys(recipe: Recipe, source: str) -> Iterator[str]:
    """A key for each kind of object that a source may have; copies and tiles are known by what they belong to."""
    yield from keys.object_keys(recipe, source)
    if (base := keys.tiles_base(recipe, source)) is not None:
        yield pyramid.descriptor_key(base)


@dataclass(frozen=True, slots=True)
class Makers:
    """The uploads that may have an object.

    Attributes:
        of_key: those of a stable key, see `makers_of`.
    """

    of_key: Callable[[str], Iterable[str]]

    def of(self, key: str) -> list[str]:
        """Those that may have this object: a rendition, a copy of one, a tile, a manifest."""
        stable = keys.stable_key(key)
        return [source for each in {key, stable, pyramid.descriptor_of(stable)} for source in self.of_key(each)]


def listed_objects(records: Iterable[Record]) -> Iterator[str]:
    """The keys of all objects that records list, planned ones included."""
    for record in records:
        yield from pyramid.expanded(record.objects)


def orphans(
    listed: Container[str], rendered: "Mapping[str, Listed]", makers: Makers, unsettled: Container[str]
) -> Iterator[Finding]:
    """Objects that no record lists, not even as planned.

    Objects that an unsettled picture may have are left out: its reconciliation may be writing them at any moment, and
    decides what becomes of them.
    """
    before = datetime.now(UTC) - ORPHAN_AGE
    for key, found in rendered.items():
        if key not in listed and found.modified < before and not any(each in unsettled for each in makers.of(key)):
            yield Finding("orphan", key, "no record lists it")


@dataclass(frozen=True, slots=True)
class _Repair:
    """Begins to mend what was found some time ago."""

    s3: "S3Client"
    bucket: str
    records: "DynamoDBRecords"
    queue: "IngestQueue"
    makers: Makers
    rendered: "Mapping[str, Listed]"

    def begin(self, finding: Finding) -> bool:
        """Queue a picture, or delete an orphan. True: an orphan is deleted, of which the CDN may have a copy."""
        if finding.kind == "orphan":
            return self._delete(finding.key)
        if finding.kind == "damaged":
            self.records.make_stale(finding.key)
        self.queue.enqueue(finding.key)
        return False

    def _delete(self, key: str) -> bool:
        """Delete an orphan, unless it has been written since, or is planned by now."""
        from processor.aws import listing  # noqa: PLC0415 - boto3 is for those who talk to AWS
        from processor.aws.s3 import S3Renditions  # noqa: PLC0415

        planned = (record.objects for each in self.makers.of(key) if (record := self.records.get(each)))
        if any(key in pyramid.expanded(objects) for objects in planned):
            return False
        if next(listing.objects(self.s3, self.bucket, key), None) != self.rendered[key]:
            return False
        S3Renditions(self.s3, self.bucket).delete([key], lambda: None)
        return True
