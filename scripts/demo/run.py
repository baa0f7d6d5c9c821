"""The demo in order: start everything, upload, wait, show, stop everything."""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from processor.aws.dynamodb import DynamoDBRecords
from scripts.demo import gallery, photos, resources, servers, watch
from scripts.demo.errors import DemoError
from scripts.demo.outcomes import Outcome
from scripts.demo.table import Progress, table

PATIENCE_SECONDS = 150.0
"""How long nothing may happen. A picture whose try failed is tried again after 120 s at most."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo.

    Returns:
        0 if every picture was published or rejected, 1 if not, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    for each in _SIGNALS:
        signal.signal(each, _interrupt)
    try:
        outcomes = run(options.images, options.out, options.cache, options.port)
    except DemoError as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; its servers are stopped", file=sys.stderr)
        return 130
    return verdict(outcomes, options.out / "worker.log")


def run(images: Path | None, out: Path, cache: Path, port: int | None) -> list[Outcome]:
    """Everything, and the page and the table at its end.

    Args:
        images: folder of pictures; None: the demo's own photos.
        out: where page, pictures and logs go.
        cache: where downloads stay for the next run.
        port: for the emulator, on the loopback interface; None: any free one.

    Raises:
        DemoError: saying what went wrong and what to do.
    """
    port = servers.choose_port(port)
    pictures = photos.pictures_in(images) if images is not None else _own_photos(cache)
    _clear(out)
    with ExitStack() as stack:
        environment = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
        os.environ.clear()  # our own clients, too, must not know the user's account
        os.environ.update(environment)
        stack.enter_context(servers.emulator(port, out / "emulator.log", environment))
        clients = resources.connect()
        variables = resources.worker_environment(resources.create(clients), f"{servers.HOST}:{port}")
        worker = stack.enter_context(servers.worker(out / "worker.log", environment | variables))
        began = time.monotonic()
        outcomes = _process(clients, pictures, worker)
        seconds = time.monotonic() - began
        watch.fetch_renditions(clients.s3, resources.PROCESSED_BUCKET, outcomes, out / gallery.RENDITIONS)
    watch.copy_sources(outcomes, out / gallery.SOURCES)
    page = out / "index.html"
    about = gallery.Run(seconds, f"{datetime.now(UTC).astimezone():%Y-%m-%d %H:%M %Z}")
    page.write_text(gallery.page(outcomes, about), "utf-8")
    print(table(outcomes))
    pictures_word = "picture" if len(outcomes) == 1 else "pictures"
    print(f"\n{len(outcomes)} {pictures_word} in {seconds:.1f} s. To look at them, open\n{page.resolve().as_uri()}")
    return outcomes


def verdict(outcomes: Sequence[Outcome], log: Path) -> int:
    """The exit code: 0 if the worker has dealt with every picture; else 1, and the end of its log on standard error."""
    unfinished = [outcome for outcome in outcomes if not outcome.is_final]
    if not unfinished:
        return 0
    print(
        f"demo: {len(unfinished)} of {len(outcomes)} pictures were not finished, and nothing happened for "
        f"{PATIENCE_SECONDS:.0f} s. The end of {log}:\n{servers.tail(log)}",
        file=sys.stderr,
    )
    return 1


def _process(clients: resources.Clients, pictures: Sequence[photos.Picture], worker: servers.Server) -> list[Outcome]:
    _say(f"uploading {len(pictures)} pictures to the emulator")
    watch.upload(clients.s3, resources.RAW_BUCKET, pictures)
    progress = Progress(len(pictures))
    try:
        records = DynamoDBRecords(clients.dynamodb, resources.TABLE)
        return watch.Watch(records, progress, worker.check_alive, PATIENCE_SECONDS).until_final(pictures)
    finally:
        progress.close()


def _own_photos(cache: Path) -> list[photos.Picture]:
    _say("fetching photos from two PyPI packages (20 MB the first time)")
    return photos.default_pictures(cache)


def _clear(out: Path) -> None:
    """Take away what an earlier run left, and nothing else: the folder may be the user's."""
    out.mkdir(parents=True, exist_ok=True)
    for folder in (gallery.SOURCES, gallery.RENDITIONS):
        shutil.rmtree(out / folder, ignore_errors=True)
    (out / "index.html").unlink(missing_ok=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Unwind once, so that the servers are stopped; a second Ctrl-C must not keep them from being stopped."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Run the whole pipeline on an embedded emulator of S3, SQS, DynamoDB and EventBridge: upload "
        "pictures, wait for their renditions, print a table and write a page that shows them. Touches nothing outside "
        "its output and cache folders, and no AWS account.",
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="a folder of your own pictures (default: photos from PyPI packages)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("build/demo"), help="(default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", default=Path("build/cache"), help="(default: %(default)s)")
    parser.add_argument("--port", type=int, help="the emulator's, on the loopback interface (default: any free one)")
    return parser
