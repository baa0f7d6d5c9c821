"""A stream of duplicate, reordered events over many keys, through several real workers at once, some of them killed.

Every change of the raw bucket sends its own event. On top of that, events of all changes so far are sent again, in any
order, so that most that arrive are about a state which has been overtaken.
"""

import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from processor.events import Hint, hint_body
from scripts.chaos.harness import RECIPE, Harness, picture
from scripts.chaos.report import Streamed
from scripts.demo import resources, servers

KEYS = 500
STEPS = 40
CHANGES = 3
"""Of each picture, on average."""

LEFT = 50
"""Messages that are still in the queue when the next changes are made."""

WORKERS = 3
SEED = 20260101
COLOURS = ("red", "green", "blue", "black", "white", "teal")
REMOVED = 0.25
"""Of the changes. The others upload a picture, or replace one."""

LEASE_SECONDS, VISIBILITY_SECONDS, TRIES = 8, 12, 50
KILLED_EVERY_SECONDS = 15
BATCH = 10
PATIENCE_SECONDS = 300
"""Without any message being worked off."""


def run(harness: Harness, folder: Path, events: int, keys: int = KEYS, broken: str = "") -> Streamed:
    """Change pictures, a few at a time, while workers work off the stream; when it has ended, compare."""
    rng = random.Random(SEED)  # noqa: S311 - reproducible, not secret
    started = time.monotonic()
    names = [f"stream/{number}.png" for number in range(keys)]
    _be_patient(harness)
    steps = max(4, min(STEPS, events // 50))
    changes = keys * CHANGES // steps
    changed: list[str] = []
    with _workers(harness, folder, broken) as crew:
        for step in range(steps):
            for key in rng.choices(names, k=changes):
                _change(harness, key, rng)
                changed.append(key)
            _send(harness, rng.choices(changed, k=events // steps - changes))
            if step == steps // 2:
                crew.kill_one()
            crew.work_off(LEFT if step < steps - 1 else 0)
        killed = crew.killed
    harness.listen()
    problems = [problem for key in names if (problem := _problem(harness, key))]
    problems += [f"{key} is an orphan" for key in harness.orphans()]
    dead = harness.waiting(harness.dead_letter_url)
    problems += [f"{dead} messages are in the dead-letter queue"] * bool(dead)
    encodes = sum(run["status"] == "COMPLETE" for key in names for run in harness.runs(key))
    return Streamed(events // steps * steps, keys, encodes, killed, time.monotonic() - started, problems)


def _be_patient(harness: Harness) -> None:
    """Retries come after seconds here, so that five tries would be over before a picture is."""
    sqs = harness.clients.sqs
    dead = sqs.get_queue_attributes(QueueUrl=harness.dead_letter_url, AttributeNames=["QueueArn"])["Attributes"]
    redrive = json.dumps({"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": TRIES})
    attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": redrive}
    sqs.set_queue_attributes(QueueUrl=harness.queue_url, Attributes=attributes)  # type: ignore[arg-type]


def _change(harness: Harness, key: str, rng: random.Random) -> None:
    """Upload, replace or remove a picture; the raw bucket sends its own event of that."""
    if rng.random() < REMOVED:
        harness.clients.s3.delete_object(Bucket=resources.RAW_BUCKET, Key=key)
    else:
        harness.clients.s3.put_object(Bucket=resources.RAW_BUCKET, Key=key, Body=picture(rng.choice(COLOURS)))


def _send(harness: Harness, hints: list[str]) -> None:
    """Send events again."""
    for start in range(0, len(hints), BATCH):
        entries = [
            {"Id": str(number), "MessageBody": hint_body(Hint(resources.RAW_BUCKET, key))}
            for number, key in enumerate(hints[start : start + BATCH])
        ]
        harness.clients.sqs.send_message_batch(QueueUrl=harness.queue_url, Entries=entries)  # type: ignore[arg-type]


class _Crew:
    """The workers, and how often one of them was killed and replaced."""

    def __init__(self, harness: Harness, folder: Path, broken: str, stack: ExitStack) -> None:
        self._harness = harness
        self._folder = folder
        self._environment = harness.direct | {
            "LEASE_SECONDS": str(LEASE_SECONDS), "RECIPE": RECIPE, "CHAOS_BREAK": broken
        }  # fmt: skip
        self._stack = stack
        self._count = 0
        self._killed_at = time.monotonic()
        self._workers = [self._start() for _ in range(WORKERS)]

    def _start(self) -> servers.Server:
        self._count += 1
        log = self._folder / f"worker-{self._count}.log"
        command = [sys.executable, "-m", "scripts.chaos.subject", "--poll"]
        return self._stack.enter_context(servers.running("a worker", command, self._environment, log))

    def kill_one(self) -> None:
        """Kill the worker that has worked the longest, whatever it is at, and start another."""
        victim = self._workers.pop(0)
        victim.process.send_signal(signal.SIGKILL)
        self._workers.append(self._start())
        self._killed_at = time.monotonic()

    @property
    def killed(self) -> int:
        """How many were."""
        return self._count - WORKERS

    def work_off(self, left: int) -> None:
        """Until only so many messages are in the queue, killing a worker now and then."""
        least, moved_at = 1 << 30, time.monotonic()
        while (waiting := self._harness.waiting(self._harness.queue_url)) > left:
            now = time.monotonic()
            if waiting < least:
                least, moved_at = waiting, now
            if now - moved_at > PATIENCE_SECONDS:
                raise RuntimeError(f"{waiting} messages are left, and none is worked off any more")
            if now - self._killed_at > KILLED_EVERY_SECONDS and waiting > BATCH:  # at the end it would only delay
                self.kill_one()
            time.sleep(0.2)


@contextmanager
def _workers(harness: Harness, folder: Path, broken: str) -> Iterator[_Crew]:
    with ExitStack() as stack:
        yield _Crew(harness, folder, broken, stack)


def _problem(harness: Harness, key: str) -> str | None:
    """How a picture differs from what the raw bucket holds, or what was never announced of it."""
    record, stored = harness.record(key), harness.stored(key)
    try:
        etag = harness.clients.s3.head_object(Bucket=resources.RAW_BUCKET, Key=key)["ETag"].strip('"')
    except harness.clients.s3.exceptions.ClientError:
        etag = None
    if etag is None and record is None and not stored:
        return None  # removed before it was ever seen
    expected = "COMPLETE" if etag else "REMOVED"
    if record is None or record["status"] != expected or record.get("etag") != etag:
        return f"{key} has the ETag {etag}, and its record is {record}"
    sizes = {fmt["key"]: int(fmt["bytes"]) for fmt in record.get("formats", [])}
    if sizes != {name: len(body) for name, body in stored.items()} or bool(stored) != bool(etag):
        return f"{key}: other objects than recorded"
    announced = {(event["status"], event.get("versionId")) for event in harness.announced if event["imageId"] == key}
    return None if (expected, record.get("versionId")) in announced else f"{key}: its last state was never announced"
