"""Whose a Terraform state is. With another stack's variables, a plan of it would destroy this stack to make another."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.stacktools.shell import fail
from scripts.stacktools.state_bucket import aws_errors, client, code_of
from scripts.stacktools.target import Target


@dataclass(frozen=True, slots=True)
class Owner:
    """A stack, as its state knows it."""

    project: str
    environment: str
    account_id: str
    region: str

    def __str__(self) -> str:
        return (
            f"project {self.project}, environment {self.environment}, account {self.account_id}, region {self.region}"
        )


def is_empty(state: dict[str, Any]) -> bool:
    """Whether nothing is in a state that was made."""
    return not any(each["mode"] == "managed" for each in state.get("resources", []))


def is_used(path: Path) -> bool:
    """Whether there is a state file with something in it."""
    return path.is_file() and not is_empty(json.loads(path.read_text() or "{}"))


def instances(state: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """The attributes of all resources of a type, in every module."""
    for resource in state.get("resources", []):
        if resource["mode"] == "managed" and resource["type"] == kind:
            yield from (each["attributes"] for each in resource["instances"])


def owner_of(state: dict[str, Any]) -> Owner | None:
    """What the state says of itself; if an earlier version wrote it, what its first resources are called.

    Returns:
        None if neither is there, as in an empty state.
    """
    for resource in state.get("resources", []):
        if (resource["type"], resource["name"]) == ("terraform_data", "owner"):
            return Owner(**resource["instances"][0]["attributes"]["input"]["value"])
    for table in instances(state, "aws_dynamodb_table"):
        return _owner(table["arn"], table["name"].removesuffix("-records"))
    for repository in instances(state, "aws_ecr_repository"):
        return _owner(repository["arn"], repository["name"])
    return None


def _owner(arn: str, name: str) -> Owner:
    _, _, _, region, account, _ = arn.split(":", 5)
    project, _, environment = name.rpartition("-")
    return Owner(project, environment, account, region)


def check(state: dict[str, Any], target: Target) -> None:
    """Pass if a state is empty or this stack's.

    Raises:
        SystemExit: if it is another project's, environment's, region's or account's.
    """
    owner = owner_of(state)
    if owner is None:
        return
    expected = Owner(target.project, target.environment, account_id(target.region), target.region)
    if owner != expected:
        fail(
            f"this state belongs to {owner}, but would be used for {expected}. Nothing was changed. Use that stack's "
            "variables, credentials and region, or an environment of another name"
        )


def account_id(region: str) -> str:
    """The account that the credentials belong to."""
    try:
        return str(client("sts", region).get_caller_identity()["Account"])
    except aws_errors() as exc:
        fail(
            f"AWS does not say whose credentials these are ({code_of(exc)}): `aws sts get-caller-identity` must answer"
        )
