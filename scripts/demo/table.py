"""What the terminal shows: progress while the worker works, and a table of what came of every picture."""

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TextIO

from processor.records import Published
from scripts.demo.outcomes import (
    FORMAT_LABELS,
    Outcome,
    by_size,
    human_bytes,
    human_saving,
    rendition_count,
    saving_percent,
    size_totals,
)

WIDTH = 100
_NAME = 29
_CELL = 9
_SIZE = 10


def printable(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def columns(text: str) -> int:
    """How many terminal columns a text takes: East Asian wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def fitted(text: str, width: int) -> str:
    """A text cut in its middle, or padded, to exactly this many columns."""
    text = printable(text)
    if columns(text) > width:
        head, tail = text, text
        while columns(head) > (width - 1) // 2:
            head = head[:-1]
        while columns(tail) > width - 1 - columns(head):
            tail = tail[1:]
        text = f"{head}…{tail}"
    return text + " " * (width - columns(text))


def table(outcomes: Sequence[Outcome]) -> str:
    """Every picture with its sizes and formats, none wider than 100 columns, then the sums."""
    formats = [name for name in FORMAT_LABELS if any(name in total.bytes_by_format for total in size_totals(outcomes))]
    lines = [_line("picture", "source", "size", *(FORMAT_LABELS[name] for name in formats), "full WebP", "ms"), _rule()]
    for outcome in outcomes:
        lines += _published(outcome, outcome.published, formats) if outcome.published else _unpublished(outcome)
    lines.append(_rule())
    lines += _sums(outcomes, formats)
    return "\n".join(line.rstrip() for line in lines)


class Progress:
    """One line that keeps changing on a terminal; a line a picture everywhere else."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()

    def show(self, done: int, working: Sequence[str], finished: Sequence[Outcome]) -> None:
        """Say how far we are.

        Args:
            done: how many pictures are final.
            working: keys that the worker is at.
            finished: pictures that became final since the last call.
        """
        if self._live:
            width = min(WIDTH, shutil.get_terminal_size().columns - 1)
            text = f"  {done:>3} of {self._total} done   {', '.join(working)}"
            self._stream.write("\r" + fitted(text, width))
        else:
            for number, outcome in enumerate(finished, start=done - len(finished) + 1):
                self._stream.write(f"  {number:>3} of {self._total}  {_one_line(outcome)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line as if it had never been there."""
        if self._live:
            width = min(WIDTH, shutil.get_terminal_size().columns - 1)
            self._stream.write("\r" + " " * width + "\r")
            self._stream.flush()


def _one_line(outcome: Outcome) -> str:
    name = fitted(outcome.picture.key, _NAME)
    if outcome.published is None:
        return f"{name}  {outcome.reason}"
    return f"{name}  {len(outcome.published.formats)} renditions in {outcome.published.processing_time:,} ms"


def _published(outcome: Outcome, published: Published, formats: Sequence[str]) -> Iterator[str]:
    saving = "" if published.compression_savings is None else human_saving(published.compression_savings)
    first = (outcome.picture.key, human_bytes(published.original_size))
    last = (saving, f"{published.processing_time:,}")
    source = published.source
    second = f"  {source['width']} × {source['height']} {str(source['format']).upper()}"
    for number, (size, renditions) in enumerate(by_size(published).items()):
        sizes = {each.format: human_bytes(each.bytes) for each in renditions}
        name, source_bytes = first if number == 0 else (second if number == 1 else "", "")
        cells = [sizes.get(each, "") for each in formats]
        yield _line(name, source_bytes, size, *cells, *(last if number == 0 else ("", "")))


def _unpublished(outcome: Outcome) -> Iterator[str]:
    head = f"{fitted(outcome.picture.key, _NAME)}  {human_bytes(outcome.uploaded_bytes):>{_CELL}}  "
    text = printable(f"{outcome.reason}: {outcome.message}" if outcome.message else outcome.reason)
    yield from textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * columns(head))


def _sums(outcomes: Sequence[Outcome], formats: Sequence[str]) -> Iterator[str]:
    complete = [outcome.published for outcome in outcomes if outcome.published]
    source = sum(published.original_size for published in complete)
    name = f"{len(complete)} of {len(outcomes)} pictures, {rendition_count(outcomes)} files"
    taken = f"{sum(published.processing_time for published in complete):,}"
    for number, total in enumerate(size_totals(outcomes)):
        cells = [human_bytes(total.bytes_by_format[each]) if each in total.bytes_by_format else "" for each in formats]
        webp = total.bytes_by_format.get("webp")
        saving = human_saving(saving_percent(source, webp)) if number == 0 and webp is not None else ""
        first = (name, human_bytes(source)) if number == 0 else ("", "")
        yield _line(*first, total.size, *cells, saving, taken if number == 0 else "")


def _line(name: str, source: str, size: str, *cells: str) -> str:
    """Name, source and size, then the formats' bytes, the saving and the time."""
    *formats, saving, taken = cells
    middle = "".join(f"{cell:>{_CELL}} " for cell in formats)
    return f"{fitted(name, _NAME)}  {source:>{_CELL}}  {fitted(size, _SIZE)}{middle} {saving:>9}{taken:>8}"


def _rule() -> str:
    return "─" * WIDTH
