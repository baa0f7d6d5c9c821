"""The newest base, asked of a real registry with the Docker at hand."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.registry import docker

ROOT = Path(__file__).resolve().parents[2]


def test_update_base_follows_the_tag_in_a_registry(image: str, registry: str, tmp_path: Path) -> None:
    """The digest that is written is the registry's, and after a patch under the same tag it is the new one."""
    shutil.copytree(ROOT / "scripts" / "stacktools", tmp_path / "scripts" / "stacktools")
    tag = f"{registry}/python:3.13"
    dockerfile = tmp_path / "docker" / "Dockerfile"
    dockerfile.parent.mkdir()
    dockerfile.write_text(f"# The base.\nARG BASE={tag}\nFROM ${{BASE}}\n")
    for patch in ("one", "two"):
        docker(
            "build", "--quiet", "--tag", tag, "--build-arg", f"BASE={image}", "--label", f"patch={patch}",
            "--file", str(dockerfile), str(tmp_path),
        )  # fmt: skip
        pushed = docker("push", tag)
        digest = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
        assert digest, pushed
        docker("image", "rm", tag)
        command = [sys.executable, "-m", "scripts.stacktools.update_base"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)  # noqa: S603
        assert f"\nARG BASE={tag}@{digest[1]}\nFROM ${{BASE}}\n" in dockerfile.read_text()
