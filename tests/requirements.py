"""What a test needs of the machine: missing, it is skipped with the reason, or fails where REQUIRE names it."""

import os

import pytest


def need(tool: str, *, present: bool, how: str) -> None:
    """Go on if a tool is present, else skip; fail instead where `REQUIRE` lists it.

    Args:
        tool: `docker`, `terraform`, `node`, `chromium`, `openssl`, `openseadragon`, `aws` or `jq`.
        present: whether it was found.
        how: to get it, in one sentence.
    """
    if present:
        return
    if tool in os.environ.get("REQUIRE", "").split():
        pytest.fail(f"REQUIRE names {tool}, and it is missing. {how}")
    pytest.skip(f"needs {tool}. {how}")
