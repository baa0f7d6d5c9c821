"""Running other programs: said before it is done, or only said; and plain words when one is missing."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

HOW_TO_GET = {
    "terraform": "install Terraform 1.10 or newer, https://developer.hashicorp.com/terraform/install",
    "docker": "install Docker, https://docs.docker.com/get-docker/",
}


def fail(message: str) -> NoReturn:
    """End with a message and exit code 1."""
    sys.exit(f"{Path(sys.argv[0]).stem.replace('_', '-')}: {message}")


def need(*tools: str) -> None:
    """End with one line for each program that is missing, and how to get it."""
    problems = [f"{tool} is missing: {HOW_TO_GET[tool]}" for tool in tools if shutil.which(tool) is None]
    if not problems and "docker" in tools and not _docker_answers():
        problems.append("Docker is installed but its daemon does not answer: start it (`docker info` says more)")
    if problems:
        fail("\n  ".join(["cannot start", *problems]) if len(problems) > 1 else problems[0])


def _docker_answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0  # noqa: S607 - whichever docker is on the PATH


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands in the repository.

    Attributes:
        dry_run: only print what would be run.
    """

    dry_run: bool = False

    def run(self, *command: str, extra_environment: Mapping[str, str] | None = None) -> None:
        """Run a command whose output the person should see.

        Raises:
            SystemExit: if it fails; it has already said why.
        """
        code = self.attempt(*command, extra_environment=extra_environment)
        if code != 0:
            fail(f"`{shlex.join(command[:3])} …` ended with exit code {code}")

    def attempt(self, *command: str, extra_environment: Mapping[str, str] | None = None) -> int:
        """Run a command whose output the person should see, and answer its exit code; 0 in a dry run."""
        self.say(command)
        if self.dry_run:
            return 0
        environment = {**os.environ, **(extra_environment or {})}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603

    def read(self, *command: str, otherwise: str, extra_environment: Mapping[str, str] | None = None) -> str:
        """The standard output of a command, or `otherwise` in a dry run.

        Raises:
            SystemExit: if it fails; it has already said why.
        """
        self.say(command)
        if self.dry_run:
            return otherwise
        environment = {**os.environ, **(extra_environment or {})}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            fail(f"`{shlex.join(command[:3])} …` ended with exit code {done.returncode}")
        return done.stdout.strip()

    def pipe(self, text: str, *command: str) -> None:
        """Run a command that reads a secret from its standard input."""
        self.say(command)
        if self.dry_run:
            return
        done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            fail(f"`{shlex.join(command)}` failed: {done.stderr.strip()}")

    def tell(self, sentence: str) -> None:
        """Say what is being done, in words, unless it is not done."""
        if not self.dry_run:
            print(sentence, file=sys.stderr, flush=True)

    def say(self, command: tuple[str, ...]) -> None:
        """Print a command as one could paste it."""
        print(f"+ {shlex.join(command)}", file=sys.stderr, flush=True)
