"""AWS, for the scripts: by way of boto3, so that the aws command is not needed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scripts.stacktools import tfvars
from scripts.stacktools.shell import fail


@dataclass(frozen=True, slots=True)
class Account:
    """Where an environment is.

    Attributes:
        profile: of the AWS configuration; None: what the environment variables say.
        region: None: the environment's own, or what the AWS configuration says.
    """

    profile: str | None = None
    region: str | None = None

    def client(self, service: str, environment: str) -> Any:
        """A client for an environment's stack."""
        region = self.region or tfvars.text(environment, "region") or os.environ.get("AWS_REGION") or None
        return self.session().client(service, region_name=region)

    def session(self) -> Any:
        """What makes clients with the account's credentials."""
        return sdk().Session(profile_name=self.profile)


OWN = Account()
"""Where the credentials and the region in the environment lead."""


def sdk() -> Any:
    """boto3.

    Raises:
        SystemExit: if it is not installed.
    """
    try:
        import boto3  # noqa: PLC0415 - only what asks AWS needs it
    except ImportError:
        fail(f"boto3 is missing for {sys.executable}: run `make test` once, or pip install boto3")
    return boto3


@contextmanager
def explained(what: str) -> Iterator[None]:
    """End with a sentence where AWS refuses or does not answer.

    Args:
        what: cannot be done then, for the sentence.
    """
    sdk()
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only what asks AWS needs it

    try:
        yield
    except (ClientError, BotoCoreError) as exc:
        fail(f"{what}: {str(exc).rstrip('.')}. Check credentials and AWS_REGION")
