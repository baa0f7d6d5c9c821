"""`img-pipeline markup` against real records."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.demo import resources
from tests import helpers
from tests.emulator import Pipeline


@pytest.mark.usefixtures("worker")
def test_markup_of_a_published_picture_is_printed(pipeline: Pipeline, tmp_path: Path) -> None:
    """One element a picture; a key that is not published is named, and makes the exit code 3."""
    pipeline.upload("markup/a b.jpg", helpers.saved(helpers.photo(900, 600), "JPEG"))
    pipeline.settled("markup/a b.jpg", "COMPLETE")
    outputs = {"table_name": {"value": resources.TABLE}, "cdn_domain": {"value": "cdn.example"}}
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(outputs))
    command = [sys.executable, "-m", "processor", "markup", "--stack", str(file)]
    done = subprocess.run(  # noqa: S603
        [*command, "markup/a b.jpg", "markup/none.jpg"],
        env=dict(pipeline.environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "markup/none.jpg: not published" in done.stderr
    assert done.stdout.startswith("<picture>\n")
    assert 'src="https://cdn.example/full/markup/a%20b.jpg"' in done.stdout
    assert 'width="900" height="600"' in done.stdout
    assert "url(data:image/png;base64," in done.stdout
    for placeholder, style in (("colour", 'style="background: #'), ("none", None)):
        shown = subprocess.run(  # noqa: S603
            [*command, "markup/a b.jpg", "--placeholder", placeholder],
            env=dict(pipeline.environment), capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "data:" not in shown
        assert (style or "<img ") in shown
        assert ("style=" in shown) == (style is not None)
