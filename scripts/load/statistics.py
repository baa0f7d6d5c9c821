"""What a burst amounts to: percentiles, throughput, and whether a process stayed as it was."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A worker process at one moment.

    Attributes:
        seconds: since the burst began.
        resident_mib: memory.
        threads: of the process.
        descriptors: open files and sockets.
        cpu_seconds: used since it started.
    """

    seconds: float
    resident_mib: float
    threads: int
    descriptors: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How a process changed between the first and the last tenth of a burst, its start-up left out.

    Attributes:
        memory_growth_mib: difference of the medians; positive: it grew.
        threads_growth: difference of the least in either: what is there between two pictures, when no pool is at work.
        descriptors_growth: the same.
        peak_mib: most memory at any reading.
    """

    memory_growth_mib: float
    threads_growth: int
    descriptors_growth: int
    peak_mib: float


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the least value that so many of the values do not exceed."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def steadiness(readings: Sequence[Reading], warm_up_share: float = 0.1) -> Steadiness | None:
    """Compare the end with the beginning, after the warm-up; None where there are too few readings to tell."""
    steady = readings[math.ceil(len(readings) * warm_up_share) :]
    tenth = len(steady) // 10
    if tenth < 2:  # noqa: PLR2004 - one reading is no tenth
        return None
    first, last = steady[:tenth], steady[-tenth:]
    return Steadiness(
        memory_growth_mib=_median([each.resident_mib for each in last])
        - _median([each.resident_mib for each in first]),
        threads_growth=min(each.threads for each in last) - min(each.threads for each in first),
        descriptors_growth=min(each.descriptors for each in last) - min(each.descriptors for each in first),
        peak_mib=max(each.resident_mib for each in readings),
    )


def _median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)
