"""The page: every source beside its renditions. One HTML file and the pictures, nothing from anywhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from processor.records import Published, PublishedFormat
from scripts.demo.outcomes import (
    FORMAT_LABELS,
    Outcome,
    by_size,
    human_bytes,
    human_saving,
    published_bytes,
    rendition_count,
    saving_percent,
    size_totals,
)
from scripts.demo.watch import local_path

SOURCES = "sources"
RENDITIONS = "renditions"

SHOWN_BY_BROWSERS = frozenset({"jpeg", "png", "webp", "gif", "bmp", "avif"})
"""Source formats that every current browser shows."""

OPAQUE = frozenset({"jpeg", "bmp"})
"""Source formats that have no transparency, so that nothing need shine through."""

_CSS = Path(__file__).with_name("gallery.css")
_TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Run:
    """What the page says about the run as a whole.

    Attributes:
        seconds: from the first upload to the last final record.
        made_at: when, for people.
    """

    seconds: float
    made_at: str


def page(outcomes: Sequence[Outcome], run: Run) -> str:
    """The whole document.

    Args:
        outcomes: every picture. Published sources are expected below `sources/`, renditions below `renditions/`, as
            `local_path` of their keys says.
        run: about the run.
    """
    published = [outcome for outcome in outcomes if outcome.published]
    others = [outcome for outcome in outcomes if not outcome.published]
    body = "\n".join(
        [
            _header(outcomes, run),
            "<main>",
            _summary(published, others, run),
            _contact_sheet(published),
            *(_article(number, each, each.published) for number, each in enumerate(published, 1) if each.published),
            _not_published(others),
            "</main>",
            f"<footer><p>Written by <code>make demo</code>, {escape(run.made_at)}.</p></footer>",
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>img-pipeline: {len(published)} pictures, {rendition_count(outcomes)} renditions</title>\n"
        f'<link rel="icon" href="data:,">\n<style>\n{_CSS.read_text("utf-8")}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def link(folder: str, key: str) -> str:
    """The relative URL of a file beside the page, ready for an attribute."""
    return escape(quote(f"{folder}/{local_path(key)}", safe="/"))


def anchor(number: int) -> str:
    """The id of a picture's section. Keys make no good ids."""
    return f"picture-{number}"


def _header(outcomes: Sequence[Outcome], run: Run) -> str:
    rejected = sum(1 for outcome in outcomes if not outcome.published)
    refused = (
        f" {_count(rejected, 'file')} could not be used and {'is' if rejected == 1 else 'are'} listed with the reason."
        if rejected
        else ""
    )
    return (
        "<header class=top>\n<p class=brand>img-pipeline</p>\n"
        f"<h1>{_count(len(outcomes) - rejected, 'picture')} in, "
        f"{_count(rendition_count(outcomes), 'rendition')} out</h1>\n"
        f"<p class=lead>Uploaded to a bucket, picked up from a queue, resized and encoded by the worker, in "
        f"{run.seconds:.1f} seconds on this machine.{refused}</p>\n</header>"
    )


def _summary(published: Sequence[Outcome], others: Sequence[Outcome], run: Run) -> str:
    facts = [
        ("Published", str(len(published)), _count(rendition_count(published), "rendition")),
        ("Not published", str(len(others)), '<a href="#not-published">see why</a>' if others else "nothing went wrong"),
        ("Bytes in", human_bytes(published_bytes(published)), "sources of the published pictures"),
        ("Time", f"{run.seconds:.1f} s", "first upload to last record"),
    ]
    tiles = "".join(
        f"<div><dt>{name}</dt><dd><strong>{value}</strong><span>{note}</span></dd></div>" for name, value, note in facts
    )
    return (
        "<section aria-labelledby=summary>\n<h2 id=summary>Summary</h2>\n"
        f"<dl class=facts>{tiles}</dl>\n{_totals(published)}</section>"
    )


