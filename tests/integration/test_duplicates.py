"""Twenty duplicates of one event at once, on a real queue and a real table."""

import importlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from processor.events import Hint, hint_body
from processor.keys import rendition_keys
from processor.recipe import Recipe
from scripts.demo import resources
from tests.emulator import Pipeline
from tests.helpers import photo, saved
from tests.waiting import wait_for

DUPLICATES = 20


class Context(LambdaContext):
    """What the handler asks for."""

    _function_name = "test"
    _memory_limit_in_mb = 1024
    _invoked_function_arn = "test"
    _aws_request_id = "test"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Plenty."""
        return 300_000


@pytest.fixture
def handler(
    pipeline: Pipeline, worker_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The handler in this process, on the emulator, with leases of some seconds."""
    del pipeline
    for name, value in {**worker_environment, "LEASE_SECONDS": "5"}.items():
        monkeypatch.setenv(name, value)
    module = importlib.reload(importlib.import_module("processor.handler"))
    yield module
    module.metrics.clear_metrics()


def test_twenty_duplicates_are_one_picture(handler: ModuleType, pipeline: Pipeline) -> None:
    """Of twenty workers with the same event one encodes and announces; none fails, and all messages are done with."""
    key = "duplicates/one.jpg"
    pipeline.upload(key, saved(photo(), "JPEG"))
    body = hint_body(Hint(resources.RAW_BUCKET, key))

    def handle(number: int) -> object:
        message = {"eventSource": "aws:sqs", "messageId": f"m{number}", "receiptHandle": "-", "body": body}
        return handler.handler.__wrapped__({"Records": [message]}, Context())

    with ThreadPoolExecutor(DUPLICATES) as pool:
        answers = list(pool.map(handle, range(DUPLICATES)))
    assert answers == [{"batchItemFailures": []}] * DUPLICATES
    pipeline.settled(key, "COMPLETE")
    pipeline.event(key, "ImageProcessed")
    poller = handler.connected.poller

    def drained() -> bool | None:
        event = poller.receive()
        if event is not None:
            poller.acknowledge(event, handler.handler(event, Context()))
        return pipeline.messages_left() == 0 or None

    wait_for(drained, "the duplicates that waited for the lease")
    assert [run["status"] for run in pipeline.history(key)] == ["COMPLETE"]
    assert pipeline.published("duplicates/one") == set(rendition_keys(Recipe.default(), key))
    assert events_of(pipeline, key) == 1
    dead_letters = pipeline.sqs.get_queue_url(QueueName=resources.DEAD_LETTER_QUEUE)["QueueUrl"]
    attributes = pipeline.sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "0"


def events_of(pipeline: Pipeline, key: str) -> int:
    """How often a picture was announced, once nothing more comes."""
    while messages := pipeline.sqs.receive_message(QueueUrl=pipeline.events_queue_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for message in messages:
            pipeline.seen.append(json.loads(message["Body"]))
            pipeline.sqs.delete_message(QueueUrl=pipeline.events_queue_url, ReceiptHandle=message["ReceiptHandle"])
    return sum(event["detail"]["imageId"] == key for event in pipeline.seen)
