"""Nothing is deleted of a stack that must not be deleted, whoever asks Terraform to."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stack.conftest import ENVIRONMENT, TERRAFORM, VARIABLES, Stack

ROOT = Path(__file__).resolve().parents[2]
KEPT = (*VARIABLES, "-var=tracing=true", "-var=force_destroy=false", "-var=access_log_days=7")
"""As in production: what holds something must stay."""


@pytest.fixture(scope="module")
def populated(bare_stack: Stack) -> Iterator[Stack]:
    """The stack with force_destroy = false, access logs and a picture; deletable again afterwards."""
    checkout = bare_stack.checkout
    checkout.run(*TERRAFORM, "apply", "-auto-approve", *KEPT)
    outputs = json.loads(checkout.run(*TERRAFORM, "output", "-json"))
    stack = replace(bare_stack, outputs={name: each["value"] for name, each in outputs.items()})
    stack.upload("kept.png", b"a picture")
    yield stack
    checkout.client("s3").delete_object(Bucket=stack.outputs["raw_bucket"], Key="kept.png")
    checkout.run(*TERRAFORM, "apply", "-auto-approve", *KEPT, "-var=force_destroy=true")


def resources(stack: Stack) -> set[str]:
    """Addresses of all that is in the state; what was only looked up is not."""
    listed = stack.checkout.run(*TERRAFORM, "state", "list").split("\n")
    return {address for address in listed if address and "data." not in address}


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that was refused said, on one line."""
    assert done.returncode != 0, done.stdout[-3000:]
    return " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "command",
    [
        ("scripts/destroy", ENVIRONMENT, "--yes"),
        ("make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.installed", "destroy", f"ENV={ENVIRONMENT}", "ARGS=--yes"),
    ],
    ids=["scripts/destroy", "make destroy"],
)
def test_the_command_says_all_that_is_in_the_way_and_deletes_nothing(
    populated: Stack, command: tuple[str, ...]
) -> None:
    """Before Terraform is asked to destroy: guard, table and pictures, and what to do."""
    before = resources(populated)
    said = refusal(populated.checkout.attempt(*command))
    assert "nothing was deleted. In the way of destroying local:" in said
    assert "the stack was deployed with force_destroy = false" in said
    assert f"the table {populated.outputs['table_name']} is protected" in said
    # the picture, and whatever other tests have left
    assert re.search(rf"the bucket {populated.outputs['raw_bucket']} holds \d+ objects?, old versions included", said)
    assert "set force_destroy = true in terraform/environments/local.tfvars" in said
    assert " destroy -input" not in said
    assert resources(populated) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("destroy", "-auto-approve", *KEPT), "The stack img-pipeline-local with its pictures and records would be"),
        (("destroy", "-auto-approve", "-target=module.announcements", *KEPT), "The stack img-pipeline-local with its"),
        (("apply", "-auto-approve", *KEPT[:-1]), "The access logs in img-pipeline-local-access-logs-000000000000"),
    ],
    ids=["the stack", "one module", "a bucket that is no longer wanted"],
)
def test_terraform_by_hand_deletes_nothing(populated: Stack, arguments: tuple[str, ...], sentence: str) -> None:
    """It meets the guard before the first resource that the guard stands before, a bucket's settings included."""
    before = resources(populated)
    said = refusal(populated.checkout.attempt(*TERRAFORM, *arguments))
    assert sentence in said
    assert "set force_destroy = true, apply that, and try again" in said
    assert resources(populated) == before


@pytest.mark.parametrize(("variable", "value"), [("project", "other-pictures"), ("region", "eu-west-1")])
def test_nothing_is_applied_with_another_stacks_variables(populated: Stack, variable: str, value: str) -> None:
    """A state has an owner: nobody else can destroy what is in it to make something else."""
    before = resources(populated)
    done = populated.checkout.attempt(*TERRAFORM, "apply", "-auto-approve", *KEPT, f"-var={variable}={value}")
    assert "This state belongs to project img-pipeline, environment local" in refusal(done)
    assert resources(populated) == before


def test_after_all_this_a_plan_is_empty(populated: Stack) -> None:
    """The picture is in its bucket, and the outputs are back once the state is refreshed, as the refusal says."""
    checkout = populated.checkout
    checkout.client("s3").head_object(Bucket=populated.outputs["raw_bucket"], Key="kept.png")
    checkout.run(*TERRAFORM, "apply", "-refresh-only", "-auto-approve", *KEPT)
    checkout.run(*TERRAFORM, "plan", "-out=after.plan", *KEPT)
    plan = json.loads(checkout.run(*TERRAFORM, "show", "-json", "after.plan"))
    actions = {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}
    emulators = "module.observability."  # the emulator does not return all of an alarm
    assert {name for name, what in actions.items() if what != ["no-op"] and not name.startswith(emulators)} == set()
    assert {name for name, change in plan["output_changes"].items() if change["actions"] != ["no-op"]} == set()


def test_a_region_that_does_not_exist_is_refused(bare_stack: Stack) -> None:
    """In a plan of a new stack. That a partition has no CloudFront is tested in terraform/tests: emulators have one."""
    done = bare_stack.checkout.attempt(
        *TERRAFORM, "plan", *VARIABLES, "-var=region=eu-south-9", "-state=new.tfstate", TF_WORKSPACE="default"
    )
    assert "invalid AWS Region: eu-south-9" in refusal(done)
