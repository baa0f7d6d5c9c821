"""`make bench-page`: the bytes that a page of pictures takes in a browser, against serving the originals."""

import argparse
import functools
import http.server
import json
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.demo.errors import DemoError
from scripts.demo.photos import default_pictures, pictures_in
from scripts.page import site
from scripts.page.errors import PageError
from scripts.page.lighthouse import DEVICES, Figures, Lighthouse

BUILD = Path("build")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site, with the types that Python does not know yet."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".avif": "image/avif",
        ".webp": "image/webp",
    }

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def main(arguments: list[str] | None = None) -> int:
    """Build the pages, measure each, print a table."""
    parser = argparse.ArgumentParser(
        prog="make bench-page",
        description="Measure with Lighthouse in headless Chromium what a page of pictures loads: the originals, then "
        "this pipeline's markup as browsers without WebP, without AVIF and with both see it. Installs Lighthouse from "
        "npm below build/ the first time. Writes build/page/figures.json.",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="pictures of your own instead of the demo's")
    parser.add_argument("--device", choices=sorted(DEVICES), action="append", help="only this one; may be repeated")
    options = parser.parse_args(arguments)
    try:
        measured = _measured(options)
    except (PageError, DemoError) as exc:
        print(f"make bench-page: {exc}", file=sys.stderr)
        return 1
    (BUILD / "page" / "figures.json").write_text(
        json.dumps({device: {name: asdict(each) for name, each in found.items()} for device, found in measured.items()})
    )
    print("\n".join(table(measured)))
    return 0


def table(measured: Mapping[str, Mapping[str, Figures]]) -> Iterator[str]:
    """Figures by device and page, as a Markdown table."""
    some = next(iter(next(iter(measured.values())).values()))
    yield f"{some.pictures} pictures, Lighthouse {some.version}, Chromium {some.browser}"
    yield ""
    yield "| device | page | bytes of pictures | of the originals | largest paint | layout shift | score |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for device, found in measured.items():
        whole = found["originals"].picture_bytes
        for name, each in found.items():
            yield (
                f"| {device} | {name} | {each.picture_bytes:,} | {100 * each.picture_bytes / whole:.0f} % | "
                f"{each.largest_paint_ms / 1000:.1f} s | {each.shift:g} | {each.score} |"
            )


def _measured(options: argparse.Namespace) -> dict[str, dict[str, Figures]]:
    lighthouse = Lighthouse.installed(BUILD / "lighthouse")
    pictures = pictures_in(options.images) if options.images else default_pictures(BUILD / "cache")
    folder = BUILD / "page" / "site"
    shutil.rmtree(folder, ignore_errors=True)
    # the demo has two files that are there to be rejected
    good = [each for each in pictures if options.images or not each.key.startswith("broken/")]
    site.built(((each.key, each.path.read_bytes()) for each in good), folder)
    with _served(folder) as address:
        return {
            device: {name: lighthouse.measure(f"{address}/{name}.html", device) for name in site.PAGES}
            for device in (options.device or DEVICES)
        }


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
