"""Removals and the CDN, on an emulator of its own: by path, then waiting for everything to be forgotten."""

import json
import time
from collections.abc import Iterator

import pytest

from scripts.demo import resources
from tests.deployed import Deployed, deployed_in, invalidated
from tests.helpers import photo, saved
from tests.waiting import wait_for

SWEEPS = {"imageId": {"S": "invalidations"}, "record": {"S": "sweeps"}}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A budget for one removal of three paths."""
    with deployed_in(tmp_path_factory.mktemp("removal"), REMOVAL_PATHS_PER_MONTH="3") as deployed:
        yield deployed


def last_sweep_began(deployed: Deployed, seconds_ago: float) -> None:
    """Have the CDN forgotten everything some time ago."""
    begun = {":one": {"N": "1"}, ":at": {"N": str(time.time() - seconds_ago)}}
    deployed.pipeline.dynamodb.update_item(
        TableName=resources.TABLE,
        Key=SWEEPS,
        UpdateExpression="SET begun = :one, ended = :one, begunAt = :at",
        ExpressionAttributeValues=begun,
    )


def published(deployed: Deployed, key: str) -> None:
    """Publish a picture."""
    deployed.pipeline.upload(key, saved(photo(), "JPEG"))
    deployed.pipeline.settled(key, "COMPLETE")


def test_removal_within_the_budget_is_forgotten_at_once(deployed: Deployed) -> None:
    """`remove` waits until the CDN was told, and ends with 0."""
    published(deployed, "within.jpg")
    done = deployed.run("remove", "within.jpg")
    assert (done.returncode, done.stderr) == (0, "")
    assert "within.jpg: nothing is served of it any more" in done.stdout
    assert invalidated(deployed) == [["/s/within.avif", "/s/within.jpg", "/s/within.webp"]]
    assert "servedUntil" not in deployed.pipeline.event("within.jpg", "ImageRemoved")["detail"]


def test_removal_beyond_the_budget_is_seen_until_the_cdn_was_told(deployed: Deployed) -> None:
    """`remove`, `status`, `verify` and the event say until when copies may be served; a repair has them forgotten."""
    key = "beyond.jpg"
    last_sweep_began(deployed, seconds_ago=1)
    published(deployed, key)
    paths = len(invalidated(deployed))

    done = deployed.run("remove", key, "--wait", "5")
    assert done.returncode == 3, done.stderr
    assert f"{key}: the CDN may serve copies until " in done.stdout
    record = deployed.pipeline.record(key)
    assert record is not None
    assert (record["status"], record["removed"]) == ("REMOVED", {"s/beyond.avif", "s/beyond.jpg", "s/beyond.webp"})
    event = deployed.pipeline.event(key, "ImageRemoved")
    assert event["detail"]["servedUntil"] == record["agedAt"]
    shown = deployed.run("status", key)
    assert (shown.returncode, "the CDN may serve what was removed, until" in shown.stdout) == (3, True)
    assert json.loads(deployed.run("status", "--json", key).stdout)["servedUntil"] == record["agedAt"]
    assert json.loads(deployed.run("status", "--json").stdout)["stillServed"] == {"count": 1, "imageIds": [key]}
    assert f"    {key}" in deployed.run("status").stdout
    found = deployed.run("verify")
    assert (found.returncode, f"still_served   {key}: the CDN may serve" in found.stdout) == (3, True)
    assert len(invalidated(deployed)) == paths, "everything was forgotten a second ago"

    last_sweep_began(deployed, seconds_ago=901)
    assert deployed.run("verify", "--repair").returncode == 3
    wait_for(lambda: "removed" not in (deployed.pipeline.record(key) or ["removed"]) or None, "the CDN to be told")
    assert invalidated(deployed).count(["/*"]) == 1
    assert deployed.run("verify").returncode == 0
    assert json.loads(deployed.run("status", "--json").stdout)["stillServed"]["count"] == 0
    deployed.pipeline.seen.clear()
    assert "servedUntil" not in deployed.pipeline.event(key, "ImageRemoved")["detail"], "it is announced once more"
