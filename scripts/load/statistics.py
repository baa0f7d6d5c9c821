"""What a burst amounts to: percentiles, throughput, and whether a process stayed as it was."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

FLAT_MIB, FLAT_COUNT = 32, 2
"""How much a worker may grow from the first tenth of a burst to the last and still be called flat."""


class Verdict(StrEnum):
    """Whether a worker grew."""

    FLAT = "flat"
    GREW = "grew"
    UNTOLD = "too short to tell"


@dataclass(frozen=True, slots=True)
class Reading:
    """A worker at one moment.

    Attributes:
        seconds: since the burst began.
        resident_mib: memory of its own process and its nursery, which last; pages that they share count twice.
        threads: of both.
        descriptors: open files and sockets of both.
        cpu_seconds: used since it started, by both and by the processes of all pictures, ended ones too.
        picture_mib: most memory so far of the process that works on a picture; 0: there is none.
    """

    seconds: float
    resident_mib: float
    threads: int
    descriptors: int
    cpu_seconds: float
    picture_mib: float = 0.0


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How a worker changed between the first and the last tenth of a burst, its start-up left out.

    Attributes:
        memory_growth_mib: difference of the medians; positive: it grew.
        threads_growth: difference of the least in either: what is there between two pictures, when no pool is at work.
        descriptors_growth: the same.
        peak_mib: most memory at any reading, the picture at work included.
    """

    memory_growth_mib: float
    threads_growth: int
    descriptors_growth: int
    peak_mib: float


def verdict(steady: Steadiness | None) -> Verdict:
    """Whether memory, threads and descriptors all stayed."""
    if steady is None:
        return Verdict.UNTOLD
    is_flat = (
        steady.memory_growth_mib <= FLAT_MIB
        and steady.threads_growth <= FLAT_COUNT
        and steady.descriptors_growth <= FLAT_COUNT
    )
    return Verdict.FLAT if is_flat else Verdict.GREW


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
        peak_mib=max(each.resident_mib + each.picture_mib for each in readings),
    )


def _median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)
