"""docs/costs.md: what a stack costs while nothing happens, and what pictures leave behind."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.bench import report
from scripts.bench.errors import BenchError
from scripts.scaling.deployed import REGISTRY_VARIABLES, ROOT, default, setting
from scripts.scaling.model import LOG_BYTES, MAPPING_START
from scripts.scaling.prices import (
    ALARM_METRIC,
    CUSTOM_METRIC,
    DASHBOARD,
    IMAGE_GB_MONTH,
    LOG_GB_MONTH,
    NOT_VERIFIED,
    QUEUE_REQUEST,
    RECOVERY_GB_MONTH,
    STANDING,
    TABLE_GB_MONTH,
    Price,
)

MONTH_SECONDS = 365 / 12 * 86_400
POLL_SECONDS = 20
"""How long a poller waits for messages, at most: long polling's limit."""

ALARMS, ALARM_METRICS = 13, 23
"""Alarms of every stack, and the metrics in them (terraform/modules/observability)."""

OPTIONAL_ALARM_METRICS = {"canary": 1, "certificate": 1, "replication-failed": 2, "replication-late": 2}
"""Metrics in the alarms that options add."""

OWN_METRICS = 12
"""Names that the function sends of every stack, under one dimension (processor/handler.py)."""

CANARY_METRICS = 2
"""Custom metrics that come all month with a canary: its own, and that of whatever ended."""

REPLICATION_METRICS = 8
"""Four that S3 writes of each bucket that it copies, charged like custom ones."""

IMAGE_GB, OWN_LAYERS_GB = 0.391, 0.079
"""Unpacked, as docs/performance.md has it; the registry keeps layers compressed, and the base once."""

RECORD_BYTES = 2500
"""A record, its history row, its owner's row and its row in the index, as measured on the emulator."""

TEMPLATE = """\
# Costs

Written by `make scaling`, or `python -m scripts.scaling.costs`; do not edit. What a picture costs is in
[scaling.md](scaling.md); this is what a stack costs by the month, in us-east-1.

## While nothing happens

{idle}

An alarm costs by the metrics that it looks at. Every account has three dashboards and ten metrics of alarms
[free](https://aws.amazon.com/cloudwatch/pricing/) for good, and a million
[queue requests](https://cloudburn.io/blog/amazon-sqs-pricing). They are an account's, not a stack's: where others use
them up, the list price is due, and dev and prod in one account cost ${two:.2f} together. By themselves `dev.tfvars` and
`prod.tfvars` cost the same: they differ in how long logs and replaced uploads are kept, in `maximum_concurrency` and in
what may be destroyed. With `maximum_concurrency` set Lambda
[keeps {pollers} pollers](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html); that each waits
{poll_seconds} s is an assumption, the most that SQS allows. Images count unpacked; the registry keeps them compressed.

Free as long as nothing happens: the function and its versions, both queues but for the polling, the event bus, the
topic, the state machine, the parameters that say what is deployed, CloudFront's distribution and its function, a
certificate, the AWS-managed key, and buckets, table and point-in-time recovery while they are empty.

Off by default, and not free: `rate_limit_per_ip` ([$6 a month](https://c3x.dev/blog/aws-waf-cost-explained/) for a web
ACL with its rule, and $0.60 a million requests), `replica_region` (storage and every write once more, and
${replica:.2f} a month for S3's metrics of it and two alarms), `canary_minutes` (${canary:.2f} a month for its metrics
and its alarm, and cents for requests), `access_log_days` (by the gigabyte), `tracing` (by the trace), and for `domain`
an alarm (${certificate:.2f}) and a Route 53 zone ($0.50 a month, {not_verified}).

## While pictures come

The function sends {metrics} custom metrics. They are charged for the hours in which they come, ${metrics_dollars:.2f}
for a month without a pause; an account has ten free.

What a million pictures leave behind, by the month:

{kept}

Originals and renditions are $0.023 a gigabyte and month. Replaced and deleted originals stay for {dev_versions} days in
dev and {prod_versions} in prod.

## Prices

Read in stored copies of these pages, on the day given; alarms, metrics and dashboards by the month.

{prices}
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that costs by the month.

    Attributes:
        what: for people.
        count: units of the price, a month.
        price: of one.
        free: units that every account has free for good.
    """

    what: str
    count: float
    price: Price
    free: float = 0

    def dollars(self, stacks: int = 1) -> float:
        """A month, in an account that has nothing else."""
        return max(0.0, self.count * stacks - self.free) * self.price.dollars

    @property
    def list_dollars(self) -> float:
        """A month, where the free units are used up."""
        return self.count * self.price.dollars


