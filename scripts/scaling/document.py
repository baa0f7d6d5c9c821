"""docs/scaling.md: its text, its tables and its chart."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from processor.recipe import Recipe
from processor.settings import REST_MB
from scripts.bench import report
from scripts.bench.chart import line_chart
from scripts.bench.pictures import Picture
from scripts.scaling import prices
from scripts.scaling.costs import price_rows
from scripts.scaling.deployed import WorstCase, default, setting
from scripts.scaling.measure import ROUNDS, Timed
from scripts.scaling.model import (
    INVOCATION_MS,
    MAPPING_START,
    MOST_CONCURRENCY,
    TABLE_START,
    Item,
    Rate,
    Size,
    bill,
    cheapest,
    equals,
    extrapolated,
    rate,
    running,
)

MODELLED_MB = (5307, 7076, 10_240)
SMALL, TYPICAL, LARGEST = "desert walk", "phone, turned", "mosaic 50"
RATES = (1, 100, 1000)

TEMPLATE = """\
# Scaling

Written by `make scaling`; do not edit. The model is `scripts/scaling/model.py`, its prices `scripts/scaling/prices.py`.

Measured {date} with `docker run --cpus --memory` on {cpus} CPUs, at a load average of {load:.1f} in the last minutes.
Every picture is made as in the function, in a process forked from a nursery; the figures are medians of {rounds} rounds
after one that does not count. Rows up to 3,538 MB, which is two vCPU, are **measured**. Those above are **modelled**
from the largest measured one: its CPU time over the vCPUs, but no less than the longest chain of steps that wait for
each other. Absolute times are this machine's; ratios travel.

## Which memory size

Lambda gives one vCPU with 1,769 MB, and in proportion; encoder threads follow that share. The typical picture is
{typical}, a JPEG of {megapixels:.0f} megapixels, nine renditions. To the seconds the model adds {waiting:.0f} ms of
waiting for S3, table, queue and bus, which is an assumption: an emulator says nothing about AWS's latencies. Lambda
charges by the clock. Dollars by CPU are what it would charge if the share were in use all the time, so they hardly
depend on the size; the difference is what waits.

{sizes}

![Dollars over memory](scaling-memory.svg)

{choice}

## What a million pictures cost

{typical} at {best} MB, {stored:.1f} MB stored a picture:

{bill}

{share} Not in it: the upload itself, delivery by CloudFront, what a
stack costs while nothing happens ([costs.md](costs.md)), starts of the function, free allowances, and discounts for
volume.

A batch shares an invocation and two queue requests and nothing else, {saved} in a million at most; its last picture
waits for the others. With a batching window of 0, Terraform's default, a batch holds what is there: one picture where
they come singly, up to `batch_size` where they queue.

## Uploads a second

{rates}

From none: an event source mapping begins with {start} executions and adds
[300 a minute](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html). Until then the queue holds what
arrives: nothing is throttled, nothing is lost, and the age of the oldest message says how far behind it is.

What to set, with a quarter to spare for bursts and larger pictures:

{settings}

- `maximum_concurrency` is {default_concurrency} by default and {prod_concurrency} in `prod.tfvars`, which carry
  {default_carries:.0f} and {prod_carries:.0f} such pictures a second: a bound on what a flood can cost at a time, and
  less than 100 a second need. One mapping may have 1,000, which carry {most_carries:,.0f}. More takes a size with more
  vCPU, or provisioned pollers, which Terraform does not set here.
- The account's quota of concurrent executions has to hold it: 1,000 unless raised, less in new accounts.
- A new on-demand table takes 4,000 write units a second, and twice its previous peak within half an hour. For more from
  the first second raise the
  [warm throughput](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html) of the table
  and of its index `status` beforehand (`aws dynamodb update-table --warm-throughput`; it is charged). A partition takes
  1,000; records are spread by `imageId`, and the index by day, status and eight shards.
- S3 takes 3,500 writes a second for each partitioned prefix. It splits prefixes by itself and gradually, and answers
  `503 Slow Down` until it has; the SDK tries again, and then the queue does. The busiest is {busiest}.

## What others charge

{alternatives}

They hold storage and delivery in other proportions; these are orders of magnitude, not offers.

## Prices

Read in stored copies of these pages, on the day given; us-east-1, first tier.

