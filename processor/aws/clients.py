"""boto3 clients, all with the same patience. Where they point is the SDK's business: `AWS_ENDPOINT_URL` and its kin."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 4},
    max_pool_connections=16,
)


def s3(region: str | None = None) -> "S3Client":
    """A client for both buckets, or for their copies in another region."""
    return boto3.client("s3", config=_CONFIG, region_name=region)


def sqs() -> "SQSClient":
    """A client for the ingest queue."""
    return boto3.client("sqs", config=_CONFIG)


def stepfunctions() -> Any:
    """A client for the state machine that queues whole buckets."""
    return boto3.client("stepfunctions", config=_CONFIG)


def ssm(region: str | None = None) -> Any:
    """A client for the parameters in which a stack keeps what it knows about itself."""
    return boto3.client("ssm", config=_CONFIG, region_name=region)


def dynamodb() -> "DynamoDBClient":
    """A client for the table."""
    return boto3.client("dynamodb", config=_CONFIG)


def cloudfront() -> Any:
    """A client for the CDN. Replacements and removals alone need it, so it is made when one comes."""
    return boto3.client("cloudfront", config=_CONFIG)


def events() -> "EventBridgeClient":
    """A client for the event bus."""
    return boto3.client("events", config=_CONFIG)
