"""The steps that put a stack up: registry, image, stack."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.stacktools import consent, deployed, image, ownership, versions
from scripts.stacktools.aws import explained
from scripts.stacktools.consent import Consent
from scripts.stacktools.obstacles import is_filled
from scripts.stacktools.shell import ROOT, Shell, fail
from scripts.stacktools.state_bucket import aws_errors, client, code_of
from scripts.stacktools.target import Target
from scripts.stacktools.terraform import Root, plan_path
from scripts.stacktools.tfvars import REGISTRY, STACK

SOMETHING_PENDING = 3
"""Exit code of `img-pipeline rollout` if a change of the recipe is not through."""


def bootstrap(shell: Shell, environment: str) -> Root:
    """The root module of the registry."""
    return Root(REGISTRY, environment, shell)


def main(shell: Shell, environment: str) -> Root:
    """The root module of everything else."""
    return Root(STACK, environment, shell)


def has_registry(environment: str) -> bool:
    """Whether this environment has a registry of its own; an emulator's has not, and REGISTRY names somebody's."""
    return not os.environ.get("REGISTRY") and (ROOT / REGISTRY / "environments" / f"{environment}.tfvars").is_file()


def make_registry(shell: Shell, environment: str, agreed: Consent) -> None:
    """Make the repository, unless REGISTRY names one."""
    if not os.environ.get("REGISTRY"):
        root = bootstrap(shell, environment)
        root.select()
        consent.bring_about(root, agreed)


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


def roll_out(shell: Shell, environment: str, image_uri: str, agreed: Consent) -> None:
    """Apply the stack with this image, once that is agreed to."""
    root = select(shell, environment)
    variables = planned_with(root, image_uri)
    consent.bring_about(root, agreed, **variables)
    after_apply(root, agreed, variables)


def apply_saved(shell: Shell, environment: str, path: Path, agreed: Consent) -> None:
    """Apply a plan that `scripts/deploy ENV --plan` or a deploy without a terminal has saved."""
    registry = bootstrap(shell, environment)
    if path.name == plan_path(registry).name:
        registry.select()
        registry.apply(path)
        return
    root = select(shell, environment)
    planned = {name: each["value"] for name, each in root.show(path).get("variables", {}).items()}
    if planned.get("environment", environment) != environment:
        fail(f"{path} is a plan for {planned['environment']}, not for {environment}")
    root.apply(path)
    after_apply(root, agreed, {name: planned.get(name, "…") for name in ("image_uri", "architecture")})


def select(shell: Shell, environment: str) -> Root:
    """The root module of everything but the registry, in its workspace, with a state that may be used."""
    root = main(shell, environment)
    root.select()
    if not shell.dry_run and ownership.is_empty(root.state()):
        _check_names_are_free(root.target)
    return root


def after_apply(root: Root, agreed: Consent, variables: dict[str, str]) -> None:
    """What follows every apply of the stack: see that its function is published, note the image, keep the outputs."""
    image.record(root.shell, root.environment, variables["image_uri"])
    path = ROOT / "build" / root.environment / "stack.json"  # for `img-pipeline --stack`
    if root.shell.dry_run:
        check_edge(root.shell, path)
        return
    outputs = root.outputs()
    function = outputs["function_name"]["value"]
    aws = versions.client(root.environment)
    with explained(f"it is not known which version of {function} runs"):
        behind = versions.is_behind(aws, function)
    if behind:
        root.shell.tell("an earlier apply was cut off before it published the function: once more")
        consent.bring_about(root, agreed, **variables)
        outputs = root.outputs()
    path.write_text(json.dumps(outputs, indent=2) + "\n")
    versions.tidy_quietly(aws, function)
    print(f"outputs are in {path.relative_to(ROOT)}", file=sys.stderr)
    check_edge(root.shell, path)


def planned_with(root: Root, image_uri: str) -> dict[str, str]:
    """Terraform's variables for an image, and whatever else only the deployment knows."""
    known = {"image_uri": image_uri, "architecture": image.architecture(root.environment)}
    return known | recipe_before(root.outputs())


def recipe_before(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Terraform's variable for a stack of a version that did not keep its recipe.

    Without it, a recipe that changes in the same apply would take pictures off the air.
    """
    if "recipe" not in outputs or "edge_parameters" in outputs:
        return {}
    return {"previous_recipe": str(outputs["recipe"]["value"])}


def check_edge(shell: Shell, outputs: Path) -> None:
    """Have the edge functions run what was deployed, even after a publish that failed, and say what is pending."""
    command = (sys.executable, "-m", "processor", "rollout", "--repair", "--stack", str(outputs.relative_to(ROOT)))
    if shell.attempt(*command) not in (0, SOMETHING_PENDING):
        fail("the stack is up, but whether its edge functions run what was deployed is not known: deploy again")


def _check_names_are_free(target: Target) -> None:
    """A new state for a stack that is there: in another region, or made from another checkout or state.

    What is there and holds nothing was left by a first deploy that was cut off.
    """
    account = ownership.account_id(target.region)
    bucket = f"{target.name}-raw-{account}"
    try:
        found = client("s3", target.region).head_bucket(Bucket=bucket)
    except aws_errors() as exc:
        if code_of(exc) == "404":
            return
        found = getattr(exc, "response", {})
    headers = found.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region", target.region)
    if region != target.region:
        fail(
            f"{target.name} is in {region} already, and names of roles, buckets and CloudFront policies exist once in "
            f"an account: for a stack in {target.region} set another `environment` or `project`, in both tfvars files"
        )
    if deployed.releases(target.environment) or is_filled(bucket, region):
        fail(
            f"{target.name} is there already and in use (bucket {bucket}), but this state is empty: use the state that "
            "it was deployed with. Set STATE_BUCKET, or deploy from that checkout"
        )
