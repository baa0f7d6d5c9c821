"""Headless Chromium, driven over a pipe with its own protocol: no driver, no port, no package."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TIMEOUT_SECONDS = 60

# Chromium speaks its protocol at descriptors 3 and 4.
LAUNCHER = """
import fcntl, os, sys
reading, writing = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 20) for each in sys.argv[1:3])
os.dup2(reading, 3)
os.dup2(writing, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class BrowserError(Exception):
    """The browser does not do what was asked of it."""


class Browser:
    """One tab."""

    def __init__(self, commands: IO[bytes], answers: IO[bytes]) -> None:
        self._commands = commands
        self._answers = answers
        self._received = bytearray()
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "Security"):
            self.send(f"{domain}.enable")
        self.send("Security.setIgnoreCertificateErrors", ignore=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its answer; events on the way are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while (end := self._received.find(b"\0")) < 0:
            part = self._answers.read(1 << 16)
            if not part:
                raise BrowserError("the browser is gone")
            self._received += part
        message: dict[str, Any] = json.loads(self._received[:end])
        del self._received[: end + 1]
        return message

    def open(self, url: str) -> None:
        """Load a page, scroll it through, and wait until every picture on it is there and decoded."""
        self.events.clear()
        self.send("Page.navigate", url=url)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self.evaluate(
            "document.readyState === 'complete' && location.href !== 'about:blank' && "
            "[...document.images].every(image => { image.scrollIntoView(); return image.complete; })"
        ):
            if time.monotonic() >= deadline:
                raise BrowserError(f"{url} is not loaded")
            time.sleep(0.05)
        self.evaluate("Promise.all([...document.images].map(image => image.decode()))")
        time.sleep(0.3)  # the compositor reports shifts after the frame in which they happened

    def evaluate(self, script: str) -> Any:
        """The value of a script in the page; of a promise, what it resolves to."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer))
        return answer["result"].get("value")

    def requests(self) -> list[dict[str, Any]]:
        """Every request of the page over the network since it was opened."""
        requests = [
            event["params"]["request"] for event in self.events if event.get("method") == "Network.requestWillBeSent"
        ]
        return [request for request in requests if not request["url"].startswith("data:")]

    def pictures(self) -> dict[str, str]:
        """The type of every picture that was received, by URL."""
        return {
            event["params"]["response"]["url"]: event["params"]["response"]["mimeType"]
            for event in self.events
            if event.get("method") == "Network.responseReceived"
            and event["params"]["type"] == "Image"
            and not event["params"]["response"]["url"].startswith("data:")
        }

    def complaints(self) -> list[str]:
        """What the browser wrote to its console."""
        return [event["params"]["entry"]["text"] for event in self.events if event.get("method") == "Log.entryAdded"]

    def pixels(self, selector: str) -> bytes:
        """The first element that a selector finds, as it is painted, as PNG."""
        box = self.evaluate(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")
        clip = {name: box[name] for name in ("x", "y", "width", "height")} | {"scale": 1}
        return base64.b64decode(self.send("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])

    def screenshot(self, file: Path) -> None:
        """Of the whole page, as PNG."""
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(answer["data"]))


def executable() -> str | None:
    """The path of a Chromium, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched(path: str, folder: Path) -> Iterator[Browser]:
    """A browser of its own, with its profile in a folder."""
    command_end, ours = os.pipe()
    theirs, answer_end = os.pipe()
    arguments = [
        path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-extensions",
        "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "--window-size=1000,800",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", LAUNCHER, str(command_end), str(answer_end), *arguments],
        pass_fds=(command_end, answer_end),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(command_end)
    os.close(answer_end)
    try:
        with os.fdopen(ours, "wb") as commands, os.fdopen(theirs, "rb", buffering=0) as answers:
            yield Browser(commands, answers)
    finally:
        process.terminate()
        process.wait(timeout=20)
