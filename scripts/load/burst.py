"""One burst: everything started, everything uploaded, everything waited for, everything counted."""

import io
import json
import os
import random
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

from PIL import Image

from processor.aws.dynamodb import DynamoDBRecords
from processor.records import Status
from processor.service import Action
from scripts.demo import resources, servers
from scripts.load.processes import reading
from scripts.load.statistics import Reading, Steadiness, percentile, steadiness

UPLOADERS = 4
VARIANTS = 16
SIDES = (480, 360)
"""0.17 megapixels: larger than the thumbnail, smaller than the medium size, so that every rendition is made."""

_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of one burst.

    Attributes:
        uploads: pictures.
        workers: processes.
        upload_seconds: from the first upload to the last.
        seconds: from the first upload until the last record was complete.
        complete: pictures that came to `COMPLETE`.
        dead: messages in the dead-letter queue.
        left: messages still in the ingest queue.
        p50: seconds from upload to `COMPLETE`, half of them took no longer.
        p95: the same of 95 in 100.
        p99: the same of 99 in 100.
        cpu_ms: a picture, of the workers with their nurseries and decoders, their start included.
        finished: pictures that came to `COMPLETE`, by worker.
        steady: by worker.
        about: machine and load.
    """

    uploads: int
    workers: int
    upload_seconds: float
    seconds: float
    complete: int
    dead: int
    left: int
    p50: float
    p95: float
    p99: float
    cpu_ms: float
    finished: tuple[int, ...]
    steady: tuple[Steadiness | None, ...]
    about: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost and nothing given up."""
        return self.complete == self.uploads and self.dead == 0 and self.left == 0


@dataclass(slots=True)
class Watched:
    """A worker's readings, taken every second until told to stop."""

    pid: int
    readings: list[Reading] = field(default_factory=list)

    def watch(self, began: float, stop: Event) -> None:
        """Take readings; ends by itself if the process does."""
        while not stop.wait(1.0):
            try:
                self.readings.append(reading(self.pid, time.time() - began))
            except OSError:
                return


