"""Every alarm of the stack: when it goes off, whom it tells, what to do then, and what it costs."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.scaling import costs
from tests.cloudwatch import Series, state
from tests.planning import MOCKED, Plan, plans

ROOT = Path(__file__).resolve().parents[2]

IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/processor@sha256:{'0' * 64}"
TESTS = f"""{MOCKED}
variables {{
  environment     = "dev"
  image_uri       = "{IMAGE}"
  alarm_receivers = ["on-call@example.org"]
}}
run "plain" {{
  command = plan
}}
run "another" {{
  command = plan
  variables {{
    project = "holiday"
  }}
}}
run "everything" {{
  command = plan
  variables {{
    replica_region = "eu-west-1"
    canary_minutes = 15
    domain         = {{ name = "pictures.example.org", zone_id = "Z0123456789ABCDEFGHIJ" }}
  }}
}}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> list[Plan]:
    """A stack as it is by default, another one of the same account, and one with every option that has alarms."""
    return plans(tmp_path_factory.mktemp("plan"), TESTS)


def alarms(plan: Plan) -> dict[str, dict[str, Any]]:
    """The planned alarms by their names without the stack's."""
    found = [after for address, after in plan.items() if ".aws_cloudwatch_metric_alarm." in address]
    return {re.sub(r"^(img-pipeline|holiday)-dev-", "", alarm["alarm_name"]): alarm for alarm in found}


