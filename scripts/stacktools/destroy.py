"""Take a stack down again, and the registry after it."""

import argparse
import os
import shutil

from scripts.stacktools import stack
from scripts.stacktools.shell import ROOT, Shell, fail, need
from scripts.stacktools.terraform import check_environment

ANY_IMAGE = "nothing@sha256:" + "0" * 64
"""Destroying runs no image, but the variable has no default."""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="destroy",
        description=__doc__,
        epilog="Where force_destroy is false, as in prod, Terraform stops at the table and at buckets with pictures in "
        "them: set it to true and deploy first. REGISTRY, STATE_BUCKET, AWS_PROFILE … are as for scripts/deploy.",
    )
    parser.add_argument("environment", metavar="ENV", help="a file of terraform/environments: dev, prod, …")
    parser.add_argument("--keep-registry", action="store_true", help="leave the repository and its images")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()

    check_environment(arguments.environment)
    need("terraform")
    if not (arguments.yes or arguments.dry_run):
        confirm(arguments.environment)
    destroy(Shell(dry_run=arguments.dry_run), arguments.environment, keep_registry=arguments.keep_registry)


def confirm(environment: str) -> None:
    """Have the person type the environment's name."""
    try:
        answer = input(
            f"This deletes the stack {environment!r}, its pictures and its records. Type its name to go on: "
        )
    except EOFError:
        answer = ""
    if answer.strip() != environment:
        fail("nothing was deleted")


def destroy(shell: Shell, environment: str, *, keep_registry: bool) -> None:
    """Delete the stack, then the registry (unless there is none of ours), then what was noted of them here."""
    root = stack.main(shell, environment)
    root.select()
    root.destroy(image_uri=ANY_IMAGE)
    if keep_registry:
        return
    if not os.environ.get("REGISTRY") and has_registry(environment):
        registry = stack.bootstrap(shell, environment)
        registry.select()
        registry.destroy()
    if not shell.dry_run:
        shutil.rmtree(ROOT / "build" / environment, ignore_errors=True)


def has_registry(environment: str) -> bool:
    """Whether this environment has a registry of its own; an emulator's has not."""
    return (ROOT / "terraform" / "bootstrap" / "environments" / f"{environment}.tfvars").is_file()


if __name__ == "__main__":
    main()
