"""Every payload that reaches the function, as its sender writes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from processor.events import Hint, UnreadableEvent, hint_body, hints, sqs_messages

EVENTS = Path(__file__).parents[1] / "events"
KEY = "my photos/ü b+c (1).jpg"


def event(name: str) -> Any:
    """A canned event."""
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.mark.parametrize(
    "name", ["s3_created", "s3_created_percent_space", "s3_removed", "s3_lifecycle_expiration", "eventbridge_created"]
)
def test_every_sender_names_the_same_key(name: str) -> None:
    """However a sender encodes the key, and whatever happened to it, the hint holds the key as uploaded."""
    assert hints(event(name)) == [Hint("raw", KEY)]


def test_test_event_hints_at_nothing() -> None:
    """The event that S3 sends when a notification is set up is understood and asks for nothing."""
    assert hints(event("s3_test_event")) == []


def test_sqs_batch_is_split_into_messages() -> None:
    """An SQS batch gives one message a record, each with its id, handle and the keys of its body."""
    messages = sqs_messages(event("sqs_batch"))
    assert messages is not None
    assert [message.message_id for message in messages] == ["m-1", "m-2"]
    assert [message.receipt_handle for message in messages] == ["r-1", "r-2"]
    assert messages[0].hints() == [Hint("raw", KEY)]
    assert messages[1].hints() == [Hint("raw", "a.jpg"), Hint("raw", "b.jpg")]


@pytest.mark.parametrize("name", ["s3_created", "eventbridge_created", "s3_test_event"])
def test_other_events_are_no_sqs_batch(name: str) -> None:
    """What did not come through the queue is not mistaken for a batch."""
    assert sqs_messages(event(name)) is None


def test_repeated_key_is_hinted_at_once() -> None:
    """Several records of one key in one notification are one hint."""
    twice = event("s3_created")
    twice["Records"] *= 2
    assert hints(twice) == [Hint("raw", KEY)]


def test_own_hint_reads_back() -> None:
    """What is put on the queue again is read as the key it was made for."""
    assert hints(json.loads(hint_body(Hint("raw", KEY)))) == [Hint("raw", KEY)]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"Records": None},
        {"Records": [{}]},
        {"Records": [{"s3": {"bucket": {"name": "raw"}, "object": {}}}]},
        {"Records": [{"s3": {"bucket": {"name": "raw"}, "object": {"key": 7}}}]},
        {"source": "aws.s3", "detail": {}},
        {"source": "aws.ec2", "detail": {"bucket": {"name": "raw"}, "object": {"key": "a"}}},
    ],
)
def test_unreadable_payload_is_an_error(payload: Any) -> None:
    """What no known sender sends is reported, not skipped."""
    with pytest.raises(UnreadableEvent):
        hints(payload)


def test_message_that_is_not_json_is_an_error() -> None:
    """A message body that is no JSON is reported with the message's id."""
    batch = event("sqs_batch")
    batch["Records"][0]["body"] = "{"
    messages = sqs_messages(batch)
    assert messages is not None
    with pytest.raises(UnreadableEvent, match="m-1"):
        messages[0].hints()
