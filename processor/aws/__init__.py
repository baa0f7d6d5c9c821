"""The adapters by which the service reaches AWS. Nothing outside this package imports boto3."""

from dataclasses import dataclass
from typing import Self

import boto3
from botocore.config import Config

from processor.aws.dynamodb import DynamoDBRecords
from processor.aws.eventbridge import EventBridgeAnnouncements
from processor.aws.poller import QueuePoller
from processor.aws.s3 import S3Renditions, S3Sources
from processor.aws.sqs import IngestQueue
from processor.service import Reconciler
from processor.settings import Settings

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 4},
    max_pool_connections=16,
)


@dataclass(frozen=True, slots=True)
class Connected:
    """A reconciler wired to AWS, and the two ends of the queue that feeds it."""

    reconciler: Reconciler
    queue: IngestQueue
    poller: QueuePoller

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make the clients. Where they point is the SDK's business: `AWS_ENDPOINT_URL` and its kin."""
        session = boto3.Session()
        s3 = session.client("s3", config=_CONFIG)
        sqs = session.client("sqs", config=_CONFIG)
        queue = IngestQueue(sqs, settings.queue_url, settings.raw_bucket)
        reconciler = Reconciler(
            sources=S3Sources(s3, settings.raw_bucket),
            renditions=S3Renditions(s3, settings.processed_bucket),
            records=DynamoDBRecords(session.client("dynamodb", config=_CONFIG), settings.table_name),
            announcements=EventBridgeAnnouncements(session.client("events", config=_CONFIG), settings.event_bus_name),
            queue=queue,
            recipe=settings.recipe,
            limits=settings.limits,
            cdn_domain=settings.cdn_domain,
            lease_seconds=settings.lease_seconds,
        )
        return cls(reconciler, queue, QueuePoller(sqs, settings.queue_url))
