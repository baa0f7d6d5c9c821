"""Events as EventBridge takes them."""

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from processor.aws.eventbridge import MAX_ENTRY_BYTES, EventBridgeAnnouncements

BUS = "bus"


def announced(detail: dict[str, Any]) -> dict[str, Any]:
    """The entry that is put for a detail."""
    client: Any = boto3.client("events", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    entries: list[dict[str, Any]] = []
    client.meta.events.register("provide-client-params.*.*", lambda params, **_: entries.extend(params["Entries"]))
    with Stubber(client) as stubber:
        stubber.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
        EventBridgeAnnouncements(client, BUS).announce("ImageProcessed", detail)
    [entry] = entries
    return entry


def size(entry: dict[str, Any]) -> int:
    """What EventBridge counts."""
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def detail_of(count: int, further: int = 0) -> dict[str, Any]:
    """An outcome with so many renditions of long, foreign keys."""
    formats = [{"key": "ü" * 500, "url": "https://cdn.example/" + "%C3%BC" * 500} for _ in range(count)]
    return {"imageId": "a" * (1 + further), "status": "COMPLETE", "formats": formats, "tiles": {"base": "t/a"}}


def test_what_fits_is_announced_in_full() -> None:
    """To the last byte."""
    room = MAX_ENTRY_BYTES - size(announced(detail_of(10)))
    detail = detail_of(10, room)
    entry = announced(detail)
    assert size(entry) == MAX_ENTRY_BYTES
    assert json.loads(entry["Detail"]) == detail


@pytest.mark.parametrize(
    "detail", [detail_of(100), detail_of(10, MAX_ENTRY_BYTES - size(announced(detail_of(10))) + 1)]
)
def test_too_many_renditions_are_left_out(detail: dict[str, Any]) -> None:
    """Rather than the event; it says so, and subscribers find them in the record."""
    entry = announced(detail)
    assert size(entry) <= MAX_ENTRY_BYTES
    rest = {name: value for name, value in detail.items() if name != "formats"}
    assert json.loads(entry["Detail"]) == rest | {"formatsLeftOut": True}
