"""The page shows every rendition of every record, and nothing in a name can change the page."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from processor.errors import Reason
from processor.keys import rendition_key
from processor.recipe import CONTENT_TYPES, Recipe
from processor.records import Published, PublishedFormat, Record, Status
from scripts.demo.gallery import Run, page
from scripts.demo.outcomes import Outcome, human_bytes, human_saving, size_totals
from scripts.demo.photos import Picture
from scripts.demo.table import WIDTH, columns, fitted, table
from scripts.demo.watch import local_path

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RUN = Run(seconds=12.34, made_at="today")
HOSTILE = "\"><img src=x onerror=alert(1)>/<script>&amp;'#?%41.jpg"


def published(key: str, source_format: str = "jpeg", size: int = 1_000_000) -> Outcome:
    """A complete picture of 1000 × 500 with the nine renditions of the default recipe, every one of another length."""
    formats = tuple(
        PublishedFormat(
            size=each_size.name,
            format=each.name,
            width=each_size.width or 1000,
            height=(each_size.width or 1000) // 2,
            bytes=100_000 - 7_001 * number,
            key=rendition_key(each, key),
            content_type=CONTENT_TYPES[each.name],
        )
        for number, (each_size, each) in enumerate(Recipe.default().formats)
    )
    source = {"format": source_format, "width": 1000, "height": 500, "frames": 1}
    done = Published("v", size, source, formats, compression_savings=90.7, processing_time=1234)
    return Outcome(Picture(key, Path("x"), "A & B"), size, Record(key, Status.COMPLETE, NOW, published=done))


def rejected(key: str) -> Outcome:
    """A picture refused as corrupt."""
    record = Record(key, Status.REJECTED, NOW, reason=Reason.CORRUPT, message="it ends <too> early")
    return Outcome(Picture(key, Path("x")), 345, record)


class Document(HTMLParser):
    """Every start tag with its attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.text += data

    def values(self, *names: str) -> list[str]:
        """Every value of these attributes; of `srcset`, every URL in it."""
        found = [(name, value or "") for _, attributes in self.tags for name, value in attributes.items()]
        return [
            candidate.split()[0] if name == "srcset" else candidate
            for name, value in found
            if name in names
            for candidate in (value.split(", ") if name == "srcset" else [value])
        ]


def document(outcomes: Sequence[Outcome]) -> Document:
    """The page, parsed."""
    return Document(page(outcomes, RUN))


@pytest.mark.parametrize("key", ["cats/tom.jpg", "my photos/ü b+c (1).jpg", HOSTILE])
def test_links_to_every_rendition_and_to_the_source(key: str) -> None:
    """Each of the nine files, and the source, is linked by a URL that leads to where it was written."""
    outcome = published(key)
    assert outcome.published is not None
    links = {unquote(url) for url in document([outcome]).values("href")}
    for rendition in outcome.published.formats:
        assert f"renditions/{local_path(rendition.key)}" in links
    assert f"sources/{local_path(key)}" in links


def test_a_hostile_name_stays_text() -> None:
    """A name full of markup appears as text, and adds no element and no attribute that a plain name does not have."""
    plain, hostile = (
        document([published("a/b.jpg"), rejected("c.jpg")]),
        document([published(HOSTILE), rejected(HOSTILE)]),
    )
    names = [(tag, sorted(attributes)) for tag, attributes in plain.tags]
    assert [(tag, sorted(attributes)) for tag, attributes in hostile.tags if tag != "wbr"] == [
        each for each in names if each[0] != "wbr"
    ]
    assert HOSTILE in hostile.text


def test_nothing_comes_from_elsewhere() -> None:
    """Every URL of the page is relative, a fragment or empty data, so that it works from a file without a network."""
    outcome = published("a/b:c.jpg")
    for url in document([outcome]).values("href", "src", "srcset"):
        assert url.startswith(("sources/", "renditions/", "#", "data:,")), url
    assert "@import" not in page([outcome], RUN)
    assert "url(" not in page([outcome], RUN)


def test_every_picture_has_a_text_and_its_dimensions() -> None:
    """Images carry alternative text and width and height, so that nothing moves while they load, and load lazily."""
    images = [attributes for tag, attributes in document([published("a.jpg")]).tags if tag == "img"]
    assert len(images) == 12  # nine renditions, source, the browser's choice, contact sheet
    for attributes in images:
        assert attributes["alt"]
        assert int(attributes["width"] or 0) > 0
        assert int(attributes["height"] or 0) > 0
        assert attributes["loading"] == "lazy"