def _totals(published: Sequence[Outcome]) -> str:
    """What a browser of each kind would load if it loaded one size of every picture."""
    totals = size_totals(published)
    if not totals:
        return ""
    formats = [name for name in FORMAT_LABELS if any(name in total.bytes_by_format for total in totals)]
    source = published_bytes(published)
    head = "".join(f"<th scope=col>{FORMAT_LABELS[name]}</th>" for name in formats)
    rows = []
    for total in totals:
        largest = max(total.bytes_by_format.values())
        cells = "".join(_total_cell(name, total.bytes_by_format.get(name), largest, source) for name in formats)
        rows.append(f"<tr><th scope=row>{escape(total.size)}</th>{cells}</tr>")
    return (
        "<div class=scroll tabindex=0 role=region aria-labelledby=totals><table class=totals>\n"
        "<caption id=totals>What a browser loads for all pictures, by the best format that it understands and the "
        f"size that the page asks for. The sources are {human_bytes(source)}.</caption>\n"
        f"<thead><tr><th scope=col>Size</th>{head}</tr></thead>\n<tbody>{''.join(rows)}</tbody>\n</table></div>"
    )


def _total_cell(name: str, count: int | None, largest: int, source: int) -> str:
    if count is None:
        return "<td></td>"
    return f"<td>{_bar(name, count, largest)}<strong>{human_bytes(count)}</strong> {_saving(source, count)}</td>"


def _contact_sheet(published: Sequence[Outcome]) -> str:
    if not published:
        return ""
    items = []
    for number, outcome in enumerate(published, 1):
        smallest = _smallest(outcome.published) if outcome.published else []
        items.append(
            f'<li><a href="#{anchor(number)}">{_picture(smallest, outcome.picture.key)}'
            f"<span>{escape(_name(outcome.picture.key))}</span></a></li>"
        )
    return f'<nav aria-label="Pictures"><ul class=sheet>{"".join(items)}</ul></nav>'


def _article(number: int, outcome: Outcome, published: Published) -> str:
    key = outcome.picture.key
    source = published.source
    width, height = int(source["width"]), int(source["height"])
    facts = [
        f"{escape(str(source['format']).upper())}",
        f"{width} {_TIMES} {height}",
        f"{width * height / 1e6:.1f} megapixels",
        human_bytes(published.original_size),
        f"{published.processing_time:,} ms",
    ]
    credit = f"<p class=credit>Photo: {escape(outcome.picture.credit)}</p>" if outcome.picture.credit else ""
    clear = "" if str(source["format"]).lower() in OPAQUE else " class=clear"
    rows = "\n".join(_row(size, renditions, published, key) for size, renditions in by_size(published).items())
    return (
        f"<article id={anchor(number)}{clear} aria-labelledby={anchor(number)}-name>\n"
        f"<header><h2 id={anchor(number)}-name>{_breakable(key)}</h2>\n"
        f"<ul class=meta>{''.join(f'<li>{fact}</li>' for fact in facts)}</ul>{credit}</header>\n"
        f"<div class=beside>\n<div class=uploaded>{_source(outcome, published)}{_served(published, key)}</div>\n"
        f"<div class=renditions>\n{rows}\n</div>\n</div>\n</article>"
    )


def _source(outcome: Outcome, published: Published) -> str:
    key, source = outcome.picture.key, published.source
    caption = f"<b>Source</b> <span>{human_bytes(published.original_size)}</span>"
    if str(source["format"]).lower() in SHOWN_BY_BROWSERS:
        url = link(SOURCES, key)
        image = _image(url, f"{key}, as uploaded", int(source["width"]), int(source["height"]))
    else:
        largest = next(iter(by_size(published).values()))[-1]
        url = link(RENDITIONS, largest.key)
        image = _image(url, f"{key}, as uploaded", largest.width, largest.height)
        caption += (
            f" <span>browsers do not show {escape(str(source['format']).upper())}; this is the {_label(largest)}</span>"
        )
    return f'<figure class=source><a href="{url}">{image}</a><figcaption>{caption}</figcaption></figure>'


