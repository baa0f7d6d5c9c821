"""Giving dead messages back."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from processor.aws.sqs import DeadLetters
from processor.errors import Transient
from processor.events import Message

EXPIRED = ("InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid")


@pytest.fixture
def client() -> Any:
    """A client that reaches nothing."""
    return boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106


@pytest.mark.parametrize("code", EXPIRED)
def test_message_that_is_visible_again_need_not_be_put_back(client: Any, code: str) -> None:
    """Its receipt has expired while the others were looked at, and those are still to be put back."""
    with Stubber(client) as stubber:
        stubber.add_client_error("change_message_visibility", code)
        DeadLetters(client, "https://sqs.example/dead", "-").put_back(Message("1", "receipt", "-"))
        stubber.assert_no_pending_responses()


def test_other_failures_are_told(client: Any) -> None:
    """They leave a message hidden for a while."""
    with Stubber(client) as stubber:
        stubber.add_client_error("change_message_visibility", "InternalError")
        with pytest.raises(Transient, match="InternalError"):
            DeadLetters(client, "https://sqs.example/dead", "-").put_back(Message("1", "receipt", "-"))