def standing() -> list[Standing]:
    """What stands while nothing happens."""
    images = default("images_kept", REGISTRY_VARIABLES)
    polls = MAPPING_START * MONTH_SECONDS / POLL_SECONDS
    return [
        Standing("the dashboard", 1, DASHBOARD, free=3),
        Standing(f"{ALARMS} alarms", ALARM_METRICS, ALARM_METRIC, free=10),
        Standing(f"Lambda polling the empty queue, {MAPPING_START} pollers", polls, QUEUE_REQUEST, free=1e6),
        Standing("the container image, at most", IMAGE_GB, IMAGE_GB_MONTH),
        Standing(f"{images - 1} older images to roll back to, at most", OWN_LAYERS_GB * (images - 1), IMAGE_GB_MONTH),
    ]


def document() -> str:
    """docs/costs.md."""
    items = standing()
    return TEMPLATE.format(
        idle=report.markdown_table(_idle_rows(items)),
        two=sum(item.dollars(2) for item in items),
        pollers=MAPPING_START,
        poll_seconds=POLL_SECONDS,
        not_verified=NOT_VERIFIED,
        replica=_with_alarms(REPLICATION_METRICS, "replication-failed", "replication-late"),
        canary=_with_alarms(CANARY_METRICS, "canary"),
        certificate=_with_alarms(0, "certificate"),
        metrics=OWN_METRICS,
        metrics_dollars=OWN_METRICS * CUSTOM_METRIC.dollars,
        kept=report.markdown_table(_kept_rows()),
        dev_versions=setting("raw_noncurrent_version_days", "dev"),
        prod_versions=setting("raw_noncurrent_version_days", "prod"),
        prices=report.markdown_table(price_rows(STANDING)),
    )


def _with_alarms(custom_metrics: int, *alarms: str) -> float:
    """Dollars a month, by list, of what an option adds."""
    watched = sum(OPTIONAL_ALARM_METRICS[alarm] for alarm in alarms)
    return custom_metrics * CUSTOM_METRIC.dollars + watched * ALARM_METRIC.dollars


def _idle_rows(items: Sequence[Standing]) -> list[list[str]]:
    rows = [["what", "a month", "$ by list", "free in every account", "$ beyond that"]]
    for item in items:
        free = f"{item.free:,.0f}" if item.free else ""
        counted = f"{item.count:,.3g}" if item.count < 100 else f"{item.count:,.0f}"  # noqa: PLR2004 - whole enough
        rows.append(
            [item.what, f"{counted} × {item.price.unit}", f"{item.list_dollars:.2f}", free, f"{item.dollars():.2f}"]
        )
    listed, beyond = sum(item.list_dollars for item in items), sum(item.dollars() for item in items)
    return [*rows, ["together", "", f"{listed:.2f}", "", f"{beyond:.2f}"]]


def _kept_rows() -> list[list[str]]:
    rows = [["what", "$ in dev", "$ in prod"]]
    table = RECORD_BYTES * 1e6 / 1e9
    for what, price in (("records and index", TABLE_GB_MONTH), ("point-in-time recovery", RECOVERY_GB_MONTH)):
        rows.append([f"{what}, {table:.1f} GB", *[f"{table * price.dollars:.2f}"] * 2])
    days = [setting("log_retention_days", environment) for environment in ("dev", "prod")]
    logs = [LOG_BYTES * 1e6 / 1e9 * LOG_GB_MONTH.dollars * each / (MONTH_SECONDS / 86_400) for each in days]
    return [*rows, [f"logs, once, {days[0]} and {days[1]} days", *(f"{dollars:.2f}" for dollars in logs)]]


def price_rows(listed: Sequence[Price]) -> list[list[str]]:
    """A table of prices with where and when they were read."""
    rows = [["unit", "US dollars", "source", "read"]]
    for each in listed:
        dollars = f"{each.dollars:.10f}".rstrip("0").rstrip(".")
        rows.append([each.unit, dollars, each.source, f"[{each.read}]({each.url})" if each.read else ""])
    return rows


def main() -> int:
    """Write docs/costs.md. 0 unless Terraform's files are not what they were."""
    path = ROOT / "docs" / "costs.md"
    try:
        path.write_text(document(), "utf-8")
    except BenchError as exc:
        print(f"costs: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
