"""Which images an environment runs and ran: asked of the stack itself, so that every machine knows.

Terraform writes the image into the parameter /PROJECT-ENVIRONMENT/image (terraform/modules/deployed) once the function
runs it. Parameter Store keeps the last hundred values, and who wrote them when.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from scripts.stacktools import image, tfvars
from scripts.stacktools.aws import OWN, Account, explained
from scripts.stacktools.shell import Shell, fail


@dataclass(frozen=True, slots=True)
class Release:
    """An image that an environment ran.

    Attributes:
        image: REPOSITORY@sha256:…; on an emulator it may be a local NAME:TAG.
        architecture: x86_64 or arm64; None: it is not known.
        at: when it was rolled out; None: it is not known.
        by: ARN of who did it; empty: it is not known.
    """

    image: str
    architecture: str | None = None
    at: datetime | None = None
    by: str = ""

    @property
    def digest(self) -> str:
        """sha256:…, or the whole name where it has none."""
        return self.image.rpartition("@")[2]


def releases(environment: str, account: Account = OWN) -> list[Release]:
    """What the environment ran, oldest first, each change of image once; empty: its stack does not say.

    Raises:
        SystemExit: if it cannot be asked.
    """
    parameter = f"/{tfvars.stack_name(environment)}/image"
    with explained(f"{parameter} cannot be read, which says what {environment} runs"):
        client = account.client("ssm", environment)
        pages = client.get_paginator("get_parameter_history").paginate(Name=parameter)
        try:
            found = [each for page in pages for each in page["Parameters"]]
        except client.exceptions.ParameterNotFound:
            return []
    ran: list[Release] = []
    for each in sorted(found, key=lambda each: int(each["Version"])):
        value = json.loads(each["Value"])
        release = Release(value["image"], value["architecture"], each["LastModifiedDate"], each["LastModifiedUser"])
        if not ran or ran[-1].image != release.image:
            ran.append(release)
    return ran


def running(shell: Shell, environment: str, account: Account = OWN) -> Release:
    """What the environment runs.

    A stack that does not say was deployed by an older version of the scripts: then the note that was made here counts.

    Raises:
        SystemExit: if that is not known.
    """
    ran = [] if shell.dry_run else releases(environment, account)
    if ran:
        return ran[-1]
    noted = image.recorded(environment)
    if noted is None:
        fail(
            f"no image is known for {environment}: its stack has no parameter /{tfvars.stack_name(environment)}/image "
            "here, and none was rolled out from this checkout. Check AWS_REGION, or run "
            f"`make deploy ENV={environment}`"
        )
    return Release(noted)
