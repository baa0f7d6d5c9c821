"""The service wired to AWS."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from processor.aws import clients
from processor.aws.cloudfront import CloudFrontInvalidations, NoDistribution
from processor.aws.dynamodb import DynamoDBRecords, MonthlyBudget, Sweeps
from processor.aws.eventbridge import EventBridgeAnnouncements
from processor.aws.poller import QueuePoller
from processor.aws.s3 import S3Renditions, S3Sources
from processor.aws.sqs import IngestQueue
from processor.aws.tracing import NoTracing, Tracing, XRay
from processor.isolation import IsolatedTranscoder
from processor.service import Invalidations, Reconciler
from processor.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Connected:
    """A reconciler wired to AWS, the two ends of the queue that feeds it, what runs its decoders apart, and traces."""

    reconciler: Reconciler
    transcoder: IsolatedTranscoder
    queue: IngestQueue
    poller: QueuePoller
    tracing: Tracing

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make the clients and hand them to the adapters. Nothing is sent yet."""
        transcoder = IsolatedTranscoder(memory_bytes=settings.decoder_memory_bytes)
        transcoder.start()  # loads Pillow while the clients are made
        s3, sqs, dynamodb = clients.s3(), clients.sqs(), clients.dynamodb()
        queue = IngestQueue(sqs, settings.queue_url, settings.raw_bucket)
        tracing: Tracing = XRay() if settings.tracing else NoTracing()
        reconciler = Reconciler(
            sources=tracing.steps(S3Sources(s3, settings.raw_bucket)),
            renditions=tracing.steps(S3Renditions(s3, settings.processed_bucket)),
            records=tracing.steps(DynamoDBRecords(dynamodb, settings.table_name)),
            announcements=tracing.steps(EventBridgeAnnouncements(clients.events(), settings.event_bus_name)),
            invalidations=tracing.steps(_invalidations(settings, dynamodb)),
            queue=queue,
            recipe=settings.recipe,
            limits=settings.limits,
            cdn_domain=settings.cdn_domain,
            lease_seconds=settings.lease_seconds,
            transcode=tracing.transcode(transcoder),
            function_version=settings.function_version,
            recipe_grace_days=settings.recipe_grace_days,
        )
        return cls(reconciler, transcoder, queue, QueuePoller(sqs, settings.queue_url), tracing)


def _invalidations(settings: Settings, dynamodb: "DynamoDBClient") -> Invalidations:
    if not settings.distribution_id:
        return NoDistribution()
    table = settings.table_name
    return CloudFrontInvalidations(
        clients.cloudfront,
        settings.distribution_id,
        replacements=MonthlyBudget(dynamodb, table, settings.invalidation_paths_per_month),
        removals=MonthlyBudget(dynamodb, table, settings.removal_paths_per_month, counted="removedPaths"),
        sweeps=Sweeps(dynamodb, table),
    )
