"""`make scaling`: measure, model, and write docs/scaling.md."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from processor.recipe import Recipe
from scripts.bench import pictures, report
from scripts.bench.chart import line_chart
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.profile import profiled
from scripts.bench.run import default_recipe
from scripts.bench.startup import built_image
from scripts.scaling import prices
from scripts.scaling.measure import Timed, measured
from scripts.scaling.model import INVOCATION_MS, Item, Size, bill, cheapest, extrapolated, rate

MEMORY_MB = (512, 1024, 1536, 1769, 2048, 3008, 3538)
MODELLED_MB = (5307, 7076, 10_240)
SMALL, TYPICAL, LARGEST = "desert walk", "phone, turned", "mosaic 50"
RATES = (1, 100, 1000)
BATCH = 1.0
"""Messages an invocation. A picture takes longer than a message waits, so that batches stay small."""

WORST_MB = 2384
"""What the most expensive picture that the default limits let through takes (`make worst-case`, docs/formats.md)."""

HEADROOM_MB = 256
"""Beside the peak of transcoding: the SDK, its connections and the copies of what is being stored."""


TEMPLATE = """\
# Scaling

Written by `make scaling`; do not edit. The model is `scripts/scaling/model.py`, its prices `scripts/scaling/prices.py`.

Measured {date} with `docker run --cpus --memory` on {cpus} CPUs at a load average of {load:.1f}. Because other
work ran on them, seconds are CPU time over the share that the container had, and no less than the longest chain of
steps that wait for each other; the clock's own answer stands beside them. Absolute times are this machine's; ratios
travel.

## Which memory size

Lambda gives one vCPU with 1,769 MB, and in proportion; encoder threads follow that share. The typical picture is
{typical}, a JPEG of {megapixels:.0f} megapixels, nine renditions. To the measured seconds the model adds {waiting:.0f}
ms of waiting for S3, table, queue and bus, which is an assumption: an emulator says nothing about AWS's latencies.

{sizes}

![Dollars over memory](scaling-memory.svg)

The largest of these pictures took {peak:,.0f} MB, the most expensive one that the default limits let through takes
{worst:,} MB (`make worst-case`). With {headroom} MB beside it for the SDK and what is being stored, the cheapest
measured size that holds every accepted picture is **{best} MB**, the default.{cheaper}

## What a million pictures cost

{typical} at {best} MB, one message an invocation, {stored:.1f} MB stored a picture:

{bill}

{share}

Not in it: the upload itself, delivery by CloudFront, custom metrics ($0.30 each a month), alarms.

A batch of more messages shares an invocation and two queue requests, $1.00 in a million at most; it makes each wait for
the others. So batches are for small pictures, and the batching window stays short.

## Uploads a second

{rates}

1,000 a second is what the original design named. It takes the concurrency above as the account's quota (1,000 unless
raised), and `maximum_concurrency` of one mapping is at most 1,000. Until then the queue holds what arrives: nothing is
throttled, nothing is lost, and the age of the oldest message says how far behind it is. A DynamoDB partition takes
1,000 write units a second; records are spread by `imageId`, and the index by day, status and eight shards.

## What others charge

{alternatives}

They hold storage and delivery in other proportions; these are orders of magnitude, not offers.

## Prices

