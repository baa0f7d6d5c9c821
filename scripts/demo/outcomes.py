"""What came of every picture: its record beside what was uploaded, and the sums that table and page show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from processor.records import FINAL, Published, PublishedFormat, Record, Status
from scripts.demo.photos import Picture

FORMAT_LABELS = {"avif": "AVIF", "webp": "WebP", "jpeg": "JPEG"}
"""In the order of a browser's preference."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One picture and what became of it.

    Attributes:
        picture: what was uploaded.
        uploaded_bytes: its length.
        record: its record; None if the worker has not begun.
    """

    picture: Picture
    uploaded_bytes: int
    record: Record | None

    @property
    def published(self) -> Published | None:
        """Its renditions, if it is complete."""
        if self.record is None or self.record.status is not Status.COMPLETE:
            return None
        return self.record.published

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.record is not None and self.record.status in FINAL

    @property
    def reason(self) -> str:
        """Why it is not published: the code of a rejection, or the state it is in; empty if it is."""
        if self.published is not None:
            return ""
        if self.record is None:
            return "not started"
        return str(self.record.reason or self.record.status.lower())

    @property
    def message(self) -> str:
        """The same for a person."""
        return (self.record.message if self.record else None) or ""


@dataclass(frozen=True, slots=True)
class SizeTotal:
    """What one size of all published pictures weighs.

    Attributes:
        size: the recipe's name for it.
        bytes_by_format: format to bytes, in the order of a browser's preference.
    """

    size: str
    bytes_by_format: dict[str, int]


def in_preference(formats: Iterable[PublishedFormat]) -> list[PublishedFormat]:
    """Renditions in the order in which a browser would take their formats."""
    order = list(FORMAT_LABELS)
    return sorted(formats, key=lambda each: order.index(each.format) if each.format in order else len(order))


def by_size(published: Published) -> dict[str, list[PublishedFormat]]:
    """Size name to its renditions in order of preference; sizes in the record's order."""
    sizes = dict.fromkeys(each.size for each in published.formats)
    return {size: in_preference(each for each in published.formats if each.size == size) for size in sizes}


def size_totals(outcomes: Sequence[Outcome]) -> list[SizeTotal]:
    """Per size, the bytes of each format summed over every published picture."""
    totals: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        for size, renditions in by_size(outcome.published).items() if outcome.published else ():
            row = totals.setdefault(size, {})
            for each in renditions:
                row[each.format] = row.get(each.format, 0) + each.bytes
    return [SizeTotal(size, row) for size, row in totals.items()]


def rendition_count(outcomes: Sequence[Outcome]) -> int:
    """How many renditions were published."""
    return sum(len(outcome.published.formats) for outcome in outcomes if outcome.published)


def published_bytes(outcomes: Sequence[Outcome]) -> int:
    """Bytes of the sources of every published picture."""
    return sum(outcome.published.original_size for outcome in outcomes if outcome.published)


def saving_percent(before: int, after: int) -> float:
    """How much smaller `after` is than `before`; negative if it grew."""
    return 100 * (before - after) / before if before else 0.0


def human_bytes(count: int) -> str:
    """1234567 as `1.23 MB`: three significant digits, decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:  # noqa: PLR2004 - would round to a fourth digit
            return f"{count} B" if unit == "B" else f"{value:.{_decimals(value)}f} {unit}"
        value /= 1000
    return f"{value:.{_decimals(value)}f} GB"


def human_saving(percent: float) -> str:
    """62.3 as `−62 %` and -7 as `+7 %`: the change in bytes. 99.6 is `−99.6 %`, for nothing saves all."""
    amount = f"{abs(percent):.1f}" if 99 < percent < 100 else f"{abs(percent):.0f}"  # noqa: PLR2004 - as said
    if amount == "0":
        return "±0 %"
    return f"{'−' if percent > 0 else '+'}{amount} %"


def _decimals(value: float) -> int:
    if value < 9.995:  # noqa: PLR2004 - three significant digits
        return 2
    return 1 if value < 99.95 else 0  # noqa: PLR2004 - the same
