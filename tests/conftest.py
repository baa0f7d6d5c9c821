"""For every test."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.base import base_image
from tests.requirements import required

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])


def pytest_configure() -> None:
    """A misspelt requirement would require nothing, and no test fails because the machine is busy."""
    required()
    settings.load_profile("untimed")


def pytest_report_header() -> list[str]:
    """Say where the image is not built on the base that users get."""
    return [f"image: built on {name}, which is not the pinned base" for name in base_image().values()]


@pytest.fixture(autouse=True)
def ordinary_scheduling() -> Iterator[None]:
    """No test leaves this process real-time, as SVT-AV1 leaves root's: `encode.scheduled_as_before` undoes that."""
    if not hasattr(os, "sched_getscheduler"):  # Linux alone has it
        yield
        return
    before = os.sched_getscheduler(0)
    yield
    assert os.sched_getscheduler(0) == before
