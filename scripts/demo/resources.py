"""The few resources that the demo makes for itself, as data, so that a test can hold them against Terraform."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import EventType
    from mypy_boto3_sqs import SQSClient

RAW_BUCKET = "img-pipeline-demo-raw"
PROCESSED_BUCKET = "img-pipeline-demo-processed"
QUEUE = "img-pipeline-demo-ingest"
DEAD_LETTER_QUEUE = "img-pipeline-demo-ingest-dead-letters"
TABLE = "img-pipeline-demo-records"
EVENT_BUS = "img-pipeline-demo"

RAW_VERSIONING: Literal["Enabled"] = "Enabled"

QUEUE_ATTRIBUTES: Mapping[str, str] = {
    "VisibilityTimeout": "1800",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "20",
    "SqsManagedSseEnabled": "true",
}
DEAD_LETTER_QUEUE_ATTRIBUTES: Mapping[str, str] = {
    "MessageRetentionPeriod": "1209600",
    "SqsManagedSseEnabled": "true",
}
MAX_RECEIVE_COUNT = 5

NOTIFICATION_EVENTS: "tuple[EventType, ...]" = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")

TABLE_DEFINITION: Mapping[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "imageId", "KeyType": "HASH"},
        {"AttributeName": "record", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "imageId", "AttributeType": "S"},
        {"AttributeName": "record", "AttributeType": "S"},
        {"AttributeName": "statusDayShard", "AttributeType": "S"},
        {"AttributeName": "updatedAt", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "status",
            "KeySchema": [
                {"AttributeName": "statusDayShard", "KeyType": "HASH"},
                {"AttributeName": "updatedAt", "KeyType": "RANGE"},
            ],
            "Projection": {
                "ProjectionType": "INCLUDE",
                "NonKeyAttributes": ["status", "reason", "originalSize", "compressionSavings", "processingTime"],
            },
        }
    ],
}

FUNCTION_ENVIRONMENT: Mapping[str, str] = {
    "LEASE_SECONDS": "330",
    "POWERTOOLS_SERVICE_NAME": "img-pipeline-demo",
    "POWERTOOLS_METRICS_NAMESPACE": "img-pipeline-demo",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}


@dataclass(frozen=True, slots=True)
class Clients:
    """Connections to the emulator, one a service."""

    s3: "S3Client"
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    events: "EventBridgeClient"


def connect() -> Clients:
    """Clients for whatever `AWS_ENDPOINT_URL` names."""
    session = boto3.Session()
    return Clients(
        s3=session.client("s3"),
        sqs=session.client("sqs"),
        dynamodb=session.client("dynamodb"),
        events=session.client("events"),
    )


def create(clients: Clients) -> str:
    """Make every resource and connect them; the notification comes last, when its queue stands.

    Returns:
        The URL of the ingest queue.
    """
    for bucket in (RAW_BUCKET, PROCESSED_BUCKET):
        clients.s3.create_bucket(Bucket=bucket)
    clients.s3.put_bucket_versioning(Bucket=RAW_BUCKET, VersioningConfiguration={"Status": RAW_VERSIONING})
    clients.dynamodb.create_table(TableName=TABLE, **TABLE_DEFINITION)
    clients.events.create_event_bus(Name=EVENT_BUS)
    queue_url = _queues(clients.sqs)
    clients.s3.put_bucket_notification_configuration(
        Bucket=RAW_BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": _arn(clients.sqs, queue_url), "Events": list(NOTIFICATION_EVENTS)}]
        },
    )
    return queue_url


def worker_environment(queue_url: str, cdn_domain: str) -> dict[str, str]:
    """The variables that the function would get from Terraform, pointing at the demo's resources.

    The recipe is left out: the processor's own default is Terraform's.
    """
    return {
        "RAW_BUCKET": RAW_BUCKET,
        "PROCESSED_BUCKET": PROCESSED_BUCKET,
        "TABLE_NAME": TABLE,
        "EVENT_BUS_NAME": EVENT_BUS,
        "QUEUE_URL": queue_url,
        "CDN_DOMAIN": cdn_domain,
        **FUNCTION_ENVIRONMENT,
    }


def _queues(sqs: "SQSClient") -> str:
    dead_letters = sqs.create_queue(QueueName=DEAD_LETTER_QUEUE, Attributes=dict(DEAD_LETTER_QUEUE_ATTRIBUTES))  # type: ignore[arg-type]
    redrive = {"deadLetterTargetArn": _arn(sqs, dead_letters["QueueUrl"]), "maxReceiveCount": MAX_RECEIVE_COUNT}
    attributes = {**QUEUE_ATTRIBUTES, "RedrivePolicy": json.dumps(redrive)}
    return sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]


def _arn(sqs: "SQSClient", queue_url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]
