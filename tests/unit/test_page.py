"""The measured pages offer what they say, and Lighthouse's report is read without flattery."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from scripts.page import __main__ as command
from scripts.page import site
from scripts.page.errors import PageError
from scripts.page.lighthouse import Figures, figures
from tests import helpers

KEY = "a b/ü.png"


class Urls(HTMLParser):
    """Every URL that an element may load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        values = dict(attrs)
        self.found += [src] if (src := values.get("src")) else []
        self.found += [entry.split()[0] for entry in (values.get("srcset") or "").split(",") if entry]


@pytest.mark.parametrize(("page", "extensions"), [
    ("originals", {"png"}), ("jpeg", {"jpg"}), ("webp", {"jpg", "webp"}), ("avif", {"jpg", "webp", "avif"}),
])  # fmt: skip
def test_pages_offer_their_formats_and_every_url_is_there(tmp_path: Path, page: str, extensions: set[str]) -> None:
    """The page of originals names them alone, and no URL of any page leads outside or nowhere."""
    site.built([(KEY, helpers.saved(helpers.photo(400, 300), "PNG"))], tmp_path)
    urls = Urls((tmp_path / f"{page}.html").read_text("utf-8")).found
    assert {url.rpartition(".")[2] for url in urls} == extensions
    for url in urls:
        assert url.startswith("/")
        translated = command.Handler.translate_path(_handler(tmp_path), url)
        assert Path(translated).is_file(), url


def _handler(folder: Path) -> Any:
    handler: Any = command.Handler.__new__(command.Handler)
    handler.directory = str(folder)
    return handler


def report(*items: dict[str, Any]) -> dict[str, Any]:
    """A Lighthouse report with these requests."""
    return {
        "lighthouseVersion": "12.8.2",
        "environment": {"hostUserAgent": "Mozilla/5.0 HeadlessChrome/156.0.0.0 Safari/537.36"},
        "categories": {"performance": {"score": 0.914}},
        "audits": {
            "network-requests": {"details": {"items": list(items)}},
            "largest-contentful-paint": {"numericValue": 1234.5},
            "cumulative-layout-shift": {"numericValue": 0.01},
        },
    }


def request(url: str, size: int, kind: str = "Image", status: int = 200) -> dict[str, Any]:
    """One request."""
    return {"url": url, "resourceSize": size, "resourceType": kind, "statusCode": status}


def test_pictures_that_went_over_the_network_are_counted() -> None:
    """Not the page itself, and not what is inside it."""
    found = figures(
        report(request("/a.avif", 70), request("/b.avif", 30), request("data:x", 9), request("/", 5, "Document"))
    )
    assert found == Figures(2, 100, 91, 1234, 0.01, "12.8.2", "156.0.0.0")


def test_a_page_with_holes_is_no_measurement() -> None:
    """It would look light."""
    with pytest.raises(PageError, match=r"/b\.avif"):
        figures(report(request("/a.avif", 70), request("/b.avif", 0, status=404)))
    with pytest.raises(PageError, match="refused"):
        figures(report() | {"runtimeError": {"message": "refused"}})


def test_the_table_holds_shares_of_the_originals() -> None:
    """Of the same device's."""
    whole, part = (Figures(1, count, 90, 1000, 0, "12", "156") for count in (2000, 500))
    lines = list(command.table({"phone": {"originals": whole, "avif": part}}))
    assert lines[-1] == "| phone | avif | 500 | 25 % | 1.0 s | 0 | 90 |"
