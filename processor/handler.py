"""Lambda entry point: wiring, one outcome a key, partial batch responses."""

import os
import random
import time
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from processor import privileges
from processor.aws.connected import Connected
from processor.errors import LeaseHeld, Transient
from processor.events import Hint, Message, UnreadableEvent, hints, sqs_messages
from processor.records import Published
from processor.service import Action, Outcome
from processor.settings import Settings

RETRY_SECONDS = (10, 120)
"""When a message that failed comes back: after a time drawn from this range, not after the full visibility timeout."""

RESERVED_SECONDS = 5
"""At the end of an invocation, to say what failed: whoever is killed loses the whole batch."""

MARGIN = 1.5
LEAST_SECONDS = 20
"""A further picture of a batch is begun if there is time for one and a half times the slowest so far, at least this."""

STACK = "img-pipeline"
"""Whose log and metrics these are, where the environment does not say."""

# By themselves they would take these two from the environment, too, but would refuse to write without them.
logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", STACK))
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", STACK),
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", STACK),
)

if "AWS_LAMBDA_RUNTIME_API" in os.environ:  # elsewhere whoever runs it may want to look into it
    privileges.conceal()

# Made at start-up: a bad environment stops the function before it takes a message.
settings = Settings.from_environment(os.environ)
connected = Connected.from_settings(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: Any, context: LambdaContext) -> dict[str, Any] | None:
    """Reconcile every key that an event hints at.

    Args:
        event: an SQS batch of S3 notifications, a bare S3 notification, or an EventBridge S3 event.
        context: Lambda's, for the time that is left.

    Returns:
        For an SQS batch the messages to be retried, as `batchItemFailures`.

    Raises:
        Transient, UnreadableEvent: for the other two, which have nobody to report a part to.
    """
    remaining = context.get_remaining_time_in_millis() / 1000
    connected.transcoder.ends_at = time.monotonic() + remaining - RESERVED_SECONDS
    try:
        messages = sqs_messages(event)
        if messages is None:
            for hint in hints(event):
                _reconcile_alone(hint)
            return None
        failed = [message.message_id for message in _unfinished(messages, context)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def _unfinished(messages: list[Message], context: LambdaContext) -> list[Message]:
    """Handle one message after the other as long as there is time. Answers those that are to be retried."""
    unfinished: list[Message] = []
    slowest = 0.0
    for number, message in enumerate(messages):
        begun = time.monotonic()
        left = context.get_remaining_time_in_millis() / 1000
        # the first is always begun: handing it back would only bring it here again
        in_time = number == 0 or left >= max(LEAST_SECONDS, MARGIN * slowest)
        done = _handle(message) if in_time else _hand_back(message)
        if not done:
            unfinished.append(message)
        slowest = max(slowest, time.monotonic() - begun)
    return unfinished


def _hand_back(message: Message) -> bool:
    """Return what cannot be finished in time, as messages of their own, so that it uses up none of this one's tries."""
    key = None
    try:
        for hint in message.hints():
            key = hint.key
            _check_bucket(hint)
            connected.queue.enqueue(key)
            logger.info("handed back for want of time: %s", key, key=key, message_id=message.message_id)
    except (Transient, UnreadableEvent):
        logger.exception(
            "not handed back, will be retried: %s", _named(message, key), key=key, message_id=message.message_id
        )
        return False
    return True


def _handle(message: Message) -> bool:
    """Whether a message is done with. Anything unforeseen is not: it is retried, and seen in the dead-letter queue."""
    key = None
    try:
        for hint in message.hints():
            key = hint.key
            try:
                _reconcile(hint)
            except LeaseHeld as held:
                # A message of its own, so that waiting uses up none of this one's tries.
                connected.queue.enqueue(key, delay_seconds=int(held.retry_after_seconds) + 1)
                logger.info("waiting for another worker's lease: %s", key, key=key, seconds=held.retry_after_seconds)
    except Exception:
        logger.exception("will be retried: %s", _named(message, key), key=key, message_id=message.message_id)
        metrics.add_metric("ImagesFailed", MetricUnit.Count, 1)
        _retry_soon(message, key)
        return False
    return True


def _named(message: Message, key: str | None) -> str:
    """What a line about a message speaks of: the picture, unless the message could not be read."""
    return f"message {message.message_id}" if key is None else key


def _reconcile_alone(hint: Hint) -> None:
    """Without a message. Lambda repeats the whole event if this raises, or tells who called."""
    try:
        _reconcile(hint)
    except Exception:
        logger.exception("failed: %s", hint.key, key=hint.key)
        raise


def _reconcile(hint: Hint) -> None:
    _check_bucket(hint)
    with connected.tracing.picture(hint.key):
        outcome = connected.reconciler.reconcile(hint.key)
    _report(outcome)


def _check_bucket(hint: Hint) -> None:
    if hint.bucket != settings.raw_bucket:
        raise UnreadableEvent(f"an event of bucket {hint.bucket!r}; this stack reads {settings.raw_bucket!r} only")


def _retry_soon(message: Message, key: str | None) -> None:
    try:
        connected.queue.show_again(message.receipt_handle, random.randint(*RETRY_SECONDS))  # noqa: S311  # jitter
    except Transient:
        logger.warning(
            "retried only after the full visibility timeout: %s",
            _named(message, key),
            key=key,
            message_id=message.message_id,
        )


def _report(outcome: Outcome) -> None:
    record = outcome.record
    fields: dict[str, Any] = {"key": outcome.key}
    if record is not None:
        fields |= {"version_id": record.version_id, "reason": record.reason, "detail": record.message}
    logger.info("%s: %s", outcome.action.value, outcome.key, **{name: value for name, value in fields.items() if value})
    if outcome.left_to_age:
        logger.warning(
            "no invalidation: %s: the month's budget is used up, or too many are under way",
            outcome.key,
            key=outcome.key,
        )
        metrics.add_metric("InvalidationsLeftOut", MetricUnit.Count, len(outcome.left_to_age))
    if record is not None and record.served_until:
        logger.warning(
            "the CDN may serve what was removed: %s: it will be told to forget everything",
            outcome.key,
            key=outcome.key,
            served_until=record.served_until.isoformat(),
        )
        metrics.add_metric("RemovalsStillServed", MetricUnit.Count, 1)
    metrics.add_metric("ImagesEnded", MetricUnit.Count, 1)  # whatever came of it: alarms compare with it
    if outcome.key == settings.canary_key:
        _count_canary(outcome.action)
        return
    match outcome.action:
        case Action.PUBLISHED if record is not None and record.published is not None:
            _count_published(record.published)
        case Action.REJECTED:
            metrics.add_metric("ImagesRejected", MetricUnit.Count, 1)
        case Action.REMOVED:
            metrics.add_metric("ImagesRemoved", MetricUnit.Count, 1)
        case Action.UNCHANGED:
            metrics.add_metric("ImagesUnchanged", MetricUnit.Count, 1)


def _count_canary(action: Action) -> None:
    """By itself: it is nobody's picture, and must be missed even while others are coming through."""
    if action in (Action.PUBLISHED, Action.UNCHANGED):
        metrics.add_metric("CanaryEnded", MetricUnit.Count, 1)


def _count_published(published: Published) -> None:
    metrics.add_metric("ImagesProcessed", MetricUnit.Count, 1)
    metrics.add_metric("ProcessingTime", MetricUnit.Milliseconds, published.processing_time)
    metrics.add_metric("BytesIn", MetricUnit.Bytes, published.original_size)
    metrics.add_metric("BytesOut", MetricUnit.Bytes, sum(fmt.bytes for fmt in published.formats))
    if published.compression_savings is not None:
        metrics.add_metric("CompressionSavings", MetricUnit.Percent, published.compression_savings)
