"""A shuffled, duplicated stream of events over a few hundred keys, through several workers at once."""

import json
import random
import time
from typing import Any

from processor.events import Hint, hint_body
from scripts.chaos.harness import Harness, picture
from scripts.chaos.report import Streamed
from scripts.demo import resources

KEYS = 500
BATCH = 10
SEED = 20260101
COLOURS = ("red", "green", "blue", "black", "white", "teal")


def run(harness: Harness, events: int) -> Streamed:
    """Change the pictures in three rounds, with the events of all rounds late, twice and in any order."""
    rng = random.Random(SEED)  # noqa: S311 - reproducible, not secret
    started = time.monotonic()
    names = [f"stream/{number}.png" for number in range(KEYS)]
    per_round = events // 3
    for _ in range(3):
        for key in rng.sample(names, KEYS * 2 // 3):
            if rng.random() < 0.25:  # noqa: PLR2004 - a quarter is removed
                harness.clients.s3.delete_object(Bucket=resources.RAW_BUCKET, Key=key)
            else:
                harness.clients.s3.put_object(Bucket=resources.RAW_BUCKET, Key=key, Body=picture(rng.choice(COLOURS)))
        hints = [rng.choice(names) for _ in range(per_round - KEYS)] + names
        rng.shuffle(hints)
        for start in range(0, len(hints), BATCH):
            _hand_over(harness, hints[start : start + BATCH])
    harness.heal()
    problems = [problem for key in names if (problem := _problem(harness, key))]
    encodes = sum(run["status"] == "COMPLETE" for key in names for run in harness._runs(key))  # noqa: SLF001
    return Streamed(3 * per_round, KEYS, encodes, time.monotonic() - started, problems)


def _hand_over(harness: Harness, hints: list[str]) -> None:
    records: list[dict[str, Any]] = [
        {
            "eventSource": "aws:sqs",
            "messageId": f"m{number}",
            "receiptHandle": "none",
            "body": hint_body(Hint(resources.RAW_BUCKET, key)),
        }
        for number, key in enumerate(hints)
    ]
    answer = harness.subject.handle({"Records": records})
    if answer is None:
        raise RuntimeError("a worker died")
    for failed in answer["batchItemFailures"]:
        body = records[int(failed["itemIdentifier"][1:])]["body"]
        harness.clients.sqs.send_message(QueueUrl=harness.queue_url, MessageBody=json.dumps(json.loads(body)))


def _problem(harness: Harness, key: str) -> str | None:
    record = harness.record(key)
    stored = harness.stored(key)
    try:
        etag = harness.clients.s3.head_object(Bucket=resources.RAW_BUCKET, Key=key)["ETag"].strip('"')
    except harness.clients.s3.exceptions.ClientError:
        gone = record is None or record["status"] == "REMOVED"
        return None if gone and not stored else f"{key} is gone from the raw bucket, and {record}, {sorted(stored)}"
    if record is None or record["status"] != "COMPLETE" or record["etag"] != etag:
        return f"{key} has the ETag {etag}, and {record}"
    sizes = {fmt["key"]: int(fmt["bytes"]) for fmt in record["formats"]}
    return (
        None if sizes == {name: len(body) for name, body in stored.items()} else f"{key}: other objects than recorded"
    )
