"""REQUIRE: what turns a skipped test into a failed one."""

import pytest

from tests.requirements import need, required


def test_unknown_requirement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt tool ends the run instead of requiring nothing."""
    monkeypatch.setenv("REQUIRE", "docker teraform")
    with pytest.raises(pytest.UsageError, match="teraform"):
        required()


def test_missing_tool_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails where REQUIRE lists it, else it skips, each with the remedy."""
    monkeypatch.setenv("REQUIRE", "jq")
    with pytest.raises(pytest.fail.Exception, match="Install jq"):
        need("jq", present=False, how="Install jq.")
    with pytest.raises(pytest.skip.Exception, match="Install node"):
        need("node", present=False, how="Install node.")