def metrics(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at."""
    queried = [query["metric"][0] for query in alarm["metric_query"] if query["metric"]]
    return queried or [{name: alarm[name] for name in ("namespace", "metric_name", "dimensions")}]


FIRES: Mapping[str, list[Mapping[str, Series]]] = {
    "dead-letters": [{"ApproximateNumberOfMessagesVisible": [1]}],
    "oldest-message": [{"ApproximateAgeOfOldestMessage": [901, 960, 1020, 1080, 1140]}],
    "silence": [{"sent": [1, 1]}, {"sent": [200, 300], "ended": [0, None]}],
    "canary": [{}, {"CanaryEnded": [1, None, None, None]}, {"CanaryEnded": [0, 0, 0]}],
    "function-errors": [{"Errors": [1]}],
    "function-throttles": [{"Throttles": [1, 5, 2]}],
    "invocations-per-upload": [{"invocations": [1200, 1200], "ended": [100, 100]}, {"invocations": [300, 300]}],
    "failed-share": [{"failed": [30]}, {"failed": [100], "ended": [300]}],
    "rejected-share": [{"rejected": [60], "ended": [100]}],
    "table": [{"reads": [11, 0, 11]}, {"reads": [11, 11, 0]}, {"writes": [None, 6, 6], "errors": [None, 6, 6]}],
    "backfill": [{"failed": [1]}, {"timed_out": [1]}, {"aborted": [1]}],
    "invalidations-left-out": [{"InvalidationsLeftOut": [1]}],
    "removals-still-served": [{"RemovalsStillServed": [1]}],
    "cdn-errors": [
        {"requests": [500] * 3, "errors_5xx": [6] * 3},
        {"requests": [500] * 3, "errors_5xx": [0] * 3, "errors_4xx": [80] * 3},
    ],
    "certificate": [{"DaysToExpiry": [29]}],
    "replication-failed": [{"raw": [1]}, {"processed": [1]}],
    "replication-late": [{"raw": [901, 1200, 1500]}, {"processed": [901, 1200, 1500], "raw": [0, 0, 0]}],
}
"""What each alarm must go off at."""

STAYS_QUIET: Mapping[str, list[Mapping[str, Series]]] = {
    "dead-letters": [{}, {"ApproximateNumberOfMessagesVisible": [3, 0]}],
    "oldest-message": [
        {},
        {"ApproximateAgeOfOldestMessage": [10, 901, 901, 901, 901]},
        {"ApproximateAgeOfOldestMessage": [900] * 5},
    ],
    "silence": [
        {},
        {"sent": [1, 0]},  # the upload of a quarter's last second
        {"sent": [1, None], "ended": [None, 1]},
        {"sent": [500, 500], "ended": [1, 1]},  # slow, which the oldest message tells
        {"sent": [0, 0]},
        {"sent": [0, 1]},
    ],
    "canary": [{"CanaryEnded": [1, None, None]}, {"CanaryEnded": [None, 1, 1]}],
    "function-errors": [{}, {"Errors": [5, 0]}],
    "function-throttles": [{}, {"Throttles": [0, 5, 2]}],
    "invocations-per-upload": [
        {},
        {"invocations": [200, 200]},
        {"invocations": [3000, 3000], "ended": [600, 600]},
        {"invocations": [1010, 1010], "ended": [100, 100]},
        {"invocations": [0, 3000]},
    ],
    "failed-share": [{}, {"failed": [20]}, {"failed": [21], "ended": [200]}, {"failed": [25], "ended": [100]}],
    "rejected-share": [
        {},
        {"rejected": [20], "ended": [20]},
        {"rejected": [40], "ended": [100]},
        {"rejected": [50], "ended": [100]},
    ],
    "table": [{}, {"reads": [10, 10, 10]}, {"writes": [0, 50, 0]}],
    "backfill": [{}, {"failed": [1, 0]}],
    "removals-still-served": [{}, {"RemovalsStillServed": [3, None]}, {"RemovalsStillServed": [0]}],
    "invalidations-left-out": [{}, {"InvalidationsLeftOut": [9, None]}, {"InvalidationsLeftOut": [0]}],
    "cdn-errors": [
        {},
        {"requests": [10] * 3, "errors_5xx": [50] * 3},  # five requests are no outage
        {"requests": [500] * 3, "errors_5xx": [0, 50, 50], "errors_4xx": [40] * 3},
    ],
    "certificate": [{"DaysToExpiry": [30]}],
    "replication-failed": [{}, {"raw": [0], "processed": [0]}],
    "replication-late": [{}, {"raw": [900, 1200, 1500]}, {"raw": [0] * 3, "processed": [60] * 3}],
}
"""What it must not go off at. No values at all are those of a stack to which nothing happens."""


def test_every_alarm_has_its_cases(planned: list[Plan]) -> None:
    """A new alarm needs values that it goes off at, and others."""
    assert set(alarms(planned[2])) == set(FIRES) == set(STAYS_QUIET)


@pytest.mark.parametrize("name", FIRES)
def test_alarm_goes_off_when_it_must_and_only_then(planned: list[Plan], name: str) -> None:
    """By the definition that Terraform applies."""
    alarm = alarms(planned[2])[name]
    assert [state(alarm, case) for case in FIRES[name]] == ["ALARM"] * len(FIRES[name])
    assert [state(alarm, case) for case in STAYS_QUIET[name]] == ["OK"] * len(STAYS_QUIET[name])


def test_an_ended_certificate_stays_an_alarm(planned: list[Plan]) -> None:
    """ACM has no metric of it any more."""
    assert state(alarms(planned[2])["certificate"], {}) == "KEPT"


def test_options_have_alarms_only_where_they_are_on(planned: list[Plan]) -> None:
    """Nothing is looked at that is not there."""
    optional = {"canary", "certificate", "replication-failed", "replication-late"}
    assert set(alarms(planned[0])) == set(FIRES) - optional


def test_alarms_are_where_their_metrics_are(planned: list[Plan]) -> None:
    """CloudWatch looks at metrics of the alarm's own region only, and tells topics of that region only."""
    written = "".join(
        path.read_text("utf-8") for path in sorted((ROOT / "terraform/modules/observability").glob("*.tf"))
    )
    blocks = re.findall(
        r'^resource "aws_cloudwatch_metric_alarm" "(\w+)" {\n(.*?)^}', written, re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == len(FIRES)
    for name, block in blocks:
        elsewhere = re.search(r"provider += aws\.(\w+)", block)
        actions = {"us_east_1": "var.actions_us_east_1", "replica": "var.actions_replica"}.get(
            elsewhere[1] if elsewhere else "", "var.actions"
        )
        assert set(re.findall(r"(?:alarm|ok)_actions += (\S+)", block)) == {actions}, name
    places = {"AWS/CloudFront": "us_east_1", "AWS/CertificateManager": "us_east_1", "ReplicationLatency": "replica"}
    for word, provider in places.items():
        assert all(f"aws.{provider}" in block for _, block in blocks if f'"{word}"' in block), word
    assert len(planned[2]) > len(planned[0])


def test_two_stacks_of_an_account_share_no_metric_alarm_or_dashboard(planned: list[Plan]) -> None:
    """Each looks at its own: what two plans name alike would be one thing for both."""
    named = [names(plan) for plan in planned[:2]]
    assert len(named[0]) == len(named[1]) > len(alarms(planned[0]))
    assert named[0] & named[1] == set()


def names(plan: Plan) -> set[str]:
    """What a stack calls its alarms, dashboard and topics, and the metrics that it writes and looks at.

    Metrics of what AWS names when it is made (distribution, state machine) are left out: such a name is nobody else's.
    """
    written = plan["module.processor.aws_lambda_function.processor"]["environment"][0]["variables"]
    found = {f"{written['POWERTOOLS_METRICS_NAMESPACE']} {written['POWERTOOLS_SERVICE_NAME']}"}
    for address, after in plan.items():
        if ".aws_cloudwatch_metric_alarm." in address:
            found.add(after["alarm_name"])
            known = [each for each in metrics(after) if each.get("dimensions")]
            found |= {
                json.dumps([each["namespace"], each["metric_name"], each["dimensions"]])
                for each in known
                if each["namespace"] not in ("AWS/CloudFront", "AWS/States")
            }
        if ".aws_cloudwatch_dashboard." in address:
            found.add(after["dashboard_name"])
        if ".aws_sns_topic." in address:
            found.add(f"{address} {after['name']}")
    return found


def test_runbook_has_a_section_for_every_alarm_and_for_no_other(planned: list[Plan]) -> None:
    """And each alarm names its own."""
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    titles = re.findall(r"^## Alarm: (.+)$", page, re.MULTILINE)
    assert sorted(title.replace(" ", "-") for title in titles) == sorted(alarms(planned[2]))
    for name, alarm in alarms(planned[2]).items():
        assert alarm["alarm_description"].endswith(f" Runbook: docs/runbook.md#alarm-{name}"), name


def test_costs_count_every_metric_of_every_alarm(planned: list[Plan]) -> None:
    """A metric in two alarms is paid for twice."""
    counted = {len(alarms(plan)): sum(len(metrics(alarm)) for alarm in alarms(plan).values()) for plan in planned[::2]}
    assert counted == {
        costs.ALARMS: costs.ALARM_METRICS,
        costs.ALARMS + len(costs.OPTIONAL_ALARM_METRICS): costs.ALARM_METRICS
        + sum(costs.OPTIONAL_ALARM_METRICS.values()),
    }


@pytest.mark.parametrize(("plan", "regions"), [(0, 2), (2, 3)])
def test_an_address_is_told_in_every_region(planned: list[Plan], plan: int, regions: int) -> None:
    """One subscription a topic, one topic a region."""
    subscriptions = [after for address, after in planned[plan].items() if ".aws_sns_topic_subscription." in address]
    assert [(each["protocol"], each["endpoint"]) for each in subscriptions] == [
        ("email", "on-call@example.org")
    ] * regions
