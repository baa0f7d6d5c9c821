"""For every test."""

from tests.requirements import required


def pytest_configure() -> None:
    """A misspelt requirement would require nothing."""
    required()
