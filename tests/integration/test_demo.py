"""The demo as a user starts it: on a folder of pictures, with the real emulator and the real worker."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from processor.keys import rendition_keys
from processor.recipe import Recipe
from tests.helpers import photo, saved
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
MARK = "IMG_PIPELINE_DEMO_TEST"
GOOD = ("small.jpg", "my photos/ü b+c (1).png")
BAD = "notes.jpg"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two pictures and a text that is named like one."""
    folder = tmp_path / "images"
    (folder / GOOD[1]).parent.mkdir(parents=True)
    (folder / GOOD[0]).write_bytes(saved(photo(320, 240), "JPEG"))
    (folder / GOOD[1]).write_bytes(saved(photo(200, 300), "PNG"))
    (folder / BAD).write_text("not a picture")
    return folder


def start(tmp_path: Path, images: Path) -> subprocess.Popen[str]:
    """The demo, marked by a variable that every process it starts inherits."""
    command = [sys.executable, "-m", "scripts.demo", "--images", str(images), "--out", str(tmp_path / "out")]
    return subprocess.Popen(  # noqa: S603 - the command is ours
        command,
        cwd=ROOT,
        env=os.environ | {MARK: str(tmp_path), "AWS_PROFILE": "no-such-profile", "AWS_REGION": "xx-nowhere-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def marked_processes(tmp_path: Path) -> list[str]:
    """The command lines of all living processes that carry the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={tmp_path}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended, or is not ours to look at
    return found


def test_a_folder_of_pictures_becomes_a_page(tmp_path: Path, images: Path) -> None:
    """It exits with 0; table and page name what was made; every rendition lies beside the page; nothing runs on."""
    with start(tmp_path, images) as demo:
        output, errors = demo.communicate(timeout=120)
    assert demo.returncode == 0, errors
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    for key in GOOD:
        assert key in output
        assert (tmp_path / "out" / "sources" / key).read_bytes() == (images / key).read_bytes()
        for rendition in rendition_keys(Recipe.default(), key):
            assert (tmp_path / "out" / "renditions" / rendition).stat().st_size > 0
            assert f"renditions/{rendition}" in unquote(page)
    assert "unsupported_format" in output
    assert "unsupported_format" in page
    assert "2 pictures in, 18 renditions out" in page
    assert marked_processes(tmp_path) == []


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, images: Path, wish: signal.Signals) -> None:
    """Interrupted while its worker runs, it stops both servers and says so."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc to see what runs")
    with start(tmp_path, images) as demo:
        wait_for(
            lambda: True if any("processor.worker" in line for line in marked_processes(tmp_path)) else None,
            "the demo's worker",
        )
        demo.send_signal(wish)
        _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert "interrupted" in errors
    assert marked_processes(tmp_path) == []


def test_a_worker_that_cannot_work_is_quoted(tmp_path: Path, images: Path) -> None:
    """If the worker ends, the demo ends too, with the worker's own last words, and stops the emulator."""
    with start(tmp_path, images) as demo:
        worker = wait_for(lambda: _worker_id(tmp_path), "the demo's worker")
        os.kill(worker, signal.SIGKILL)
        _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "the worker ended with exit code -9" in errors
    assert marked_processes(tmp_path) == []


def _worker_id(tmp_path: Path) -> int | None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                f"{MARK}={tmp_path}".encode() in (process / "environ").read_bytes()
                and b"processor.worker" in (process / "cmdline").read_bytes()
            ):
                return int(process.name)
        except OSError:
            continue
    return None
