"""A plan is shown, agreed to, and applied exactly as it was shown."""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.stacktools import adoption
from scripts.stacktools.shell import ROOT, fail
from scripts.stacktools.terraform import Root, plan_path

HOLDING = {
    "aws_s3_bucket": "bucket",
    "aws_dynamodb_table": "table",
    "aws_sqs_queue": "queue, with its messages",
    "aws_cloudfront_distribution": "distribution, and its name for good",
    "aws_cloudfront_public_key": "signing key, and every signed URL with it",
    "aws_cloudfront_key_group": "key group, and every signed URL with it",
    "aws_kms_key": "encryption key, and what is encrypted with it",
    "aws_ecr_repository": "registry, with its images",
    "aws_cloudwatch_event_bus": "event bus, and others' rules on it",
    "aws_sns_topic": "topic, and who subscribed to it",
    "aws_cloudwatch_log_group": "log group, with its logs",
    "aws_acm_certificate": "certificate",
}
"""What an apply cannot bring back once it is deleted, by type, and what one calls that."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person said on the command line, before any question.

    Attributes:
        yes: apply without asking.
        confirmed: the environment's name, which a plan that deletes something for good needs besides.
    """

    yes: bool = False
    confirmed: str = ""

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "Consent":
        """As given to a parser with `add_options`."""
        return cls(arguments.yes, arguments.confirm or "")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every command has that applies something."""
    parser.add_argument("--yes", action="store_true", help="apply the plan without asking")
    parser.add_argument(
        "--confirm", metavar="ENV", help="with --yes: the environment's name again, if a plan deletes data for good"
    )


def bring_about(root: Root, consent: Consent, **variables: str) -> None:
    """Plan, show, ask where the environment wants that, and apply what was shown.

    Raises:
        SystemExit: if the person does not agree, or nobody can be asked. Nothing has been changed then.
    """
    path = plan_path(root)
    if root.plan(path, **variables):
        plan = root.show(path)
        orphans = adoption.orphans(plan, root.target.region)
        if orphans:
            root.shell.tell(f"an earlier apply was cut off: {len(orphans)} resources that it made are taken over")
            with adoption.taken_over(root.folder, orphans):
                root.plan(path, **variables)
            plan = root.show(path)
        if root.target.asks and not root.shell.dry_run:
            agree(root, deletions(plan), consent)
        root.apply(path)
    else:
        path.unlink(missing_ok=True)


def agree(root: Root, deleted: list[str], consent: Consent) -> None:
    """Return if the plan that was just shown may be applied."""
    environment = root.environment
    if deleted:
        print("\nThis plan deletes for good:\n" + "\n".join(f"  {line}" for line in deleted), file=sys.stderr)
    needed = environment if deleted else "yes"
    if consent.yes and (not deleted or consent.confirmed == environment):
        return
    path = os.path.relpath(plan_path(root), ROOT)
    by_hand = f"`scripts/deploy {environment} --apply {path}` applies exactly this plan"
    if consent.yes or not sys.stdin.isatty():
        flags = f"--yes --confirm {environment}" if deleted else "--yes"
        reason = "this plan deletes something for good" if consent.yes else "there is no terminal to ask on"
        fail(f"nothing was applied: {reason}. {by_hand}, {flags} makes and applies one without asking")
    answer = input(f"Apply this plan to {environment}? Only {needed!r} is a yes: ")
    if answer.strip() != needed:
        fail(f"nothing was applied. {by_hand}")


def deletions(plan: dict[str, Any]) -> list[str]:
    """What a plan deletes or replaces that holds something, a line each; and copies of the table."""
    return list(_deletions(plan))


def _deletions(plan: dict[str, Any]) -> Iterator[str]:
    for resource in plan.get("resource_changes", []):
        kind, change = resource["type"], resource["change"]
        before, after = change.get("before") or {}, change.get("after") or {}
        name = before.get("bucket") or before.get("name") or before.get("domain_name") or ""
        if kind in HOLDING and "delete" in change["actions"]:
            what = "replaced by an empty one" if "create" in change["actions"] else "deleted"
            yield f"{resource['address']} {name}: {what} ({HOLDING[kind]})"
        elif kind == "aws_dynamodb_table" and "update" in change["actions"]:
            gone = {each["region_name"] for each in before.get("replica") or []} - {
                each["region_name"] for each in after.get("replica") or []
            }
            yield from (f"{resource['address']} {name}: its copy in {region} is deleted" for region in sorted(gone))
