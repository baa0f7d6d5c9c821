"""From the payloads that reach the function to the keys they hint at. Pure; nothing here trusts an event's order."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus


class UnreadableEvent(Exception):
    """A payload that no known sender sends. It counts as transient, so it ends in the dead-letter queue and is seen."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to this object; what, is for the bucket itself to say.

    Attributes:
        bucket: the bucket's name.
        key: the object's key, decoded.
    """

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Message:
    """One SQS message.

    Attributes:
        message_id: what a partial batch response names.
        receipt_handle: what a change of visibility names.
        body: the payload, unparsed.
    """

    message_id: str
    receipt_handle: str
    body: str

    def hints(self) -> list[Hint]:
        """The keys this message hints at.

        Raises:
            UnreadableEvent: if the body is not an event.
        """
        try:
            payload = json.loads(self.body)
        except ValueError as exc:
            raise UnreadableEvent(f"message {self.message_id} is not JSON: {exc}") from exc
        return hints(payload)


def sqs_messages(event: Any) -> list[Message] | None:
    """The messages of an SQS batch, or None if the event is none."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not records:
        return None
    if not all(isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records):
        return None
    return [Message(record["messageId"], record.get("receiptHandle", ""), record["body"]) for record in records]


def hints(payload: Any) -> list[Hint]:
    """The keys that a bare S3 notification or an EventBridge S3 event hints at, each once, in order.

    Raises:
        UnreadableEvent: if it is neither.
    """
    return list(dict.fromkeys(_hints(payload)))


def hint_body(hint: Hint) -> str:
    """A message body that hints at one key, in the shape of S3's own notification."""
    entity = {"bucket": {"name": hint.bucket}, "object": {"key": quote_plus(hint.key)}}
    return json.dumps({"Records": [{"eventSource": "img-pipeline", "eventName": "Reconcile", "s3": entity}]})


def _hints(payload: Any) -> Iterator[Hint]:
    if not isinstance(payload, Mapping):
        raise UnreadableEvent(f"an event must be a JSON object, got {type(payload).__name__}")
    if payload.get("Event") == "s3:TestEvent":  # S3 sends it once, when the notification is set up
        return
    try:
        if "Records" in payload:
            for record in payload["Records"]:
                # S3 encodes keys as HTML forms do: `+` for a space, %2B for a plus
                yield Hint(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
        elif payload.get("source") == "aws.s3":
            yield Hint(payload["detail"]["bucket"]["name"], payload["detail"]["object"]["key"])
        else:
            raise UnreadableEvent("neither an S3 notification nor an EventBridge event from aws.s3")
    except (KeyError, TypeError, AttributeError) as exc:
        raise UnreadableEvent(f"an S3 event without bucket and key: {exc!r}") from exc
