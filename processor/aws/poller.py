"""Receives from the ingest queue what Lambda's event source mapping would, in the shape in which it would."""

from typing import TYPE_CHECKING, Any

from processor.aws.translate import transient_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH_SIZE = 10
WAIT_SECONDS = 5


class QueuePoller:
    """Turns the queue into Lambda events and partial batch responses into deletions."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def receive(self) -> dict[str, Any] | None:
        """The next batch as an event, or None if nothing came within a few seconds."""
        with transient_errors("receiving messages"):
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=BATCH_SIZE, WaitTimeSeconds=WAIT_SECONDS
            )
        messages = answer.get("Messages", [])
        if not messages:
            return None
        return {
            "Records": [
                {
                    "eventSource": "aws:sqs",
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                }
                for message in messages
            ]
        }

    def acknowledge(self, event: dict[str, Any], response: dict[str, Any] | None) -> None:
        """Delete what was handled; what the response names stays, and comes back."""
        failed = {failure["itemIdentifier"] for failure in (response or {}).get("batchItemFailures", [])}
        for record in event["Records"]:
            if record["messageId"] not in failed:
                with transient_errors("acknowledging a message"):
                    self._client.delete_message(QueueUrl=self._url, ReceiptHandle=record["receiptHandle"])
