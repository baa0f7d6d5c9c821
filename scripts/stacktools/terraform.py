"""One Terraform root for one environment: its workspace, its state, its variables."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.stacktools.shell import ROOT, Shell, fail

BACKEND_OVERRIDE = """\
# Written by scripts/deploy because STATE_BUCKET was set. Not for version control.
terraform {
  backend "s3" {}
}
"""


def check_environment(name: str, folder: str = "terraform", example: str = "make deploy ENV=dev") -> None:
    """End with a remedy unless the root module in a folder has a variables file for this environment."""
    if not name:
        fail(f"which environment? For example: {example}")
    files = ROOT / folder / "environments"
    if not (files / f"{name}.tfvars").is_file():
        known = ", ".join(sorted(path.stem for path in files.glob("*.tfvars")))
        fail(f"there is no {folder}/environments/{name}.tfvars: use one of {known}, or copy one and change its values")


@dataclass(frozen=True, slots=True)
class Root:
    """A root module, in the workspace named like the environment.

    Attributes:
        folder: relative to the repository.
        environment: dev, prod, …
        shell: what runs the commands.
    """

    folder: str
    environment: str
    shell: Shell

    def select(self) -> None:
        """Initialise the folder and make the environment's workspace the current one.

        Without STATE_BUCKET the state is in the folder, a file for each workspace. With it, it is in that bucket,
        locked by a file beside it.
        """
        check_environment(self.environment, self.folder)
        self.shell.run(*self._terraform("init"), "-input=false", "-reconfigure", *self._backend())
        self.shell.run(*self._terraform("workspace"), "select", "-or-create", self.environment)

    def apply(self, **variables: str) -> None:
        """Make it so, without asking."""
        self.shell.run(
            *self._terraform("apply"), "-input=false", "-auto-approve", *self._variables(variables),
            extra_environment=self._workspace,
        )  # fmt: skip

    def plan(self, **variables: str) -> None:
        """Show what an apply would change."""
        self.shell.run(
            *self._terraform("plan"), "-input=false", *self._variables(variables), extra_environment=self._workspace
        )

    def destroy(self, **variables: str) -> None:
        """Delete everything in the state, and the workspace with it."""
        self.shell.run(
            *self._terraform("destroy"), "-input=false", "-auto-approve", *self._variables(variables),
            extra_environment=self._workspace,
        )  # fmt: skip
        self.shell.run(*self._terraform("workspace"), "select", "default")
        self.shell.run(*self._terraform("workspace"), "delete", self.environment)

    def outputs(self) -> dict[str, Any]:
        """The outputs by name, as `terraform output -json` has them; empty in a dry run."""
        text = self.shell.read(*self._terraform("output"), "-json", otherwise="{}", extra_environment=self._workspace)
        outputs: dict[str, Any] = json.loads(text)
        return outputs

    @property
    def _workspace(self) -> dict[str, str]:
        """Holds each command to the environment, even if somebody selects another workspace meanwhile."""
        return {"TF_WORKSPACE": self.environment}

    def _terraform(self, command: str) -> tuple[str, ...]:
        return ("terraform", f"-chdir={self.folder}", command)

    def _variables(self, variables: dict[str, str]) -> list[str]:
        named = [f"-var={name}={value}" for name, value in variables.items()]
        return [f"-var-file=environments/{self.environment}.tfvars", *named]

    def _backend(self) -> list[str]:
        override = ROOT / self.folder / "backend_override.tf"
        bucket = os.environ.get("STATE_BUCKET", "")
        if not bucket:
            self._check_local(override)
            return []
        if not self.shell.dry_run:
            override.write_text(BACKEND_OVERRIDE)
        key = f"img-pipeline/{Path(self.folder).name}.tfstate"
        settings = {"bucket": bucket, "key": key, "use_lockfile": "true", "encrypt": "true"}
        return [f"-backend-config={name}={value}" for name, value in settings.items()]

    def _check_local(self, override: Path) -> None:
        """A forgotten STATE_BUCKET would build everything a second time, beside what is there."""
        if override.exists():
            fail(
                f"this checkout keeps its state in a bucket: set STATE_BUCKET=NAME, or delete {self.folder}/"
                f"{override.name} if the state shall be in files here"
            )
