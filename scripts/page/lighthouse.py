"""Lighthouse in headless Chromium: what a page loads, and how soon it is there."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import npm
from scripts.npm import NpmError
from scripts.page.errors import PageError

HERE = Path(__file__).parent
RUN_SECONDS = 300
DEVICES: Mapping[str, Sequence[str]] = {
    "desktop": ("--preset=desktop", "--screenEmulation.width=1000", "--screenEmulation.height=800"),
    "phone": (),
}
"""Lighthouse's own: a desktop (here 1,000 pixels wide), and a phone of 412 pixels at a density of 1.75 on slow 4G."""

_CHROMIUM = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run found.

    Attributes:
        pictures: how many were loaded.
        picture_bytes: of their bodies.
        score: performance, 0 to 100.
        largest_paint_ms: Largest Contentful Paint, on a simulated network.
        shift: Cumulative Layout Shift.
        version: of Lighthouse.
        browser: as it calls itself.
    """

    pictures: int
    picture_bytes: int
    score: int
    largest_paint_ms: int
    shift: float
    version: str
    browser: str


@dataclass(frozen=True, slots=True)
class Lighthouse:
    """An installed Lighthouse and the browser it drives."""

    node: str
    program: Path
    chromium: str

    @classmethod
    def installed(cls, folder: Path) -> "Lighthouse":
        """Install it below a folder if it is not there yet.

        Raises:
            PageError: if Node, npm or Chromium is missing, or it cannot be installed.
        """
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if chromium is None:
            raise PageError("Lighthouse needs Chromium. Install it and try again.")
        try:
            node = npm.installed(HERE, folder)
        except NpmError as exc:
            raise PageError(f"there is no Lighthouse: {exc}") from exc
        program = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
        return cls(node, program, chromium)

    def measure(self, url: str, device: str) -> Figures:
        """Load a page once.

        Raises:
            PageError: if Lighthouse fails.
        """
        command = [self.node, str(self.program), url, "--output=json", "--quiet", "--only-categories=performance"]
        command += [*DEVICES[device], f"--chrome-flags={_CHROMIUM}"]
        environment = os.environ | {"CHROME_PATH": self.chromium}
        done = subprocess.run(  # noqa: S603 - the command is ours
            command, capture_output=True, text=True, check=False, timeout=RUN_SECONDS, env=environment
        )
        if done.returncode:
            raise PageError(f"Lighthouse failed on {url}:\n{done.stderr[-1000:]}")
        return figures(json.loads(done.stdout))


def figures(report: Mapping[str, Any]) -> Figures:
    """What counts of Lighthouse's report.

    Raises:
        PageError: if the page was not loaded, or a picture on it not.
    """
    if problem := report.get("runtimeError"):
        raise PageError(f"Lighthouse could not load the page: {problem.get('message', problem)}")
    audits = report["audits"]
    pictures = [
        item
        for item in audits["network-requests"]["details"]["items"]
        if item.get("resourceType") == "Image" and not item["url"].startswith("data:")
    ]
    if missing := [item["url"] for item in pictures if item.get("statusCode") != 200]:  # noqa: PLR2004 - HTTP
        raise PageError(f"the page shows holes: {', '.join(missing)}")
    return Figures(
        pictures=len(pictures),
        picture_bytes=sum(item["resourceSize"] for item in pictures),
        score=round(100 * report["categories"]["performance"]["score"]),
        largest_paint_ms=round(audits["largest-contentful-paint"]["numericValue"]),
        shift=round(audits["cumulative-layout-shift"]["numericValue"], 3),
        version=report["lighthouseVersion"],
        browser=report["environment"]["hostUserAgent"].partition("Chrome/")[2].partition(" ")[0],
    )
