"""The Lambda handler over a world of fakes: whole batches in, partial batch responses out."""

import importlib
import io
import json
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from PIL import Image

from processor.aws.tracing import NoTracing
from processor.errors import InvalidConfiguration, Transient
from processor.events import Hint, UnreadableEvent, hint_body
from processor.isolation import IsolatedTranscoder
from processor.recipe import Recipe
from processor.service import Waiting
from processor.settings import Settings
from tests.fakes import World

ENVIRONMENT = {
    "RAW_BUCKET": "raw",
    "PROCESSED_BUCKET": "processed",
    "TABLE_NAME": "records",
    "EVENT_BUS_NAME": "bus",
    "QUEUE_URL": "https://queue.example/ingest",
    "CDN_DOMAIN": "cdn.example",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}
RECIPE = Recipe.from_json('{"sizes": [{"name": "full", "formats": {"webp": {"key": "webp/{stem}.webp"}}}]}')


class Context(LambdaContext):
    """What the logger asks for."""

    _function_name = "img-pipeline"
    _memory_limit_in_mb = 1024
    _invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:img-pipeline"
    _aws_request_id = "request"
    seconds_left: ClassVar[list[float]] = []

    @classmethod
    def get_remaining_time_in_millis(cls) -> int:
        """What was set, one value a question (the first is the batch's, then one a message), or plenty."""
        return int(1000 * cls.seconds_left.pop(0)) if cls.seconds_left else 300_000


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World(RECIPE)


@pytest.fixture
def handler(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The handler's module, wired to the world of fakes."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    module = importlib.import_module("processor.handler")

    class Connected:
        reconciler = world.reconciler
        queue = world.queue
        transcoder = IsolatedTranscoder()
        tracing = NoTracing()

    monkeypatch.setattr(module, "connected", Connected)
    monkeypatch.setattr(module, "settings", Settings.from_environment(ENVIRONMENT))  # other tests import it, too
    yield module
    module.metrics.clear_metrics()


def picture() -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def batch(**bodies: str) -> dict[str, Any]:
    """An SQS event with a message a body, named by its keyword."""
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": name, "receiptHandle": f"handle-{name}", "body": body}
            for name, body in bodies.items()
        ]
    }


def body(key: str, bucket: str = "raw") -> str:
    """A message body about a key."""
    return hint_body(Hint(bucket, key))


def test_good_batch_has_no_failures(handler: ModuleType, world: World) -> None:
    """A batch in which everything works answers an empty list, which SQS takes as success."""
    world.sources.upload("a.png", picture())
    assert handler.handler(batch(one=body("a.png")), Context()) == {"batchItemFailures": []}
    assert set(world.renditions.objects) == {"webp/a.webp"}


