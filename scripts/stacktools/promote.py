"""Run in one environment the very image that another one runs: copied by its digest, never built again."""

import argparse
import os
import re

from scripts.stacktools import consent, deployed, image, stack
from scripts.stacktools.aws import Account
from scripts.stacktools.consent import Consent
from scripts.stacktools.shell import Shell, fail, need
from scripts.stacktools.target import check_environment

EPILOG = """\
environment variables:
  AWS_PROFILE, AWS_REGION …  of the environment that is promoted to, as for scripts/deploy; REGISTRY, STATE_BUCKET and
                             ARCH too
  FROM_PROFILE               the AWS profile of the environment that is promoted from, where it is in another account
  FROM_REGION                its region, where its file in terraform/environments does not name one

example:
  scripts/promote prod --from dev
"""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="promote", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", metavar="ENV", help="what is promoted to: a file of terraform/environments")
    parser.add_argument("--from", dest="source", metavar="FROM", required=True, help="the one whose image it is to run")
    consent.add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()
    for name in (arguments.environment, arguments.source):
        check_environment(name, example="make promote FROM=dev ENV=prod")
    if arguments.environment == arguments.source:
        fail(f"{arguments.source} runs its own image already: name two, as in make promote FROM=dev ENV=prod")
    promote(Shell(dry_run=arguments.dry_run), arguments.source, arguments.environment, Consent.of(arguments))


def promote(shell: Shell, source: str, environment: str, agreed: Consent) -> None:
    """Find, copy, roll out. Each step can be repeated, so the whole can."""
    architecture = image.architecture(environment)
    need("terraform", "docker")
    account = Account(os.environ.get("FROM_PROFILE") or None, os.environ.get("FROM_REGION") or None)
    release = deployed.running(shell, source, account)
    if not re.search(r"@sha256:[0-9a-f]{64}$", release.image):
        fail(f"{source} runs {release.image}, which is in no registry: `make push-image ENV={source}` first")
    if release.architecture not in (None, architecture):
        fail(
            f"{source} runs an image for {release.architecture}, and {environment} is {architecture}: set "
            f"architecture in terraform/environments/{environment}.tfvars, or push one for "
            f"{architecture} to {source} first"
        )
    stack.make_registry(shell, environment, agreed)
    copied = image.copy(shell, release.image, stack.repository(shell, environment), account)
    stack.roll_out(shell, environment, copied, agreed)
    shell.tell(f"{environment} runs what {source} runs: {release.digest}")


if __name__ == "__main__":
    main()
