"""The cost model: what follows from seconds and prices, and what does not."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from processor.pipeline import MB_PER_CPU
from scripts.bench import pictures
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.scaling import __main__ as command
from scripts.scaling import costs, prices
from scripts.scaling.deployed import ROOT, WorstCase, default, setting, worst_case
from scripts.scaling.document import LARGEST, SMALL, TYPICAL, choice, document
from scripts.scaling.measure import ROUNDS, Timed, measured, summed
from scripts.scaling.model import (
    INVOCATION_MS,
    TABLE_WRITE_UNITS,
    Size,
    at_share,
    bill,
    cheapest,
    equals,
    extrapolated,
    rate,
    running,
)

WAITING = INVOCATION_MS / 1000


def test_compute_costs_memory_times_billed_seconds() -> None:
    """1,024 MB for a second, waiting included, is a gigabyte-second."""
    assert Size(1024, 1 - WAITING).per_million == pytest.approx(16.6667)
    assert Size(2048, 1 - WAITING).per_million == pytest.approx(33.3334)
    assert Size(512, None).per_million is None


def test_dollars_by_the_clock_are_not_dollars_by_cpu() -> None:
    """What waits is charged: half a second of CPU in a second on one vCPU costs as a second, not as half of one."""
    size = Size(MB_PER_CPU, 1 - WAITING, cpu_seconds=0.5 - WAITING)
    assert size.per_million is not None
    assert size.per_million_by_cpu == pytest.approx(size.per_million / 2)
    assert Size(512, 1.0).per_million_by_cpu is None


def test_cpu_follows_memory_up_to_six() -> None:
    """One vCPU at 1,769 MB, half of one at half, and never more than six."""
    assert Size(MB_PER_CPU, 1).vcpu == 1
    assert Size(MB_PER_CPU * 2, 1).vcpu == 2
    assert Size(10_240, 1).vcpu == pytest.approx(5.79, abs=0.01)
    assert Size(20_000, 1).vcpu == 6


@pytest.mark.parametrize(("vcpu", "seconds"), [(0.5, 4.0), (1.0, 2.0), (1.6, 1.25), (2.0, 1.2), (6.0, 1.2)])
def test_no_share_beats_the_longest_chain(vcpu: float, seconds: float) -> None:
    """2 s of work take as long as the share makes them, until the chain of 1.2 s is all there is to wait for."""
    assert at_share(2.0, 1.2, vcpu) == pytest.approx(seconds)


def test_larger_sizes_are_modelled_and_say_so() -> None:
    """Beyond the machine the largest measured size's clock is shortened by the vCPUs that there would be."""
    largest = Size(3538, 1.0, cpu_seconds=2.0)
    assert extrapolated(largest, 0.1, 7076).seconds == pytest.approx(0.5)
    assert extrapolated(replace(largest, seconds=1.2), 0.1, 7076).seconds == pytest.approx(0.6)
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


def test_sizes_within_the_noise_are_equal() -> None:
    """A price that differs by less than the rounds did decides nothing: the smallest of those sizes is taken."""
    small, large = Size(1000, 2.0, spread=0.03), Size(2000, 0.95, spread=0.01)
    assert equals(large, [small, large]) == [small]
    assert cheapest([small, large], 0) is small
    clear = replace(small, spread=0.001), replace(large, spread=0.001)
    assert equals(clear[1], clear) == []
    assert cheapest(clear, 0) is clear[1]


def test_rounds_amount_to_medians() -> None:
    """Neither the luckiest nor the unluckiest round counts, nor are they the noise."""
    size = summed(1769, [1.0, 1.1, 0.5, 1.2, 9.0], [0.9, 1.0, 0.9, 1.0, 1.0], 2048)
    assert size.seconds == 1.1
    assert size.cpu_seconds == 1.0
    assert size.spread == pytest.approx(0.2 / 1.1)
    assert size.peak_mb == 2


@pytest.mark.parametrize(("code", "fits"), [(0, True), (137, False)])
def test_a_container_has_the_memory_and_share_of_a_size(
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    fits: bool,  # noqa: FBT001
) -> None:
    """Half a vCPU at half the memory; out of memory is an answer, not an error."""
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        answer = {"wall": [1.0] * ROUNDS, "cpu": [0.5] * ROUNDS, "peak_kib": 1024, "bytes": 7}
        return subprocess.CompletedProcess(command, code, json.dumps(answer), "")

    monkeypatch.setattr(subprocess, "run", run)
    timed = measured("tag", Path("picture"), 884)
    assert {"--cpus=0.500", "--memory=884m", "--memory-swap=884m", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=884"} <= set(
        commands[0]
    )
    assert timed.size.seconds == (1.0 if fits else None)


