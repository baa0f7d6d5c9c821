"""Where commands take a deployed stack's values from."""

import argparse
import json
from pathlib import Path

import pytest

from processor.commands.stack import optional_value


@pytest.mark.parametrize(
    ("outputs", "value"),
    [
        ({"raw_replica_bucket": {"value": "copies"}}, "copies"),
        ({"raw_replica_bucket": {"value": None}}, None),
        ({}, None),
    ],
)
def test_a_value_that_not_every_stack_has(tmp_path: Path, outputs: dict[str, object], value: str | None) -> None:
    """An output that is null or absent is no mistake: Terraform leaves out what is null."""
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(outputs))
    assert optional_value(argparse.Namespace(stack=file), "raw_replica_bucket") == value


def test_a_value_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the variable of the same name counts, and an empty one is none."""
    monkeypatch.setenv("RAW_REPLICA_BUCKET", "copies")
    monkeypatch.setenv("REPLICA_REGION", "")
    options = argparse.Namespace(stack=None)
    values = [optional_value(options, name) for name in ("raw_replica_bucket", "replica_region")]
    assert values == ["copies", None]