def _served(published: Published, key: str) -> str:
    """The picture as a web page would hold it: the browser takes the format and the size that suit it."""
    by_format: dict[str, list[PublishedFormat]] = {}
    for renditions in by_size(published).values():
        for each in renditions:
            by_format.setdefault(each.format, []).append(each)
    ordered = sorted(by_format.items(), key=lambda item: list(FORMAT_LABELS).index(item[0]))
    sizes = "(min-width: 60rem) 26rem, calc(100vw - 3rem)"
    sources = "".join(
        f'<source type="{escape(entries[0].content_type)}" srcset="{_srcset(entries)}" sizes="{sizes}">'
        for _, entries in ordered[:-1]
    )
    last = ordered[-1][1]
    image = _image(
        link(RENDITIONS, last[0].key),
        f"{key}, as a browser gets it",
        last[0].width,
        last[0].height,
        f'srcset="{_srcset(last)}" sizes="{sizes}" ',
    )
    labels = ", else ".join(FORMAT_LABELS[name] for name, _ in ordered)
    return (
        f"<figure class=served><picture>{sources}{image}</picture>"
        f"<figcaption><b>What your browser chose</b> "
        f"<span>{labels}, in the size that fits this column</span></figcaption></figure>"
    )


def _srcset(renditions: Sequence[PublishedFormat]) -> str:
    """Candidates by width, each width once."""
    by_width = {each.width: each for each in reversed(renditions)}
    return ", ".join(f"{link(RENDITIONS, each.key)} {width}w" for width, each in sorted(by_width.items()))


def _row(size: str, renditions: Sequence[PublishedFormat], published: Published, key: str) -> str:
    largest = max(each.bytes for each in renditions)
    tiles = "".join(_tile(each, largest, published.original_size, key) for each in renditions)
    return f"<section class=size><h3>{escape(size)}</h3><div class=tiles>{tiles}</div></section>"


def _tile(each: PublishedFormat, largest: int, source: int, key: str) -> str:
    url = link(RENDITIONS, each.key)
    image = _image(url, f"{key}, {each.size} {_label(each)}", each.width, each.height)
    return (
        f'<figure><a href="{url}">{image}</a><figcaption>{_bar(each.format, each.bytes, largest)}'
        f"<span class=line><b class={_class(each.format)}>{_label(each)}</b>"
        f"<strong>{human_bytes(each.bytes)}</strong></span>"
        f"<span class=line><span>{each.width} {_TIMES} {each.height}</span>"
        f"{_saving(source, each.bytes)}</span></figcaption></figure>"
    )


def _not_published(others: Sequence[Outcome]) -> str:
    if not others:
        return ""
    items = "".join(
        f"<li><h3>{_breakable(outcome.picture.key)}</h3><p><code>{escape(outcome.reason)}</code> "
        f"<span>{human_bytes(outcome.uploaded_bytes)}</span></p><p>{escape(outcome.message)}</p></li>"
        for outcome in others
    )
    return (
        "<section class=refused aria-labelledby=not-published><h2 id=not-published>Not published</h2>\n"
        f"<ul>{items}</ul></section>"
    )


def _picture(renditions: Sequence[PublishedFormat], key: str) -> str:
    """One size in every format, best first; the last is what every browser knows."""
    *better, last = renditions
    sources = "".join(
        f'<source type="{escape(each.content_type)}" srcset="{link(RENDITIONS, each.key)}">' for each in better
    )
    return f"<picture>{sources}{_image(link(RENDITIONS, last.key), _name(key), last.width, last.height)}</picture>"


def _smallest(published: Published) -> list[PublishedFormat]:
    return min(by_size(published).values(), key=lambda renditions: max(each.width * each.height for each in renditions))


def _image(url: str, alt: str, width: int, height: int, more: str = "") -> str:
    return (
        f'<img src="{url}" {more}alt="{escape(alt)}" width={width} height={height} '
        f'style="--ratio:{width / height:.4f}" loading=lazy decoding=async>'
    )


def _saving(source: int, count: int) -> str:
    saving = human_saving(saving_percent(source, count))
    grew = " class=grew" if saving.startswith("+") else ""
    return f"<span{grew}>{saving}</span>"


def _bar(name: str, count: int, largest: int) -> str:
    """How heavy this is beside the heaviest of its row. The number stands next to it, so this is decoration."""
    return f'<span class="bar {_class(name)}" style="--share:{100 * count / largest:.1f}%" aria-hidden=true></span>'


def _class(name: str) -> str:
    return name if name in FORMAT_LABELS else "other"


def _label(each: PublishedFormat) -> str:
    return escape(FORMAT_LABELS.get(each.format, each.format))


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _breakable(key: str) -> str:
    return escape(key).replace("/", "/<wbr>")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
