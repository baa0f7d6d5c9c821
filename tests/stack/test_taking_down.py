"""Nothing is deleted of a stack that must not be deleted, whoever asks Terraform to."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stack.conftest import TERRAFORM, VARIABLES, Stack

ROOT = Path(__file__).resolve().parents[2]
KEPT = (*VARIABLES, "-var=tracing=true", "-var=force_destroy=false", "-var=access_log_days=7")
"""As in production: what holds something must stay."""


def test_the_guard_stands_before_every_module() -> None:
    """A module that the root module's guard does not name would be deleted before it refuses."""
    text = (ROOT / "terraform" / "main.tf").read_text()
    modules = set(re.findall(r'^module "(\w+)"', text, re.MULTILINE)) - {"guard"}
    guard = text[text.index('module "guard"') :]
    named = set(re.findall(r"module\.(\w+)", guard[guard.index("depends_on") :]))
    assert modules == named


@pytest.fixture(scope="module")
def populated(bare_stack: Stack) -> Iterator[Stack]:
    """The stack with force_destroy = false, access logs and a picture; as it was before, afterwards."""
    checkout = bare_stack.checkout
    checkout.run(*TERRAFORM, "apply", "-auto-approve", *KEPT)
    outputs = json.loads(checkout.run(*TERRAFORM, "output", "-json"))
    stack = replace(bare_stack, outputs={name: each["value"] for name, each in outputs.items()})
    stack.upload("kept.png", b"a picture")
    yield stack
    checkout.run(*TERRAFORM, "apply", "-auto-approve", *VARIABLES, "-var=tracing=true", "-var=access_log_days=7")
    checkout.run(*TERRAFORM, "apply", "-auto-approve", *VARIABLES, "-var=tracing=true", "-var=force_destroy=true")
    checkout.client("s3").delete_object(Bucket=stack.outputs["raw_bucket"], Key="kept.png")


def resources(stack: Stack) -> set[str]:
    """Addresses of all that is in the state; what was only looked up is not."""
    listed = stack.checkout.run(*TERRAFORM, "state", "list").split("\n")
    return {address for address in listed if address and "data." not in address}


def assert_untouched(stack: Stack, before: set[str]) -> None:
    """Everything is in the state, the picture in its bucket, and no plan would make or delete anything."""
    assert resources(stack) == before
    stack.checkout.client("s3").head_object(Bucket=stack.outputs["raw_bucket"], Key="kept.png")
    stack.checkout.run(*TERRAFORM, "plan", "-out=after.plan", *KEPT)
    plan = json.loads(stack.checkout.run(*TERRAFORM, "show", "-json", "after.plan"))
    actions = {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}
    emulators = "module.observability.aws_cloudwatch_metric_alarm."  # it does not return all of an alarm
    assert {name for name, what in actions.items() if what != ["no-op"] and not name.startswith(emulators)} == set()


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that was refused said, on one line."""
    assert done.returncode == 1, done.stdout[-3000:]
    return " ".join(done.stderr.replace("│", " ").split())


def test_terraform_destroy_by_hand_deletes_nothing(populated: Stack) -> None:
    """Terraform meets the guard before the first resource; its outputs come back as it says."""
    before = resources(populated)
    done = populated.checkout.attempt(*TERRAFORM, "destroy", "-auto-approve", *KEPT)
    assert "set force_destroy = true, apply that, and try again" in refusal(done)
    assert_untouched(populated, before)
    populated.checkout.run(*TERRAFORM, "apply", "-refresh-only", "-auto-approve", *KEPT)
    outputs: dict[str, Any] = json.loads(populated.checkout.run(*TERRAFORM, "output", "-json"))
    assert outputs["raw_bucket"]["value"] == populated.outputs["raw_bucket"]


def test_destroying_one_module_by_hand_deletes_nothing(populated: Stack) -> None:
    """-target takes the guard along, since it depends on the module."""
    before = resources(populated)
    done = populated.checkout.attempt(
        *TERRAFORM, "destroy", "-auto-approve", "-target=module.announcements", *KEPT
    )
    assert "The stack img-pipeline-local with its pictures and records would be deleted" in refusal(done)
    assert_untouched(populated, before)


def test_a_bucket_that_is_no_longer_wanted_keeps_its_settings(populated: Stack) -> None:
    """Turning access logs off would delete their bucket: neither it nor what keeps it private is touched."""
    before = resources(populated)
    wanted = [each for each in KEPT if "access_log_days" not in each]
    done = populated.checkout.attempt(*TERRAFORM, "apply", "-auto-approve", *wanted)
    assert "The access logs in" in refusal(done)
    assert_untouched(populated, before)


def test_another_projects_variables_are_refused_before_a_plan_is_shown(populated: Stack) -> None:
    """Of a state that has an owner, nobody else can destroy what is in it to make something else."""
    before = resources(populated)
    for variable, value in {"project": "other-pictures", "region": "eu-west-1"}.items():
        done = populated.checkout.attempt(*TERRAFORM, "plan", *KEPT, f"-var={variable}={value}")
        assert "This state belongs to project img-pipeline, environment local" in refusal(done)
        assert "will be destroyed" not in done.stdout
    assert_untouched(populated, before)


@pytest.mark.parametrize(
    ("region", "sentence"),
    [("us-gov-west-1", "There is no CloudFront in the partition aws-us-gov"), ("eu-south-9", "invalid AWS Region")],
)
def test_a_region_without_cloudfront_is_refused(bare_stack: Stack, region: str, sentence: str) -> None:
    """In a plan of a new stack, with a reason."""
    done = bare_stack.checkout.attempt(
        *TERRAFORM, "plan", *VARIABLES, f"-var=region={region}", "-state=nowhere.tfstate", TF_WORKSPACE="default"
    )
    assert sentence in refusal(done)
