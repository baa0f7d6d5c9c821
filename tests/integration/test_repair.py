"""`verify`, `backfill`, `redrive` and `remove` on an emulator of their own, for they look at everything there is."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from processor import cli
from processor.aws.s3 import S3Renditions
from processor.commands import backfill, verify
from processor.events import Hint, hint_body
from processor.keys import rendition_keys
from scripts.demo import resources
from tests.deployed import Deployed, deployed_in, invalidated
from tests.helpers import photo, saved, small_recipe

KEYS = ("a/one.jpg", "a/two b+c.jpg", "b/three.jpg")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Three published pictures."""
    with deployed_in(tmp_path_factory.mktemp("repair")) as deployed:
        for key in KEYS:
            deployed.pipeline.upload(key, saved(photo(), "JPEG"))
        for key in KEYS:
            deployed.pipeline.settled(key, "COMPLETE")
        yield deployed


def renditions() -> set[str]:
    """Of all three pictures."""
    return {each for key in KEYS for each in rendition_keys(small_recipe(), key)}


def test_whole_pipeline_has_no_differences(deployed: Deployed) -> None:
    """Where everything is published, verify finds nothing and ends with 0."""
    done = deployed.run("verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing differs" in done.stdout


def test_orphans_go_and_what_terraform_stores_stays(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --repair an object that no picture has is deleted; what stands in for missing pictures is not seen."""
    pipeline, bucket = deployed.pipeline, resources.PROCESSED_BUCKET
    for key in ("_missing/picture", "s/nobody's.jpg"):
        pipeline.s3.put_object(Bucket=bucket, Key=key, Body=b"some")
    arguments = verify_here(deployed, monkeypatch)
    assert invalidated(deployed) == []
    assert cli.main(arguments) == 3
    assert pipeline.published("") == renditions() | {"_missing/picture"}
    assert cli.main(arguments) == 0
    assert invalidated(deployed) == [["/*"]], "orphans may be of pictures that were removed, and are forgotten once"
    pipeline.s3.delete_object(Bucket=bucket, Key="_missing/picture")


def verify_here(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a `verify --repair` in this very process, to which no object is too young to be an orphan."""
    for name, value in deployed.pipeline.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(verify, "ORPHAN_AGE", timedelta(0))
    return ["verify", "--repair", "--stack", str(deployed.stack)]


def test_renditions_outlive_the_table(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With only the table lost, the worker may make everything anew before orphans are deleted: no rendition is one."""
    pipeline = deployed.pipeline
    deployed.wipe_table()
    pipeline.s3.put_object(Bucket=resources.PROCESSED_BUCKET, Key="s/nobody's.jpg", Body=b"some")
    delete = S3Renditions.delete

    def delete_late(*arguments: Any) -> None:
        for key in KEYS:
            pipeline.settled(key, "COMPLETE")
        delete(*arguments)

    monkeypatch.setattr(S3Renditions, "delete", delete_late)
    arguments = verify_here(deployed, monkeypatch)
    assert cli.main(arguments) == 3
    assert pipeline.published("") == renditions()
    assert cli.main(arguments) == 0


def test_damage_is_found_and_repaired(deployed: Deployed) -> None:
    """A missing rendition, a changed one and a lost record are found, and mended only with --repair."""
    pipeline = deployed.pipeline
    before = pipeline.s3.get_object(Bucket=resources.PROCESSED_BUCKET, Key="s/b/three.jpg")["Body"].read()
    pipeline.s3.delete_object(Bucket=resources.PROCESSED_BUCKET, Key="s/a/one.webp")
    pipeline.s3.put_object(Bucket=resources.PROCESSED_BUCKET, Key="s/b/three.jpg", Body=b"other")
    pipeline.dynamodb.delete_item(
        TableName=resources.TABLE, Key={"imageId": {"S": KEYS[1]}, "record": {"S": "current"}}
    )
    done = deployed.run("verify", "--json")
    assert done.returncode == 3, done.stderr
    found = {each["key"]: each["kind"] for each in map(json.loads, done.stdout.splitlines())}
    assert found == {KEYS[0]: "damaged", KEYS[1]: "unprocessed", KEYS[2]: "damaged"}
    assert "s/a/one.webp" not in pipeline.published("")
    assert deployed.run("verify", "--repair").returncode == 3
    for key in KEYS:
        pipeline.settled(key, "COMPLETE")
    assert wait_until_clean(deployed)
    assert pipeline.s3.get_object(Bucket=resources.PROCESSED_BUCKET, Key="s/b/three.jpg")["Body"].read() == before


def test_everything_is_rebuilt_from_the_raw_bucket(deployed: Deployed) -> None:
    """With table and processed bucket lost, verify --repair brings back every record and every rendition."""
    deployed.wipe()
    assert deployed.pipeline.published("") == set()
    assert deployed.run("verify", "--repair").returncode == 3
    for key in KEYS:
        deployed.pipeline.settled(key, "COMPLETE")
    assert deployed.pipeline.published("") == renditions()
    assert wait_until_clean(deployed)


def test_backfill_counts_then_does_and_skips_what_is_current(deployed: Deployed, tmp_path: Path) -> None:
    """A dry run queues nothing; a budget stops in time; a run publishes all below the prefix; then nothing is due."""
    deployed.wipe()
    source = f"s3://{resources.RAW_BUCKET}/a/"
    dry = deployed.run("backfill", source)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.startswith("2 pictures, ")
    assert "nothing was queued" in dry.stdout
    stopped = deployed.run("backfill", source, "--run", "--budget", "0.0000001")
    assert "0 of 2 queued" in stopped.stdout
    progress = tmp_path / "progress"
    done = deployed.run("backfill", source, "--run", "--progress", str(progress))
    assert "2 queued" in done.stdout, done.stderr
    assert not progress.exists()
    for key in KEYS[:2]:
        deployed.pipeline.settled(key, "COMPLETE")
    assert deployed.pipeline.record(KEYS[2]) is None
    assert deployed.run("backfill", source).stdout.startswith("0 pictures, ")
    assert deployed.run("backfill", f"s3://{resources.RAW_BUCKET}", "--stale").stdout.startswith("0 pictures, ")
    progress.write_text(json.dumps({"after": KEYS[1], "renewed": False}))
    resumed = deployed.run("backfill", f"s3://{resources.RAW_BUCKET}", "--run", "--progress", str(progress))
    assert "1 queued" in resumed.stdout
    deployed.pipeline.settled(KEYS[2], "COMPLETE")


def test_backfill_of_an_older_recipe_ends_in_one_invalidation(deployed: Deployed) -> None:
    """The command ends when the older recipe's pictures are made anew, and has invalidated everything just once."""
    pipeline, source, before = deployed.pipeline, f"s3://{resources.RAW_BUCKET}", len(invalidated(deployed))
    make_older(deployed, KEYS)
    assert deployed.run("backfill", source, "--stale", "--run", "--budget", "0.0000001").returncode == 0
    assert len(invalidated(deployed)) == before
    done = deployed.run("backfill", source, "--stale", "--run")
    assert (done.returncode, "3 made anew" in done.stdout) == (0, True), done
    assert {(pipeline.record(key) or {})["fingerprint"] for key in KEYS} == {small_recipe().fingerprint}
    assert invalidated(deployed)[before:] == [["/*"]]
    assert deployed.run("backfill", source, "--stale", "--run").returncode == 0
    assert len(invalidated(deployed)) == before + 1, "nothing was made anew"
    assert deployed.run("backfill", source, "--stale", "--run", "--invalidate").returncode == 0
    assert invalidated(deployed)[before:] == [["/*"], ["/*"]]


def make_older(deployed: Deployed, pictures: Iterable[str]) -> None:
    """An older recipe has made them."""
    for key in pictures:
        deployed.pipeline.dynamodb.update_item(
            TableName=resources.TABLE,
            Key={"imageId": {"S": key}, "record": {"S": "current"}},
            UpdateExpression="SET fingerprint = :older",
            ExpressionAttributeValues={":older": {"S": "older"}},
        )


def test_resumed_backfill_invalidates_what_it_renewed_before(deployed: Deployed, tmp_path: Path) -> None:
    """Though what is left to be queued then is new; it waits for what is not through of the earlier part."""
    source, progress = f"s3://{resources.RAW_BUCKET}", tmp_path / "progress"
    before = len(invalidated(deployed))
    make_older(deployed, KEYS[:1])
    deployed.pipeline.dynamodb.delete_item(
        TableName=resources.TABLE, Key={"imageId": {"S": KEYS[2]}, "record": {"S": "current"}}
    )
    budget = str(1.5 * backfill.DOLLARS_PER_PICTURE)
    stopped = deployed.run("backfill", source, "--run", "--progress", str(progress), "--budget", budget)
    assert "1 of 2 queued" in stopped.stdout, stopped
    assert len(invalidated(deployed)) == before
    resumed = deployed.run("backfill", source, "--run", "--progress", str(progress))
    assert "1 queued" in resumed.stdout, resumed
    assert len(invalidated(deployed)) == before + 1
    assert not progress.exists()
    deployed.pipeline.settled(KEYS[2], "COMPLETE")


def test_backfill_of_another_bucket_is_refused(deployed: Deployed) -> None:
    """Only the stack's own raw bucket can be backfilled."""
    done = deployed.run("backfill", "s3://other/a")
    assert done.returncode == 2
    assert f"s3://{resources.RAW_BUCKET}/PREFIX" in done.stderr


def test_redrive_lists_filters_shows_and_sends_back(deployed: Deployed) -> None:
    """Dead messages are joined with their records; only what is chosen is sent, and the rest stays."""
    pipeline, url = deployed.pipeline, deployed.dead_letters()
    for text in ("no event", hint_body(Hint(resources.RAW_BUCKET, KEYS[0])), hint_body(Hint("other", "x.jpg"))):
        pipeline.sqs.send_message(QueueUrl=url, MessageBody=text)
    listed = [json.loads(line) for line in deployed.run("redrive", "--json").stdout.splitlines()]
    assert {each["reason"]: each["key"] for each in listed} == {
        "unreadable_event": None,
        "settled": KEYS[0],
        "other_bucket": "x.jpg",
    }
    assert waiting(deployed) == 3
    unreadable = next(each for each in listed if each["reason"] == "unreadable_event")
    assert json.loads(deployed.run("redrive", "--show", unreadable["messageId"]).stdout)["body"] == "no event"
    assert "nothing was changed" in deployed.run("redrive", "--reason", "settled").stdout
    assert "1 sent back: 1 settled" in deployed.run("redrive", "--reason", "settled", "--send").stdout
    assert waiting(deployed) == 2
    assert "2 deleted" in deployed.run("redrive", "--discard").stdout
    assert waiting(deployed) == 0


def test_removed_picture_is_gone_with_everything_made_of_it(deployed: Deployed) -> None:
    """After remove the renditions go; with --all-versions no version is left in the raw bucket either."""
    pipeline = deployed.pipeline
    for key in ("gone/one.jpg", "gone/two.jpg"):
        pipeline.upload(key, saved(photo(), "JPEG"))
        pipeline.settled(key, "COMPLETE")
    assert "would be" in deployed.run("remove", "gone/one.jpg", "--dry-run").stdout
    assert deployed.run("remove", "gone/one.jpg").returncode == 0
    assert deployed.run("remove", "gone/two.jpg", "--all-versions").returncode == 0
    for key in ("gone/one.jpg", "gone/two.jpg"):
        pipeline.settled(key, "REMOVED")
    assert pipeline.published("gone/") == set()
    versions = pipeline.s3.list_object_versions(Bucket=resources.RAW_BUCKET, Prefix="gone/")
    assert [each["Key"] for each in versions.get("Versions", [])] == ["gone/one.jpg"]


@pytest.mark.parametrize("option", [[], ["--dry-run"], ["--all-versions"]])
def test_mistyped_key_is_not_removed(deployed: Deployed, option: list[str]) -> None:
    """It is named, and nothing is marked."""
    pipeline, typed = deployed.pipeline, f"gone/{'-'.join(option)}typo.jpg"
    done = deployed.run("remove", typed, *option)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no picture {typed!r}" in done.stderr
    found = {*pipeline.s3.list_object_versions(Bucket=resources.RAW_BUCKET, Prefix=typed)}
    assert not found & {"Versions", "DeleteMarkers"}


def test_all_versions_go_of_what_was_removed_before(deployed: Deployed) -> None:
    """A delete marker hides a picture, and does not keep it from being deleted for good."""
    pipeline, key = deployed.pipeline, "gone/marked.jpg"
    pipeline.upload(key, saved(photo(), "JPEG"))
    pipeline.settled(key, "COMPLETE")
    assert deployed.run("remove", key).returncode == 0
    assert deployed.run("remove", key).returncode == 2
    done = deployed.run("remove", key, "--all-versions")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"{key}: 2 versions deleted for good")


def waiting(deployed: Deployed) -> int:
    """Messages in the dead-letter queue."""
    attributes = deployed.pipeline.sqs.get_queue_attributes(QueueUrl=deployed.dead_letters(), AttributeNames=["All"])
    return sum(
        int(value) for name, value in attributes["Attributes"].items() if name.startswith("ApproximateNumberOfMessages")
    )


def wait_until_clean(deployed: Deployed) -> bool:
    """Whether verify finds nothing soon."""
    return any(deployed.run("verify").returncode == 0 for _ in range(10))
