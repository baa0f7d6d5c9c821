"""What an environment's variables file says, as far as the scripts must know it before Terraform does."""

import re

from scripts.stacktools.shell import ROOT

_ASSIGNED = re.compile(r'^(?P<name>\w+)[ \t]*=[ \t]*"(?P<value>[^"\\$]*)"', re.MULTILINE)


def text(environment: str, name: str, otherwise: str = "") -> str:
    """The value that terraform/environments/ENV.tfvars gives a variable of type string, or `otherwise`."""
    file = ROOT / "terraform" / "environments" / f"{environment}.tfvars"
    given = {found["name"]: found["value"] for found in _ASSIGNED.finditer(file.read_text("utf-8"))}
    return given.get(name, otherwise)


def stack_name(environment: str) -> str:
    """First part of the names of the environment's resources."""
    return f"{text(environment, 'project', 'img-pipeline')}-{environment}"
