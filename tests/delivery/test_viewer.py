"""The proof that tiles are what a viewer expects: OpenSeadragon shows them in a browser."""

import functools
import http.server
import io
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processor import pyramid
from processor.pipeline import transcode
from processor.recipe import Recipe
from tests import helpers
from tests.delivery.browser import chromium
from tests.requirements import need
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "build/openseadragon/node_modules/openseadragon/build/openseadragon/openseadragon.min.js"
RECIPE = Recipe.from_json(
    json.dumps(
        {
            "sizes": [{"name": "t", "width": 32, "formats": {"jpeg": {"key": "t/{stem}.jpg"}}}],
            "tiles": {"key": "tiles/{name}"},
        }
    )
)
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<body style="margin: 0"><div id="viewer" style="width: 1000px; height: 700px"></div>
<script src="openseadragon.js"></script><script>
window.failed = 0;
window.viewer = OpenSeadragon({
    id: 'viewer', tileSources: '/tiles/a%20b.png.dzi', drawer: 'canvas', showNavigationControl: false, animationTime: 0,
});
viewer.addHandler('tile-load-failed', () => failed++);
viewer.addHandler('open-failed', () => failed++);
window.ready = () => viewer.world.getItemCount() > 0 && viewer.world.getItemAt(0).getFullyLoaded() || null;
</script>"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A site with the viewer and the tiles of a photo."""
    need(
        "openseadragon",
        present=SCRIPT.exists(),
        how="Run `npm install --prefix build/openseadragon openseadragon@6.1.1`.",
    )
    tiled = transcode(helpers.saved(helpers.photo(5000, 3500), "PNG"), RECIPE).tiled
    assert tiled is not None
    base = "tiles/a b.png"
    for place, body in zip(tiled.pyramid.all_places(), tiled.bodies, strict=True):
        file = tmp_path / "site" / tiled.pyramid.tile_key(base, place)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    (tmp_path / "site" / pyramid.descriptor_key(base)).write_bytes(tiled.pyramid.descriptor())
    (tmp_path / "site" / "index.html").write_text(PAGE)
    shutil.copyfile(SCRIPT, tmp_path / "site" / "openseadragon.js")

    class Handler(http.server.SimpleHTTPRequestHandler):
        """Serves the site."""

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    handler = functools.partial(Handler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


def test_a_viewer_shows_the_whole_picture_and_every_pixel(address: str, tmp_path: Path) -> None:
    """Fitted to the window, and at one pixel a pixel, what is painted is the source."""
    photo = helpers.photo(5000, 3500)
    with chromium(tmp_path) as browser:
        browser.send("Page.navigate", url=address)
        for zoom, expected in ((1, photo.resize((1000, 700))), (5, photo.crop((2000, 1400, 3000, 2100)))):
            wait_for(lambda: browser.evaluate("window.viewer && window.ready && ready()"), "the tiles", seconds=30)
            browser.evaluate(f"viewer.viewport.zoomTo({zoom}, null, true), viewer.forceRedraw(), 0")
            browser.evaluate("new Promise(done => setTimeout(done, 500))")
            wait_for(lambda: browser.evaluate("ready()"), "the tiles", seconds=30)
            shown = Image.open(io.BytesIO(browser.pixels("#viewer"))).convert("RGB")
            helpers.assert_image_similar(shown, expected, 3)
        assert browser.evaluate("failed") == 0
