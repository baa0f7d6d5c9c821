"""Waiting for what happens elsewhere, with a failure that says what was last seen."""

import time
import urllib.request
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, last_seen: Callable[[], str] = str, seconds: float = 60) -> T:
    """Call `look` until it answers something.

    Args:
        look: answers None while what is waited for is not there.
        what: it is, for the failure.
        last_seen: what is known in the end, for the failure.
        seconds: until the test fails.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    pytest.fail(f"waited {seconds:.0f} s for {what}; {last_seen()}")


def healthy(url: str) -> bool | None:
    """True once something answers, for `wait_for`."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - http
            return True
    except OSError:
        return None
