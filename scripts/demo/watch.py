"""Uploads pictures, waits until the worker has dealt with every one, and fetches what it made."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from processor.records import Record, Status
from scripts.demo.errors import DemoError
from scripts.demo.outcomes import Outcome
from scripts.demo.photos import Picture

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLL_SECONDS = 0.2
LONGEST_SEGMENT_BYTES = 255
"""Of UTF-8 in one file name, on every usual file system."""


class Records(Protocol):
    """As much of the table as watching takes."""

    def get(self, image_id: str) -> Record | None:
        """The current record of a picture."""


class Progress(Protocol):
    """Who is told how far we are."""

    def show(self, done: int, working: Sequence[str], finished: Sequence[Outcome]) -> None:
        """Say it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Waits for records to become final.

    Attributes:
        records: where they are read.
        progress: who is told.
        check_alive: raises if nobody works any more.
        patience_seconds: how long nothing may happen before we stop waiting.
        clock: seconds, only ever growing.
        sleep: between two looks.
    """

    records: Records
    progress: Progress
    check_alive: Callable[[], None]
    patience_seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until_final(self, pictures: Sequence[Picture]) -> list[Outcome]:
        """The outcome of every picture, in their order; not all final only if nothing happened for too long.

        Raises:
            DemoError: if the worker died.
        """
        outcomes = {picture.key: Outcome(picture, picture.path.stat().st_size, None) for picture in pictures}
        pending = set(outcomes)
        last_change = self.clock()
        while pending and self.clock() - last_change < self.patience_seconds:
            changed = [now for key in sorted(pending) if (now := self._look(outcomes[key])) is not None]
            for outcome in changed:
                outcomes[outcome.picture.key] = outcome
            finished = [outcome for outcome in changed if outcome.is_final]
            pending -= {outcome.picture.key for outcome in finished}
            last_change = self.clock() if changed else last_change
            self.progress.show(len(outcomes) - len(pending), _working(outcomes, pending), finished)
            if pending:
                self.check_alive()
                self.sleep(POLL_SECONDS)
        return list(outcomes.values())

    def _look(self, before: Outcome) -> Outcome | None:
        """What became of a picture if that is news, else None."""
        record = self.records.get(before.picture.key)
        if record is None or record == before.record:
            return None
        return Outcome(before.picture, before.uploaded_bytes, record)


def upload(s3: "S3Client", bucket: str, pictures: Sequence[Picture]) -> None:
    """Put every picture into a bucket under its key."""
    for picture in pictures:
        try:
            s3.put_object(Bucket=bucket, Key=picture.key, Body=picture.path.read_bytes())
        except OSError as exc:
            raise DemoError(f"{picture.path} cannot be read: {exc.strerror}") from exc


def fetch_renditions(s3: "S3Client", bucket: str, outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write every published rendition below a folder, where `local_path` of its key says."""
    for outcome in outcomes:
        for rendition in outcome.published.formats if outcome.published else ():
            body = s3.get_object(Bucket=bucket, Key=rendition.key)["Body"].read()
            if len(body) != rendition.bytes:
                raise DemoError(f"{rendition.key} has {len(body)} bytes, its record says {rendition.bytes}")
            write(folder / local_path(rendition.key), body)


def copy_sources(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write every published picture's source below a folder, where `local_path` of its key says."""
    for outcome in outcomes:
        if outcome.published:
            write(folder / local_path(outcome.picture.key), outcome.picture.path.read_bytes())


def write(path: Path, body: bytes) -> None:
    """Write a file and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def local_path(key: str) -> PurePosixPath:
    """Where an object of this key is kept on disk: its key, unless a segment is no usable file name."""
    segments = [_file_name(segment) for segment in key.split("/")]
    return PurePosixPath(*segments)


def _file_name(segment: str) -> str:
    if segment not in ("", ".", "..") and "\0" not in segment and len(segment.encode()) <= LONGEST_SEGMENT_BYTES:
        return segment
    suffix = PurePosixPath(segment).suffix
    return hashlib.sha256(segment.encode()).hexdigest()[:32] + (suffix if suffix.isascii() and len(suffix) < 6 else "")  # noqa: PLR2004 - .jpeg, .avif


def _working(outcomes: dict[str, Outcome], pending: set[str]) -> list[str]:
    records = {key: outcomes[key].record for key in pending}
    return sorted(key for key, record in records.items() if record and record.status is Status.PROCESSING)
