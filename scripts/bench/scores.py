"""SSIMULACRA2 of renditions against their source, computed once for the same pixels and kept by content."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from processor.steps import colour, decode, inspect, orient
from scripts.bench.errors import BenchError
from scripts.bench.ours import UNBOUNDED

SCORED_PIXELS = 1_000_000
"""Of a larger rendition only its middle is scored, at full resolution: the scorer takes 3 s a megapixel."""

_GREY = "#808080"


@dataclass(frozen=True, slots=True)
class Metric:
    """What scores.

    Attributes:
        name: with its version.
        score: from two files to points.
    """

    name: str
    score: Callable[[Path, Path], float]


class Scorer:
    """Scores renditions; every answer is kept in a file by the metric and the hash of what was compared."""

    def __init__(self, folder: Path, metric: Metric | None = None) -> None:
        """Keep scores in a folder.

        Args:
            folder: made if missing.
            metric: None: PyPI's ssimulacra2.

        Raises:
            BenchError: if that is not installed.
        """
        self.metric = metric or _ssimulacra2()
        self._folder = folder / self.metric.name.replace(" ", "-")
        self._folder.mkdir(parents=True, exist_ok=True)

    def score(self, source: "Reference", rendition: Path) -> float:
        """Points of a rendition, 100 for the same as its source at that size."""
        with Image.open(rendition) as opened:
            opened.load()
            made = orient.upright(opened)
        background = "#ffffff" if opened.format == "JPEG" else _GREY
        shown, expected = _pixels(made, background), source.at(made.size, background)
        return self._kept(_middle(expected), _middle(shown))

    def _kept(self, expected: Image.Image, shown: Image.Image) -> float:
        digest = hashlib.sha256(expected.tobytes() + shown.tobytes()).hexdigest()[:32]
        kept = self._folder / f"{digest}.json"
        if kept.exists():
            return float(json.loads(kept.read_text("ascii")))
        with TemporaryDirectory(dir=self._folder) as folder:
            files = (Path(folder) / "expected.ppm", Path(folder) / "shown.ppm")
            for image, file in zip((expected, shown), files, strict=True):
                image.save(file)
            score = float(self.metric.score(*files))
        kept.write_text(json.dumps(score), "ascii")
        return score


class Reference:
    """What renditions of one source ought to look like: every pixel decoded, upright, sRGB, one Lanczos step."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self._sizes: dict[tuple[tuple[int, int], str], Image.Image] = {}

    def at(self, size: tuple[int, int], background: str) -> Image.Image:
        """The source at a size, made without any shortcut, laid on a background where it is transparent."""
        if (size, background) not in self._sizes:
            image = self._image if self._image.size == size else self._image.resize(size, Image.Resampling.LANCZOS)
            self._sizes[size, background] = _pixels(image, background)
        return self._sizes[size, background]


def reference(source: Path) -> Reference:
    """What renditions of a file ought to look like."""
    return Reference(whole(source))


def whole(source: Path) -> Image.Image:
    """Every pixel of a file, upright, in sRGB."""
    opened = inspect.opened(source.read_bytes(), UNBOUNDED)
    return colour.srgb(orient.upright(decode.decoded(opened, opened.image.size)))


def _pixels(image: Image.Image, background: str) -> Image.Image:
    if image.has_transparency_data:
        return colour.flattened(image.convert("RGBA"), background)
    return image.convert("RGB")


def _middle(image: Image.Image) -> Image.Image:
    """The centre of an image, with its proportions, of at most `SCORED_PIXELS`."""
    share = min(1.0, (SCORED_PIXELS / (image.width * image.height)) ** 0.5)
    width, height = max(1, int(image.width * share)), max(1, int(image.height * share))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _ssimulacra2() -> Metric:
    try:
        from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415 - scipy and all; not for those who only time
    except ModuleNotFoundError as exc:
        raise BenchError(
            "the package 'ssimulacra2' is not installed. `make bench` installs it; by hand: "
            "pip install --require-hashes -r requirements-bench.txt"
        ) from exc
    return Metric(
        f"ssimulacra2 {metadata.version('ssimulacra2')}",
        lambda expected, shown: float(compute_ssimulacra2(str(expected), str(shown))),
    )
