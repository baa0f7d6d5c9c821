"""For every test."""

from hypothesis import HealthCheck, settings

from tests.requirements import required

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])


def pytest_configure() -> None:
    """A misspelt requirement would require nothing, and no test fails because the machine is busy."""
    required()
    settings.load_profile("untimed")
