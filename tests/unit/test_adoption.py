"""What an apply left behind that was cut off is found by its name, and nothing else is."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.stacktools import adoption, consent
from scripts.stacktools.adoption import FINDERS, orphans, taken_over
from scripts.stacktools.consent import Consent
from scripts.stacktools.shell import Shell
from scripts.stacktools.terraform import Root

NAME = "img-pipeline-dev"

POLICY = {"CachePolicy": {"Id": "E1", "CachePolicyConfig": {"Name": NAME}}}
HEADERS = {"ResponseHeadersPolicy": {"Id": "E2", "ResponseHeadersPolicyConfig": {"Name": NAME}}}
THERE: dict[str, Any] = {
    "describe_log_groups": {"logGroups": [{"logGroupName": f"{NAME}-other"}, {"logGroupName": NAME}]},
    "list_event_source_mappings": {"EventSourceMappings": [{"UUID": "uuid"}]},
    "get_queue_url": {"QueueUrl": "https://queue"},
    "describe_repositories": {"repositories": [{"repositoryName": NAME}]},
    "list_cache_policies": {"CachePolicyList": {"Items": [POLICY]}},
    "list_response_headers_policies": {"ResponseHeadersPolicyList": {"Items": [HEADERS]}},
    "list_origin_access_controls": {"OriginAccessControlList": {"Items": [{"Id": "E3", "Name": NAME}]}},
    "paginate": [{"DistributionList": {}}, {"DistributionList": {"Items": [{"Id": "E4", "Comment": NAME}]}}],
}
NOWHERE: dict[str, Any] = {
    "describe_log_groups": {"logGroups": [{"logGroupName": f"{NAME}-other"}]},
    "list_event_source_mappings": {"EventSourceMappings": []},
    "list_cache_policies": {"CachePolicyList": {}},
    "list_response_headers_policies": {"ResponseHeadersPolicyList": {"Items": []}},
    "list_origin_access_controls": {"OriginAccessControlList": {"Items": [{"Id": "E3", "Name": "another"}]}},
    "paginate": [{"DistributionList": {"Items": [{"Id": "E4", "Comment": "another"}]}}],
}
"""What AWS returns, by call; of a name that it does not know, an error."""
AFTER = dict.fromkeys(("name", "bucket", "function_name", "comment", "event_source_arn"), NAME)


class Aws:
    """Every client at once."""

    def __init__(self, answers: dict[str, Any], *, knows_names: bool) -> None:
        self.answers = answers
        self.knows_names = knows_names

    def get_paginator(self, _call: str) -> "Aws":
        """Itself, which has `paginate`."""
        return self

    def __getattr__(self, call: str) -> Any:
        """A call."""

        def answer(**_arguments: str) -> Any:
            if call not in self.answers and not self.knows_names:
                raise ClientError({"Error": {"Code": "404"}}, call)
            return self.answers.get(call, {})

        return answer


def plan(action: str = "create", after: dict[str, str] = AFTER) -> dict[str, Any]:
    """A plan that makes one of each type."""
    kinds = [*FINDERS, "aws_sns_topic"]
    changes = [
        {"address": f"{kind}.it", "type": kind, "change": {"actions": [action], "after": after}} for kind in kinds
    ]
    resources = [{"address": f"{kind}.it", "provider_config_key": "aws"} for kind in kinds]
    return {"resource_changes": changes, "configuration": {"root_module": {"resources": resources}}}


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is there already."""
    monkeypatch.setattr(adoption, "client", lambda _service, **_region: Aws(THERE, knows_names=True))


@pytest.mark.usefixtures("everything")
def test_everything_that_is_there_is_found() -> None:
    """Under the id with which Terraform imports it."""
    found = orphans(plan(), "eu-central-1")
    assert found.keys() == {f"{kind}.it" for kind in FINDERS}
    special = {"E1", "E2", "E3", "E4", "uuid", "https://queue", f"{NAME}/{NAME}"}
    assert set(found.values()) == {NAME, *special}


def test_nothing_is_found_where_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others of another name do not count."""
    monkeypatch.setattr(adoption, "client", lambda _service, **_region: Aws(NOWHERE, knows_names=False))
    assert orphans(plan(), "eu-central-1") == {}


@pytest.mark.parametrize(("replica", "found"), [("eu-west-1", []), ("eu-central-1", [NAME])])
def test_a_name_is_looked_for_in_the_resources_own_region(
    monkeypatch: pytest.MonkeyPatch, replica: str, found: list[str]
) -> None:
    """The stack's parameter is in its region, and the copy's, of the same name, is still to be made."""
    address = 'module.copy[0].aws_ssm_parameter.it["stack"]'
    change = {"actions": ["create"], "after": AFTER}
    copy = {"resources": [{"address": "aws_ssm_parameter.it", "provider_config_key": "aws.replica"}]}
    planned = {
        "variables": {"replica_region": {"value": replica}},
        "resource_changes": [{"address": address, "type": "aws_ssm_parameter", "change": change}],
        "configuration": {"root_module": {"module_calls": {"copy": {"module": copy}}}},
    }
    monkeypatch.setattr(adoption, "client", lambda _service, region: Aws(THERE, knows_names=region == "eu-central-1"))
    assert orphans(planned, "eu-central-1") == dict(zip([address], found, strict=False))


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("other", [plan("update"), plan("delete"), plan(after={})])
def test_only_what_would_be_made_under_a_known_name_is_looked_for(other: dict[str, Any]) -> None:
    """What is in the state is not an orphan, and what has no name yet cannot be there."""
    assert orphans(other, "eu-central-1") == {}


@pytest.mark.usefixtures("everything")
def test_the_plan_that_is_applied_is_made_with_the_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first plan is thrown away; the file that tells Terraform is there for the second one alone."""
    file = tmp_path / "terraform" / adoption.FILE
    file.parent.mkdir()
    monkeypatch.setattr(adoption, "ROOT", tmp_path)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    seen: list[str | None] = []

    def note(*_arguments: object) -> bool:
        seen.append(file.read_text() if file.exists() else None)
        return True

    monkeypatch.setattr(Root, "plan", note)
    monkeypatch.setattr(Root, "show", lambda *_: plan())
    monkeypatch.setattr(Root, "apply", lambda *_: seen.append("applied"))
    consent.bring_about(Root("terraform", "dev", Shell()), Consent())
    first, second, last = seen
    assert (first, last) == (None, "applied")
    assert 'import {\n  to = aws_s3_bucket.it\n  id = "img-pipeline-dev"\n}' in str(second)
    assert not file.exists()


def test_the_file_goes_though_the_plan_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be in the way of who uses Terraform by hand."""
    (tmp_path / "terraform").mkdir()
    monkeypatch.setattr(adoption, "ROOT", tmp_path)
    with pytest.raises(SystemExit), taken_over("terraform", {"aws_s3_bucket.it": NAME}):
        raise SystemExit
    assert not (tmp_path / "terraform" / adoption.FILE).exists()
