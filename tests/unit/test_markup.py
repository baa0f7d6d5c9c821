"""The HTML for a picture: what a browser would choose from, and nothing that breaks out of an attribute."""

import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from processor import markup, placeholder
from processor.markup import Place
from processor.records import PublishedFormat
from processor.steps import about
from tests import helpers

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


def looks(image: Image.Image) -> dict[str, str]:
    """What a record says of how a picture looks."""
    return about.looks(image)


def test_a_background_is_shown_until_the_picture_is_there() -> None:
    """It fills the place that width and height keep free."""
    _, *_, image = Elements(markup.picture(WHOLE, "cdn.example", Place(background="#a0b0c0"))).found
    assert image[1]["style"] == "background: #a0b0c0"


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (500, 40)])
def test_the_blurred_picture_resembles_the_picture(size: tuple[int, int]) -> None:
    """The PNG in the HTML is the picture, blurred: alike within a tenth of the scale on average."""
    photo = helpers.photo(*size)
    background = markup.background(looks(photo), "thumbhash")
    assert background is not None
    match = re.fullmatch(r"#[0-9a-f]{6} url\(data:image/png;base64,([A-Za-z0-9+/=]+)\) 0 0 / 100% 100%", background)
    assert match is not None
    shown = Image.open(io.BytesIO(base64.b64decode(match[1])))
    assert max(shown.size) == 16
    helpers.assert_image_similar(shown.resize((16, 16)), photo.resize((16, 16), Image.Resampling.BOX), 25)
    assert len(background) < 1000


def test_blurred_pictures_are_those_of_the_reference() -> None:
    """First, middle and last pixel as `thumbHashToRGBA` of npm's thumbhash 0.1.1 answers them."""
    width, height, pixels = placeholder.rendered(base64.b64decode("4AcKNZqgh4dwd3d6d3h4eCCAA/h4"), 32)
    assert (width, height) == (32, 23)
    found = [tuple(pixels[3 * at : 3 * at + 3]) for at in (0, width * 11 + 16, width * height - 1)]
    assert found == [(7, 0, 202), (139, 128, 54), (255, 245, 211)]


@pytest.mark.parametrize("kind", markup.PLACEHOLDERS)
def test_nothing_shines_through_a_transparent_picture(kind: markup.Placeholder) -> None:
    """Whatever is asked for: a background would stay visible behind it."""
    image = Image.new("RGBA", (300, 200), (200, 30, 30, 255))
    image.paste((0, 0, 0, 0), (0, 0, 60, 60))
    assert markup.background(looks(image), kind) is None


def test_the_colour_alone_can_be_asked_for() -> None:
    """And `none` leaves everything away."""
    found = looks(Image.new("RGB", (30, 20), "#336699"))
    assert markup.background(found, "colour") == "#336699"
    assert markup.background(found, "none") is None


@pytest.mark.parametrize("broken", [None, "", "AAAA", "not base64!", 7, base64.b64encode(bytes(6)).decode()])
def test_without_a_usable_hash_it_is_the_colour(broken: object) -> None:
    """A record of an earlier version, or one that was tampered with, costs nobody the markup."""
    assert markup.background({"colour": "#336699", "thumbhash": broken}, "thumbhash") == "#336699"
    assert markup.background({"thumbhash": broken}, "thumbhash") is None


def test_jpeg_xl_is_offered_between_webp_and_jpeg() -> None:
    """Behind WebP, in which animations stay animated."""
    names = ("jpeg", "jxl", "webp", "avif")
    formats = [PublishedFormat("full", name, 300, 200, 9, f"{name}/tom", f"image/{name}") for name in names]
    _, *offers, image = Elements(markup.picture(formats, "cdn.example", Place())).found
    assert [offer[1]["type"] for offer in offers] == ["image/avif", "image/webp", "image/jxl"]
    assert image[1]["src"] == "https://cdn.example/jpeg/tom"


def test_the_ready_element_is_lazy_wide_and_blurred() -> None:
    """What manifest and `status --json` hold: with an empty alt to fill in."""
    element = markup.paste(looks(helpers.photo(300, 200)), WHOLE, "cdn.example")
    _, *_, image = Elements(element).found
    assert (image[1]["alt"], image[1]["sizes"], image[1]["loading"]) == ("", "100vw", "lazy")
    assert "url(data:image/png;base64," in str(image[1]["style"])


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
