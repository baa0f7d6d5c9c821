"""`make bench-codecs`: CPU, bytes and SSIMULACRA2 over encoder settings, the evidence for the numbers in the recipe."""

import argparse
import hashlib
import io
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from processor.steps import colour
from processor.steps.encode import scheduled_as_before
from scripts import generated
from scripts.bench import pictures, report
from scripts.bench.chart import line_chart, stacked
from scripts.bench.errors import BenchError
from scripts.bench.ours import cpu_seconds
from scripts.bench.pictures import Picture
from scripts.bench.scores import Reference, Scorer, whole

FULL_PIXELS = 2_400_000
"""Of what stands for the full size, a cut at its own resolution."""

BOXES = {"medium": (800, 600), "thumbnail": (300, 300)}
"""The default recipe's smaller sizes."""

PART = "bench-codecs"
"""Of the documentation."""

PHOTOS = ("rice field", "desert walk", "phone, turned", "night mountain")
OTHERS = ("screen 1080p", "badge 1600")
ENOUGH_SECONDS, ENOUGH_GOES = 0.2, 3

Save = Callable[[Image.Image, int], bytes]


@dataclass(frozen=True, slots=True)
class Setting:
    """One encoder with everything but its quality fixed.

    Attributes:
        format: `jpeg`, `webp` or `avif`.
        name: what is special about it.
        qualities: on the encoder's own scale.
        options: for Pillow.
    """

    format: str
    name: str
    qualities: tuple[int, ...]
    options: Mapping[str, Any]

    def encoded(self, image: Image.Image, quality: int) -> bytes:
        """The file. JPEG is laid on white."""
        shown = colour.flattened(image, "#ffffff") if self.format == "jpeg" else image
        buffer = io.BytesIO()
        with scheduled_as_before():
            colour.bare(shown).save(buffer, self.format.upper(), quality=quality, **self.options)
        return buffer.getvalue()


JPEG_QUALITIES = (70, 75, 80, 85, 90)
WEBP_QUALITIES = (65, 70, 75, 78, 80, 85)
AVIF_QUALITIES = (40, 50, 56, 60, 70, 80)

SETTINGS: tuple[Setting, ...] = (
    Setting("jpeg", "plain", JPEG_QUALITIES, {}),
    Setting("jpeg", "optimised", JPEG_QUALITIES, {"optimize": True}),
    Setting("jpeg", "progressive", JPEG_QUALITIES, {"optimize": True, "progressive": True}),
    Setting("jpeg", "progressive, 4:4:4", JPEG_QUALITIES, {"optimize": True, "progressive": True, "subsampling": 0}),
    *(Setting("webp", f"method {method}", WEBP_QUALITIES, {"method": method}) for method in (0, 1, 2, 4, 6)),
    *(
        Setting("avif", f"SVT speed {speed}", AVIF_QUALITIES, {"codec": "svt", "speed": speed, "max_threads": 1})
        for speed in (8, 9)
    ),
    *(
        Setting(
            "avif",
            f"SVT speed {speed}, still-image tuning",
            AVIF_QUALITIES,
            {"codec": "svt", "speed": speed, "max_threads": 1, "advanced": {"tune": "3"}},
        )
        for speed in (7, 8, 9)
    ),
    Setting("webp", "method 2, lossless", WEBP_QUALITIES, {"method": 2, "lossless": True}),
    Setting("avif", "aom speed 8", AVIF_QUALITIES, {"codec": "aom", "speed": 8, "max_threads": 1}),
    Setting(
        "avif",
        "aom speed 8, 4:4:4",
        AVIF_QUALITIES,
        {"codec": "aom", "speed": 8, "max_threads": 1, "subsampling": "4:4:4"},
    ),
)


