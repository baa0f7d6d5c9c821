"""One process that runs pictures through the pipeline, one after the other, and tells what it did and what it took."""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from processor import Recipe, Rejected, transcode
from processor.steps import encode
from scripts.corpus.checks import problems


def main() -> None:
    """Read `{"path", "pixels"}` as JSON lines, answer each with one line. The last argument: memory in MiB.

    `pixels` is where the largest picture that the encoders were given is left, as raw RGBA.
    """
    # Whatever a library prints must not mix with the answers: it goes to standard error, where it is noticed.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    limit = int(sys.argv[-1]) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    recipe = Recipe.default()
    for line in sys.stdin:
        task = json.loads(line)
        print(json.dumps(_run(Path(task["path"]), Path(task["pixels"]), recipe)), file=answers, flush=True)


def _run(path: Path, pixels: Path, recipe: Recipe) -> dict[str, Any]:
    data = path.read_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of the picture before
    started, cpu = time.monotonic(), time.process_time()
    answer: dict[str, Any]
    with _largest_encoded() as largest:
        try:
            result = transcode(data, recipe)
        except Rejected as exc:
            answer = {"status": "rejected", "reason": exc.reason, "message": exc.message, "problems": []}
        except Exception as exc:  # noqa: BLE001 - anything but Rejected is a finding
            answer = {"status": "error", "problems": [f"{type(exc).__name__}: {exc}"]}
        else:
            answer = {"status": "complete", "problems": None}
    answer |= {"seconds": time.monotonic() - started, "cpu": time.process_time() - cpu, "peak_mib": _peak_mib()}
    if answer["status"] == "complete":
        answer["problems"] = problems(recipe, result)
        answer["source"] = {name: getattr(result.source, name) for name in ("format", "width", "height", "frames")}
        image = largest[0].convert("RGBA")
        pixels.write_bytes(image.tobytes())
        answer["size"] = image.size
    return answer


@contextmanager
def _largest_encoded() -> Iterator[list[Image.Image]]:
    """The largest image handed to an encoder, that is the pixels before any loss of theirs."""
    original = encode.encoded
    seen: list[Image.Image] = []

    def noting(image: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(image, Image.Image) and (not seen or image.width * image.height > seen[0].width * seen[0].height):
            seen[:] = [image]
        return original(image, *arguments, **options)

    vars(encode)["encoded"] = noting
    try:
        yield seen
    finally:
        vars(encode)["encoded"] = original


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
