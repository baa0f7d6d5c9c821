"""The built container image: real events in through the runtime interface, renditions out in the emulator's bucket."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

from processor.events import Hint, hint_body
from scripts.demo import resources
from tests.emulator import Pipeline
from tests.image.conftest import Function

EVENTS = Path(__file__).parents[1] / "events"


def photo(width: int = 640) -> bytes:
    """A JPEG with something to see on it."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((width, 480)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def sqs_batch(**bodies: str) -> dict[str, Any]:
    """An SQS event with a message a body, named by its keyword."""
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": name, "receiptHandle": name, "body": body}
            for name, body in bodies.items()
        ]
    }


def hint(key: str) -> str:
    """A message body about a key in the raw bucket."""
    return hint_body(Hint(resources.RAW_BUCKET, key))


def test_uploads_come_out_of_the_container(pipeline: Pipeline, function: Function) -> None:
    """A photo named in an SQS event is published whole by the container, AVIF included."""
    pipeline.upload("image/photo.jpg", photo())
    assert function.invoke(sqs_batch(one=hint("image/photo.jpg"))) == {"batchItemFailures": []}
    record = pipeline.settled("image/photo.jpg", "COMPLETE")
    assert len(record["formats"]) == 9
    assert pipeline.published("image/photo") == {fmt["key"] for fmt in record["formats"]}
    avif = pipeline.s3.get_object(Bucket=resources.PROCESSED_BUCKET, Key="avif/image/photo.avif")["Body"].read()
    assert avif[4:12] == b"ftypavif"


def test_batch_reports_exactly_the_bad_message(pipeline: Pipeline, function: Function) -> None:
    """Of three messages, the one that is no event is returned for a retry, and the other two are done."""
    for key in ("image/first.jpg", "image/last.jpg"):
        pipeline.upload(key, photo())
    answer = function.invoke(sqs_batch(first=hint("image/first.jpg"), bad="{", last=hint("image/last.jpg")))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    pipeline.settled("image/first.jpg", "COMPLETE")
    pipeline.settled("image/last.jpg", "COMPLETE")


def test_rejected_picture_is_acknowledged(pipeline: Pipeline, function: Function) -> None:
    """A text file named .jpg is no failure of the message: it is recorded as rejected."""
    pipeline.upload("image/words.jpg", b"only words")
    assert function.invoke(sqs_batch(one=hint("image/words.jpg"))) == {"batchItemFailures": []}
    assert pipeline.settled("image/words.jpg", "REJECTED")["reason"] == "unsupported_format"


def test_bare_events_are_understood(pipeline: Pipeline, function: Function) -> None:
    """A bare S3 notification and an EventBridge event, as one replays them by hand, publish their picture."""
    notification = json.loads((EVENTS / "s3_created.json").read_text())
    notification["Records"][0]["s3"]["bucket"]["name"] = resources.RAW_BUCKET
    bridged = json.loads((EVENTS / "eventbridge_created.json").read_text())
    bridged["detail"]["bucket"]["name"] = resources.RAW_BUCKET
    key = bridged["detail"]["object"]["key"]
    for width, event in ((200, notification), (300, bridged)):
        pipeline.upload(key, photo(width))
        assert function.invoke(event) is None
        assert pipeline.settled(key, "COMPLETE")["source"]["width"] == width


def test_event_of_another_bucket_raises(function: Function) -> None:
    """A bare event that cannot be handled fails the invocation, so that whoever sent it sees it."""
    event = json.loads(hint_body(Hint("somebody-elses", "photo.jpg")))
    assert function.invoke(event)["errorType"] == "UnreadableEvent"


def test_bad_environment_stops_the_start(image: str) -> None:
    """Without its variables the function does not start, and the error names every one of them at once."""
    command = ["docker", "run", "--rm", "--entrypoint", "python", image, "-c", "import processor.handler"]
    started = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert started.returncode != 0
    for name in ("RAW_BUCKET", "PROCESSED_BUCKET", "TABLE_NAME", "EVENT_BUS_NAME", "QUEUE_URL", "CDN_DOMAIN"):
        assert f"{name}: not set" in started.stderr


def test_image_holds_only_what_runs(image: str) -> None:
    """The image carries the package and its locked dependencies: no tests, no Terraform, no build files."""
    command = ["docker", "run", "--rm", "--entrypoint", "ls", image, "/var/task"]
    listed = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())  # noqa: S603
    assert {"processor", "PIL", "pillow_avif", "pillow_heif", "boto3"} <= listed
    assert not listed & {"tests", "terraform", "scripts", "docker", "Makefile", "requirements.txt"}
