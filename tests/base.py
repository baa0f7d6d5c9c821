"""Which base the tests build the image on: the pinned one, unless this machine has only a stand-in of its own."""

import json
import os
import shutil
import subprocess
from pathlib import Path

DOCKERFILE = Path(__file__).resolve().parents[1] / "docker" / "Dockerfile"


def base_image() -> dict[str, str]:
    """BASE_IMAGE for scripts/image, or nothing.

    A machine that cannot reach AWS's public registry may have built an image of the base's name. Such an image was
    never pulled, so it has no digest: the tests then name it. Users are never given it; scripts/image would refuse.
    """
    if named := os.environ.get("BASE_IMAGE"):
        return {"BASE_IMAGE": named}
    (pinned,) = (
        line.removeprefix("ARG BASE=") for line in DOCKERFILE.read_text("utf-8").splitlines() if line[:9] == "ARG BASE="
    )
    tag = pinned.partition("@")[0]
    if shutil.which("docker") is None:
        return {}
    command = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if found.returncode == 0 and not json.loads(found.stdout):
        return {"BASE_IMAGE": tag}
    return {}
