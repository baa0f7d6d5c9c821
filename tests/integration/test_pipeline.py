"""Uploads to a real S3 API, a real queue, a worker in its own process: what comes out at the other end."""

import io
import json
import zlib
from pathlib import Path
from struct import pack

import pytest
from PIL import Image

from processor.keys import rendition_keys, source_hash, url
from processor.recipe import Recipe
from scripts.demo import resources
from tests.emulator import Pipeline
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("worker")

AWKWARD_KEY = "my photos/ü b+c (1).jpg"


def photo(colour: str = "teal", size: tuple[int, int] = (900, 700)) -> bytes:
    """A JPEG larger than every box of the default recipe."""
    image = Image.linear_gradient("L").resize(size)
    buffer = io.BytesIO()
    Image.merge("RGB", (image, Image.new("L", size, colour), image)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of a few hundred bytes whose header promises 40,000 × 40,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("key", ["plain.jpg", "folder/deeper/photo.JPEG", AWKWARD_KEY])
def test_photo_comes_out_in_every_rendition(pipeline: Pipeline, key: str) -> None:
    """An uploaded photo is published in all nine renditions, recorded, kept in history, and announced with its URLs."""
    pipeline.upload(key, photo())
    record = pipeline.settled(key, "COMPLETE")
    keys = set(rendition_keys(Recipe.default(), key))
    assert {fmt["key"] for fmt in record["formats"]} == keys
    for fmt in record["formats"]:
        stored = pipeline.s3.get_object(Bucket=resources.PROCESSED_BUCKET, Key=fmt["key"])
        body = stored["Body"].read()
        assert len(body) == fmt["bytes"]
        assert stored["ContentType"] == fmt["contentType"] == f"image/{fmt['format']}"
        assert stored["CacheControl"] == "public, max-age=300, s-maxage=86400"
        assert stored["Metadata"] == {"source": source_hash(key)}
        with Image.open(io.BytesIO(body)) as image:
            assert image.size == (fmt["width"], fmt["height"])
    [run] = pipeline.history(key)
    assert run["status"] == "COMPLETE"
    event = pipeline.event(key, "ImageProcessed")
    assert {fmt["url"] for fmt in event["detail"]["formats"]} == {url("cdn.example", each) for each in keys}


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        ("bad/empty.jpg", b"", "empty"),
        ("bad/text.jpg", b"Dear diary, today I took no photos.", "unsupported_format"),
        ("bad/truncated.jpg", photo()[:4000], "corrupt"),
        ("bad/bomb.png", bomb(), "too_many_pixels"),
        ("bad//twice.jpg", photo(), "unservable_key"),
    ],
)
def test_bad_picture_is_rejected_and_acknowledged(pipeline: Pipeline, key: str, body: bytes, reason: str) -> None:
    """A bad picture is REJECTED with a reason and a sentence, announced, leaves nothing published and no message."""
    pipeline.upload(key, body)
    record = pipeline.settled(key, "REJECTED")
    assert record["reason"] == reason
    assert len(record["message"]) > 20
    assert pipeline.published(key.rpartition(".")[0]) == set()
    assert pipeline.event(key, "ImageRejected")["detail"]["reason"] == reason
    wait_for(lambda: pipeline.messages_left() == 0 or None, "an empty queue")


def test_replaced_photo_is_replaced_everywhere(pipeline: Pipeline) -> None:
    """After a second upload under the same key every rendition shows the new picture, and history has two rows."""
    key = "replaced.jpg"
    pipeline.upload(key, photo())
    first = pipeline.settled(key, "COMPLETE")
    pipeline.upload(key, photo(size=(400, 300)))
    version_id = pipeline.s3.head_object(Bucket=resources.RAW_BUCKET, Key=key)["VersionId"]
    second = pipeline.settled(key, "COMPLETE", version_id)
    assert second["versionId"] != first["versionId"]
    assert max(fmt["width"] for fmt in second["formats"]) == 400
    for fmt in second["formats"]:
        stored = pipeline.s3.get_object(Bucket=resources.PROCESSED_BUCKET, Key=fmt["key"])["Body"].read()
        with Image.open(io.BytesIO(stored)) as image:
            assert image.size == (fmt["width"], fmt["height"])
    assert len(pipeline.history(key)) == 2


def test_removed_photo_is_removed_everywhere(pipeline: Pipeline) -> None:
    """A delete marker on the source removes every rendition, leaves a tombstone with history, and is announced."""
    key = "removed.jpg"
    pipeline.upload(key, photo())
    pipeline.settled(key, "COMPLETE")
    assert pipeline.published("/removed")
    pipeline.remove(key)
    record = pipeline.settled(key, "REMOVED")
    assert "formats" not in record
    assert pipeline.published("/removed") == set()
    assert [run["status"] for run in pipeline.history(key)] == ["COMPLETE", "REMOVED"]
    assert pipeline.event(key, "ImageRemoved")["detail"]["imageId"] == key


def test_stem_passes_to_the_waiting_picture(pipeline: Pipeline) -> None:
    """The second picture of a stem is rejected with the owner's name, and published once the owner is removed."""
    pipeline.upload("pets/tom.jpg", photo())
    pipeline.settled("pets/tom.jpg", "COMPLETE")
    pipeline.upload("pets/tom.png", photo(size=(50, 40)))
    assert "pets/tom.jpg" in pipeline.settled("pets/tom.png", "REJECTED")["message"]
    pipeline.remove("pets/tom.jpg")
    record = pipeline.settled("pets/tom.png", "COMPLETE")
    assert {(fmt["width"], fmt["height"]) for fmt in record["formats"]} == {(50, 40)}
    assert len(pipeline.published("pets/tom")) == 9


def test_unreadable_message_stays_and_the_rest_goes_on(pipeline: Pipeline, worker: Path) -> None:
    """A message that is no event is left for its retries while pictures after it are published."""
    pipeline.sqs.send_message(QueueUrl=pipeline.queue_url, MessageBody=json.dumps({"hello": "world"}))
    pipeline.upload("after-nonsense.jpg", photo(size=(20, 20)))
    pipeline.settled("after-nonsense.jpg", "COMPLETE")
    wait_for(lambda: "neither an S3 notification" in worker.read_text() or None, "the failure in the log")
    assert pipeline.messages_left() >= 1
    pipeline.sqs.purge_queue(QueueUrl=pipeline.queue_url)


def test_log_is_json_and_metrics_are_embedded(pipeline: Pipeline, worker: Path) -> None:
    """The processor writes one JSON object a line, and metrics in CloudWatch's embedded format."""
    pipeline.upload("logged.jpg", photo(size=(30, 30)))
    pipeline.settled("logged.jpg", "COMPLETE")

    def metrics() -> dict[str, object] | None:
        lines = [json.loads(line) for line in worker.read_text().splitlines()]
        assert any(line.get("key") == "logged.jpg" and line.get("message") == "published: logged.jpg" for line in lines)
        return next((line for line in lines if "_aws" in line and "ImagesProcessed" in line), None)

    emitted = wait_for(metrics, "an EMF line")
    assert emitted["service"] == "img-pipeline-demo"
    assert {"ProcessingTime", "BytesIn", "BytesOut", "CompressionSavings"} <= set(emitted)
