"""What Chromium shows of a picture: the decoder that most people will see it through."""

import base64
import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.browser import Browser, executable, launched
from scripts.corpus.references import Reference

_SCRIPT = """
(async (data) => {
  const image = new Image();
  image.src = `data:;base64,${data}`;
  try { await image.decode(); } catch { return null; }
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  let text = "";
  for (let at = 0; at < pixels.length; at += 8192) {
    text += String.fromCharCode(...pixels.subarray(at, at + 8192));
  }
  return {width, height, pixels: btoa(text)};
})(%s)
"""


class Chromium:
    """A browser that decodes pictures; it is started for the first one."""

    def __init__(self) -> None:
        self._path = executable()
        self._stack = ExitStack()
        self._browser: Browser | None = None
        self.missing = [] if self._path else ["Chromium is missing: the matrix is not compared with it"]

    def decode(self, path: Path, pixels: Path) -> Reference:
        """The first frame, upright, in sRGB; leaves raw RGBA in `pixels`."""
        if self._path is None:
            return Reference()
        if self._browser is None:
            folder = self._stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
            self._browser = self._stack.enter_context(launched(self._path, Path(folder)))
        data = json.dumps(base64.b64encode(path.read_bytes()).decode())
        answer = self._browser.evaluate(_SCRIPT % data)
        if answer is None:
            return Reference("chromium", error="it is not shown")
        pixels.write_bytes(base64.b64decode(answer["pixels"]))
        return Reference("chromium", size=(answer["width"], answer["height"]))

    def close(self) -> None:
        """End the browser."""
        self._stack.close()