def test_concurrency_is_arrivals_times_seconds() -> None:
    """A hundred a second of a second each are a hundred at a time, for which a mapping of 125 leaves a quarter."""
    found = rate(100, 1, Size(1769, 1 - WAITING), 9)
    assert found.concurrency == pytest.approx(100)
    assert found.maximum_concurrency == 125
    assert found.puts == 900
    assert found.table_writes == 100 * TABLE_WRITE_UNITS
    assert found.last_waits_seconds == 0
    assert found.dollars_a_day == pytest.approx(found.per_million * 8.64)


def test_a_mapping_adds_300_executions_a_minute() -> None:
    """It begins with five: a thousand take 199 seconds, and five none."""
    assert rate(1000, 1, Size(1769, 1 - WAITING), 9).warm_up_seconds == pytest.approx(199)
    assert rate(2, 1, Size(1769, 1 - WAITING), 9).warm_up_seconds == 0


@pytest.mark.parametrize(("per_second", "expected"), [(0.1, 2), (1, 2), (799, 999), (5000, 1000)])
def test_maximum_concurrency_is_what_terraform_takes(per_second: float, expected: int) -> None:
    """Never below two and never above a thousand."""
    assert rate(per_second, 1, Size(1769, 1 - WAITING), 9).maximum_concurrency == expected


def test_a_batch_saves_requests_and_makes_its_last_picture_wait() -> None:
    """Five share an invocation and two queue requests, $0.80 a million; the fifth waits for four."""
    alone, five = (rate(100, batch, Size(1769, 1 - WAITING), 9) for batch in (1, 5))
    assert alone.per_million - five.per_million == pytest.approx(0.8 * (0.2 + 0.8))
    assert five.last_waits_seconds == pytest.approx(4)
    assert five.concurrency == alone.concurrency


def test_running_costs_leave_out_storage() -> None:
    """A month of storage is part of the bill, and not of what a stream of uploads costs."""
    items = bill(Size(1769, 1.0), 9, 5.0, 1)
    assert running(items) == pytest.approx(sum(item.per_million for item in items) - 115)


NOT_MEASURED = "<!-- worst case: written by `make it`, do not edit --><!-- end of worst case -->"
FORMATS = """<!-- worst case: written by `make it`, do not edit -->

Each in a container of its own with 3008 MB and no swap. The peak is the container's, /tmp included.

| picture | MB | verdict | peak | CPU | wall |
|---|--:|---|--:|--:|--:|
| JPEG, RGB | 5 | complete | 979 MiB | 5 s | 4 s |
| PNG, 16-bit RGB | 40 | complete | 2,251 MiB | 10 s | 11 s |
| GIF, 400 frames | 18 | rejected: decode_timeout | 2,900 MiB | 0 s | 120 s |
{more}
<!-- end of worst case -->
"""


def test_the_worst_case_is_what_was_measured(tmp_path: Path) -> None:
    """The largest complete picture counts; what was refused does not, and what did not fit is named."""
    path = tmp_path / "formats.md"
    path.write_text(FORMATS.format(more="| APNG | 9 | failed: no memory | 2,990 MiB | 1 s | 1 s |"), "utf-8")
    assert worst_case(path) == WorstCase(2251, 3008, ("APNG",))
    path.write_text(NOT_MEASURED, "utf-8")
    with pytest.raises(BenchError, match="make worst-case"):
        worst_case(path)


def test_a_size_that_held_the_worst_case_holds_it() -> None:
    """A size needs the peak and what the function keeps for the rest, and no more than what was proved to do."""
    assert WorstCase(2251, 3008, ()).needed_mb == 2551
    assert WorstCase(2900, 3008, ()).needed_mb == 3008


def test_the_documentation_has_a_worst_case() -> None:
    """docs/formats.md can be read, and Terraform's default memory is enough for it."""
    assert 1000 < worst_case(ROOT / "docs" / "formats.md").needed_mb <= default("memory_mb")


def test_settings_are_read_from_terraform(tmp_path: Path) -> None:
    """An environment's own value, or else the default; neither is an error."""
    assert setting("maximum_concurrency", "prod") != default("maximum_concurrency")
    assert setting("batch_size", "prod") == default("batch_size")
    variables = tmp_path / "variables.tf"
    variables.write_text('variable "a" {\n  default     = 7\n}\nvariable "b" {\n}\n', "utf-8")
    assert default("a", variables) == 7
    with pytest.raises(BenchError, match="no variable b"):
        default("b", variables)


def timed(factor: float) -> list[Timed]:
    """A picture in every size: the share decides up to two vCPU."""
    return [
        Timed(Size(mb, factor * 1769 / mb, peak_mb=500, cpu_seconds=factor * 0.9, spread=0.01), 6_500_000)
        for mb in (1769, 3008, 3538)
    ]


