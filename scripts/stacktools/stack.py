"""The steps that put a stack up: registry, image, stack."""

import json
import os
import sys

from scripts.stacktools import image, versions
from scripts.stacktools.aws import explained
from scripts.stacktools.shell import ROOT, Shell
from scripts.stacktools.terraform import Root


def bootstrap(shell: Shell, environment: str) -> Root:
    """The root module of the registry."""
    return Root("terraform/bootstrap", environment, shell)


def main(shell: Shell, environment: str) -> Root:
    """The root module of everything else."""
    return Root("terraform", environment, shell)


def make_registry(shell: Shell, environment: str) -> None:
    """Make the repository, unless REGISTRY names one."""
    if not os.environ.get("REGISTRY"):
        root = bootstrap(shell, environment)
        root.select()
        root.apply()


def push_image(shell: Shell, environment: str) -> str:
    """Build and push the image, note it, and answer its name by digest."""
    local = image.build(shell, environment)
    pushed = image.push(shell, repository(shell, environment), local)
    image.record(shell, environment, pushed)
    return pushed


def repository(shell: Shell, environment: str) -> str:
    """REGISTRY (HOST[:PORT]/NAME), or what the registry's own Terraform says."""
    named = os.environ.get("REGISTRY", "")
    if named:
        return named
    root = bootstrap(shell, environment)
    root.select()
    return str(root.outputs().get("repository_url", {"value": "REPOSITORY"})["value"])


def roll_out(shell: Shell, environment: str, image_uri: str) -> None:
    """Apply the stack with this image, which prints its outputs, and keep them for `img-pipeline --stack`."""
    root = main(shell, environment)
    root.select()
    variables = {"image_uri": image_uri, "architecture": image.architecture(environment)}
    root.apply(**variables)
    image.record(shell, environment, image_uri)
    if not shell.dry_run:
        outputs = root.outputs()
        function = outputs["function_name"]["value"]
        aws = versions.client(environment)
        with explained(f"it is not known which version of {function} runs"):
            behind = versions.is_behind(aws, function)
        if behind:
            root.apply(**variables)
            outputs = root.outputs()
        path = ROOT / "build" / environment / "stack.json"
        path.write_text(json.dumps(outputs, indent=2) + "\n")
        versions.tidy_quietly(aws, function)
        print(f"outputs are in {path.relative_to(ROOT)}", file=sys.stderr)
