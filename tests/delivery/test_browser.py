"""The proof: a page of pictures from the distribution, opened in a browser."""

import io
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processor import keys, markup
from processor.pipeline import transcode
from processor.recipe import CONTENT_TYPES
from processor.records import PublishedFormat
from tests import helpers
from tests.delivery.browser import Browser, chromium
from tests.delivery.conftest import RECIPE, Site
from tests.waiting import wait_for

PICTURES = ("holiday/beach.jpg", "a b+c (1).jpg", "ü.jpg")
OBSERVER = """
window.shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => { window.shift += entry.value; }))
    .observe({ type: 'layout-shift', buffered: true });
"""
"""Adds up layout shifts as Lighthouse does for pages without input."""
PLACED = "document.images.length > 0 && [...document.images].every(image => !image.complete && image.width > 0) || null"
"""Every picture has its place, and none has come."""


@dataclass
class Front:
    """An HTTPS server on this machine: a few pages of its own, everything else from the distribution."""

    site: Site
    pages: dict[str, str] = field(default_factory=dict)
    served: list[tuple[str, int]] = field(default_factory=list)
    origin: str = ""
    sends: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        if request.path in self.pages:
            self.send(request, 200, {"content-type": "text/html; charset=utf-8"}, self.pages[request.path].encode())
            return
        self.sends.wait(30)
        passed = {
            name: request.headers[name] for name in ("Accept", "If-None-Match", "Range") if name in request.headers
        }
        answer = self.site.get("open", request.path, **passed)
        self.served.append((request.path, len(answer.body)))
        dropped = {"content-length", "transfer-encoding", "connection", "date", "server"}
        headers = {name: value for name, value in answer.headers.items() if name not in dropped}
        self.send(request, answer.status, headers, answer.body)

    @staticmethod
    def send(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        """Write an answer."""
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture(scope="module")
def front(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The server, with pages of both kinds of markup."""
    front = Front(site)
    front.sends.set()

    class Handler(BaseHTTPRequestHandler):
        """Passes requests on."""

        def do_GET(self) -> None:
            """Answer."""
            front.answer(self)

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = tls(tmp_path_factory.mktemp("tls")).wrap_socket(server.socket, server_side=True)
        front.origin = f"127.0.0.1:{server.server_port}"
        add_pages(front)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield front
        server.shutdown()
        thread.join()


def tls(folder: Path) -> ssl.SSLContext:
    """A certificate of its own; the browser is told not to mind."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(  # noqa: S603
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def add_pages(front: Front) -> None:
    """Publish the pictures, and write a page of `<picture>` elements, one of plain images, and one without sizes."""
    elements, plain, sizeless = [], [], []
    for number, key in enumerate(PICTURES):
        data = helpers.saved(helpers.photo(1600, 1200 - 200 * number), "JPEG", quality=92)
        front.site.publish("open", key, data)
        result = transcode(data, RECIPE)
        formats = [
            PublishedFormat(
                size.name, fmt.name, rendition.width, rendition.height, len(rendition.body),
                keys.rendition_key(fmt, key), CONTENT_TYPES[fmt.name],
            )
            for (size, fmt), rendition in zip(RECIPE.formats, result.renditions, strict=True)
        ]  # fmt: skip
        elements.append(
            markup.picture(
                formats,
                front.origin,
                markup.Place(key, "50vw", background=markup.background(result.source.as_document(), "thumbhash")),
            )
        )
        jpeg = next(each for each in formats if each.size == "page-640" and each.format == "jpeg")
        url = keys.url(front.origin, jpeg.key)
        plain.append(f'<img src="{url}" width="{jpeg.width}" height="{jpeg.height}" alt="">')
        sizeless.append(f'<img src="{url}?{number}" alt="">')
    for path, images in (("/markup.html", elements), ("/one-url.html", plain), ("/sizeless.html", sizeless)):
        body = "".join(f"<p>{image}</p><p>Text below a picture.</p>" for image in images)
        front.pages[path] = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures</title>'
            '<link rel="icon" href="data:,">'
            f"<style>img {{ max-width: 50vw; height: auto }}</style>{body}</html>"
        )


@pytest.fixture(scope="module")
def shared_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that adds up layout shifts."""
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        browser.send("Page.addScriptToEvaluateOnNewDocument", source=OBSERVER)
        browser.send("Network.setCacheDisabled", cacheDisabled=True)
        yield browser


@pytest.fixture
def browser(shared_browser: Browser, front: Front) -> Browser:
    """The same, which takes every format again."""
    shared_browser.send("Emulation.setDisabledImageTypes", imageTypes=[])
    front.served.clear()
    return shared_browser


@pytest.mark.parametrize(
    ("lacks", "received"), [([], "image/avif"), (["avif"], "image/webp"), (["avif", "webp"], "image/jpeg")]
)
@pytest.mark.parametrize("page", ["/markup.html", "/one-url.html"])
def test_each_browser_gets_the_best_it_can_show(
    browser: Browser, front: Front, page: str, lacks: list[str], received: str
) -> None:
    """AVIF; without it WebP; without that JPEG. By markup as by one URL, and every picture is really shown."""
    browser.send("Emulation.setDisabledImageTypes", imageTypes=lacks)
    browser.open(f"https://{front.origin}{page}")
    assert set(browser.pictures().values()) == {received}
    assert len(browser.pictures()) == len(PICTURES)
    assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def test_markup_takes_the_width_that_the_page_needs(browser: Browser, front: Front) -> None:
    """Half of 1000 pixels are 500, for which 640 is enough."""
    browser.open(f"https://{front.origin}/markup.html")
    assert all("/page/640/" in url for url in browser.pictures()), browser.pictures()


@pytest.mark.parametrize("page", ["/markup.html", "/one-url.html"])
def test_nothing_comes_over_plain_http_and_nothing_is_complained_about(
    browser: Browser, front: Front, page: str
) -> None:
    """No mixed content, no error in the console, no other host."""
    browser.open(f"https://{front.origin}{page}")
    requests = browser.requests()
    assert len(requests) == 1 + len(PICTURES)
    assert all(each["url"].startswith(f"https://{front.origin}/") for each in requests)
    assert {each.get("mixedContentType", "none") for each in requests} == {"none"}
    assert browser.complaints() == []


def test_nothing_moves_while_pictures_come_in(browser: Browser, front: Front, tmp_path: Path) -> None:
    """Width and height keep the place free. Without them the same page does move, so the measure works."""
    for page in ("/markup.html", "/one-url.html"):
        browser.open(f"https://{front.origin}{page}")
        assert browser.evaluate("window.shift") == 0, page
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
    browser.open(f"https://{front.origin}/sizeless.html")
    assert browser.evaluate("window.shift") > 0


def test_a_blurred_picture_is_shown_while_the_real_one_is_under_way(browser: Browser, front: Front) -> None:
    """As long as the server sends none, the place of a picture looks like it, blurred."""
    front.sends.clear()
    try:
        browser.send("Page.navigate", url=f"https://{front.origin}/markup.html")
        wait_for(lambda: browser.evaluate(PLACED), "the places of the pictures", seconds=20)
        shown = Image.open(io.BytesIO(browser.pixels("img"))).convert("RGB")
    finally:
        front.sends.set()
    small = (16, 12)
    expected = helpers.photo(1600, 1200).resize(small, Image.Resampling.BOX)
    helpers.assert_image_similar(shown.resize(small, Image.Resampling.BOX), expected, 25)


def test_a_page_takes_a_fraction_of_the_bytes_of_its_originals(browser: Browser, front: Front) -> None:
    """What went over the wire, against the files that were uploaded."""
    originals = sum(
        len(helpers.saved(helpers.photo(1600, 1200 - 200 * number), "JPEG", quality=92))
        for number in range(len(PICTURES))
    )
    browser.open(f"https://{front.origin}/markup.html")
    served = sum(count for _, count in front.served)
    assert 0 < served < originals / 4, f"{served:,} of {originals:,} bytes"
