"""What a test needs of the machine: missing, it is skipped with the reason, or fails where REQUIRE names it."""

import os

import pytest

TOOLS = frozenset({"docker", "terraform", "node", "chromium", "openssl", "openseadragon", "aws", "jq"})


def required() -> frozenset[str]:
    """What `REQUIRE` lists.

    Raises:
        pytest.UsageError: it names something that no test needs.
    """
    named = frozenset(os.environ.get("REQUIRE", "").split())
    if named - TOOLS:
        raise pytest.UsageError(
            f"REQUIRE names {', '.join(sorted(named - TOOLS))}; known are {', '.join(sorted(TOOLS))}"
        )
    return named


def need(tool: str, *, present: bool, how: str) -> None:
    """Go on if a tool is present, else skip; fail instead where `REQUIRE` lists it.

    Args:
        tool: one of `TOOLS`.
        present: whether it was found.
        how: to get it, in one sentence.
    """
    if present:
        return
    if tool in required():
        pytest.fail(f"REQUIRE names {tool}, and it is missing. {how}")
    pytest.skip(f"needs {tool}. {how}")
