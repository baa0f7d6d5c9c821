"""Chromium as the judge of pictures: every frame of a file as it composes and shows it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from PIL import Image

from tests.delivery.browser import Browser, chromium

_DECODE = """
async (data, type) => {
  const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
  const decoder = new ImageDecoder({data: bytes, type});
  await decoder.tracks.ready;
  await decoder.completed.catch(() => null);
  const track = decoder.tracks.selectedTrack;
  const plays = track.repetitionCount === Infinity ? 0 : track.repetitionCount + 1;
  const shown = {plays, frames: []};
  for (let frameIndex = 0; frameIndex < track.frameCount; frameIndex++) {
    const frame = await decoder.decode({frameIndex}).then(result => result.image, () => null);
    if (frame === null) { break; }
    const [width, height] = [frame.displayWidth, frame.displayHeight];
    const pixels = new Uint8Array(4 * width * height);
    await frame.copyTo(pixels, {format: 'RGBA', colorSpace: 'srgb'});
    let text = '';
    for (let at = 0; at < pixels.length; at += 8192) {
      text += String.fromCharCode(...pixels.subarray(at, at + 8192));
    }
    shown.frames.push({width, height, duration: frame.duration, pixels: btoa(text)});
    frame.close();
  }
  return shown;
}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the browser makes of a file.

    Attributes:
        frames: all that it can decode, RGBA in sRGB.
        milliseconds: that each is shown, as the file says; 0 for a still.
        plays: how often; 0: for ever.
    """

    frames: list[Image.Image]
    milliseconds: list[int]
    plays: int


@dataclass(frozen=True, slots=True)
class Judge:
    """A browser that decodes pictures."""

    browser: Browser

    def shown(self, data: bytes, media_type: str) -> Shown:
        """The frames of a file by the browser's `ImageDecoder`."""
        script = f"({_DECODE})({json.dumps(base64.b64encode(data).decode())}, {json.dumps(media_type)})"
        answer = self.browser.evaluate(script)
        frames = [
            Image.frombytes("RGBA", (frame["width"], frame["height"]), base64.b64decode(frame["pixels"]))
            for frame in answer["frames"]
        ]
        return Shown(frames, [(frame["duration"] or 0) // 1000 for frame in answer["frames"]], answer["plays"])


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """A tab with an empty page; `ImageDecoder` exists in pages of a file or a secure origin only."""
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "page.html"
    page.write_text("<!doctype html><title>pictures</title>")
    with chromium(folder) as browser:
        browser.open(page.as_uri())
        yield Judge(browser)