def test_the_document_names_settings_for_every_rate() -> None:
    """Memory, batch and concurrency for 1, 100 and 1,000 a second; what is measured and what is modelled."""
    found = {SMALL: timed(0.5), TYPICAL: timed(1.5), LARGEST: timed(5.0)}
    typical = Picture(TYPICAL, "photo", Path("p.jpg"), 4000, 3000, "")
    text = document(found, dict.fromkeys(found, 0.2), typical, WorstCase(2251, 3008, ()))
    for row in (
        "| 1 | 3008 | 5 | 2 | 4,000 |",
        "| 100 | 3008 | 5 | 118 | 4,000 |",
        "| 1,000 | 3008 | 5 | 1000, the most there is | 13,000 |",
    ):
        assert row in text
    assert text.count("| measured |") == 3
    assert text.count("| modelled |") == 3
    assert "is **3008 MB**" in text
    assert "{" not in text


def test_the_command_writes_every_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """scaling.md with its chart, costs.md, and the measurements; without the worst case it says what to run first."""
    sources = [Picture(name, "photo", Path("p.jpg"), 4000, 3000, "") for name in (SMALL, TYPICAL, LARGEST)]
    monkeypatch.setattr(pictures, "default_pictures", lambda *_: sources)
    monkeypatch.setattr(command, "built_image", lambda: "tag")
    monkeypatch.setattr(command, "longest_path", lambda _: 0.1)
    monkeypatch.setattr(command, "measured", lambda _tag, _path, mb: Timed(Size(mb, 1769 / mb, cpu_seconds=0.9), 5))
    (tmp_path / "bench").mkdir()
    arguments = ["--build", str(tmp_path), "--docs", str(tmp_path)]
    (tmp_path / "formats.md").write_text(NOT_MEASURED, "utf-8")
    assert command.main(arguments) == 1
    (tmp_path / "formats.md").write_text(FORMATS.format(more=""), "utf-8")
    assert command.main(arguments) == 0
    assert "is **3008 MB**" in (tmp_path / "scaling.md").read_text("utf-8")
    assert (tmp_path / "costs.md").read_text("utf-8") == costs.document()
    assert (tmp_path / "scaling-memory.svg").exists()
    assert len((tmp_path / "bench" / "scaling.jsonl").read_text("utf-8").splitlines()) == 3 * len(command.MEMORY_MB)


def test_the_choice_says_what_does_not_fit() -> None:
    """A picture that the limits let through and the memory does not hold is not passed over."""
    sizes = [each.size for each in timed(1.5)]
    assert "APNG" in choice(sizes, sizes[1], WorstCase(2251, 3008, ("APNG",)))
    assert "dead-letter" not in choice(sizes, sizes[1], WorstCase(2251, 3008, ()))


def test_every_price_says_where_and_when_it_was_read() -> None:
    """An address and a day, or that nobody has verified it; of the prices of a picture all are verified."""
    for price in (*prices.PROCESSING, *prices.STANDING):
        assert price.dollars > 0
        assert price.unit
        assert price.source
        if prices.NOT_VERIFIED in price.source:
            assert (price.url, price.read) == ("", None)
        else:
            assert price.url.startswith("https://")
            assert price.read is not None
            assert price.read >= date(2026, 11, 24)
    assert not any(prices.NOT_VERIFIED in price.source for price in prices.PROCESSING)
    for alternative in prices.ALTERNATIVES:
        assert alternative.url.startswith("https://")
        assert alternative.read >= date(2026, 11, 24)
        assert alternative.source


def test_every_price_is_listed() -> None:
    """A price that no table shows would be one that nobody can check."""
    listed = (*prices.PROCESSING, *prices.STANDING)
    everything = [value for value in vars(prices).values() if isinstance(value, prices.Price)]
    assert {id(each) for each in everything} == {id(each) for each in listed}


def test_free_allowances_are_an_accounts() -> None:
    """One stack's polling is free, two stacks' is not; ten metrics of alarms are free for both together."""
    items = {item.what.split(",")[0]: item for item in costs.standing()}
    alarms, polls = items["13 alarms"], items["Lambda polling the empty queue"]
    assert polls.dollars() == 0
    assert polls.dollars(2) == pytest.approx(0.126, abs=0.001)
    assert alarms.dollars() == pytest.approx(1.30)
    assert alarms.dollars(2) == pytest.approx(3.60)
    assert alarms.list_dollars == pytest.approx(2.30)


def test_costs_count_what_terraform_makes() -> None:
    """Dashboards, and the metrics that the function sends; test_alarms.py counts the alarms and what is in them."""
    dashboards = (ROOT / "terraform/modules/observability/dashboard.tf").read_text("utf-8")
    assert dashboards.count('resource "aws_cloudwatch_dashboard"') == 1
    handler = (ROOT / "processor/handler.py").read_text("utf-8")
    sent = set(re.findall(r'add_metric\("(\w+)"', handler))
    assert len(sent - {"CanaryEnded"}) == costs.OWN_METRICS


def test_the_costs_in_the_documentation_are_current() -> None:
    """docs/costs.md is what the model says today: `python -m scripts.scaling.costs` writes it."""
    assert (ROOT / "docs" / "costs.md").read_text("utf-8") == costs.document()
