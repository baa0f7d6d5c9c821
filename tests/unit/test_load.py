"""The load test's arithmetic: percentiles, growth, and when a burst counts as whole."""

import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from processor.errors import Rejected
from processor.isolation import IsolatedTranscoder
from processor.limits import DEFAULT_LIMITS
from processor.recipe import Recipe
from scripts.load import __main__ as load
from scripts.load.__main__ import long_run, markdown
from scripts.load.burst import Burst, _messages, published, small_pictures
from scripts.load.processes import reading
from scripts.load.statistics import Reading, Steadiness, Verdict, percentile, steadiness, verdict

FLAT = Steadiness(3.0, 0, 0, 100)
GREW = Steadiness(40, 0, 0, 100)
BURST = Burst(1000, 2, 20.0, 100.0, 1000, 0, 0, 1.0, 2.0, 3.0, 90.0, (600, 400), (FLAT, FLAT), "here")

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")


def readings(count: int, *, leak: float = 0.0, threads: int = 9) -> list[Reading]:
    """One a second; memory starts low, then grows by so much a second."""
    return [
        Reading(float(second), (40.0 if second < count // 20 else 120.0) + leak * second, threads, 20, second / 2)
        for second in range(count)
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentiles_are_nearest_rank(share: float, expected: int) -> None:
    """Of 1 to 100 in any order the p-th percentile is p, a value that occurred."""
    assert percentile(list(range(100, 0, -1)), share) == expected
    assert percentile([7.0], share) == 7.0


def test_no_values_have_no_percentile() -> None:
    """Nothing measured is an error, not a zero."""
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_warming_up_is_no_growth() -> None:
    """Memory that rises while the worker starts, and stays, is flat."""
    steady = steadiness(readings(200))
    assert steady is not None
    assert steady.memory_growth_mib == 0
    assert steady.peak_mib == 120


def test_a_leak_is_growth() -> None:
    """Memory that rises all the time is found, and the burst is not called flat."""
    steady = steadiness(readings(200, leak=0.5))
    assert steady is not None
    assert steady.memory_growth_mib == pytest.approx(81, abs=2)
    assert verdict(steady) is Verdict.GREW


@pytest.mark.parametrize("grown", [Steadiness(0, 5, 0, 100), Steadiness(0, 0, 5, 100), GREW])
def test_any_growth_of_any_worker_counts(grown: Steadiness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads, descriptors and memory each spoil a burst, also if the other worker stayed flat."""
    assert verdict(grown) is Verdict.GREW
    assert exit_code(BURST, monkeypatch) == 0
    assert exit_code(replace(BURST, steady=(FLAT, grown)), monkeypatch) == 1


def exit_code(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> int:
    """The command's, if this is what a burst amounts to."""
    monkeypatch.setattr(load, "run", lambda *_: burst)
    monkeypatch.setattr(Path, "write_text", lambda *_: None)
    return load.main(["--uploads", "1000"])


def test_too_few_readings_tell_nothing() -> None:
    """A burst of a few seconds has no growth, neither zero nor other."""
    assert steadiness(readings(15)) is None
    assert steadiness([]) is None


def test_a_burst_too_short_to_tell_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is neither flat nor a failure, and its row says which it is."""
    short = replace(BURST, steady=(FLAT, None))
    assert exit_code(short, monkeypatch) == 0
    assert "| 1,000 | 1 | 600 | 100 | +3.0 | +0 | +0 | flat |" in (out := capsys.readouterr().out)
    assert "| 1,000 | 2 | 400 |  |  |  |  | too short to tell |" in out


@pytest.mark.parametrize(
    ("finished", "steady", "expected"),
    [
        ((4999, 4999), (FLAT, FLAT), "no worker finished so many"),
        ((5000, 100), (FLAT, GREW), "flat"),
        ((5000, 5000), (FLAT, GREW), "grew"),
        ((5000,), (None,), "too short to tell"),
    ],
)
def test_the_long_run_is_judged_by_processes_that_ran_long(
    finished: tuple[int, ...], steady: tuple[Steadiness | None, ...], expected: str
) -> None:
    """Only a process with 5,000 pictures can show that it stays flat over them."""
    assert f"5,000 pictures in one process: **{expected}**" in long_run(
        [replace(BURST, finished=finished, steady=steady)]
    )


def test_pictures_are_counted_by_the_workers_own_log(tmp_path: Path) -> None:
    """A line for every picture published; what was rejected, or tried again, is none."""
    log = tmp_path / "worker.log"
    log.write_text('{"message":"published","key":"a"}\n{"message":"unchanged","key":"published"}\nnoise\n', "utf-8")
    assert published(log) == 1


def test_delayed_messages_are_still_to_do() -> None:
    """A picture that waits for another worker's lease is a delayed message, and the burst is not over."""

    def attributes(*, AttributeNames: Sequence[str], **_: Any) -> dict[str, dict[str, str]]:  # noqa: N803 - boto3's
        counts = {
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "ApproximateNumberOfMessagesDelayed": "3",
        }
        return {"Attributes": {name: counts[name] for name in AttributeNames}}

    clients: Any = SimpleNamespace(sqs=SimpleNamespace(get_queue_attributes=attributes))
    assert _messages(clients, "queue") == 3


@pytest.mark.parametrize("change", [{"complete": 999}, {"dead": 1}, {"left": 1}])
def test_a_burst_is_whole_only_if_nothing_is_missing(change: dict[str, int]) -> None:
    """A picture that never completed, a dead letter or a message left over is a loss."""
    assert BURST.is_whole
    assert not replace(BURST, **change).is_whole  # type: ignore[arg-type]  # a mixed dict


def test_throughput_is_completed_pictures_over_time() -> None:
    """1,000 complete pictures in 100 s are 10 a second."""
    assert "| 1,000 | 2 | 20 | 1,000 | 0 | 10.0 |" in markdown([BURST])


@needs_proc
def test_a_process_is_read_from_proc() -> None:
    """This process has memory, a thread and open files; one that is not there is an error."""
    own = reading(os.getpid(), 1.5)
    assert own.resident_mib > 5
    assert own.threads >= 1
    assert own.descriptors >= 3
    assert own.cpu_seconds > 0
    with pytest.raises(OSError, match="No such file"):
        reading(2**22 + 1, 0)


def apart(work: Callable[[], None]) -> None:
    """Do it in a process that has no children but its own; this one may have servers of other tests."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(work).result()


@needs_proc
def test_nursery_and_decoders_are_part_of_a_worker() -> None:
    """The nursery's memory, threads and files count, and so does the CPU of decoders that have ended."""
    apart(transcode_and_look)


def transcode_and_look() -> None:
    """Before there is a nursery, with it, and after its decoders."""
    alone, body = reading(os.getpid(), 0), small_pictures()[0]
    with IsolatedTranscoder() as transcode:
        transcode(body, Recipe.default(), DEFAULT_LIMITS)
        before, own_before = reading(os.getpid(), 1), time.process_time()
        for _ in range(3):
            transcode(body, Recipe.default(), DEFAULT_LIMITS)
        after, own = reading(os.getpid(), 2), time.process_time() - own_before
    assert before.resident_mib > alone.resident_mib + 10
    assert before.threads > alone.threads
    assert before.descriptors > alone.descriptors + 3
    assert after.picture_mib == 0
    assert after.cpu_seconds - before.cpu_seconds - own > 0.1


@needs_proc
def test_a_picture_at_work_counts_for_the_peak_alone() -> None:
    """Its process has memory of its own, and is no growth of the worker: no thread, file or memory that stays."""
    apart(look_while_transcoding)


def look_while_transcoding() -> None:
    """Between pictures, and while one is decoded."""
    with IsolatedTranscoder(target="tests.misbehaving:transcode") as transcode:
        transcode(small_pictures()[0], Recipe.default(), DEFAULT_LIMITS)
        idle = reading(os.getpid(), 0)
        spinning = Thread(target=time_out, args=(transcode,))
        spinning.start()
        deadline = time.monotonic() + 3
        while not (busy := reading(os.getpid(), 1)).picture_mib and time.monotonic() < deadline:
            time.sleep(0.05)
        spinning.join()
    assert idle.picture_mib == 0
    assert busy.picture_mib > 5
    assert busy.resident_mib < idle.resident_mib + 5
    assert busy.threads == idle.threads + 1  # the one started here


def time_out(transcode: IsolatedTranscoder) -> None:
    """Keep a decoder busy until its time is up."""
    with pytest.raises(Rejected):
        transcode(b"spin:", Recipe.default(), replace(DEFAULT_LIMITS, max_decode_seconds=2))


def test_uploads_are_small_and_differ() -> None:
    """At most 0.3 megapixels each, and not all the same picture."""
    bodies = small_pictures()
    assert len(set(bodies)) == len(bodies)
    for body in bodies:
        with Image.open(io.BytesIO(body)) as image:
            assert 300 * 300 < image.width * image.height <= 300_000
