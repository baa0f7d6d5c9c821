"""`img-pipeline verify`: compare raw bucket, records and processed bucket, and mend what differs."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from processor import keys, pyramid
from processor.commands.stack import add_stack_option, stack_values
from processor.commands.usage import COMPLETE, SOME_REJECTED, Subcommands, UsageError
from processor.errors import Transient
from processor.recipe import Recipe
from processor.records import FINAL, Record, Status

if TYPE_CHECKING:
    from processor.aws.listing import Listed

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
        "alone. Needs to list both buckets and to scan the table. Exit code: 0 if nothing differs, 3 if not.",
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
    from processor.aws.s3 import S3Renditions  # noqa: PLC0415
    from processor.aws.sqs import IngestQueue  # noqa: PLC0415

    s3 = clients.s3()
    records = DynamoDBRecords(clients.dynamodb(), values["table_name"])
    queue = IngestQueue(clients.sqs(), values["queue_url"], values["raw_bucket"])
    counts: Counter[str] = Counter()
    try:
        # In this order: what is stored was planned in a record before, and what is recorded was uploaded before.
        stored = listing.objects(s3, values["processed_bucket"])
        rendered = {each.key: each for each in stored if each.key not in TERRAFORMS_OWN}
        known = {record.image_id: record for record in records.all()}
        sources = {each.key: each for each in listing.objects(s3, values["raw_bucket"], options.prefix)}
        known_here = {key: record for key, record in known.items() if key.startswith(options.prefix)}
        findings = list(differences(sources, known_here, rendered, Recipe.from_json(values["recipe"])))
        if not options.prefix:
            findings += orphans(known, rendered)
        for finding in findings:
            counts[finding.kind] += 1
            print(
                json.dumps(_document(finding)) if options.json else f"{finding.kind:<14} {finding.key}: {finding.text}"
            )
            if not options.repair:
                continue
            if finding.kind == "orphan":
                S3Renditions(s3, values["processed_bucket"]).delete([finding.key], lambda: None)
            else:
                if finding.kind == "damaged":
                    records.make_stale(finding.key)
                queue.enqueue(finding.key)
    except Transient as exc:
        raise UsageError(f"the stack does not answer: {exc}. Check your credentials, region and --stack") from exc
    if not options.json:
        what = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing differs"
        print(
            f"{len(sources)} uploads, {len(rendered)} renditions: {what}"
            + (", repair begun" * bool(counts and options.repair))
        )
    return SOME_REJECTED if counts else COMPLETE


def _document(finding: Finding) -> dict[str, str]:
    return {"kind": finding.kind, "key": finding.key, "text": finding.text}


def differences(
    sources: "Mapping[str, Listed]", known: Mapping[str, Record], rendered: "Mapping[str, Listed]", recipe: Recipe
) -> Iterator[Finding]:
    """Pictures that are not as the raw bucket and the recipe want them."""
    for key, source in sources.items():
        if not keys.is_folder(key) and (finding := _difference(source, known.get(key), rendered, recipe)):
            yield finding
    for key, record in known.items():
        if key not in sources and record.status is not Status.REMOVED:
            yield Finding("left_over", key, "it is gone from the raw bucket")


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
    if record.announced_at is None:
        return Finding("unannounced", source.key, "its outcome was never announced")
    damage = _damage(record, rendered)
    return Finding("damaged", source.key, damage) if damage else None


def _damage(record: Record, rendered: "Mapping[str, Listed]") -> str | None:
    published = record.published
    versioned = published.addressed if published and published.version else ()
    for fmt in (*published.formats, *versioned) if published else ():
        found = rendered.get(fmt.key)
        if found is None:
            return f"{fmt.key} is missing"
        if found.size != fmt.bytes:
            return f"{fmt.key} has {found.size} bytes instead of {fmt.bytes}"
    for key in sorted(pyramid.expanded(published.tiles.keys) if published and published.tiles else ()):
        if key not in rendered:
            return f"{key} is missing"
    return None


def orphans(known: Mapping[str, Record], rendered: "Mapping[str, Listed]") -> Iterator[Finding]:
    """Objects that no record lists, not even as planned."""
    listed = {key for record in known.values() for key in pyramid.expanded(record.objects)}
    before = datetime.now(UTC) - ORPHAN_AGE
    for key, found in rendered.items():
        if key not in listed and found.modified < before:
            yield Finding("orphan", key, "no record lists it")
