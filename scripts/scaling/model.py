"""From measured seconds to dollars and concurrency. Arithmetic only; the measuring is elsewhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from processor.pipeline import MB_PER_CPU
from scripts.scaling import prices

MOST_VCPU = 6.0
INVOCATION_MS = 60.0
"""What a picture waits on S3, the table, queue and bus beside its own CPU: some 20 requests, the writes eight at once.
An assumption; the emulator says nothing about AWS's latencies."""

MAPPING_START, MAPPING_PER_SECOND = 5, 5.0
"""Executions with which an event source mapping begins, and how many it adds a second: 300 a minute
(docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html, read 2026-11-24)."""

TABLE_START = 4000
"""Write units a second that a new on-demand table takes (AWS's page on warm throughput, read 2026-11-24)."""

LEAST_CONCURRENCY, MOST_CONCURRENCY = 2, 1000
"""What `maximum_concurrency` of one mapping may be (the same page)."""

SPARE = 1.25
"""Executions to allow beyond the mean, for uploads that come in bursts and pictures larger than the typical one."""


@dataclass(frozen=True, slots=True)
class Size:
    """One memory size and how long a picture takes in it.

    Attributes:
        memory_mb: Lambda's setting.
        seconds: by the clock, a picture; None: it did not fit.
        measured: False where it was computed from smaller sizes.
        peak_mb: most memory of the process that made it; None where it was not measured.
        cpu_seconds: of all threads and processes; the same.
        spread: how far apart the rounds were, as a part of `seconds`.
    """

    memory_mb: int
    seconds: float | None
    measured: bool = True
    peak_mb: float | None = None
    cpu_seconds: float | None = None
    spread: float = 0.0

    @property
    def vcpu(self) -> float:
        """The share of CPU that comes with the memory."""
        return min(MOST_VCPU, self.memory_mb / MB_PER_CPU)

    @property
    def per_million(self) -> float | None:
        """Dollars of compute for a million pictures, by the clock: what Lambda charges."""
        return None if self.seconds is None else self._dollars(self.seconds)

    @property
    def per_million_by_cpu(self) -> float | None:
        """The same if the share were in use all the time. Up to six vCPU it hardly depends on the size."""
        return None if self.cpu_seconds is None else self._dollars(self.cpu_seconds / self.vcpu)

    def _dollars(self, seconds: float) -> float:
        billed = seconds + INVOCATION_MS / 1000
        return billed * self.memory_mb / 1024 * prices.GB_SECOND.dollars * 1e6


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill for a picture."""

    what: str
    count: float
    price: prices.Price

    @property
    def per_million(self) -> float:
        """Dollars for a million pictures."""
        return self.count * self.price.dollars * 1e6


def at_share(cpu_seconds: float, path_seconds: float, vcpu: float) -> float:
    """Seconds by the clock on CPUs of one's own: all of the work at the share, but no less than its longest chain.

    Args:
        cpu_seconds: of all threads.
        path_seconds: of the longest chain of steps that wait for each other.
        vcpu: how many CPUs, or what part of one.
    """
    return max(cpu_seconds / vcpu, path_seconds / min(1.0, vcpu))


def extrapolated(largest: Size, path_seconds: float, memory_mb: int) -> Size:
    """A size beyond what could be measured: the clock of the largest that was, shortened as `at_share` says."""
    if largest.seconds is None or largest.cpu_seconds is None:
        return Size(memory_mb, None, measured=False)
    vcpu = Size(memory_mb, None).vcpu
    shorter = at_share(largest.cpu_seconds, path_seconds, vcpu) / at_share(
        largest.cpu_seconds, path_seconds, largest.vcpu
    )
    return Size(memory_mb, largest.seconds * shorter, measured=False)


def cheapest(sizes: Sequence[Size], needed_mb: float) -> Size:
    """The measured size with the least compute per picture among those that hold the largest pictures.

    Of those that cost the same within the noise it is the smallest.

    Raises:
        ValueError: if none holds them.
    """
    fitting = [size for size in sizes if size.measured and size.per_million is not None and size.memory_mb >= needed_mb]
    if not fitting:
        raise ValueError(f"no measured size has {needed_mb:.0f} MB and finished its picture")
    least = min(fitting, key=lambda size: size.per_million or math.inf)
    return min((least, *equals(least, fitting)), key=lambda size: size.memory_mb)


def equals(size: Size, sizes: Sequence[Size]) -> list[Size]:
    """Other measured sizes whose price differs by no more than the rounds of either did."""
    return [
        other
        for other in sizes
        if other is not size and other.measured and size.per_million and other.per_million
        if abs(other.per_million / size.per_million - 1) <= max(size.spread, other.spread)
    ]


def bill(size: Size, renditions: int, stored_mb: float, batch: float) -> list[Item]:
    """Everything that a picture costs, largest or not.

    Args:
        size: what the function runs in.
        renditions: files written a picture.
        stored_mb: their size together.
        batch: messages an invocation gets, on average.

    Raises:
        ValueError: if the picture did not fit into the size.
    """
    if size.seconds is None:
        raise ValueError(f"the picture did not fit into {size.memory_mb} MB")
    gigabyte_seconds = (size.seconds + INVOCATION_MS / 1000) * size.memory_mb / 1024
    return [
        Item("compute", gigabyte_seconds, prices.GB_SECOND),
        Item("invocations", 1 / batch, prices.LAMBDA_REQUEST),
        Item("renditions written to S3", renditions, prices.S3_WRITE),
        Item("source read from S3: two HEAD, one GET", 3, prices.S3_READ),
        Item("table writes", TABLE_WRITE_UNITS, prices.TABLE_WRITE),
        Item("table reads", 1, prices.TABLE_READ),
        # one to send it; receiving and deleting are shared by a batch
        Item("queue requests", 1 + 2 / batch, prices.QUEUE_REQUEST),
        Item("event announced", 1, prices.EVENT),
        Item("logs and embedded metrics", LOG_BYTES / 1e9, prices.LOG_GB),
        Item("a month of storage", stored_mb / 1000, prices.S3_GB_MONTH),
    ]


TABLE_WRITE_UNITS = 13
"""Lease 1 + index 1, owner 1, transaction of a 1.7 KB record and a 0.3 KB history row (2 + 1) x 2 + index 2, end of the
lease 2. Item sizes as measured on the emulator."""

LOG_BYTES = 1500
"""A line for the outcome and one of metrics, with Lambda's own START, END and REPORT."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a steady stream of uploads takes.

    Attributes:
        per_second: uploads.
        batch: messages an invocation gets.
        concurrency: executions at a time, on average.
        maximum_concurrency: the setting of the event source mapping, with some to spare, within what one may have.
        last_waits_seconds: how long the last picture of a batch waits for the others.
        table_writes: units a second.
        puts: S3 writes a second into the processed bucket.
        warm_up_seconds: until enough executions have started, from none.
        per_million: dollars for a million pictures, all of the bill but storage.
        dollars_a_day: the same for a day.
    """

    per_second: float
    batch: int
    concurrency: float
    maximum_concurrency: int
    last_waits_seconds: float
    table_writes: float
    puts: float
    warm_up_seconds: float
    per_million: float
    dollars_a_day: float

    @property
    def is_capped(self) -> bool:
        """Whether one mapping leaves less to spare than it should."""
        return self.concurrency * SPARE > MOST_CONCURRENCY


def rate(per_second: float, batch: int, size: Size, renditions: int) -> Rate:
    """Concurrency is Little's law: arrivals a second times seconds in the system, however they are batched."""
    if size.seconds is None:
        raise ValueError(f"the picture did not fit into {size.memory_mb} MB")
    in_system = size.seconds + INVOCATION_MS / 1000
    concurrency = per_second * in_system
    allowed = math.ceil(concurrency * SPARE)
    per_million = running(bill(size, renditions, 0, batch))
    return Rate(
        per_second=per_second,
        batch=batch,
        concurrency=concurrency,
        maximum_concurrency=min(MOST_CONCURRENCY, max(LEAST_CONCURRENCY, allowed)),
        last_waits_seconds=(batch - 1) * in_system,
        table_writes=per_second * TABLE_WRITE_UNITS,
        puts=per_second * renditions,
        warm_up_seconds=max(0.0, concurrency - MAPPING_START) / MAPPING_PER_SECOND,
        per_million=per_million,
        dollars_a_day=per_million / 1e6 * per_second * 86_400,
    )


def running(items: Sequence[Item]) -> float:
    """Dollars for a million pictures without keeping them."""
    return sum(item.per_million for item in items if item.price is not prices.S3_GB_MONTH)
