"""Run an image that the environment ran before, by its digest, without a build.

Terraform applies it, so a plan after it is empty.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from scripts.stacktools import consent, deployed, image, stack
from scripts.stacktools.consent import Consent
from scripts.stacktools.deployed import Release
from scripts.stacktools.shell import ROOT, Shell, fail, need
from scripts.stacktools.target import check_environment

PREVIOUS = "previous"
EPILOG = """\
Only the image changes: recipe, memory and the like stay as they are in this checkout. The environment's stack itself
keeps the last hundred changes of image, so this works on any machine.

examples:
  scripts/rollback prod --list
  scripts/rollback prod
  scripts/rollback prod --to sha256:4f1c…
"""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="rollback", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", metavar="ENV", help="a file of terraform/environments: dev, prod, …")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--to", metavar="DIGEST", default=PREVIOUS, help="sha256:…, of which the beginning is enough; default: previous"
    )
    choice.add_argument("--list", action="store_true", help="only list what one can roll back to")
    consent.add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()
    environment: str = arguments.environment
    check_environment(environment, example="make rollback ENV=prod")
    ran = deployed.releases(environment)
    if not ran:
        fail(
            f"{environment} does not say what it ran before: roll out one more image with `make push-image "
            f"ENV={environment}`, or name one with scripts/deploy {environment} --image REPOSITORY@sha256:…"
        )
    if arguments.list:
        show(ran)
        return
    roll_back(Shell(dry_run=arguments.dry_run), environment, ran, arguments.to, Consent.of(arguments))


def roll_back(shell: Shell, environment: str, ran: Sequence[Release], to: str, agreed: Consent) -> None:
    """Choose, remember the choice until it is done, roll out."""
    architecture = image.architecture(environment)
    need("terraform")
    current, note = ran[-1], _note(environment)
    target = _begun(note, ran) if to == PREVIOUS else None
    target = target or choose(ran, to)
    if target.architecture not in (None, architecture):
        fail(
            f"{target.digest} was built for {target.architecture}, and {environment} is {architecture}: set "
            f"architecture in terraform/environments/{environment}.tfvars to roll back to it"
        )
    if not image.in_registry(target.image):
        fail(
            f"{target.image} is in the registry no longer: choose another one, `scripts/rollback {environment} --list`"
        )
    if current.image == target.image:
        shell.tell(f"{environment} is on {target.digest} already; whatever was interrupted is completed")
    else:
        shell.tell(f"rolling {environment} back from {current.digest} to {target.digest}")
    if not shell.dry_run:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"from": current.image, "to": target.image}))
    stack.roll_out(shell, environment, target.image, agreed)
    if not shell.dry_run:
        note.unlink()
    shell.tell(f"{environment} runs {target.digest}")


def choose(ran: Sequence[Release], to: str) -> Release:
    """The release that is meant.

    `previous` is the image that was first deployed before the current one was. So a second rollback goes further back,
    and never forth again to what was rolled back from.

    Args:
        ran: oldest first; the last one runs.
        to: `previous`, or the beginning of a digest.

    Raises:
        SystemExit: if there is none, or it is not clear which.
    """
    newest = {release.image: release for release in ran}
    order = list(newest)  # by their first deployment
    if to == PREVIOUS:
        place = order.index(ran[-1].image)
        if place == 0:
            fail(f"{ran[-1].digest} is the first image on record: name another with TO=sha256:… (--list shows them)")
        return newest[order[place - 1]]
    matching = [release for name, release in newest.items() if to in (name, release.digest)]
    if not matching and len(to) >= len("sha256:") + 4:
        matching = [release for release in newest.values() if release.digest.startswith(to)]
    if len(matching) != 1:
        fail(f"{to} is {'more than one' if matching else 'none'} of the images that ran here; --list shows them")
    return matching[0]


def _note(environment: str) -> Path:
    return ROOT / "build" / environment / "rollback.json"


def _begun(note: Path, ran: Sequence[Release]) -> Release | None:
    """Where a rollback that was interrupted leads to; None: there is none, or something else was rolled out since."""
    try:
        begun = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    newest = {release.image: release for release in ran}
    return newest.get(begun["to"]) if ran[-1].image in (begun["from"], begun["to"]) else None


def show(ran: Sequence[Release]) -> None:
    """One line an image, newest first."""
    newest = {release.image: release for release in ran}
    order = list(newest)
    place = order.index(ran[-1].image)
    notes = {ran[-1].image: "runs now"} | ({order[place - 1]: PREVIOUS} if place else {})
    for release in sorted(newest.values(), key=ran.index, reverse=True):
        note = notes.get(release.image, "")
        if not image.in_registry(release.image):
            note = f"{note}, " * bool(note) + "not in the registry any more"
        when = f"{release.at:%Y-%m-%d %H:%M}" if release.at else "?"
        print(f"{when}  {release.digest}  {release.architecture:<6}  {release.by.rpartition(':')[2]}  {note}".rstrip())


if __name__ == "__main__":
    main()
