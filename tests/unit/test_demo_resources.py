"""The demo makes its own resources; these tests hold them against the Terraform plan of the real ones."""

import json
from typing import Any

import pytest

from processor.recipe import Recipe
from scripts.demo import resources
from tests.planning import MOCKED, Plan, plans

DEAD_LETTERS_ARN = "arn:aws:sqs:us-east-1:123456789012:dead-letters"

# The ARN is given so that the redrive policy is known at plan time.
PLAN_TEST = f"""{MOCKED}
override_resource {{
  target          = module.ingest.aws_sqs_queue.dead_letters
  override_during = plan
  values          = {{ arn = "{DEAD_LETTERS_ARN}" }}
}}
run "plan" {{
  command = plan
  variables {{
    environment = "dev"
    image_uri   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/processor@sha256:{"0" * 64}"
  }}
}}
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The stack with its defaults."""
    [plan] = plans(tmp_path_factory.mktemp("plan"), PLAN_TEST)
    return plan


def test_the_ingest_queue_is_terraforms(planned: dict[str, dict[str, Any]]) -> None:
    """Visibility timeout, retention, long polling, encryption and tries of the demo's queue are those planned."""
    queue = planned["module.ingest.aws_sqs_queue.ingest"]
    assert {
        "VisibilityTimeout": str(queue["visibility_timeout_seconds"]),
        "MessageRetentionPeriod": str(queue["message_retention_seconds"]),
        "ReceiveMessageWaitTimeSeconds": str(queue["receive_wait_time_seconds"]),
        "SqsManagedSseEnabled": str(queue["sqs_managed_sse_enabled"]).lower(),
    } == resources.QUEUE_ATTRIBUTES
    assert json.loads(queue["redrive_policy"]) == {
        "deadLetterTargetArn": DEAD_LETTERS_ARN,
        "maxReceiveCount": resources.MAX_RECEIVE_COUNT,
    }


def test_the_dead_letter_queue_is_terraforms(planned: dict[str, dict[str, Any]]) -> None:
    """Retention and encryption of the demo's dead-letter queue are those planned."""
    queue = planned["module.ingest.aws_sqs_queue.dead_letters"]
    assert {
        "MessageRetentionPeriod": str(queue["message_retention_seconds"]),
        "SqsManagedSseEnabled": str(queue["sqs_managed_sse_enabled"]).lower(),
    } == resources.DEAD_LETTER_QUEUE_ATTRIBUTES


def test_the_bucket_notifies_as_in_terraform(planned: dict[str, dict[str, Any]]) -> None:
    """The demo's bucket sends the same events to one queue, without a filter, and keeps versions as planned."""
    (queue,) = planned["module.ingest.aws_s3_bucket_notification.raw"]["queue"]
    assert sorted(queue["events"]) == sorted(resources.NOTIFICATION_EVENTS)
    assert (queue["filter_prefix"], queue["filter_suffix"]) == (None, None)
    (versioning,) = planned["module.storage.aws_s3_bucket_versioning.raw"]["versioning_configuration"]
    assert versioning["status"] == resources.RAW_VERSIONING


def test_the_table_is_terraforms(planned: dict[str, dict[str, Any]]) -> None:
    """Keys, attributes, billing and the index of the demo's table are those planned."""
    table = planned["module.records.aws_dynamodb_table.records"]
    assert _in_terraforms_words(resources.TABLE_DEFINITION) == {
        "billing_mode": table["billing_mode"],
        "keys": (table["hash_key"], table["range_key"]),
        "attributes": {each["name"]: each["type"] for each in table["attribute"]},
        "indexes": [
            {
                "name": index["name"],
                "keys": (index["hash_key"], index["range_key"]),
                "projection": index["projection_type"],
                "attributes": sorted(index["non_key_attributes"]),
            }
            for index in table["global_secondary_index"]
        ],
    }


OWN_NAMES = ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE")
"""What a stack's metrics are called."""


def test_the_worker_is_configured_like_the_function(planned: dict[str, dict[str, Any]]) -> None:
    """Limits, lease, log level and the default recipe are the same for worker and function; metrics are each one's."""
    (environment,) = planned["module.processor.aws_lambda_function.processor"]["environment"]
    variables = environment["variables"]
    ours = resources.worker_environment("url", "domain")
    shared = {name: value for name, value in resources.FUNCTION_ENVIRONMENT.items() if name not in OWN_NAMES}
    assert {name: variables[name] for name in shared} == shared
    assert {variables[name] for name in OWN_NAMES}.isdisjoint({ours[name] for name in OWN_NAMES})
    # what a plan cannot know yet is left out of `variables`, so this holds one way only
    # nothing is cached in the demo, so it has nothing to invalidate
    assert set(variables) <= {
        *ours,
        "RECIPE",
        "RECIPE_GRACE_DAYS",
        "DISTRIBUTION_ID",
        "INVALIDATION_PATHS_PER_MONTH",
        "REMOVAL_PATHS_PER_MONTH",
    }
    assert Recipe.from_json(variables["RECIPE"]) == Recipe.default()


def test_the_lease_lies_between_a_try_and_the_next() -> None:
    """A message is not seen again while the lease of its first try may still be held."""
    lease = int(resources.FUNCTION_ENVIRONMENT["LEASE_SECONDS"])
    assert lease < int(resources.QUEUE_ATTRIBUTES["VisibilityTimeout"])


def _in_terraforms_words(definition: Any) -> dict[str, Any]:
    return {
        "billing_mode": definition["BillingMode"],
        "keys": tuple(key["AttributeName"] for key in definition["KeySchema"]),
        "attributes": {each["AttributeName"]: each["AttributeType"] for each in definition["AttributeDefinitions"]},
        "indexes": [
            {
                "name": index["IndexName"],
                "keys": tuple(key["AttributeName"] for key in index["KeySchema"]),
                "projection": index["Projection"]["ProjectionType"],
                "attributes": sorted(index["Projection"]["NonKeyAttributes"]),
            }
            for index in definition["GlobalSecondaryIndexes"]
        ],
    }
