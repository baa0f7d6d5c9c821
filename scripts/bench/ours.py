"""Our side of the benchmark: a line of JSON in, a line of JSON out, until standard input ends."""

import hashlib
import json
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import PIL
from PIL import features

from processor import Recipe, __version__
from processor.limits import Limits
from processor.pipeline import transcode

if TYPE_CHECKING:
    from processor.results import Transcoded

UNBOUNDED = Limits(max_pixels=200_000_000, max_object_bytes=512 * 1024 * 1024)
"""The pictures are our own; their sizes are what is measured."""


def serve(work: Callable[..., dict[str, Any]]) -> int:
    """Answer requests, which are the arguments of some work, until there are no more."""
    ready = f"img-pipeline {__version__}, Pillow {PIL.__version__}, libwebp {features.version('webp')}"
    _say({"ready": f"{ready}, Python {platform.python_version()}"})
    for line in sys.stdin:
        try:
            _say(work(**json.loads(line)))
        except Exception as exc:  # noqa: BLE001 - whatever it is, the other end has to know
            _say({"error": f"{type(exc).__name__}: {exc}"})
    return 0


def _run(path: str, recipe: str, repeat: int = 1, out: str | None = None, threads: int | None = None) -> dict[str, Any]:
    data = Path(path).read_bytes()
    parsed = Recipe.from_json(recipe)
    transcoded: list[Transcoded] = []

    def work() -> None:
        transcoded[:] = [transcode(data, parsed, UNBOUNDED, threads=threads)]

    cpu, wall = measured(work, repeat)
    return {
        "cpu_ms": cpu,
        "wall_ms": wall,
        "peak_kib": peak_kib(),
        "made": [
            {
                "name": f"{made.size} {made.format}",
                "width": made.width,
                "height": made.height,
                "bytes": len(made.body),
                "file": written(Path(out), made.body) if out else None,
            }
            for made in transcoded[0].renditions
        ],
    }


def measured(work: Callable[[], None], repeat: int) -> tuple[float, float]:
    """CPU and wall milliseconds of one round of some work, all threads and children that it waited for included."""
    cpu, began = cpu_seconds(), time.perf_counter()
    for _ in range(repeat):
        work()
    wall = time.perf_counter() - began
    return (cpu_seconds() - cpu) * 1000 / repeat, wall * 1000 / repeat


def cpu_seconds() -> float:
    """User and system time so far."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_kib() -> int | None:
    """The kernel's high-water mark of this program; the one in rusage would count the process that started it."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), None)


def written(folder: Path, body: bytes) -> str:
    """Keep a rendition under the hash of its content, for the scorer."""
    file = folder / hashlib.sha256(body).hexdigest()[:32]
    file.write_bytes(body)
    return str(file)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(serve(_run))
