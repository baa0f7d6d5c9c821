"""Pin the newest base image in docker/Dockerfile, by its digest. AWS patches the base under the same tag."""

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from scripts.stacktools.shell import ROOT, Shell, fail, need

DOCKERFILE = ROOT / "docker" / "Dockerfile"
OUTDATED = 3
"""Exit code of --check where there is a newer one."""

_PIN = re.compile(
    r"^(# Resolved on (?P<date>[0-9-]+)\.\n)?ARG BASE=(?P<tag>[^@\s]+)(@(?P<digest>sha256:[0-9a-f]{64}))?$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Pin:
    """What a Dockerfile says of its base.

    Attributes:
        tag: HOST/NAME:TAG.
        digest: sha256:…; None: it is not pinned.
        date: when that was resolved; None: it is not said.
    """

    tag: str
    digest: str | None
    date: str | None

    @classmethod
    def of(cls, dockerfile: str) -> "Pin":
        """Read it.

        Raises:
            SystemExit: if the file has no such line.
        """
        found = _PIN.search(dockerfile)
        if found is None:
            fail(
                "docker/Dockerfile has no line `ARG BASE=HOST/NAME:TAG@sha256:…`: write `ARG BASE=HOST/NAME:TAG` there"
            )
        return cls(found["tag"], found["digest"], found["date"])

    def written(self, dockerfile: str) -> str:
        """The Dockerfile with this pin in place of its own."""
        return _PIN.sub(f"# Resolved on {self.date}.\nARG BASE={self.tag}@{self.digest}", dockerfile, count=1)


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="update-base",
        description=__doc__,
        epilog="The digest is part of the image's tag, so the next `make push-image ENV=…` (scripts/deploy) builds, "
        "pushes and rolls out an image on the new base though no line of code has changed.",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--check", action="store_true", help=f"write nothing; exit code {OUTDATED} if there is a newer one"
    )
    choice.add_argument("--dry-run", action="store_true", help="only print the command that would ask the registry")
    arguments = parser.parse_args()

    text = DOCKERFILE.read_text("utf-8")
    pin = Pin.of(text)
    need("docker")
    digest = newest(Shell(dry_run=arguments.dry_run), pin.tag)
    if arguments.dry_run:
        return
    said = f"{pin.tag} is pinned at {pin.digest} (resolved on {pin.date or 'an unknown day'})"
    if digest == pin.digest:
        print(f"{said}, which is the newest.")
        return
    print(f"{said}; the newest is {digest}." if pin.digest else f"{pin.tag} is not pinned; the newest is {digest}.")
    if arguments.check:
        print("`make update-base` writes it.")
        sys.exit(OUTDATED)
    DOCKERFILE.write_text(Pin(pin.tag, digest, datetime.now(UTC).date().isoformat()).written(text), "utf-8")
    print("docker/Dockerfile has it now: commit that, and `make push-image ENV=dev` builds and rolls out on it.")


def newest(shell: Shell, tag: str) -> str:
    """The digest that the registry has for a tag now: of the index of all architectures, where there is one.

    Raises:
        SystemExit: if the registry does not tell.
    """
    if shell.dry_run or _has_buildx():
        text = shell.read(
            *("docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", tag), otherwise="{}"
        )
        digest = str(json.loads(text).get("digest", ""))
    else:  # an older Docker: it has to fetch the image to know
        text = shell.read("docker", "pull", tag, otherwise="")
        digest = next((line[8:] for line in text.splitlines() if line.startswith("Digest: ")), "")
    if not shell.dry_run and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        fail(f"docker does not tell the digest of {tag}: `docker pull {tag}` may say why")
    return digest


def _has_buildx() -> bool:
    return subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0  # noqa: S607


if __name__ == "__main__":
    main()
