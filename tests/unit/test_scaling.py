"""The cost model: what follows from seconds and prices, and what does not."""

from dataclasses import replace

import pytest

from scripts.scaling import prices
from scripts.scaling.model import (
    INVOCATION_MS,
    MB_PER_VCPU,
    TABLE_WRITE_UNITS,
    Item,
    Size,
    at_share,
    bill,
    cheapest,
    extrapolated,
    rate,
)

WAITING = INVOCATION_MS / 1000


def test_compute_costs_memory_times_billed_seconds() -> None:
    """1,024 MB for a second, waiting included, is a gigabyte-second."""
    assert Size(1024, 1 - WAITING).per_million == pytest.approx(16.6667)
    assert Size(2048, 1 - WAITING).per_million == pytest.approx(33.3334)
    assert Size(512, None).per_million is None


def test_cpu_follows_memory_up_to_six() -> None:
    """One vCPU at 1,769 MB, half of one at half, and never more than six."""
    assert Size(MB_PER_VCPU, 1).vcpu == 1
    assert Size(MB_PER_VCPU * 2, 1).vcpu == 2
    assert Size(10_240, 1).vcpu == pytest.approx(5.79, abs=0.01)
    assert Size(20_000, 1).vcpu == 6


@pytest.mark.parametrize(("vcpu", "seconds"), [(0.5, 4.0), (1.0, 2.0), (1.6, 1.25), (2.0, 1.2), (6.0, 1.2)])
def test_no_share_beats_the_longest_chain(vcpu: float, seconds: float) -> None:
    """2 s of work take as long as the share makes them, until the chain of 1.2 s is all there is to wait for."""
    assert at_share(2.0, 1.2, vcpu) == pytest.approx(seconds)


def test_larger_sizes_are_modelled_and_say_so() -> None:
    """Beyond the machine the CPU time of the largest measured size is spread over the vCPUs that there would be."""
    largest = Size(3538, 1.0, cpu_seconds=2.0)
    assert extrapolated(largest, 0.1, 7076).seconds == pytest.approx(0.5)
    assert extrapolated(largest, 0.9, 7076).seconds == pytest.approx(0.9)
    assert not extrapolated(largest, 0.1, 7076).measured
    assert extrapolated(replace(largest, cpu_seconds=None), 0.1, 7076).seconds is None


def test_the_cheapest_size_must_hold_the_largest_picture() -> None:
    """A size is chosen by price among those measured that have the memory; modelled ones are no candidates."""
    small, middle, large = Size(512, 4.0), Size(1769, 1.2), Size(3538, 0.8)
    modelled = Size(5307, 0.01, measured=False)
    sizes = [small, middle, large, modelled]
    assert cheapest(sizes, 400) is small
    assert cheapest(sizes, 900) is middle
    assert cheapest(sizes, 2000) is large
    assert cheapest([replace(middle, seconds=None), large], 900) is large
    with pytest.raises(ValueError, match="no measured size"):
        cheapest(sizes, 4000)


def test_the_bill_counts_every_service() -> None:
    """Nine writes cost $45 a million; batches share invocations and queue requests, and nothing else."""
    items = {item.what: item.per_million for item in bill(Size(1769, 1.0), 9, 5.0, 1)}
    batched = {item.what: item.per_million for item in bill(Size(1769, 1.0), 9, 5.0, 10)}
    assert items["renditions written to S3"] == pytest.approx(45)
    assert items["table writes"] == pytest.approx(TABLE_WRITE_UNITS * 0.625)
    assert items["queue requests"] == pytest.approx(1.2)
    assert items["a month of storage"] == pytest.approx(115)
    assert {what for what in items if items[what] != batched[what]} == {"invocations", "queue requests"}
    with pytest.raises(ValueError, match="did not fit"):
        bill(Size(512, None), 9, 5.0, 1)


def test_concurrency_is_arrivals_times_seconds() -> None:
    """A hundred a second of a second each are a hundred at a time; storage is not part of a day's rate."""
    items = [Item("one", 1, prices.EVENT), Item("a month of storage", 1, prices.S3_GB_MONTH)]
    found = rate(100, Size(1769, 1 - WAITING), items, 9)
    assert found.concurrency == pytest.approx(100)
    assert found.puts == 900
    assert found.table_writes == 100 * TABLE_WRITE_UNITS
    assert found.dollars_a_day == pytest.approx(8.64)
    assert found.warm_up_seconds == pytest.approx(1)


def test_every_price_names_its_source() -> None:
    """No price without a unit and where it comes from."""
    for price in prices.ALL:
        assert price.dollars > 0
        assert price.unit
        assert "pricing" in price.source
    for alternative in prices.ALTERNATIVES:
        assert "20" in alternative.source
