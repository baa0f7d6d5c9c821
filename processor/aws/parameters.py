"""What is deployed, as Terraform has written it into Parameter Store (terraform/modules/deployed)."""

import json
from typing import Any

from processor.aws import clients
from processor.aws.translate import transient_errors


def stack_outputs(name: str, region: str | None) -> dict[str, Any] | None:
    """The outputs of the stack of a name, as `terraform output -json` has them; None: there is no such stack here.

    Args:
        name: project-environment.
        region: where to look; None: the SDK's own.

    Raises:
        Transient: if Parameter Store does not tell.
    """
    names = [f"/{name}/stack", f"/{name}/recipe"]
    with transient_errors(f"reading {names[0]}"):
        answer = clients.ssm(region).get_parameters(Names=names)
    values = {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    if set(values) != set(names):
        return None
    outputs: dict[str, Any] = json.loads(values[names[0]])
    return outputs | {"recipe": {"value": values[names[1]]}}
