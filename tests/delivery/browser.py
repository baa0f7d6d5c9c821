"""Headless Chromium for tests, which are skipped where there is none, or fail where `REQUIRE` names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.browser import Browser, executable, launched
from tests.requirements import need

__all__ = ["Browser", "chromium"]


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser of the test's own."""
    path = executable()
    need("chromium", present=path is not None, how="Install Chromium.")
    assert path is not None
    with launched(path, folder) as browser:
        yield browser
