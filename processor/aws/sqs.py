"""The ingest queue: keys are put on it again, and messages are made visible again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from processor.aws.translate import code_of, transient_errors
from processor.events import Hint, Message, hint_body

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

MAX_DELAY_SECONDS = 900
"""The longest DelaySeconds that SQS takes."""


class IngestQueue:
    """The queue that feeds the function."""

    def __init__(self, client: "SQSClient", url: str, raw_bucket: str) -> None:
        self._client = client
        self._url = url
        self._raw_bucket = raw_bucket

    def enqueue(self, key: str, delay_seconds: int = 0) -> None:
        """Ask for a key to be reconciled, as if it had just been uploaded."""
        with transient_errors(f"queueing {key!r}"):
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=hint_body(Hint(self._raw_bucket, key)),
                DelaySeconds=min(delay_seconds, MAX_DELAY_SECONDS),
            )

    def waiting(self) -> int:
        """Messages that wait or are being handled, approximately."""
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        with transient_errors("asking for the queue's length"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())

    def show_again(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that is being handled come back after so many seconds instead of the full timeout."""
        with transient_errors("changing a message's visibility"):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )


class DeadLetters:
    """The queue of messages that failed five times."""

    def __init__(self, client: "SQSClient", url: str, ingest_url: str) -> None:
        self._client = client
        self._url = url
        self._ingest_url = ingest_url

    def messages(self, hidden_seconds: int = 600) -> Iterator[Message]:
        """Every message once, hidden from others for some time. Give back with `put_back` what is not dealt with."""
        seen: set[str] = set()
        empty = 0
        while empty < _EMPTY_ANSWERS:
            with transient_errors("reading the dead-letter queue"):
                answer = self._client.receive_message(
                    QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=hidden_seconds, WaitTimeSeconds=1
                )
            messages = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
            empty = 0 if messages else empty + 1
            for each in messages:
                seen.add(each["MessageId"])
                yield Message(each["MessageId"], each["ReceiptHandle"], each["Body"])

    def send_back(self, message: Message) -> None:
        """Put a message on the ingest queue again, then delete it here: interrupted in between it is there twice."""
        with transient_errors("sending a message back"):
            self._client.send_message(QueueUrl=self._ingest_url, MessageBody=message.body)
        self.delete(message)

    def delete(self, message: Message) -> None:
        """Forget a message."""
        with transient_errors("deleting a dead message"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)

    def put_back(self, message: Message) -> None:
        """Let a message be seen again, if it is not by now."""
        with transient_errors("putting a dead message back"):
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=0
                )
            except ClientError as exc:
                if code_of(exc).rpartition(".")[2] not in _RECEIPT_EXPIRED:
                    raise


_RECEIPT_EXPIRED = frozenset({"InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight"})
"""What SQS answers to the receipt of a message that has become visible again meanwhile."""

_EMPTY_ANSWERS = 2
"""Answers without a new message after which the queue counts as read: SQS asks only some of its servers each time."""
