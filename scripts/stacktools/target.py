"""Where an environment goes: project, account's region and habits, as its variables and the AWS configuration say."""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scripts.stacktools import tfvars
from scripts.stacktools.shell import ROOT, fail
from scripts.stacktools.tfvars import DEFAULT_PROJECT, REGISTRY, STACK


@dataclass(frozen=True, slots=True)
class Target:
    """One environment of one project in one region.

    Attributes:
        environment: dev, prod, …
        project: first part of every name.
        region: of everything but CloudFront.
        asks: whether a person sees a plan and agrees before it is applied.
    """

    environment: str
    project: str
    region: str
    asks: bool

    @property
    def name(self) -> str:
        """Beginning of every resource's name."""
        return f"{self.project}-{self.environment}"


def check_environment(name: str, folder: str = STACK, example: str = "make deploy ENV=dev") -> None:
    """End with a remedy unless the root module in a folder has a variables file for this environment."""
    if not name:
        fail(f"which environment? For example: {example}")
    files = ROOT / folder / "environments"
    if not (files / f"{name}.tfvars").is_file():
        known = ", ".join(sorted(path.stem for path in files.glob("*.tfvars")))
        fail(f"there is no {folder}/environments/{name}.tfvars: use one of {known}, or copy one and change its values")


@cache
def target(environment: str) -> Target:
    """Read it, and have every AWS tool that this process starts look at the same region.

    boto3 knows only AWS_DEFAULT_REGION, Terraform prefers AWS_REGION, and both yield to what the variables say.

    Raises:
        SystemExit: if no region is named, or one where no stack can be.
    """
    check_environment(environment)
    variables = tfvars.variables(environment)
    region = _region(environment, variables)
    for named in filter(None, (region, variables.get("replica_region"))):
        _check_region(named)
    found = Target(
        environment=environment,
        project=variables.get("project") or _shell_variable("project") or DEFAULT_PROJECT,
        region=region,
        asks=variables.get("ask_before_apply", True),
    )
    _check_registry(found)
    os.environ.update(AWS_REGION=region, AWS_DEFAULT_REGION=region)
    return found


def _shell_variable(name: str) -> str | None:
    return os.environ.get(f"TF_VAR_{name}")


def _region(environment: str, variables: dict[str, Any]) -> str:
    named = variables.get("region") or _shell_variable("region")
    shell = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _profile_region()
    if named and shell and named != shell:
        print(f"{environment} is in {named}, as its variables say, not in {shell}", file=sys.stderr)
    region = named or shell
    if not region:
        fail(
            f"which region? Set `region` in {STACK}/environments/{environment}.tfvars, or AWS_REGION, "
            "or a region in the AWS profile"
        )
    return str(region)


def _botocore() -> Any:
    try:
        import botocore.session  # noqa: PLC0415 - it takes a third of a second, and --help needs none
    except ImportError:
        fail("boto3 is missing, which looks at the account: run `make test` once, or pip install boto3")
    return botocore.session.get_session()


def _profile_region() -> str | None:
    region: str | None = _botocore().get_config_variable("region")
    return region


def _check_region(region: str) -> None:
    """Refuse what is no region of AWS, and partitions without a CloudFront that serves this stack."""
    session = _botocore()
    found = [name for name in session.get_available_partitions() if region in session.get_available_regions("s3", name)]
    if not found:
        fail(
            f"AWS has no region {region!r}, as far as this botocore knows: correct it, or `make lock ARGS=--upgrade` "
            "if it is new"
        )
    if found != ["aws"]:
        fail(
            f"{region} is in the partition {found[0]}, which has no CloudFront that this stack could use (GovCloud and "
            "the isolated regions have none, China's needs a licence and knows no functions): choose a region of the "
            "partition aws, for example eu-central-1"
        )


def _check_registry(found: Target) -> None:
    """The function's image must be in its own region, under its own name."""
    if not (ROOT / REGISTRY / "environments" / f"{found.environment}.tfvars").is_file():
        return
    for name, value in tfvars.variables(found.environment, REGISTRY).items():
        expected = getattr(found, name, value)
        if expected != value:
            fail(
                f"{REGISTRY}/environments/{found.environment}.tfvars has {name} = {value!r}, the stack has "
                f"{expected!r}: the registry must be the stack's own, so set both alike"
            )


def plan_file(environment: str, folder: str) -> Path:
    """Where a plan is saved. Plans hold values: only the person who made one may read it."""
    return ROOT / "build" / environment / f"{Path(folder).name}.tfplan"
