"""Where a deployed stack is: from the stack itself, a file of Terraform's outputs, or the environment."""

import argparse
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from processor.commands.usage import UsageError
from processor.errors import Transient, Unreachable


def add_stack_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--stack`."""
    parser.add_argument(
        "--stack",
        metavar="ssm:NAME|FILE",
        help="ssm:NAME, such as ssm:img-pipeline-prod, asks the stack itself, in AWS_REGION; a FILE holds what "
        "`terraform output -json` printed; without it the environment names the stack (TABLE_NAME, …)",
    )


def stack_values(options: argparse.Namespace, *names: str) -> Mapping[str, str]:
    """The named outputs of a stack, such as `table_name`.

    Raises:
        UsageError: if the file cannot be used or a value is nowhere to be found.
    """
    if options.stack is None:
        values = {name: os.environ.get(name.upper(), "") for name in names}
        if missing := [name.upper() for name, value in values.items() if not value]:
            raise UsageError(
                f"which stack? {', '.join(missing)} is not set. Save Terraform's outputs with "
                "`terraform -chdir=terraform output -json > stack.json` and name them with --stack stack.json, or have "
                "the stack asked with --stack ssm:NAME"
            )
        return values
    outputs = stack_outputs(options.stack)
    try:
        values = {name: str(outputs[name]["value"]) for name in names}
    except (KeyError, TypeError) as exc:
        raise UsageError(
            f"--stack {options.stack} has no output {exc}; write it anew with `terraform output -json`"
        ) from exc
    if region := outputs.get("region", {}).get("value"):
        os.environ.setdefault("AWS_DEFAULT_REGION", str(region))
    return values


def optional_value(options: argparse.Namespace, name: str) -> str | None:
    """An output that not every stack has, such as `raw_replica_bucket`; None: this one has not.

    Raises:
        UsageError: if the file cannot be used.
    """
    if options.stack is None:
        return os.environ.get(name.upper()) or None
    value = stack_outputs(options.stack).get(name, {}).get("value")
    return None if value is None else str(value)


def not_answering(exc: Transient) -> UsageError:
    """What to say of a stack that does not answer."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if isinstance(exc, Unreachable) and endpoint:
        return UsageError(
            f"the stack is down: nothing answers at {endpoint} (AWS_ENDPOINT_URL). `make stack` puts it up"
        )
    return UsageError(f"the stack does not answer: {str(exc).rstrip('.')}. Check your credentials, region and --stack")


def stack_outputs(stack: str | Path) -> dict[str, Any]:
    """All outputs of a stack, as `terraform output -json` has them.

    Args:
        stack: ssm:NAME or a file.

    Raises:
        UsageError: if they cannot be read.
    """
    kind, colon, name = str(stack).partition(":")
    return _asked(name) if (kind, colon) == ("ssm", ":") else _kept(Path(stack))


@cache
def _asked(name: str) -> dict[str, Any]:
    """What the stack itself says."""
    if not name:
        raise UsageError("--stack ssm: needs the stack's name, such as ssm:img-pipeline-prod")
    from processor.aws import parameters  # noqa: PLC0415 - boto3 is for those who talk to AWS

    # the SDK for Python heeds AWS_DEFAULT_REGION alone, other tools this one
    region = os.environ.get("AWS_REGION") or None
    try:
        outputs = parameters.stack_outputs(name, region)
    except Transient as exc:
        raise not_answering(exc) from exc
    if outputs is None:
        where = f"in {region}" if region else "in your region"
        raise UsageError(
            f"there is no stack {name} {where}, or it was deployed by an older version: check the name "
            "(project-environment) and AWS_REGION, or deploy it once more"
        )
    if home := outputs.get("region", {}).get("value"):
        os.environ["AWS_DEFAULT_REGION"] = str(home)  # AWS_REGION only said where to look
    return outputs


def _kept(file: Path) -> dict[str, Any]:
    """What was kept in a file."""
    try:
        outputs = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise UsageError(f"--stack {file} does not exist{_why_not(file)}") from exc
    except OSError as exc:
        raise UsageError(
            f"--stack {file} cannot be read ({exc.strerror}); write it with `terraform output -json`"
        ) from exc
    except ValueError as exc:
        raise UsageError(f"--stack {file} is not JSON; write it with `terraform output -json`") from exc
    if not isinstance(outputs, dict):
        raise UsageError(f"--stack {file} holds no outputs; write it with `terraform output -json`")
    return outputs


def _why_not(file: Path) -> str:
    """What follows of a file's absence: the scripts write build/ENV/stack.json and delete it with the stack."""
    match file.parts[-3:]:
        case ("build", "local", "stack.json"):
            return ": the stack is down. `make stack` puts it up"
        case ("build", environment, "stack.json"):
            return (
                f": {environment} is down, or was deployed from elsewhere. `make deploy ENV={environment}` writes it; "
                f"--stack ssm:img-pipeline-{environment} asks the stack itself"
            )
    return "; write it with `terraform output -json`, or have the stack asked with --stack ssm:NAME"
