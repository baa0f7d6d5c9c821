"""Build the Lambda image, push it, and roll it out: Terraform applies the new digest, so that a plan stays empty."""

import argparse

from scripts.stacktools import consent, image, stack
from scripts.stacktools.consent import Consent
from scripts.stacktools.shell import Shell, need
from scripts.stacktools.target import check_environment


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="push-image",
        description=__doc__,
        epilog="environment variables: as for scripts/deploy, which must have made the registry (or set REGISTRY)",
    )
    parser.add_argument("environment", metavar="ENV", help="a file of terraform/environments: dev, prod, …")
    parser.add_argument("--no-roll-out", action="store_true", help="push only, and print the image's name by digest")
    consent.add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()

    check_environment(arguments.environment)
    image.architecture(arguments.environment)  # refuse a wrong one before anything is done
    need("terraform", "docker")
    shell = Shell(dry_run=arguments.dry_run)
    pushed = stack.push_image(shell, arguments.environment)
    print(pushed)
    if not arguments.no_roll_out:
        stack.roll_out(shell, arguments.environment, pushed, Consent.of(arguments))


if __name__ == "__main__":
    main()
