"""The ingest queue: keys are put on it again, and messages are made visible again."""

from typing import TYPE_CHECKING

from processor.aws.translate import transient_errors
from processor.events import Hint, hint_body

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

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

    def show_again(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that is being handled come back after so many seconds instead of the full timeout."""
        with transient_errors("changing a message's visibility"):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
