"""`img-pipeline status` against real records."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from scripts.demo import resources, servers
from tests.emulator import Pipeline

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    """Outputs as Terraform prints them."""
    outputs = {
        "table_name": {"value": resources.TABLE},
        "cdn_domain": {"value": "cdn.example"},
        "region": {"value": servers.REGION},
    }
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(outputs))
    return file


def status(pipeline: Pipeline, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "processor", "status", *arguments]
    environment = {name: value for name, value in pipeline.environment.items() if name != "AWS_DEFAULT_REGION"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603


def test_complete_picture_is_shown_with_its_urls(pipeline: Pipeline, stack_file: Path) -> None:
    """A published picture's state, savings and the URL of all nine renditions are printed, and the exit code is 0."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((900, 500)).convert("RGB").save(buffer, "JPEG")
    pipeline.upload("status/a b.jpg", buffer.getvalue())
    record = pipeline.settled("status/a b.jpg", "COMPLETE")
    shown = status(pipeline, "--stack", str(stack_file), "status/a b.jpg")
    assert shown.returncode == 0, shown.stderr
    assert "status/a b.jpg: COMPLETE since" in shown.stdout
    assert shown.stdout.count("https://cdn.example/") == 9
    assert "https://cdn.example/full/status/a%20b.jpg" in shown.stdout
    document = json.loads(status(pipeline, "--stack", str(stack_file), "--json", "status/a b.jpg").stdout)
    assert [fmt["bytes"] for fmt in document["formats"]] == [int(fmt["bytes"]) for fmt in record["formats"]]
    assert document["markup"].startswith("<picture>\n")
    assert "url(data:image/png;base64," in document["markup"]


def test_rejected_and_unknown_pictures_are_told_apart(pipeline: Pipeline, stack_file: Path) -> None:
    """A rejected picture shows its reason, an unknown one says so, and either makes the exit code 3."""
    pipeline.upload("status/words.jpg", b"only words")
    pipeline.settled("status/words.jpg", "REJECTED")
    shown = status(pipeline, "--stack", str(stack_file), "status/words.jpg", "status/nothing.jpg")
    assert shown.returncode == 3
    assert "status/words.jpg: REJECTED since" in shown.stdout
    assert "unsupported_format: " in shown.stdout
    assert "status/nothing.jpg: never seen" in shown.stdout


def test_summary_counts_and_lists_what_needs_attention(pipeline: Pipeline, stack_file: Path) -> None:
    """Without keys the states are counted and rejected pictures are listed."""
    pipeline.upload("status/summary.jpg", b"only words")
    pipeline.settled("status/summary.jpg", "REJECTED")
    summary = json.loads(status(pipeline, "--stack", str(stack_file), "--days", "2", "--json").stdout)
    assert summary["counts"]["REJECTED"] >= 1
    assert any(each["imageId"] == "status/summary.jpg" for each in summary["needAttention"])
    assert "REJECTED unsupported_format  status/summary.jpg" in status(pipeline, "--stack", str(stack_file)).stdout


def test_missing_stack_says_how_to_name_one(pipeline: Pipeline, tmp_path: Path) -> None:
    """Without a stack, or with a file that is none, one line says what to do, and the exit code is 2."""
    nowhere = status(pipeline, "a.jpg")
    assert nowhere.returncode == 2
    assert "TABLE_NAME" in nowhere.stderr
    assert "terraform -chdir=terraform output -json" in nowhere.stderr
    (tmp_path / "empty.json").write_text("{}")
    assert "no output 'table_name'" in status(pipeline, "--stack", str(tmp_path / "empty.json"), "a.jpg").stderr


def test_unreachable_stack_is_one_line(pipeline: Pipeline, stack_file: Path) -> None:
    """A table that does not exist gives a sentence on standard error, not a traceback."""
    outputs = json.loads(stack_file.read_text())
    outputs["table_name"]["value"] = "no-such-table"
    stack_file.write_text(json.dumps(outputs))
    shown = status(pipeline, "--stack", str(stack_file), "a.jpg")
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    assert "ResourceNotFoundException" in shown.stderr
