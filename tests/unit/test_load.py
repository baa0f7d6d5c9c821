"""The load test's arithmetic: percentiles, growth, and when a burst counts as whole."""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from scripts.load.__main__ import is_flat, markdown
from scripts.load.burst import Burst, reading, small_pictures
from scripts.load.statistics import Reading, Steadiness, percentile, steadiness

BURST = Burst(1000, 2, 20.0, 100.0, 1000, 0, 0, 1.0, 2.0, 3.0, 90.0, (), "here")


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
    assert not is_flat(replace(BURST, steady=(steady,)))


@pytest.mark.parametrize("grown", [Steadiness(0, 5, 0, 100), Steadiness(0, 0, 5, 100), Steadiness(40, 0, 0, 100)])
def test_any_growth_of_any_worker_counts(grown: Steadiness) -> None:
    """Threads, descriptors and memory each spoil a burst, also if the other worker stayed flat."""
    flat = Steadiness(3.0, 0, 0, 100)
    assert is_flat(replace(BURST, steady=(flat, None)))
    assert not is_flat(replace(BURST, steady=(flat, grown)))


def test_too_few_readings_tell_nothing() -> None:
    """A burst of a few seconds has no growth, neither zero nor other."""
    assert steadiness(readings(15)) is None
    assert steadiness([]) is None


@pytest.mark.parametrize("change", [{"complete": 999}, {"dead": 1}, {"left": 1}])
def test_a_burst_is_whole_only_if_nothing_is_missing(change: dict[str, int]) -> None:
    """A picture that never completed, a dead letter or a message left over is a loss."""
    assert BURST.is_whole
    assert not replace(BURST, **change).is_whole  # type: ignore[arg-type]  # a mixed dict


def test_throughput_is_completed_pictures_over_time() -> None:
    """1,000 complete pictures in 100 s are 10 a second."""
    assert "| 1,000 | 2 | 1,000 | 0 | 10.0 |" in markdown([BURST])


def test_a_process_is_read_from_proc() -> None:
    """This process has memory, a thread and open files; one that is not there is an error."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux's /proc")
    own = reading(os.getpid(), 1.5)
    assert own.resident_mib > 5
    assert own.threads >= 1
    assert own.descriptors >= 3
    assert own.cpu_seconds > 0
    with pytest.raises(OSError, match="No such file"):
        reading(2**22 + 1, 0)


def test_uploads_are_small_and_differ() -> None:
    """At most 0.3 megapixels each, and not all the same picture."""
    bodies = small_pictures()
    assert len(set(bodies)) == len(bodies)
    for body in bodies:
        with Image.open(io.BytesIO(body)) as image:
            assert 300 * 300 < image.width * image.height <= 300_000
