"""From nothing to a working CDN: registry, image, stack, in this order. Running it again changes only what changed."""

import argparse
import os
import sys
from pathlib import Path

from scripts.stacktools import consent, deployed, image, stack
from scripts.stacktools.consent import Consent
from scripts.stacktools.shell import ROOT, Shell, fail, need
from scripts.stacktools.target import check_environment
from scripts.stacktools.terraform import CHANGES, plan_path

EPILOG = f"""\
environment variables:
  AWS_PROFILE, AWS_REGION …  where to, as for every AWS tool, unless the environment's variables name a region;
                             AWS_ENDPOINT_URL for an emulator
  ARCH                       x86_64 (default) or arm64, where the environment's file says no architecture
  DOCKER_BUILD_FLAGS         more flags for `docker build`
  REGISTRY                   HOST[:PORT]/NAME of a registry of yours, already logged in to; default: ECR
  STATE_BUCKET               keep Terraform's state in this bucket; default: in files under terraform/

Where ask_before_apply is not false in terraform/environments/ENV.tfvars, every plan is shown first and applied only
after a yes, or after the environment's name if something is deleted for good.

exit codes of --plan: 0 nothing would change, {CHANGES} something would, 1 it failed

examples:
  scripts/deploy dev                                  registry, image, stack
  scripts/deploy prod --plan                          what would change, with the image as it is
  scripts/deploy prod --apply build/prod/terraform.tfplan     just that
  scripts/deploy local --image img-pipeline:local     an emulator that runs a local image
"""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="deploy", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", metavar="ENV", help="a file of terraform/environments: dev, prod, …")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--image", metavar="URI", help="run this image; push none and make no registry")
    choice.add_argument("--skip-push", action="store_true", help="run the image that runs already")
    choice.add_argument("--apply", metavar="PLAN", type=Path, help="apply a plan that was shown and saved before")
    parser.add_argument("--plan", action="store_true", help="change nothing, show and save what would change")
    consent.add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    deploy(parser.parse_args())


def deploy(arguments: argparse.Namespace) -> None:
    """Do what the command line says."""
    environment: str = arguments.environment
    shell = Shell(dry_run=arguments.dry_run)
    check_environment(environment)
    image.architecture(environment)  # refuse a wrong one before anything is done
    agreed = Consent.of(arguments)
    need("terraform")
    if arguments.plan:
        if arguments.apply:
            fail("--plan makes a plan, --apply takes one: give one of them")
        sys.exit(plan(shell, environment, arguments.image or deployed.running(shell, environment).image))
    if arguments.apply:
        if not arguments.apply.is_file():
            fail(f"there is no plan {arguments.apply}: `scripts/deploy {environment} --plan` makes one")
        stack.apply_saved(shell, environment, arguments.apply.resolve(), agreed)
    elif arguments.image or arguments.skip_push:
        stack.roll_out(shell, environment, arguments.image or deployed.running(shell, environment).image, agreed)
    else:
        need("docker")
        stack.make_registry(shell, environment, agreed)
        stack.roll_out(shell, environment, stack.push_image(shell, environment), agreed)


def plan(shell: Shell, environment: str, image_uri: str) -> int:
    """Show and save what would change in registry and stack, and answer the exit code."""
    roots = [stack.bootstrap(shell, environment)] if stack.has_registry(environment) else []
    changes = False
    for root in [*roots, stack.main(shell, environment)]:
        root.select()
        values = stack.planned_with(root, image_uri) if root not in roots else {}
        path = plan_path(root)
        if root.plan(path, **values):
            changes = True
            shown = os.path.relpath(path, ROOT)
            print(f"`scripts/deploy {environment} --apply {shown}` applies exactly this plan", file=sys.stderr)
    return CHANGES if changes and not shell.dry_run else 0


if __name__ == "__main__":
    main()
