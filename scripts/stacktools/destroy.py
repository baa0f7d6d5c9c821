"""Take a stack down again, and the registry after it: once nothing is in the way, and the person has typed its name."""

import argparse
import shutil
import sys

from scripts.stacktools import stack
from scripts.stacktools.obstacles import losses, obstacles
from scripts.stacktools.shell import ROOT, Shell, fail, need
from scripts.stacktools.target import check_environment
from scripts.stacktools.terraform import Root

ANY_IMAGE = "nothing@sha256:" + "0" * 64
"""Destroying runs no image, but the variable has no default."""

REMEDY = """\
If they shall go: set force_destroy = true in terraform/environments/{0}.tfvars (for the registry in
terraform/bootstrap/environments/{0}.tfvars), `make deploy ENV={0}`, and then this command again."""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="destroy",
        description=__doc__,
        epilog="Where the stack was deployed with force_destroy = false, as prod is, this says what is in the way and "
        "deletes nothing: set it to true and deploy first. Cut off in the middle, it goes on when it is run again. "
        "REGISTRY, STATE_BUCKET, AWS_PROFILE … are as for scripts/deploy.",
    )
    parser.add_argument("environment", metavar="ENV", help="a file of terraform/environments: dev, prod, …")
    parser.add_argument("--keep-registry", action="store_true", help="leave the repository and its images")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()

    check_environment(arguments.environment)
    need("terraform")
    shell = Shell(dry_run=arguments.dry_run)
    environment: str = arguments.environment
    registry = not arguments.keep_registry and stack.has_registry(environment)
    roots = [stack.main(shell, environment), *([stack.bootstrap(shell, environment)] if registry else [])]
    look(roots)
    if not (arguments.yes or arguments.dry_run):
        confirm(environment)
    destroy(shell, environment, roots)


def look(roots: list[Root]) -> None:
    """Say what will be lost.

    Raises:
        SystemExit: if something will refuse to go. Nothing has been changed then.
    """
    states = []
    for root in roots:
        root.select()
        states.append(root.state())
    in_the_way = [each for state in states for each in obstacles(state)]
    environment = roots[0].environment
    if in_the_way:
        sentences = "\n".join(f"  {each}" for each in dict.fromkeys(in_the_way))
        fail(f"nothing was deleted. In the way of destroying {environment}:\n{sentences}\n{REMEDY.format(environment)}")
    for line in [each for state in states for each in losses(state)]:
        print(f"will be gone for good: {line}", file=sys.stderr)


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


def destroy(shell: Shell, environment: str, roots: list[Root]) -> None:
    """Delete the stack, then the registry (unless it stays), then what was noted of them here."""
    stack_root, *registry = roots
    stack_root.destroy(image_uri=ANY_IMAGE)
    for root in registry:
        root.destroy()
    if (registry or not stack.has_registry(environment)) and not shell.dry_run:
        shutil.rmtree(ROOT / "build" / environment, ignore_errors=True)


if __name__ == "__main__":
    main()
