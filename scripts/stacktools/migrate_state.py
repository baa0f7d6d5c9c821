"""Move an environment's Terraform state into STATE_BUCKET: from files here, or from the key of an earlier version."""

import argparse
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.stacktools import ownership, stack
from scripts.stacktools.shell import ROOT, Shell, fail
from scripts.stacktools.state_bucket import StateBucket
from scripts.stacktools.target import check_environment
from scripts.stacktools.terraform import Root

EPILOG = """\
For registry and stack: locks the state where it was and where it goes, copies it, compares, and only then retires
the old one, which stays: a file gets the ending .moved, an object stays locked. Cut off in the middle, run it again:
it goes on. Nothing in AWS but the state bucket is touched.

environment variables: STATE_BUCKET, AWS_PROFILE, AWS_REGION … as for scripts/deploy

example:
  STATE_BUCKET=our-states scripts/migrate-state prod
"""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="migrate-state",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("environment", metavar="ENV", help="a file of terraform/environments: dev, prod, …")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be moved")
    arguments = parser.parse_args()

    environment: str = arguments.environment
    check_environment(environment)
    if not os.environ.get("STATE_BUCKET"):
        fail("into which bucket? For example: STATE_BUCKET=our-states make migrate-state ENV=prod")
    shell = Shell()
    registry = [stack.bootstrap(shell, environment)] if stack.has_registry(environment) else []
    for root in [*registry, stack.main(shell, environment)]:
        migrate(root, dry_run=arguments.dry_run)


def migrate(root: Root, *, dry_run: bool = False) -> None:
    """Move the state of one root, unless that is done.

    Raises:
        SystemExit: if there are two different ones, or it is another stack's.
    """
    bucket = root.bucket()
    assert bucket is not None  # noqa: S101 - main has seen to that
    in_bucket, in_file = not ownership.is_empty(bucket.old_state()), ownership.is_used(root.local_state)
    file = root.local_state.relative_to(ROOT)
    if in_bucket and in_file:
        fail(
            f"the state of {root.folder} is twice: in {file} and under {bucket.old_path} in the bucket. Move away the "
            "one that nobody deploys from, and try again"
        )
    if dry_run:
        source = str(file) if in_file else bucket.old_path if in_bucket else "nowhere"
        print(f"{root.folder}: would be moved from {source} to {bucket.path}")
    elif in_bucket:
        bucket.take(bucket.old_path)
        count = copy(root, bucket, bucket.old_state())
        bucket.retire_old()
        print(f"{root.folder}: {count} resources moved from {bucket.old_path} to {bucket.path}")
    elif in_file:
        with held(root.local_state) as state:
            count = copy(root, bucket, state)
            root.local_state.replace(root.local_state.with_suffix(".tfstate.moved"))
        print(f"{root.folder}: {count} resources moved from {file} to {bucket.path}")
    else:
        print(f"{root.folder}: there is nothing to move; what counts is {bucket.path}")
    if not dry_run:
        bucket.release()


@contextmanager
def held(path: Path) -> Iterator[dict[str, Any]]:
    """A state file, locked as Terraform locks it: the lock goes with the process, whatever ends that."""
    with path.open("r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fail(f"a Terraform is at work on {path.relative_to(ROOT)}: wait for it, and try again")
        yield json.load(file)


def copy(root: Root, bucket: StateBucket, old: dict[str, Any]) -> int:
    """Put a state where it belongs, look whether it is there, and answer how many resources it has."""
    ownership.check(old, root.target)
    bucket.take(bucket.path)
    new = bucket.state()
    if not ownership.is_empty(new) and new["lineage"] != old["lineage"]:
        bucket.release()
        fail(f"another state is in {bucket.path} already, of {ownership.owner_of(new)}: nothing was moved")
    if ownership.is_empty(new) or new["serial"] < old["serial"]:
        bucket.write(old)
        if bucket.state() != old:
            fail(f"{bucket.path} is not what was put there: the old state stays; try again")
    return sum(len(each["instances"]) for each in old["resources"] if each["mode"] == "managed")


if __name__ == "__main__":
    main()