@dataclass(frozen=True, slots=True)
class Point:
    """One file.

    Attributes:
        picture: its source.
        size: `full`, `medium` or `thumbnail`.
        format: which encoder.
        setting: everything but the quality.
        quality: on the encoder's own scale.
        pixels: of the picture.
        cpu_ms: of one encoding.
        bytes: of the file.
        score: SSIMULACRA2 against what was encoded.
    """

    picture: str
    size: str
    format: str
    setting: str
    quality: int
    pixels: int
    cpu_ms: float
    bytes: int
    score: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A setting at one quality over several pictures, each counting the same."""

    quality: int
    cpu_ms_per_megapixel: float
    bits_per_pixel: float
    score: float


def means(points: Sequence[Point], size: str) -> dict[str, dict[str, list[Mean]]]:
    """By format and setting, in order of quality, the means over the pictures of one size."""
    grouped: dict[str, dict[str, dict[int, list[Point]]]] = {}
    for point in points:
        if point.size == size:
            by_setting = grouped.setdefault(point.format, {})
            by_setting.setdefault(point.setting, {}).setdefault(point.quality, []).append(point)
    return {
        format_: {
            setting: [_mean(quality, each) for quality, each in sorted(by_quality.items())]
            for setting, by_quality in by_setting.items()
        }
        for format_, by_setting in grouped.items()
    }


def at_score(line: Sequence[Mean], score: float) -> Mean | None:
    """A setting where its curve passes a score, interpolated; None where it does not come there."""
    for low, high in itertools.pairwise(line):
        if low.score <= score <= high.score and high.score > low.score:
            share = (score - low.score) / (high.score - low.score)
            return Mean(
                round(low.quality + share * (high.quality - low.quality)),
                low.cpu_ms_per_megapixel + share * (high.cpu_ms_per_megapixel - low.cpu_ms_per_megapixel),
                low.bits_per_pixel + share * (high.bits_per_pixel - low.bits_per_pixel),
                score,
            )
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every setting on every picture."""
    options = _parser().parse_args(arguments)
    try:
        if not options.only:
            generated.read(options.docs, PART)  # an hour before it is replaced
        points = _measured(options)
    except (BenchError, generated.NoSuchPart) as exc:
        print(f"bench-codecs: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench-codecs: interrupted; nothing was written", file=sys.stderr)
        return 130
    folder = options.build / "bench"
    path = folder / f"codecs-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    path.write_text("".join(json.dumps(asdict(point)) + "\n" for point in points), "utf-8")
    print(f"bench-codecs: {len(points)} files measured, in {path}", file=sys.stderr)
    text = markdown(points)
    print(text)
    if not options.only:
        generated.replace(options.docs, PART, text)
        for name, chart in charts(points).items():
            (options.docs.parent / name).write_text(chart, "utf-8")
    return 0


def charts(points: Sequence[Point]) -> dict[str, str]:
    """Of photos at each size, score over bits a pixel and over CPU: an SVG each, with a chart for each format."""
    photos = [point for point in points if point.picture in PHOTOS]
    drawn: dict[str, str] = {}
    for size in TABLES:
        found = means(photos, size)
        for axis, (label, value) in AXES.items():
            drawn[_chart(size, axis)] = stacked(
                [
                    line_chart(
                        f"{fmt}, {size} photos: quality over {axis}",
                        label,
                        "SSIMULACRA2",
                        {name: [(value(mean), mean.score) for mean in line] for name, line in settings.items()},
                    )
                    for fmt, settings in found.items()
                ]
            )
    return drawn


AXES: dict[str, tuple[str, Callable[[Mean], float]]] = {
    "bytes": ("bits a pixel", lambda mean: mean.bits_per_pixel),
    "CPU": ("CPU ms a megapixel", lambda mean: mean.cpu_ms_per_megapixel),
}
"""What a score is drawn over, with the unit and where it is found."""


def _chart(size: str, axis: str) -> str:
    return f"performance-{size}-{axis.lower()}.svg"


TABLES = {
    "full": ("Photos cut to 2.4 megapixels at their own resolution", 74.0),
    "medium": ("The same photos inside 800 × 600", 76.0),
    "thumbnail": ("The same photos inside 300 × 300", 69.0),
}
"""By size: what was encoded, and the score at which the settings meet, near what the default recipe aims at."""

FIXED = {"jpeg": 85, "webp": 80, "avif": 60}
"""Qualities of the tables of single pictures."""


def markdown(points: Sequence[Point]) -> str:
    """The block of the documentation: every setting at one score, and the curves."""
    parts: list[str] = []
    for size, (title, score) in TABLES.items():
        found = means([point for point in points if point.picture in PHOTOS], size)
        parts += [f"### {title}, every setting at SSIMULACRA2 {score:.0f}"]
        parts += [report.markdown_table(_rows(found, score))]
        parts += [f"![Score over {axis}]({_chart(size, axis)})" for axis in AXES]
    for picture in OTHERS:
        for size in ("full", "medium"):
            found = means([point for point in points if point.picture == picture], size)
            if found:
                parts += [f"### {picture}, {size}, at one quality each", report.markdown_table(_fixed_rows(found))]
    return "\n\n".join(parts)


