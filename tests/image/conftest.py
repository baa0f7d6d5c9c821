"""The built image, run as Lambda would run it, against an emulator on this machine."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.demo import resources, servers
from tests.base import base_image
from tests.emulator import Pipeline, pipeline_on
from tests.registry import running_registry
from tests.requirements import need
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
HOST_FROM_CONTAINER = "host.docker.internal"
EMULATOR_PORT_IN_CONTAINER = 8080


@dataclass(frozen=True, slots=True)
class Function:
    """A running container, called through its runtime interface emulator.

    Attributes:
        url: where it is invoked.
        logs: what it has written so far.
    """

    url: str
    logs: Callable[[], str]

    def invoke(self, event: Any) -> Any:
        """The handler's answer, or its error as the runtime words it."""
        request = urllib.request.Request(self.url, json.dumps(event).encode(), method="POST")  # noqa: S310 - http
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return json.loads(answer.read())
        except OSError as exc:
            pytest.fail(f"the container does not answer ({exc}); its log:\n{self.logs()[-6000:]}")


@pytest.fixture(scope="session")
def image() -> str:
    """The tag of the image, built now if its content has changed."""
    answers = shutil.which("docker") is not None and (
        subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0  # noqa: S607
    )
    need("docker", present=answers, how="Install Docker Engine or Docker Desktop and start it.")
    environment = {**os.environ, **base_image()}
    built = subprocess.run([ROOT / "scripts" / "image"], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert built.returncode == 0, built.stderr[-4000:]
    return built.stdout.splitlines()[-1]


@pytest.fixture(scope="session")
def registry(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine: HOST:PORT."""
    del image  # only so that nothing is started where there is no Docker
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def pipeline(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline's resources on an emulator that containers reach too."""
    del image  # only so that nothing is started where there is no Docker
    directory = tmp_path_factory.mktemp("emulator")
    port = servers.choose_port(None)
    environment = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
    with servers.emulator(port, directory / "emulator.log", environment, servers.FOR_CONTAINERS):
        yield pipeline_on(environment)


@pytest.fixture(scope="session")
def container_environment(pipeline: Pipeline) -> dict[str, str]:
    """What Terraform would give the function, with the emulator as the container sees it."""
    endpoint = pipeline.environment["AWS_ENDPOINT_URL"].replace(servers.HOST, HOST_FROM_CONTAINER)
    return {
        **resources.worker_environment(pipeline.queue_url.replace(servers.HOST, HOST_FROM_CONTAINER), "cdn.example"),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": servers.REGION,
        "AWS_DEFAULT_REGION": servers.REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@pytest.fixture(scope="session")
def function(image: str, container_environment: dict[str, str]) -> Iterator[Function]:
    """A container of the image under Lambda's constraints: no shared memory, nothing writable but /tmp, not root."""
    # testcontainers looks for Docker as soon as it is imported; its helper Ryuk is one more image to pull
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    container = (
        DockerContainer(image)
        .with_exposed_ports(EMULATOR_PORT_IN_CONTAINER)
        .with_kwargs(
            user="993:990",
            read_only=True,
            ipc_mode="none",
            mem_limit="2g",
            extra_hosts={HOST_FROM_CONTAINER: "host-gateway"},
        )
    )
    container = container.with_tmpfs_mount("/tmp", "size=512m")  # noqa: S108 - in the container
    for name, value in container_environment.items():
        container = container.with_env(name, value)
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(EMULATOR_PORT_IN_CONTAINER)}"

        def logs() -> str:
            return b"".join(container.get_logs()).decode(errors="replace")

        wait_for(lambda: _listens(f"http://{address}/"), "the container's runtime emulator", logs)
        yield Function(f"http://{address}/2015-03-31/functions/function/invocations", logs)


def _listens(url: str) -> bool | None:
    """Whether anything speaks HTTP there; Docker's own proxy accepts connections before the container does."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - http
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return None