{prices}
"""


def document(
    found: Mapping[str, Sequence[Timed]], paths: Mapping[str, float], typical: Picture, worst: WorstCase
) -> str:
    """docs/scaling.md."""
    sizes = [each.size for each in found[TYPICAL]]
    best = cheapest(sizes, worst.needed_mb)
    stored = max(each.bytes for each in found[TYPICAL]) / 1e6
    recipe = Recipe.default()
    renditions = len(recipe.formats)
    batch = default("batch_size")
    alone, together = bill(best, renditions, stored, 1), bill(best, renditions, stored, batch)
    total = sum(item.per_million for item in alone)
    rates = [rate(per_second, each, best, renditions) for per_second in RATES for each in sorted({1, batch, 10})]
    one = rates[0].concurrency / rates[0].per_second
    prefix, files = Counter(fmt.prefix for _, fmt in recipe.formats).most_common(1)[0]
    return TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        cpus=os.cpu_count(),
        load=os.getloadavg()[1],
        rounds=ROUNDS,
        typical=f"“{TYPICAL}”",
        megapixels=typical.megapixels,
        waiting=INVOCATION_MS,
        sizes=report.markdown_table(_size_rows(found, paths)),
        choice=choice(sizes, best, worst),
        best=best.memory_mb,
        stored=stored,
        bill=report.markdown_table(_bill_rows(alone, together, batch)),
        share=_share(alone, total),
        saved=f"${running(alone) - running(bill(best, renditions, stored, math.inf)):.2f}",
        rates=report.markdown_table(_rate_rows(rates)),
        start=MAPPING_START,
        settings=report.markdown_table(_setting_rows(rates, best, batch, files)),
        default_concurrency=default("maximum_concurrency"),
        prod_concurrency=setting("maximum_concurrency", "prod"),
        default_carries=default("maximum_concurrency") / one,
        prod_carries=setting("maximum_concurrency", "prod") / one,
        most_carries=MOST_CONCURRENCY / one,
        busiest=f"`{prefix}` with {files} files a picture",
        alternatives=report.markdown_table(_alternative_rows(total)),
        prices=report.markdown_table(price_rows(prices.PROCESSING)),
    )


def choice(sizes: Sequence[Size], best: Size, worst: WorstCase) -> str:
    """Which size, and what decides: the worst case, then the price, as far as it differs by more than noise."""
    decided = (
        "The worst case decides, not the price: the most expensive picture that the default limits let through takes\n"
        f"{worst.peak_mb:,.0f} MB ([formats.md](formats.md), `make worst-case`), and {REST_MB} MB are for the SDK and "
        f"what is being\nstored. The cheapest measured size that holds every completed one is **{best.memory_mb} MB**; "
        f"Terraform's default is {default('memory_mb')}."
    )
    said = [decided]
    if same := equals(best, sizes):
        listed = ", ".join(f"{size.memory_mb:,}" for size in same)
        said.append(f"Within the noise of the rounds {listed} MB cost the same for “{TYPICAL}”.")
    least = cheapest(sizes, 0)
    if least is not best and least.per_million and best.per_million:
        said.append(
            f"Without the worst case it would be {least.memory_mb} MB, at ${least.per_million:.2f} instead of "
            f"${best.per_million:.2f} a million and\n{least.seconds or 0:.2f} s instead of {best.seconds or 0:.2f}; "
            "who chooses that lowers `max_pixels`, `max_alpha_pixels` and `max_animation_pixels` with it."
        )
    if worst.too_large:
        said.append(
            f"Let through, but too large for {worst.container_mb:,.0f} MB, and seen in the dead-letter queue: "
            f"{'; '.join(worst.too_large)}."
        )
    return "\n".join(said)


def all_sizes(timed: Sequence[Timed], path_seconds: float) -> list[Size]:
    """The measured sizes, and larger ones modelled from the largest of them."""
    sizes = [each.size for each in timed]
    return [*sizes, *(extrapolated(sizes[-1], path_seconds, memory) for memory in MODELLED_MB)]


def _size_rows(found: Mapping[str, Sequence[Timed]], paths: Mapping[str, float]) -> list[list[str]]:
    columns = {name: all_sizes(timed, paths[name]) for name, timed in found.items()}
    head = ["MB", "vCPU", "", *(f"{name}, s" for name in columns)]
    money = [f"$ per million “{TYPICAL}” by the clock", "rounds apart", "by CPU"]
    rows = [[*head, *money, f"“{LARGEST}”, peak MB"]]
    for index, size in enumerate(columns[TYPICAL]):
        seconds = [columns[name][index].seconds for name in columns]
        peak = columns[LARGEST][index].peak_mb
        rows.append(
            [
                f"{size.memory_mb:,}",
                f"{size.vcpu:.2f}",
                "measured" if size.measured else "modelled",
                *("out of memory" if each is None else f"{each:.2f}" for each in seconds),
                "" if size.per_million is None else f"{size.per_million:.2f}",
                f"{size.spread:.0%}" if size.measured and size.seconds else "",
                "" if size.per_million_by_cpu is None else f"{size.per_million_by_cpu:.2f}",
                "" if peak is None else f"{peak:,.0f}",
            ]
        )
    return rows


def _bill_rows(alone: Sequence[Item], together: Sequence[Item], batch: int) -> list[list[str]]:
    rows = [["what", "units a picture", "$ per million, coming singly", f"in batches of {batch}"]]
    rows += [
        [one.what, f"{one.count:.4g} {one.price.unit}", f"{one.per_million:.2f}", f"{many.per_million:.2f}"]
        for one, many in zip(alone, together, strict=True)
    ]
    running_costs = [f"{running(items):.2f}" for items in (alone, together)]
    totals = [f"{sum(item.per_million for item in items):.2f}" for items in (alone, together)]
    return [*rows, ["without storage", "", *running_costs], ["together", "", *totals]]


def _rate_rows(rates: Sequence[Rate]) -> list[list[str]]:
    head = ["uploads/s", "pictures a batch", "executions at a time", "from none in s", "last of a batch waits s"]
    rows = [[*head, "table writes/s", "S3 PUT/s", "$ per million", "$ a day"]]
    rows += [
        [
            f"{each.per_second:,.0f}",
            f"{each.batch}",
            f"{each.concurrency:,.0f}",
            f"{each.warm_up_seconds:.0f}",
            f"{each.last_waits_seconds:.1f}",
            f"{each.table_writes:,.0f}",
            f"{each.puts:,.0f}",
            f"{each.per_million:.2f}",
            f"{each.dollars_a_day:,.2f}",
        ]
        for each in rates
    ]
    return rows


def _setting_rows(rates: Sequence[Rate], size: Size, batch: int, files: int) -> list[list[str]]:
    head = ["uploads/s", "`memory_mb`", "`batch_size`", "`maximum_concurrency`, at least"]
    rows = [[*head, "warm writes/s of the table", "S3 PUT/s below one prefix"]]
    rows += [
        [
            f"{each.per_second:,.0f}",
            f"{size.memory_mb}",
            f"{batch}",
            f"{each.maximum_concurrency}{', the most there is' if each.is_capped else ''}",
            f"{max(TABLE_START, each.table_writes):,.0f}",
            f"{each.per_second * files:,.0f}",
        ]
        for each in rates
        if each.batch == batch
    ]
    return rows


def _alternative_rows(own: float) -> list[list[str]]:
    rows = [["who", "$ per million pictures", "how", "source", "read"]]
    rows.append(["this pipeline", f"{own:,.0f}", "the bill above", "this page", ""])
    rows += [
        [each.name, f"{each.per_million:,.0f}", each.basis, each.source, f"[{each.read}]({each.url})"]
        for each in prices.ALTERNATIVES
    ]
    return rows


def _share(items: Sequence[Item], total: float) -> str:
    by_name = {item.what: item.per_million for item in items}
    writes, compute = by_name["renditions written to S3"], by_name["compute"]
    dearer = "more" if writes > compute else "less"
    share = f"{writes / total:.0%} of it, {dearer} than computing them ({compute / total:.0%})"
    return f"Writing the renditions costs {share}."


def chart(found: Mapping[str, Sequence[Timed]], paths: Mapping[str, float]) -> str:
    """Dollars over memory, as SVG."""
    series = {
        f"{name}, $ per million": [
            (size.memory_mb, size.per_million) for size in all_sizes(timed, paths[name]) if size.per_million is not None
        ]
        for name, timed in found.items()
        if name != LARGEST
    } | {
        f"{TYPICAL}, by CPU": [
            (each.size.memory_mb, each.size.per_million_by_cpu)
            for each in found[TYPICAL]
            if each.size.per_million_by_cpu is not None
        ]
    }
    return line_chart("Compute by memory size; above 3,538 MB modelled", "memory, MB", "$ per million pictures", series)
