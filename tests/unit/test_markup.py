"""The HTML for a picture: what a browser would choose from, and nothing that breaks out of an attribute."""

from html.parser import HTMLParser

import pytest

from processor import markup
from processor.markup import Place
from processor.records import PublishedFormat

TYPES = {"jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}


def rendition(size: str, fmt: str, width: int, stem: str = "tom", count: int = 1000) -> PublishedFormat:
    """One rendition of a picture of 3:2."""
    return PublishedFormat(size, fmt, width, width * 2 // 3, count, f"{size}/{stem}.{fmt}", TYPES[fmt])


WHOLE = [
    rendition(size, fmt, width) for size, width in (("full", 3000), ("medium", 900), ("thumb", 300)) for fmt in TYPES
]


class Elements(HTMLParser):
    """Start tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.found.append((tag, dict(attrs)))


def test_every_format_and_width_is_offered_best_first() -> None:
    """AVIF, then WebP, then the image itself as JPEG, each from the narrowest to the widest."""
    picture, avif, webp, image = Elements(markup.picture(WHOLE, "cdn.example", Place("a cat", "50vw"))).found
    assert picture == ("picture", {})
    assert [each[1]["type"] for each in (avif, webp)] == ["image/avif", "image/webp"]
    assert avif[1]["srcset"] == (
        "https://cdn.example/thumb/tom.avif 300w, https://cdn.example/medium/tom.avif 900w, "
        "https://cdn.example/full/tom.avif 3000w"
    )
    assert {each[1]["sizes"] for each in (avif, webp, image)} == {"50vw"}
    assert image[1] | {"srcset": None} == {
        "src": "https://cdn.example/medium/tom.jpeg", "srcset": None, "sizes": "50vw", "width": "3000",
        "height": "2000", "alt": "a cat", "loading": "lazy", "decoding": "async",
    }  # fmt: skip


def test_jpeg_xl_is_offered_between_avif_and_webp() -> None:
    """Browsers take the first source that they know: AVIF is the smallest, JPEG XL comes before WebP."""
    formats = [rendition("full", fmt, 300) for fmt in ("jpeg", "webp", "avif")]
    formats.append(PublishedFormat("full", "jxl", 300, 200, 1000, "full/tom.jxl", "image/jxl"))
    _, *sources, _ = Elements(markup.picture(formats, "cdn.example", Place())).found
    assert [attributes["type"] for _, attributes in sources] == ["image/avif", "image/jxl", "image/webp"]


def test_equal_widths_are_offered_once() -> None:
    """A small source fills several sizes with the same pixels; the one with fewer bytes is enough."""
    formats = [rendition("full", "jpeg", 200, count=900), rendition("thumb", "jpeg", 200, count=800)]
    _, image = Elements(markup.picture(formats, "cdn.example", Place())).found
    assert image[1]["srcset"] == "https://cdn.example/thumb/tom.jpeg 200w"


def test_without_jpeg_the_next_format_is_the_image() -> None:
    """A recipe of one format has no sources."""
    _, image = Elements(markup.picture([rendition("full", "webp", 3000)], "cdn.example", Place(lazy=False))).found
    assert image[1]["src"] == "https://cdn.example/full/tom.webp"
    assert image[1]["loading"] == "eager"


def test_a_colour_is_shown_until_the_picture_is_there() -> None:
    """As background of the place that width and height keep free."""
    _, *_, image = Elements(markup.picture(WHOLE, "cdn.example", Place(colour="#a0b0c0"))).found
    assert image[1]["style"] == "background-color: #a0b0c0"


def test_nothing_breaks_out_of_its_attribute() -> None:
    """Keys and texts are other people's; commas and spaces in a key would end an entry of srcset."""
    hostile = 'a, b "><script>'
    text = markup.picture([rendition("full", "jpeg", 300, stem=hostile)], "cdn.example", Place(hostile, hostile))
    _, image = Elements(text).found
    assert [tag for tag, _ in Elements(text).found] == ["picture", "img"]
    assert image[1]["alt"] == hostile
    assert image[1]["srcset"] == "https://cdn.example/full/a%2C%20b%20%22%3E%3Cscript%3E.jpeg 300w"


def test_nothing_published_has_no_markup() -> None:
    """An empty element would be a hole in a page."""
    with pytest.raises(ValueError, match="nothing is published"):
        markup.picture([], "cdn.example", Place())
