"""Where a deployed stack is: from a file of Terraform's outputs, or from the environment."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

from processor.commands.usage import UsageError


def add_stack_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--stack`."""
    parser.add_argument(
        "--stack",
        type=Path,
        metavar="FILE",
        help="what `terraform output -json` printed; without it the environment names the stack (TABLE_NAME, …)",
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
                "`terraform -chdir=terraform output -json > stack.json` and name them with --stack stack.json"
            )
        return values
    outputs = _outputs(options.stack)
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
    value = _outputs(options.stack).get(name, {}).get("value")
    return None if value is None else str(value)


def _outputs(file: Path) -> dict[str, dict[str, object]]:
    try:
        outputs = json.loads(file.read_text("utf-8"))
    except OSError as exc:
        raise UsageError(
            f"--stack {file} cannot be read ({exc.strerror}); write it with `terraform output -json`"
        ) from exc
    except ValueError as exc:
        raise UsageError(f"--stack {file} is not JSON; write it with `terraform output -json`") from exc
    if not isinstance(outputs, dict):
        raise UsageError(f"--stack {file} holds no outputs; write it with `terraform output -json`")
    return outputs