def test_the_browser_may_choose() -> None:
    """A <picture> offers AVIF before WebP, each in every size, and falls back to JPEG."""
    tags = document([published("a.jpg")]).tags
    sources = [attributes for tag, attributes in tags if tag == "source" and "sizes" in attributes]
    assert [attributes["type"] for attributes in sources] == ["image/avif", "image/webp"]
    assert [entry.split()[1] for entry in (sources[0]["srcset"] or "").split(", ")] == ["300w", "800w", "1000w"]


def test_figures_are_the_records() -> None:
    """Every rendition's bytes, dimensions and saving are the record's, and so are the sums on top."""
    outcomes = [published("a.jpg"), published("b.jpg", size=3_000_000)]
    text = document(outcomes).text
    for outcome in outcomes:
        assert outcome.published is not None
        for rendition in outcome.published.formats:
            assert human_bytes(rendition.bytes) in text
            assert f"{rendition.width} × {rendition.height}" in text
            assert human_saving(100 * (1 - rendition.bytes / outcome.published.original_size)) in text
    assert "4.00 MB" in text
    for total in size_totals(outcomes):
        for each, count in total.bytes_by_format.items():
            expected = [
                f.bytes
                for o in outcomes
                for f in (o.published.formats if o.published else ())
                if f.format == each and f.size == total.size
            ]
            assert count == sum(expected)
            assert human_bytes(count) in text


def test_a_refused_picture_is_shown_with_its_reason() -> None:
    """What was not published is listed with code and message, and is not counted among the published."""
    html = page([published("a.jpg"), rejected("broken.jpg")], RUN)
    text = Document(html).text
    assert "broken.jpg" in text
    assert "<code>corrupt</code>" in html
    assert "it ends <too> early" in text
    assert "1 picture in, 9 renditions out" in text


def test_a_source_that_browsers_do_not_show_is_replaced() -> None:
    """A TIFF is represented by a rendition of it, and the page says so."""
    shown = document([published("a.tif", "tiff")])
    assert not [url for url in shown.values("src") if url.startswith("sources/")]
    assert "browsers do not show TIFF" in shown.text


def test_a_page_of_failures_alone_still_works() -> None:
    """Nothing published is no reason to fail."""
    assert "0 pictures in, 0 renditions out" in document([rejected("a.jpg")]).text


def test_the_table_holds_the_records_figures_within_100_columns() -> None:
    """Each rendition's bytes, the saving and the time are in the table, which is never wider than 100 columns."""
    outcomes = [published("a.jpg"), published("写真/" + "長" * 60 + ".jpg"), rejected("broken\x1b[2J.jpg")]
    text = table(outcomes)
    for rendition in outcomes[0].published.formats if outcomes[0].published else ():
        assert human_bytes(rendition.bytes) in text
    assert "1,234" in text
    assert "−91 %" in text
    assert "corrupt: it ends <too> early" in text
    assert "\x1b" not in text
    assert max(columns(line) for line in text.splitlines()) == WIDTH


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("tom.jpg", 9, "tom.jpg  "),
        ("写真.jpg", 9, "写真.jpg "),
        ("e\u0301.jpg", 6, "e\u0301.jpg "),
        ("a-long-name.jpg", 9, "a-lo….jpg"),
        ("写真写真写真.jpg", 9, "写真….jpg"),
    ],
)
def test_names_fill_exactly_their_columns(text: str, width: int, expected: str) -> None:
    """Names are padded or cut in the middle by terminal columns, not by characters."""
    assert fitted(text, width) == expected


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (99_949, "99.9 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (2_345_678_901, "2.35 GB"),
    ],
)
def test_bytes_are_written_with_three_digits(count: int, text: str) -> None:
    """Units are decimal and step up where a fourth digit would appear."""
    assert human_bytes(count) == text


@pytest.mark.parametrize(
    ("percent", "text"),
    [(62.3, "−62 %"), (-7.2, "+7 %"), (0.2, "±0 %"), (99.6, "−99.6 %"), (100.0, "−100 %")],
)
def test_savings_are_written_as_the_change_in_bytes(percent: float, text: str) -> None:
    """A saving is a minus, a growth a plus, and what is not all is not written as all."""
    assert human_saving(percent) == text


@pytest.mark.parametrize("key", ["../../etc/passwd", "a//b", "/abs.jpg", "./x.jpg", "nul\0.jpg", "é" * 200 + ".jpg"])
def test_no_key_leads_out_of_the_folder_or_to_an_impossible_name(key: str) -> None:
    """What a key could do to a path, `local_path` undoes, and it keeps the extension."""
    path = local_path(key)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert all(0 < len(part.encode()) <= 255 and "\0" not in part for part in path.parts)
    assert path.suffix == Path(key.rpartition("/")[2].replace("\0", "")).suffix
