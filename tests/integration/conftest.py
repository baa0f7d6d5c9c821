"""One emulator, its resources and one worker for all integration tests; every test uses keys of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.demo import resources, servers
from tests.emulator import EMULATORS, Pipeline, pipeline_on

CDN_DOMAIN = "cdn.example"


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline's resources on the emulator that EMULATOR names."""
    name = os.environ.get("EMULATOR", "ministack")
    if name not in EMULATORS:
        pytest.fail(f"EMULATOR={name} is none of {', '.join(EMULATORS)}")
    with EMULATORS[name](tmp_path_factory.mktemp("emulator")) as environment:
        yield pipeline_on(environment)


@pytest.fixture(scope="session")
def worker_environment(pipeline: Pipeline) -> dict[str, str]:
    """The environment of a processor on that pipeline."""
    settings = resources.worker_environment(pipeline.queue_url, CDN_DOMAIN)
    return {**pipeline.environment, **settings}


@pytest.fixture(scope="session")
def worker(worker_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A worker polling the queue. Gives the path of its log."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with servers.worker(log, worker_environment) as server:
        yield log
        server.check_alive()