{prices}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every size and write the document. 0 if the cheapest size was found."""
    parser = argparse.ArgumentParser(prog="make scaling", description="Memory sizes, concurrency and cost.")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR", help="downloads and results")
    parser.add_argument("--docs", type=Path, default=Path("docs/scaling.md"), metavar="FILE", help="what is written")
    options = parser.parse_args(arguments)
    try:
        folder = options.build / "bench"
        everything = pictures.default_pictures(options.build / "cache", folder / "pictures")
        by_name = {picture.name: picture for picture in everything}
        tag = built_image()
        paths = {name: longest_path(by_name[name]) for name in (SMALL, TYPICAL, LARGEST)}
        found = {name: [_timed(tag, by_name[name], mb, paths[name]) for mb in MEMORY_MB] for name in paths}
    except BenchError as exc:
        print(f"scaling: {exc}", file=sys.stderr)
        return 1
    lines = [json.dumps({"picture": name, **asdict(each)}) for name, sizes in found.items() for each in sizes]
    (folder / "scaling.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    options.docs.write_text(document(found, paths, by_name), "utf-8")
    (options.docs.parent / "scaling-memory.svg").write_text(_chart(found, paths), "utf-8")
    print(f"scaling: {options.docs} is written", file=sys.stderr)
    return 0


def longest_path(picture: Picture) -> float:
    """CPU seconds of the steps that wait for each other: prepared, made smaller, and the slowest encoder."""
    steps = profiled(picture.name, picture.path, default_recipe(), rounds=1).steps
    before = ("decode", "orient", "colour", "resize")
    encoders = [spent for step, spent in steps.items() if step not in before]
    return (sum(steps.get(step, 0.0) for step in before) + max(encoders)) / 1000


def document(found: Mapping[str, Sequence[Timed]], paths: Mapping[str, float], named: Mapping[str, Picture]) -> str:
    """docs/scaling.md."""
    typical = [each.size for each in found[TYPICAL]]
    peak = max(each.size.peak_mb or 0.0 for each in found[LARGEST])
    best = cheapest(typical, max(peak, WORST_MB) + HEADROOM_MB)
    least = cheapest(typical, peak + HEADROOM_MB)
    stored = max(each.bytes for each in found[TYPICAL]) / 1e6
    renditions = len(Recipe.default().formats)
    items = bill(best, renditions, stored, BATCH)
    total = sum(item.per_million for item in items)
    return TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        cpus=os.cpu_count(),
        load=os.getloadavg()[1],
        typical=f"“{TYPICAL}”",
        megapixels=named[TYPICAL].megapixels,
        waiting=INVOCATION_MS,
        sizes=report.markdown_table(_size_rows(found, paths)),
        peak=peak,
        headroom=HEADROOM_MB,
        best=best.memory_mb,
        worst=WORST_MB,
        cheaper=_cheaper(least, best),
        stored=stored,
        bill=report.markdown_table(_bill_rows(best, renditions, stored)),
        share=_share(items, total),
        rates=report.markdown_table(_rate_rows(best, renditions, stored)),
        alternatives=report.markdown_table(_alternative_rows(total)),
        prices=report.markdown_table(_price_rows()),
    )


def _cheaper(least: Size, best: Size) -> str:
    """What the limits cost: a smaller size could be cheaper if it did not have to hold the worst picture."""
    if least is best or not least.per_million or not best.per_million:
        return ""
    return (
        f" {least.memory_mb} MB would be {1 - least.per_million / best.per_million:.0%} cheaper and takes\n"
        f"{least.seconds or 0:.2f} s instead of {best.seconds or 0:.2f}; lower `max_pixels` and `max_alpha_pixels` "
        "with it."
    )


def all_sizes(timed: Sequence[Timed], path_seconds: float) -> list[Size]:
    """The measured sizes, and larger ones modelled from the largest of them."""
    sizes = [each.size for each in timed]
    return [*sizes, *(extrapolated(sizes[-1], path_seconds, memory) for memory in MODELLED_MB)]


def _timed(tag: str, picture: Picture, memory_mb: int, path_seconds: float) -> Timed:
    print(f"scaling: {picture.name} at {memory_mb} MB", file=sys.stderr, flush=True)
    return measured(tag, picture.path, memory_mb, path_seconds)


def _size_rows(found: Mapping[str, Sequence[Timed]], paths: Mapping[str, float]) -> list[list[str]]:
    columns = {name: all_sizes(timed, paths[name]) for name, timed in found.items()}
    rows = [
        [
            *("MB", "vCPU", "", *(f"{name}, s" for name in columns), f"“{TYPICAL}” by the clock, s"),
            *(f"$ per million “{TYPICAL}”", f"“{LARGEST}”, peak MB"),
        ]
    ]
    for index, size in enumerate(columns[TYPICAL]):
        seconds = [columns[name][index].seconds for name in columns]
        peak = columns[LARGEST][index].peak_mb
        rows.append(
            [
                f"{size.memory_mb:,}",
                f"{size.vcpu:.2f}",
                "measured" if size.measured else "modelled",
                *("out of memory" if each is None else f"{each:.2f}" for each in seconds),
                _clock(found[TYPICAL], index),
                "" if size.per_million is None else f"{size.per_million:.2f}",
                "" if peak is None else f"{peak:,.0f}",
            ]
        )
    return rows


def _clock(timed: Sequence[Timed], index: int) -> str:
    """What the clock said, where there was one to look at."""
    wall = timed[index].wall_seconds if index < len(timed) else None
    return "" if wall is None else f"{wall:.2f}"


def _bill_rows(size: Size, renditions: int, stored_mb: float) -> list[list[str]]:
    items = bill(size, renditions, stored_mb, BATCH)
    rows = [["what", "units a picture", "$ per million"]]
    rows += [[item.what, f"{item.count:.4g} {item.price.unit}", f"{item.per_million:.2f}"] for item in items]
    return [*rows, ["together", "", f"{sum(item.per_million for item in items):.2f}"]]


def _rate_rows(size: Size, renditions: int, stored_mb: float) -> list[list[str]]:
    items = bill(size, renditions, stored_mb, BATCH)
    rows = [["uploads/s", "executions at a time", "from none in s", "table writes/s", "S3 PUT/s", "$ a day"]]
    for per_second in RATES:
        found = rate(per_second, size, items, renditions)
        rows.append(
            [
                f"{found.per_second:,.0f}",
                f"{found.concurrency:,.0f}",
                f"{found.warm_up_seconds:.1f}",
                f"{found.table_writes:,.0f}",
                f"{found.puts:,.0f}",
                f"{found.dollars_a_day:,.2f}",
            ]
        )
    return rows


def _alternative_rows(own: float) -> list[list[str]]:
    rows = [["who", "$ per million pictures", "how", "source"]]
    rows.append(["this pipeline", f"{own:,.0f}", "the bill above", "this page"])
    rows += [[each.name, f"{each.per_million:,.0f}", each.basis, each.source] for each in prices.ALTERNATIVES]
    return rows


def _share(items: Sequence[Item], total: float) -> str:
    by_name = {item.what: item.per_million for item in items}
    writes, compute = by_name["renditions written to S3"], by_name["compute"]
    dearer = "more" if writes > compute else "less"
    share = f"{writes / total:.0%} of it, {dearer} than computing them ({compute / total:.0%})"
    return f"Writing the renditions costs {share}."


def _price_rows() -> list[list[str]]:
    rows = [["unit", "US dollars", "source"]]
    return [*rows, *([each.unit, f"{each.dollars:.10f}".rstrip("0"), each.source] for each in prices.ALL)]


def _chart(found: Mapping[str, Sequence[Timed]], paths: Mapping[str, float]) -> str:
    series = {
        f"{name}, $ per million": [
            (size.memory_mb, size.per_million) for size in all_sizes(timed, paths[name]) if size.per_million is not None
        ]
        for name, timed in found.items()
        if name != LARGEST
    }
    return line_chart("Compute by memory size; above 3,538 MB modelled", "memory, MB", "$ per million pictures", series)


if __name__ == "__main__":
    sys.exit(main())