def _rows(found: Mapping[str, Mapping[str, Sequence[Mean]]], score: float) -> list[list[str]]:
    rows = [["format", "setting", "quality", "CPU ms/MP", "bits/pixel"]]
    for fmt, settings in found.items():
        for setting, line in settings.items():
            mean = at_score(line, score)
            rows.append(
                [fmt, setting, "beyond its curve", "", ""]
                if mean is None
                else [fmt, setting, str(mean.quality), f"{mean.cpu_ms_per_megapixel:.1f}", f"{mean.bits_per_pixel:.3f}"]
            )
    return rows


def _fixed_rows(found: Mapping[str, Mapping[str, Sequence[Mean]]]) -> list[list[str]]:
    rows = [["format", "setting", "quality", "CPU ms/MP", "bits/pixel", "score"]]
    for fmt, settings in found.items():
        for setting, line in settings.items():
            mean = next(mean for mean in line if mean.quality == FIXED[fmt])
            cells = (f"{mean.cpu_ms_per_megapixel:.1f}", f"{mean.bits_per_pixel:.3f}", f"{mean.score:.1f}")
            rows.append([fmt, setting, str(mean.quality), *cells])
    return rows


def _mean(quality: int, points: Sequence[Point]) -> Mean:
    count = len(points)
    return Mean(
        quality,
        sum(point.cpu_ms / point.pixels * 1e6 for point in points) / count,
        sum(point.bytes * 8 / point.pixels for point in points) / count,
        sum(point.score for point in points) / count,
    )


def _measured(options: argparse.Namespace) -> list[Point]:
    folder = options.build / "bench"
    (folder / "renditions").mkdir(parents=True, exist_ok=True)
    scorer = Scorer(folder / "scores")
    everything = pictures.default_pictures(options.build / "cache", folder / "pictures")
    points: list[Point] = []
    for picture in everything:
        if picture.name in (options.only or PHOTOS + OTHERS):
            for size, image in _sizes(picture):
                print(f"bench-codecs: {picture.name}, {size}", file=sys.stderr, flush=True)
                points += _points(picture.name, size, image, scorer, folder / "renditions")
    if not points:
        raise BenchError("--only names no picture of the benchmark")
    return points


def _points(name: str, size: str, image: Image.Image, scorer: Scorer, files: Path) -> Iterator[Point]:
    reference = Reference(image)
    for setting in SETTINGS:
        for quality in setting.qualities:
            body, cpu = _timed(setting, image, quality)
            file = files / hashlib.sha256(body).hexdigest()[:32]
            file.write_bytes(body)
            score = scorer.score(reference, file)
            pixels = image.width * image.height
            yield Point(name, size, setting.format, setting.name, quality, pixels, cpu, len(body), score)


def _timed(setting: Setting, image: Image.Image, quality: int) -> tuple[bytes, float]:
    """The file and the CPU milliseconds of making it: the best of as many goes as it takes to see it on the clock."""
    best, spent, goes, body = float("inf"), 0.0, 0, b""
    while spent < ENOUGH_SECONDS or goes < ENOUGH_GOES:
        goes += 1
        began = cpu_seconds()
        body = setting.encoded(image, quality)
        taken = cpu_seconds() - began
        best, spent = min(best, taken), spent + max(taken, 0.001)
    return body, best * 1000


def _sizes(picture: Picture) -> Iterator[tuple[str, Image.Image]]:
    """The picture at its own resolution, its middle if it is large, and at the smaller sizes."""
    image = whole(picture.path)
    share = min(1.0, (FULL_PIXELS / (image.width * image.height)) ** 0.5)
    width, height = int(image.width * share), int(image.height * share)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    yield "full", image.crop((left, top, left + width, top + height))
    for size, box in BOXES.items():
        small = image.copy()
        small.thumbnail(box, Image.Resampling.LANCZOS)
        yield size, small


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench-codecs", description="CPU, bytes and SSIMULACRA2 over encoder settings."
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this picture only; repeatable")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR", help="downloads and results")
    parser.add_argument(
        "--docs", type=Path, default=Path("docs/performance.md"), metavar="FILE", help="whose tables are replaced"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
