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


def test_history_shows_runs_newest_first_and_how_to_see_older_ones(pipeline: Pipeline, stack_file: Path) -> None:
    """Each with its time, outcome, duration and bytes; at most as many as asked for, and the rest by --before."""
    key, stack = "status/history.jpg", ("--stack", str(stack_file))
    buffer = io.BytesIO()
    Image.linear_gradient("L").save(buffer, "JPEG")
    pipeline.upload(key, buffer.getvalue())
    pipeline.settled(key, "COMPLETE")
    pipeline.upload(key, b"only words")
    pipeline.settled(key, "REJECTED")
    pipeline.remove(key)
    pipeline.settled(key, "REMOVED")

    runs = [json.loads(line) for line in status(pipeline, *stack, "--history", key, "--json").stdout.splitlines()]
    assert [run["status"] for run in runs] == ["REMOVED", "REJECTED", "COMPLETE"]
    assert runs[1]["reason"] == "unsupported_format"
    assert (runs[2]["originalSize"], runs[2]["bytesOut"] > 0) == (len(buffer.getvalue()), True)
    assert all(run["processingTime"] >= 0 and run["endedAt"] for run in runs)

    shown = status(pipeline, *stack, "--history", "--limit", "2", key)
    assert shown.returncode == 0, shown.stderr
    first, removed, rejected, why, older = shown.stdout.splitlines()
    assert first == f"{key}: 2 runs, newest first"
    assert ("REMOVED" in removed, "REJECTED" in rejected, "unsupported_format" in why) == (True, True, True)
    assert older == f"  older ones: img-pipeline status --history --before {runs[1]['endedAt']} '{key}'"
    rest = status(pipeline, *stack, "--history", "--before", runs[1]["endedAt"], key, "--json").stdout
    assert [json.loads(line)["status"] for line in rest.splitlines()] == ["COMPLETE"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--history",), "Name its key"),
        (("--history", "--limit", "0", "a.jpg"), "--limit must be 1 to 1000"),
        (("--history", "--before", "yesterday", "a.jpg"), "--before must be a time such as"),
        (("--limit", "5", "a.jpg"), "add --history"),
    ],
)
def test_mistyped_history_says_what_to_type(pipeline: Pipeline, arguments: tuple[str, ...], says: str) -> None:
    """One sentence, and exit code 2."""
    shown = status(pipeline, *arguments)
    assert (shown.returncode, says in shown.stderr) == (2, True)


def test_picture_without_runs_has_no_history(pipeline: Pipeline, stack_file: Path) -> None:
    """It says so, and ends with 3."""
    shown = status(pipeline, "--stack", str(stack_file), "--history", "status/never.jpg")
    assert (shown.returncode, shown.stdout) == (3, "status/never.jpg: no runs\n")


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
