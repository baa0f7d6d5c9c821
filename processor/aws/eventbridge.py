"""The event bus on which outcomes are announced."""

import json
from typing import TYPE_CHECKING, Any

from processor.aws.translate import transient_errors
from processor.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "img-pipeline"

MAX_ENTRY_BYTES = 256 * 1024
"""EventBridge takes no larger entry (PutEvents); source, detail type and detail count, in UTF-8."""


class EventBridgeAnnouncements:
    """Puts one event at a time."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def announce(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Publish one event. Where that would be too large, the renditions are left out, and `formatsLeftOut` is true.

        Raises:
            Transient: also where the call succeeds and the entry does not, which EventBridge answers with a 200.
        """
        entry = {
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": _fitting(detail, MAX_ENTRY_BYTES - len(SOURCE) - len(detail_type)),
            "EventBusName": self._bus_name,
        }
        with transient_errors(f"announcing {detail_type}"):
            answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]  # a plain dict of its fields
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise Transient(f"announcing {detail_type}: {failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")


def _fitting(detail: dict[str, Any], room: int) -> str:
    """A detail as JSON, without its renditions where it has more bytes than there is room for."""
    text = json.dumps(detail, ensure_ascii=False)
    if len(text.encode()) <= room:
        return text
    less = {name: value for name, value in detail.items() if name != "formats"}
    return json.dumps(less | {"formatsLeftOut": True}, ensure_ascii=False)