def run(uploads: int, workers: int, out: Path, patience_seconds: float) -> Burst:
    """One burst on an emulator of its own, on the loopback interface.

    Args:
        uploads: how many pictures.
        workers: how many processes poll the queue.
        out: where logs and readings go.
        patience_seconds: after which the burst ends, finished or not.

    Raises:
        DemoError: if the emulator or a worker does not run.
    """
    out.mkdir(parents=True, exist_ok=True)
    port = servers.choose_port(None)
    environment = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
    with ExitStack() as stack:
        before = dict(os.environ)
        stack.callback(_restore, before)
        _restore(environment)
        stack.enter_context(servers.emulator(port, out / "emulator.log", environment))
        clients = resources.connect()
        queue = resources.create(clients)
        variables = environment | resources.worker_environment(queue, f"{servers.HOST}:{port}")
        logs = [out / f"worker-{number}.log" for number in range(workers)]
        started = [stack.enter_context(servers.worker(log, variables)) for log in logs]
        began, stop = time.time(), Event()
        watched = [Watched(server.process.pid) for server in started]
        threads = [Thread(target=each.watch, args=(began, stop), daemon=True) for each in watched]
        for thread in threads:
            thread.start()
        uploaded = _upload(clients, uploads)
        upload_seconds = time.time() - began
        _wait(clients, queue, uploads, began + patience_seconds, started)
        stop.set()
        for thread in threads:
            thread.join()
        completed = _completed(clients)
        counts = [_messages(clients, url) for url in (_dead_letters(clients), queue)]
    lines = (json.dumps({"pid": each.pid, **asdict(one)}) for each in watched for one in each.readings)
    (out / "readings.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return _summed(uploaded, completed, counts, watched, upload_seconds, began, [published(log) for log in logs])


def _summed(  # noqa: PLR0913, PLR0917 - everything that a burst leaves behind
    uploaded: Mapping[str, float],
    completed: Mapping[str, float],
    counts: list[int],
    watched: list[Watched],
    upload_seconds: float,
    began: float,
    finished: list[int],
) -> Burst:
    waits = [completed[key] - at for key, at in uploaded.items() if key in completed]
    cpu = sum(each.readings[-1].cpu_seconds for each in watched if each.readings)
    return Burst(
        uploads=len(uploaded),
        workers=len(watched),
        upload_seconds=upload_seconds,
        seconds=max(completed.values(), default=began) - began,
        complete=len(waits),
        dead=counts[0],
        left=counts[1],
        p50=percentile(waits, 0.5) if waits else 0.0,
        p95=percentile(waits, 0.95) if waits else 0.0,
        p99=percentile(waits, 0.99) if waits else 0.0,
        cpu_ms=cpu * 1000 / max(1, len(waits)),
        finished=tuple(finished),
        steady=tuple(steadiness(each.readings) for each in watched),
        about=f"{os.cpu_count()} CPUs, load average {os.getloadavg()[1]:.1f} over five minutes",
    )


def published(log: Path) -> int:
    """Pictures that a worker published, by its log."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return sum(f'"message":"{Action.PUBLISHED}"' in line for line in lines)


def small_pictures() -> list[bytes]:
    """A few JPEGs with something to see on them, the same on every machine."""
    rng = random.Random(20_160)  # noqa: S311 - pictures, not secrets
    bodies = []
    for variant in range(VARIANTS):
        grain = Image.frombytes("RGB", (SIDES[0] // 4, SIDES[1] // 4), rng.randbytes(SIDES[0] * SIDES[1] * 3 // 16))
        gradient = Image.linear_gradient("L").rotate(variant * 23).resize(SIDES).convert("RGB")
        image = Image.blend(gradient, grain.resize(SIDES, Image.Resampling.BICUBIC), 0.3)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        bodies.append(buffer.getvalue())
    return bodies


def _restore(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _upload(clients: resources.Clients, uploads: int) -> dict[str, float]:
    """Put every picture; the clock time at which each was there."""
    bodies = small_pictures()

    def put(number: int) -> tuple[str, float]:
        key = f"load/{number % 97:02}/{number:06}.jpg"
        body = bodies[number % len(bodies)]
        clients.s3.put_object(Bucket=resources.RAW_BUCKET, Key=key, Body=body)
        return key, time.time()

    with ThreadPoolExecutor(UPLOADERS, "upload") as pool:
        return dict(pool.map(put, range(uploads)))


def _wait(clients: resources.Clients, queue: str, uploads: int, deadline: float, workers: list[servers.Server]) -> None:
    """Until the queue is empty twice running."""
    empty = 0
    while empty < 2:  # noqa: PLR2004 - the counts are approximate
        if time.time() > deadline:
            print("load: out of patience; counting what there is", file=sys.stderr)
            return
        for worker in workers:
            worker.check_alive()
        left = _messages(clients, queue)
        empty = empty + 1 if left == 0 else 0
        print(f"\rload: about {left:,} of {uploads:,} to do   ", end="", file=sys.stderr, flush=True)
        time.sleep(_POLL_SECONDS)
    print(file=sys.stderr)


def _messages(clients: resources.Clients, url: str) -> int:
    """Visible, in hand, or delayed until somebody's lease ends, as far as the queue knows."""
    answer = clients.sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )
    return sum(int(value) for value in answer["Attributes"].values())


def _dead_letters(clients: resources.Clients) -> str:
    return clients.sqs.get_queue_url(QueueName=resources.DEAD_LETTER_QUEUE)["QueueUrl"]


def _completed(clients: resources.Clients) -> dict[str, float]:
    """When each picture came to `COMPLETE`, by key."""
    records = DynamoDBRecords(clients.dynamodb, resources.TABLE)
    today = datetime.now(UTC).date()
    return {
        entry["imageId"]: datetime.fromisoformat(entry["updatedAt"]).timestamp()
        for day in (today, datetime.fromtimestamp(time.time() - 86_400, UTC).date())
        for entry in records.listed(Status.COMPLETE, f"{day:%Y-%m-%d}")
    }