def test_batch_reports_exactly_the_bad_message(handler: ModuleType, world: World) -> None:
    """One unreadable message is reported by its id while those around it are done."""
    for key in ("a.png", "b.png"):
        world.sources.upload(key, picture())
    answer = handler.handler(batch(first=body("a.png"), bad="{", last=body("b.png")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert set(world.renditions.objects) == {"webp/a.webp", "webp/b.webp"}


def test_failed_message_comes_back_soon(handler: ModuleType, world: World) -> None:
    """A message that failed transiently is shown again after 10 to 120 seconds, not after the queue's timeout."""
    world.sources.upload("a.png", picture())
    world.renditions.fail_at = 0
    answer = handler.handler(batch(one=body("a.png")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}]}
    [(handle, seconds)] = world.queue.shown
    assert handle == "handle-one"
    assert 10 <= seconds <= 120


def test_anything_unforeseen_is_retried(handler: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody thought of fails its own message only."""

    def explode(_key: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.sources, "head", explode)
    answer = handler.handler(batch(one=body("a.png")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}]}


def test_waiting_for_a_lease_uses_up_no_try(handler: ModuleType, world: World) -> None:
    """A message that finds a live lease is done with: its key is queued anew, to be seen when the lease has ended."""
    world.sources.upload("a.png", picture())
    world.records.acquire("a.png", frozenset(), 200)
    assert handler.handler(batch(one=body("a.png")), Context()) == {"batchItemFailures": []}
    assert world.queue.keys == [("a.png", 201)]


def test_other_keys_of_a_message_do_not_wait(handler: ModuleType, world: World) -> None:
    """In a notification of two keys of which one is leased, the other is published at once."""
    for key in ("a.png", "b.png"):
        world.sources.upload(key, picture())
    world.records.acquire("a.png", frozenset(), 200)
    both = json.loads(body("a.png"))
    both["Records"] += json.loads(body("b.png"))["Records"]
    handler.handler(batch(one=json.dumps(both)), Context())
    assert set(world.renditions.objects) == {"webp/b.webp"}


def test_event_of_another_bucket_is_not_handled(handler: ModuleType, world: World) -> None:
    """A key of a bucket that is not this stack's is returned, and nothing is read."""
    answer = handler.handler(batch(one=body("a.png", bucket="other")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}]}
    assert world.sources.heads == 0


def test_bare_event_raises(handler: ModuleType, world: World) -> None:
    """Outside SQS a failure is raised, because there is nobody to report a part to."""
    world.sources.upload("a.png", picture())
    world.renditions.fail_at = 0
    with pytest.raises(Transient):
        handler.handler(json.loads(body("a.png")), Context())
    with pytest.raises(UnreadableEvent):
        handler.handler({"hello": "world"}, Context())


def test_test_event_is_acknowledged(handler: ModuleType) -> None:
    """The message that S3 sends when the notification is set up is done with."""
    message = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"})
    assert handler.handler(batch(one=message), Context()) == {"batchItemFailures": []}


def test_a_picture_that_is_right_already_counts(
    handler: ModuleType, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or the alarm would take a backfill over current pictures for a loop."""
    world.sources.upload("a.png", picture())
    handler.handler(batch(one=body("a.png")), Context())
    handler.handler(batch(one=body("a.png")), Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line.get("ImagesUnchanged") for line in lines] == [None, [1.0]]


def test_metrics_are_written_per_outcome(handler: ModuleType, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A batch with a good, a bad and a failing picture counts each in CloudWatch's embedded format."""
    world.sources.upload("a.png", picture())
    world.sources.upload("b.png", b"words")
    handler.handler(batch(one=body("a.png"), two=body("b.png"), three="{"), Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    [metrics] = lines
    assert metrics["ImagesProcessed"] == [1.0]
    assert metrics["ImagesRejected"] == [1.0]
    assert metrics["ImagesFailed"] == [1.0]
    assert metrics["BytesIn"] == [float(len(picture()))]
    assert metrics["ImagesEnded"] == [1.0, 1.0]


def test_removal_that_waits_for_the_cdn_counts_each_time(
    handler: ModuleType, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that the alarm lasts as long as copies may be served; the last time it is over."""
    world.sources.upload("a.png", picture())
    handler.handler(batch(one=body("a.png")), Context())
    world.sources.remove("a.png")
    for waiting in (Waiting(1, 900), Waiting(1, 900), None):
        world.invalidations.waiting = waiting
        handler.handler(batch(one=body("a.png")), Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line.get("RemovalsStillServed") for line in lines] == [None, [1.0], [1.0], None]
    assert [line.get("ImagesRemoved") for line in lines] == [None, [1.0], None, None]


@pytest.mark.parametrize("stack", ["pictures-dev", "pictures-prod"])
def test_metrics_are_the_stacks_own(
    handler: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stack: str
) -> None:
    """Namespace and dimension are what the environment says, so that two stacks of an account share no metric."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", stack)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", stack)
    importlib.reload(handler)
    handler.metrics.add_metric("ImagesEnded", "Count", 1)
    handler.metrics.flush_metrics()
    written = json.loads(capsys.readouterr().out.splitlines()[-1])
    [directive] = written["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"], written["service"]) == (stack, [["service"]], stack)


def test_the_canary_is_counted_by_itself(
    handler: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Published once and then unchanged, it came through both times; a bad one did not; it is in no other statistic."""
    monkeypatch.setattr(handler, "settings", Settings.from_environment({**ENVIRONMENT, "CANARY_KEY": "canary.png"}))
    for content in (picture(), picture(), b"words"):
        world.sources.upload("canary.png", content)
        handler.handler(batch(one=body("canary.png")), Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = [{name: value for name, value in line.items() if isinstance(value, list)} for line in lines]
    assert counted == [{"ImagesEnded": [1.0], "CanaryEnded": [1.0]}] * 2 + [{"ImagesEnded": [1.0]}]


def test_bad_environment_stops_the_start(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the handler without its variables fails with every problem named, before a message is taken."""
    monkeypatch.delenv("RAW_BUCKET")
    monkeypatch.setenv("RECIPE", '{"sizes": []}')
    with pytest.raises(InvalidConfiguration) as failure:
        importlib.reload(handler)
    assert len(failure.value.problems) == 2


def test_what_cannot_be_finished_in_time_is_handed_back(handler: ModuleType, world: World) -> None:
    """With too little time left no further picture is begun: its key is queued anew, which uses up no try."""
    for key in ("a.png", "b.png"):
        world.sources.upload(key, picture())
    Context.seconds_left[:] = [300, 300, 19]
    assert handler.handler(batch(one=body("a.png"), two=body("b.png")), Context()) == {"batchItemFailures": []}
    assert set(world.renditions.objects) == {"webp/a.webp"}
    assert world.queue.keys == [("b.png", 0)]


def test_first_picture_is_begun_however_late(handler: ModuleType, world: World) -> None:
    """The first picture of a batch is begun even with little time, or it would be handed back for ever."""
    world.sources.upload("a.png", picture())
    Context.seconds_left[:] = [300, 1]
    handler.handler(batch(one=body("a.png")), Context())
    assert set(world.renditions.objects) == {"webp/a.webp"}


def test_unreadable_message_is_not_handed_back(handler: ModuleType, world: World) -> None:
    """What cannot be read is returned as failed, also for want of time, so that it ends in the dead-letter queue."""
    world.sources.upload("a.png", picture())
    Context.seconds_left[:] = [300, 300, 1]
    assert handler.handler(batch(one=body("a.png"), bad="{"), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "bad"}]
    }


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None]]:
    """The log lines: each message with the field `key`."""
    return [(record.getMessage(), vars(record).get("key")) for record in caplog.records]


