"""From nothing to a working CDN: registry, image, stack, in this order. Running it again changes only what changed."""

import argparse

from scripts.stacktools import deployed, image, stack
from scripts.stacktools.shell import Shell, need
from scripts.stacktools.terraform import check_environment

EPILOG = """\
environment variables:
  AWS_PROFILE, AWS_REGION …  where to, as for every AWS tool; AWS_ENDPOINT_URL for an emulator
  ARCH                       x86_64 (default) or arm64, where the environment's file says no architecture
  DOCKER_BUILD_FLAGS         more flags for `docker build`
  REGISTRY                   HOST[:PORT]/NAME of a registry of yours, already logged in to; default: ECR
  STATE_BUCKET               keep Terraform's state in this bucket; default: in files under terraform/

examples:
  scripts/deploy dev                                  registry, image, stack
  scripts/deploy dev --plan                           what would change, with the image as it is
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
    choice.add_argument("--plan", action="store_true", help="change nothing, show what would change")
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()
    deploy(arguments)


def deploy(arguments: argparse.Namespace) -> None:
    """Do what the command line says."""
    environment: str = arguments.environment
    shell = Shell(dry_run=arguments.dry_run)
    check_environment(environment)
    image.architecture(environment)  # refuse a wrong one before anything is done
    if arguments.plan:
        need("terraform")
        image_uri = deployed.running(shell, environment).image
        root = stack.main(shell, environment)
        root.select()
        root.plan(image_uri=image_uri, architecture=image.architecture(environment))
        return
    if arguments.image or arguments.skip_push:
        need("terraform")
        stack.roll_out(shell, environment, arguments.image or deployed.running(shell, environment).image)
        return
    need("terraform", "docker")
    stack.make_registry(shell, environment)
    stack.roll_out(shell, environment, stack.push_image(shell, environment))


if __name__ == "__main__":
    main()
