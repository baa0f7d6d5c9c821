"""The event bus on which outcomes are announced."""

import json
from typing import TYPE_CHECKING, Any

from processor.aws.translate import transient_errors
from processor.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "img-pipeline"


class EventBridgeAnnouncements:
    """Puts one event at a time."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def announce(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Publish one event.

        Raises:
            Transient: also where the call succeeds and the entry does not, which EventBridge answers with a 200.
        """
        entry = {
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps(detail, ensure_ascii=False),
            "EventBusName": self._bus_name,
        }
        with transient_errors(f"announcing {detail_type}"):
            answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]  # a plain dict of its fields
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise Transient(f"announcing {detail_type}: {failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")
