"""What is asked before a plan is applied, and what counts as a yes."""

import io
from pathlib import Path
from typing import Any

import pytest

from scripts.stacktools import consent
from scripts.stacktools.consent import Consent, agree, deletions
from scripts.stacktools.shell import Shell
from scripts.stacktools.terraform import Root

ROOT = Root("terraform", "prod", Shell())
LOST = ["module.storage.aws_s3_bucket.raw pictures: deleted (bucket)"]


def change(kind: str, *actions: str, before: dict[str, Any] | None = None, after: Any = None) -> dict[str, Any]:
    """A resource's part of a plan."""
    return {"address": f"{kind}.it", "type": kind, "change": {"actions": actions, "before": before, "after": after}}


@pytest.mark.parametrize("kind", sorted(consent.HOLDING))
@pytest.mark.parametrize("actions", [("delete",), ("delete", "create"), ("create", "delete")])
def test_what_holds_something_is_not_deleted_unasked(kind: str, actions: tuple[str, ...]) -> None:
    """Deleted or replaced, each type that an apply cannot bring back is named."""
    (line,) = deletions({"resource_changes": [change(kind, *actions, before={"name": "old"})]})
    assert line.startswith(f"{kind}.it old: {'replaced by an empty one' if 'create' in actions else 'deleted'}")


def test_a_copy_of_the_table_counts() -> None:
    """Terraform calls that an update."""
    before = {"name": "records", "replica": [{"region_name": "eu-west-1"}, {"region_name": "eu-west-3"}]}
    after = {"name": "records", "replica": [{"region_name": "eu-west-3"}]}
    plan = {"resource_changes": [change("aws_dynamodb_table", "update", before=before, after=after)]}
    assert deletions(plan) == ["aws_dynamodb_table.it records: its copy in eu-west-1 is deleted"]


@pytest.mark.parametrize(
    "harmless",
    [
        change("aws_s3_bucket", "create", after={"bucket": "new"}),
        change("aws_s3_bucket", "update", before={"bucket": "old"}, after={"bucket": "old"}),
        change("aws_lambda_alias", "delete", "create", before={"name": "live"}),
        change("aws_dynamodb_table", "update", before={"replica": []}, after={"replica": [{"region_name": "a"}]}),
    ],
)
def test_what_can_be_made_again_needs_no_name(harmless: dict[str, Any]) -> None:
    """A yes is enough for it."""
    assert deletions({"resource_changes": [harmless]}) == []


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("deleted", "typed", "given"),
    [
        ([], "yes\n", Consent()),
        ([], "", Consent(yes=True)),
        (LOST, "prod\n", Consent()),
        (LOST, "", Consent(yes=True, confirmed="prod")),
    ],
)
def test_what_is_agreed_to(monkeypatch: pytest.MonkeyPatch, deleted: list[str], typed: str, given: Consent) -> None:
    """A yes, or the environment's name where something goes for good; typed or on the command line."""
    monkeypatch.setattr("sys.stdin", Terminal(typed) if typed else io.StringIO())
    monkeypatch.setattr("builtins.input", lambda _question: typed.strip())
    agree(ROOT, deleted, given)


@pytest.mark.parametrize(
    ("deleted", "typed", "given", "reason"),
    [
        ([], "no", Consent(), "nothing was applied"),
        ([], "", Consent(), "nothing was applied"),
        ([], "prod", Consent(), "nothing was applied"),
        (LOST, "yes", Consent(), "nothing was applied"),
        (LOST, "dev", Consent(), "nothing was applied"),
        (LOST, None, Consent(yes=True), "--yes --confirm prod makes and applies"),
        (LOST, None, Consent(yes=True, confirmed="dev"), "this plan deletes something for good"),
        ([], None, Consent(), "there is no terminal to ask on"),
        (LOST, None, Consent(confirmed="prod"), "there is no terminal to ask on"),
    ],
)
def test_anything_else_is_a_no(
    monkeypatch: pytest.MonkeyPatch, deleted: list[str], typed: str | None, given: Consent, reason: str
) -> None:
    """With a sentence on how the plan, which is saved, can be applied."""
    monkeypatch.setattr("sys.stdin", io.StringIO() if typed is None else Terminal())
    monkeypatch.setattr("builtins.input", lambda _question: typed)
    with pytest.raises(SystemExit, match=reason) as refused:
        agree(ROOT, deleted, given)
    assert "--apply build/prod/terraform.tfplan` applies exactly this plan" in str(refused.value)


def test_a_saved_plan_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans hold values."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr(Shell, "attempt", lambda *_command, **_options: 2)
    path = tmp_path / "build" / "terraform.tfplan"
    assert Root("terraform", "dev", Shell()).plan(path)
    assert path.stat().st_mode & 0o777 == 0o600
