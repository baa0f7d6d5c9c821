"""What Terraform plans for the stack with a mocked provider: no emulator, no account."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.requirements import need

ROOT = Path(__file__).resolve().parents[1]

MOCKED = """
mock_provider "aws" {
  source = "./tests/mocks"
}
mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}
mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}
"""
"""The stack's three providers, with the answers that its own tests use."""

Plan = dict[str, dict[str, Any]]
"""Address to planned values of every resource. What is known only after an apply is left out."""


def plans(folder: Path, tests: str) -> list[Plan]:
    """Plan every `run` of a Terraform test in a copy of the root module, in their order."""
    terraform = shutil.which("terraform")
    need("terraform", present=terraform is not None, how="Install Terraform 1.11 or newer.")
    ignored = shutil.ignore_patterns(".terraform", "*.tftest.hcl", "*.tfstate*", "backend_override.tf")
    shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=ignored)
    (folder / "processor").mkdir()
    shutil.copy(ROOT / "processor" / "default_recipe.json", folder / "processor")
    (folder / "terraform" / "tests" / "plan.tftest.hcl").write_text(tests, "utf-8")
    run = _Terraform(str(terraform), folder / "terraform")
    begun = run("init", "-backend=false", "-input=false", "-no-color")
    need("terraform", present=begun.returncode == 0, how=f"`terraform init` must find its provider: {begun.stderr}")
    tested = run("test", "-verbose", "-json")
    messages = [json.loads(line) for line in tested.stdout.splitlines()]
    found = [message["test_plan"] for message in messages if message["type"] == "test_plan"]
    assert len(found) == tests.count("\nrun "), tested.stdout[-4000:] + tested.stderr
    return [{change["address"]: change["change"]["after"] for change in plan["resource_changes"]} for plan in found]


class _Terraform:
    def __init__(self, program: str, folder: Path) -> None:
        self._command = [program, f"-chdir={folder}"]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_VAR_", "AWS_"))}
        return subprocess.run(  # noqa: S603 - the commands are ours
            [*self._command, *arguments], capture_output=True, text=True, check=False, timeout=300, env=environment
        )