def test_failing_picture_of_a_message_is_named(
    handler: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The one of two that failed, not the first one."""
    world.sources.upload("a.png", picture())
    world.sources.upload("b.png", picture())
    both = json.loads(body("a.png"))
    both["Records"] += json.loads(body("b.png"))["Records"]
    store = world.renditions.store
    failing = SimpleNamespace(left=1)

    def store_one(*arguments: Any) -> None:
        if failing.left == 0:
            raise Transient("storing: SlowDown")
        failing.left -= 1
        store(*arguments)

    monkeypatch.setattr(world.renditions, "store", store_one)
    handler.handler(batch(one=json.dumps(both)), Context())
    assert said(caplog) == [("published: a.png", "a.png"), ("will be retried: b.png", "b.png")]


def test_unreadable_message_is_named_by_its_id(handler: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    """There is no key to name."""
    handler.handler(batch(one="{"), Context())
    assert said(caplog) == [("will be retried: message one", None)]


def test_what_cannot_be_handed_back_is_named(
    handler: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is retried, and the log says of which picture and why."""

    def fail(*_: object, **__: object) -> None:
        raise Transient("queueing: InternalError")

    world.sources.upload("a.png", picture())
    monkeypatch.setattr(world.queue, "enqueue", fail)
    Context.seconds_left[:] = [300, 300, 1]
    answer = handler.handler(batch(one=body("a.png"), two=body("b.png")), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "two"}]}
    assert said(caplog)[-1] == ("not handed back, will be retried: b.png", "b.png")


def test_event_without_a_message_names_its_picture(
    handler: ModuleType, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Lambda itself would only print the exception."""
    world.sources.upload("a.png", picture())
    world.renditions.fail_at = 0
    with pytest.raises(Transient):
        handler.handler(json.loads(body("a.png")), Context())
    assert said(caplog)[-1] == ("failed: a.png", "a.png")


def test_rejected_picture_is_named(handler: ModuleType, world: World, caplog: pytest.LogCaptureFixture) -> None:
    """With its reason."""
    world.sources.upload("a.png", b"words")
    handler.handler(batch(one=body("a.png")), Context())
    assert said(caplog) == [("rejected: a.png", "a.png")]
    assert vars(caplog.records[0])["reason"] == "unsupported_format"
