"""One Terraform root for one environment: its workspace, its state, its variables."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from scripts.stacktools import ownership
from scripts.stacktools.ownership import is_empty, is_used
from scripts.stacktools.shell import ROOT, Shell, fail
from scripts.stacktools.state_bucket import StateBucket
from scripts.stacktools.target import Target, check_environment, plan_file, target

BACKEND_OVERRIDE = """\
# Written by scripts/deploy because STATE_BUCKET was set. Not for version control.
terraform {
  backend "s3" {}
}
"""

CHANGES = 2
"""Exit code of `terraform plan -detailed-exitcode` where something would change."""


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

    @property
    def target(self) -> Target:
        """Where it goes."""
        return target(self.environment)

    def select(self) -> None:
        """Initialise the folder, make the environment's workspace the current one, and see whose state that is.

        Without STATE_BUCKET the state is in the folder, a file for each workspace. With it, it is in that bucket,
        locked by a file beside it.

        Raises:
            SystemExit: if it is another stack's, or this stack's is still where an earlier version kept it.
        """
        check_environment(self.environment, self.folder)
        backend = self._backend(self.target)  # which is refused, if at all, before anything runs
        self.shell.run(*self._terraform("init"), "-input=false", "-reconfigure", *backend)
        self.shell.run(*self._terraform("workspace"), "select", "-or-create", self.environment)
        ownership.check(self.state(), self.target)

    def plan(self, path: Path | None = None, **variables: str) -> bool:
        """Show what would change, save that to a file if one is named, and answer whether anything would."""
        save = []
        if path and not self.shell.dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
        if path:
            save = [f"-out={os.path.relpath(path, ROOT / self.folder)}"]
        code = self._run("plan", "-detailed-exitcode", *save, *self._variables(variables), accept=(0, CHANGES))
        return code == CHANGES or self.shell.dry_run

    def show(self, path: Path) -> dict[str, Any]:
        """A saved plan."""
        text = self.shell.read(
            *self._terraform("show"), "-json", os.path.relpath(path, ROOT / self.folder), otherwise="{}",
            extra_environment=self._workspace,
        )  # fmt: skip
        plan: dict[str, Any] = json.loads(text)
        return plan

    def apply(self, path: Path) -> None:
        """Do what a saved plan says and nothing else. The plan is used up."""
        self._run("apply", os.path.relpath(path, ROOT / self.folder))
        if not self.shell.dry_run:
            path.unlink()

    def destroy(self, **variables: str) -> None:
        """Delete everything in the state, and the workspace with it."""
        self._run("destroy", "-auto-approve", *self._variables(variables))
        self.shell.run(*self._terraform("workspace"), "select", "default")
        self.shell.run(*self._terraform("workspace"), "delete", self.environment)

    def outputs(self) -> dict[str, Any]:
        """The outputs by name, as `terraform output -json` has them; empty in a dry run."""
        text = self.shell.read(*self._terraform("output"), "-json", otherwise="{}", extra_environment=self._workspace)
        outputs: dict[str, Any] = json.loads(text)
        return outputs

    def state(self) -> dict[str, Any]:
        """The whole state; empty if there is none, and in a dry run."""
        text = self.shell.read(
            *self._terraform("state"), "pull", otherwise="", extra_environment=self._workspace
        )  # fmt: skip
        state: dict[str, Any] = json.loads(text) if text else {}
        return state

    @property
    def local_state(self) -> Path:
        """Where the state is if it is in no bucket."""
        return self._local_states() / self.environment / "terraform.tfstate"

    def _local_states(self) -> Path:
        return ROOT / self.folder / "terraform.tfstate.d"

    def bucket(self) -> StateBucket | None:
        """The bucket that holds the state; None: it is in a file."""
        return self._bucket(self.target)

    def _bucket(self, where: Target) -> StateBucket | None:
        name = os.environ.get("STATE_BUCKET")
        return StateBucket(name, self.folder, where) if name else None

    @property
    def _workspace(self) -> dict[str, str]:
        """Holds each command to the environment, even if somebody selects another workspace meanwhile."""
        return {"TF_WORKSPACE": self.environment}

    def _terraform(self, command: str) -> tuple[str, ...]:
        return ("terraform", f"-chdir={self.folder}", command)

    def _run(self, command: str, *arguments: str, accept: tuple[int, ...] = (0,)) -> int:
        """Run what needs the state's lock; if it fails and somebody holds that, say how to get on."""
        whole = (*self._terraform(command), "-input=false", *arguments)
        code = self.shell.attempt(*whole, extra_environment=self._workspace)
        if code not in accept:
            self._explain(command, code)
        return code

    def _explain(self, command: str, code: int) -> NoReturn:
        bucket = self.bucket()
        lock = bucket.lock() if bucket else None
        if lock:
            fail(
                f"the state is locked by {lock.get('Who')} since {lock.get('Created')} ({lock.get('Operation')}). If "
                "that still runs, wait for it. If it was killed, run "
                f"`TF_WORKSPACE={self.environment} terraform -chdir={self.folder} force-unlock {lock.get('ID')}` "
                "and then the same command again"
            )
        fail(f"`terraform {command}` in {self.folder} ended with exit code {code}")

    def _variables(self, variables: dict[str, str]) -> list[str]:
        where = {"project": self.target.project, "region": self.target.region}
        named = [f"-var={name}={value}" for name, value in (where | variables).items()]
        return [f"-var-file=environments/{self.environment}.tfvars", *named]

    def _backend(self, where: Target) -> list[str]:
        override = ROOT / self.folder / "backend_override.tf"
        bucket = self._bucket(where)
        if not bucket:
            self._check_local(override)
            return []
        if not self.shell.dry_run:
            self._check_moved(bucket)
            override.write_text(BACKEND_OVERRIDE)
        settings = bucket.settings(ask=not self.shell.dry_run)
        return [f"-backend-config={name}={value}" for name, value in settings.items()]

    def _check_local(self, override: Path) -> None:
        """A forgotten STATE_BUCKET would build everything a second time, beside what is there."""
        if override.exists():
            fail(
                f"this checkout keeps its state in a bucket: set STATE_BUCKET=NAME, or delete {self.folder}/"
                f"{override.name} if the state shall be in files here"
            )

    def _check_moved(self, bucket: StateBucket) -> None:
        """With a state that is elsewhere, everything would be built a second time."""
        files = sorted(path.parent.name for path in self._local_states().glob("*/terraform.tfstate") if is_used(path))
        if files:
            fail(
                f"STATE_BUCKET is set, but this checkout has states in files, of {', '.join(files)}: move each with "
                f"`STATE_BUCKET={bucket.name} make migrate-state ENV=…` (`make stack-down` ends `local`), or deploy "
                "from another checkout"
            )
        if not is_empty(bucket.old_state()):
            fail(
                f"the state of {self.environment} is still under {bucket.old_path}, where an earlier version kept it: "
                f"run `STATE_BUCKET={bucket.name} make migrate-state ENV={self.environment}` first"
            )


def plan_path(root: Root) -> Path:
    """Where a plan of this root is saved."""
    return plan_file(root.environment, root.folder)
