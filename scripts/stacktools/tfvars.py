"""What an environment's variables files say, as far as the scripts must know it before Terraform does."""

from functools import cache
from typing import Any

from scripts.stacktools.shell import ROOT, fail

DEFAULT_PROJECT = "img-pipeline"
"""Of the variable `project` in terraform/variables.tf."""

STACK, REGISTRY = "terraform", "terraform/bootstrap"
"""Folders of the root modules that have such files."""


@cache
def variables(environment: str, folder: str = STACK) -> dict[str, Any]:
    """All that a file sets.

    Raises:
        SystemExit: if it is no variables file.
    """
    try:
        import hcl2  # noqa: PLC0415 - `make stack-down` needs no installation
    except ImportError:
        fail("python-hcl2 is missing, which reads tfvars files: run `make test` once, or pip install python-hcl2")
    path = ROOT / folder / "environments" / f"{environment}.tfvars"
    options = hcl2.SerializationOptions(strip_string_quotes=True, with_comments=False)
    try:
        found: dict[str, Any] = hcl2.loads(path.read_text("utf-8"), serialization_options=options)
    except Exception as exc:  # noqa: BLE001 - its parser's errors have no common type
        fail(f"{path.relative_to(ROOT)} cannot be read: {str(exc).splitlines()[0]}")
    return found


def text(environment: str, name: str, otherwise: str = "") -> str:
    """The value that terraform/environments/ENV.tfvars gives a variable of type string, or `otherwise`."""
    return str(variables(environment).get(name) or otherwise)


def stack_name(environment: str) -> str:
    """First part of the names of the environment's resources."""
    return f"{text(environment, 'project', DEFAULT_PROJECT)}-{environment}"
