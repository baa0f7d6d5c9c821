"""A container registry on this machine."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.demo import servers
from tests.requirements import need
from tests.waiting import healthy, wait_for


@contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """HOST:PORT of an empty registry, until the block ends. What was tagged for it is then forgotten here, too."""
    path = shutil.which("docker-registry")
    need("docker", present=path is not None, how="Install Debian's docker-registry.")
    assert path is not None
    port = servers.choose_port(None)
    configuration = folder / "config.yml"
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}}
    configuration.write_text(
        json.dumps({"version": "0.1", "storage": storage, "http": {"addr": f"{servers.HOST}:{port}"}})
    )
    command = [path, "serve", str(configuration)]
    host = f"{servers.HOST}:{port}"
    with servers.running("the registry", command, os.environ, folder / "registry.log") as server:
        wait_for(lambda: healthy(f"http://{host}/v2/"), "the registry", server.log.read_text)
        yield host
    for line in docker(
        "images", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", f"{host}/*"
    ).splitlines():
        repository, tag, digest = line.split()
        docker("image", "rm", "--force", f"{repository}@{digest}" if tag == "<none>" else f"{repository}:{tag}")


def docker(*arguments: str) -> str:
    """What docker printed."""
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout
