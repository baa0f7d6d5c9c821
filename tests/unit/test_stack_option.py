"""Where commands take a deployed stack's values from."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from processor.cli import main
from processor.commands import stack
from processor.commands.stack import optional_value
from processor.commands.usage import UsageError
from tests.parameters import Parameters, served

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Parameters]:
    """A Parameter Store that the SDK finds."""
    stack._asked.cache_clear()  # noqa: SLF001
    with served(Parameters()) as parameters:
        for name, value in parameters.environment().items():
            monkeypatch.setenv(name, value)
        yield parameters
    stack._asked.cache_clear()  # noqa: SLF001


def describe(store: Parameters, name: str, **outputs: object) -> None:
    """Have a stack of that name."""
    store.history[f"/{name}/stack"].append(json.dumps({key: {"value": value} for key, value in outputs.items()}))
    store.history[f"/{name}/recipe"].append('{"sizes": []}')


def test_the_stack_itself_says_what_it_is(store: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, in AWS_REGION; then its own region counts, and the recipe is an output as in a file."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    describe(store, "img-pipeline-prod", raw_bucket="raw", region="eu-central-1", raw_replica_bucket=None)
    options = argparse.Namespace(stack="ssm:img-pipeline-prod")
    assert stack.stack_values(options, "raw_bucket", "recipe") == {"raw_bucket": "raw", "recipe": '{"sizes": []}'}
    assert optional_value(options, "raw_replica_bucket") is None
    assert store.regions == ["eu-west-1"], "one request, where one was told to look"
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-central-1"


def test_outputs_prints_what_a_file_would_hold(store: Parameters, tmp_path: Path) -> None:
    """What the command prints is read by --stack again."""
    describe(store, "img-pipeline-prod", raw_bucket="raw")
    done = subprocess.run(
        [sys.executable, "-m", "processor", "outputs", "--stack", "ssm:img-pipeline-prod"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    file = tmp_path / "stack.json"
    file.write_text(done.stdout)
    values = stack.stack_values(argparse.Namespace(stack=str(file)), "raw_bucket", "recipe")
    assert values == {"raw_bucket": "raw", "recipe": '{"sizes": []}'}


def test_a_stack_that_is_not_there_is_named(store: Parameters) -> None:
    """With where one has looked; half a stack is none."""
    store.history["/img-pipeline-prod/stack"].append("{}")
    with pytest.raises(UsageError, match="there is no stack img-pipeline-prod in eu-central-1"):
        stack.stack_outputs("ssm:img-pipeline-prod")
    with pytest.raises(UsageError, match="needs the stack's name"):
        stack.stack_outputs("ssm:")


@pytest.mark.parametrize("command", ["status", "verify", "redrive"])
def test_a_stack_that_is_down_is_said_to_be_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where nothing listens any more, and the file is still there."""
    names = ("table_name", "cdn_domain", "raw_bucket", "processed_bucket", "queue_url", "dead_letter_queue_url")
    file = tmp_path / "stack.json"
    recipe = {"recipe": {"value": (ROOT / "processor/default_recipe.json").read_text()}}
    file.write_text(
        json.dumps(
            {name: {"value": "http://127.0.0.1:9/x" if name.endswith("url") else "name"} for name in names} | recipe
        )
    )
    for name, value in Parameters("http://127.0.0.1:9").environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main([command, "--stack", str(file)]) == 2
    said = capsys.readouterr().err
    assert (
        "the stack is down: nothing answers at http://127.0.0.1:9 (AWS_ENDPOINT_URL). `make stack` puts it up" in said
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("build/local/stack.json", "the stack is down. `make stack` puts it up"),
        ("build/dev/stack.json", "dev is down, or was deployed from elsewhere. `make deploy ENV=dev` writes it"),
        ("mine.json", "write it with `terraform output -json`"),
    ],
)
def test_a_file_that_is_not_there_says_what_that_means(tmp_path: Path, file: str, said: str) -> None:
    """The scripts delete it with the stack."""
    with pytest.raises(UsageError, match="does not exist") as raised:
        stack.stack_outputs(tmp_path / file)
    assert said in str(raised.value)
