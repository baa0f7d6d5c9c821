"""The base that the image is built on: pinned, part of the image's name, and brought up to date by a command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TAG = "public.ecr.aws/lambda/python:3.13"
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64

DOCKER = """\
#!/bin/sh
echo "$@" >>"$FAKE/commands"
case "$1 $2" in
  "buildx version") test -e "$FAKE/buildx" ;;
  "buildx imagetools") echo "{\\"digest\\": \\"$(cat "$FAKE/newest")\\"}" ;;
  "pull "*) printf 'Digest: %s\\n' "$(cat "$FAKE/newest")" ;;
  "image inspect") cat "$FAKE/id" ;;
  "build "*) test ! -e "$FAKE/unreachable" ;;
esac
"""
"""A docker that knows a registry's newest digest (file `newest`) and the id of what a tag names here (file `id`)."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository with what the image is made of, and a docker that only pretends."""
    for name in ("scripts/stacktools", "docker"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("scripts/image", "scripts/update-base"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "processor").mkdir()
    (tmp_path / "processor" / "code.py").write_text("pass\n")
    (tmp_path / "requirements.txt").write_text("\n")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S603, S607
    pin(tmp_path, OLD)
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "docker").write_text(DOCKER)
    (fake / "docker").chmod(0o755)
    (fake / "newest").write_text(NEW)
    (fake / "id").write_text("sha256:local\n")
    (fake / "buildx").touch()
    return tmp_path


def pin(checkout: Path, digest: str | None) -> None:
    """Have the Dockerfile pin the base, or not."""
    file = checkout / "docker" / "Dockerfile"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("# Resolved on ")]
    named = f"ARG BASE={TAG}" + (f"@{digest}" if digest else "")
    file.write_text("\n".join(named if line.startswith("ARG BASE=") else line for line in lines) + "\n")


def pinned(checkout: Path) -> str:
    """What the Dockerfile says."""
    text = (checkout / "docker" / "Dockerfile").read_text()
    return next(line for line in text.splitlines() if line.startswith("ARG BASE=")).removeprefix("ARG BASE=")


def run(checkout: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the docker that only pretends."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("BASE_IMAGE", "DOCKER_BUILD_FLAGS", "ARCH")
    }
    fake = checkout / "fake"
    environment = {**kept, "PATH": f"{fake}:{kept['PATH']}", "FAKE": str(fake), "PYTHON": sys.executable, **variables}
    return subprocess.run(  # noqa: S603 - our own scripts
        [checkout / "scripts" / script, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def tag(checkout: Path, **variables: str) -> str:
    """What the image is called."""
    done = run(checkout, "image", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_base_is_pinned_by_digest() -> None:
    """What is committed names the base by its digest, and builds on that name alone."""
    text = (ROOT / "docker" / "Dockerfile").read_text()
    assert pinned(ROOT).startswith(f"{TAG}@sha256:")
    assert [line for line in text.splitlines() if line.startswith("FROM ")] == ["FROM ${BASE}"]


def test_another_digest_of_the_base_is_another_image(checkout: Path) -> None:
    """With the same code, so that a registry that has the one does not pass for having the other."""
    before = tag(checkout)
    assert tag(checkout) == before
    pin(checkout, NEW)
    assert tag(checkout) != before


def test_a_patched_image_under_an_unpinned_tag_is_another_image(checkout: Path) -> None:
    """Without a digest, what the tag names on this machine counts, and the build says that it is not pinned."""
    pin(checkout, None)
    before = tag(checkout)
    assert "the base is not pinned" in run(checkout, "image").stderr
    (checkout / "fake" / "id").write_text("sha256:patched\n")
    assert tag(checkout) != before


@pytest.mark.parametrize(
    "variables",
    [
        {"BASE_IMAGE": "mine:1"},
        {"DOCKER_BUILD_FLAGS": "--build-arg BASE=mine:1"},
        {"DOCKER_BUILD_FLAGS": "--pull --build-arg=BASE=mine:1"},
    ],
)
def test_another_base_is_built_on_and_said(checkout: Path, variables: dict[str, str]) -> None:
    """However it is named, it is part of the image's name, by content, and nobody takes it for the pinned one."""
    before = tag(checkout)
    done = run(checkout, "image", **variables)
    assert "NOT on the pinned base: built on mine:1 sha256:local" in done.stderr
    assert "--build-arg BASE=mine:1" in (checkout / "fake" / "commands").read_text().splitlines()[-1]
    first = done.stdout.splitlines()[-1]
    assert first != before
    (checkout / "fake" / "id").write_text("sha256:patched\n")
    assert tag(checkout, **variables) not in (before, first)


def test_a_base_that_cannot_be_had_is_named_with_the_remedy(checkout: Path) -> None:
    """Docker says why; the script says what to do, and does not fall back on another base."""
    (checkout / "fake" / "unreachable").touch()
    (checkout / "fake" / "docker").write_text(DOCKER.replace('cat "$FAKE/id"', "false"))
    done = run(checkout, "image")
    assert done.returncode == 1
    assert f"the base {TAG}@{OLD} is not on this machine" in done.stderr
    assert "make update-base" in done.stderr
    assert "BASE_IMAGE=" in done.stderr


@pytest.mark.parametrize("buildx", [True, False])
def test_update_base_writes_the_newest_digest_and_says_so(checkout: Path, *, buildx: bool) -> None:
    """With the day; by buildx where there is one, by a pull where not; and a second time there is nothing to do."""
    if not buildx:
        (checkout / "fake" / "buildx").unlink()
    done = run(checkout, "update-base")
    assert done.returncode == 0, done.stderr
    assert OLD in done.stdout
    assert f"the newest is {NEW}" in done.stdout
    assert pinned(checkout) == f"{TAG}@{NEW}"
    text = (checkout / "docker" / "Dockerfile").read_text()
    assert text.count("# Resolved on 20") == 1

    again = run(checkout, "update-base")
    assert "which is the newest" in again.stdout
    assert (checkout / "docker" / "Dockerfile").read_text() == text


def test_update_base_pins_what_was_not_pinned(checkout: Path) -> None:
    """A tag alone gets its digest."""
    pin(checkout, None)
    assert f"is not pinned; the newest is {NEW}" in run(checkout, "update-base").stdout
    assert pinned(checkout) == f"{TAG}@{NEW}"


def test_check_tells_by_its_exit_code_and_writes_nothing(checkout: Path) -> None:
    """For a job on a schedule: 3 if there is a newer base, 0 if not."""
    assert run(checkout, "update-base", "--check").returncode == 3
    assert pinned(checkout) == f"{TAG}@{OLD}"
    pin(checkout, NEW)
    assert run(checkout, "update-base", "--check").returncode == 0


@pytest.mark.parametrize("answer", ["", "sha256:short"])
def test_a_registry_that_does_not_tell_changes_nothing(checkout: Path, answer: str) -> None:
    """Half an answer is none."""
    (checkout / "fake" / "newest").write_text(answer)
    done = run(checkout, "update-base")
    assert done.returncode == 1
    assert f"docker does not tell the digest of {TAG}" in done.stderr
    assert pinned(checkout) == f"{TAG}@{OLD}"
