"""`make scaling`: measure, model, and write docs/scaling.md and docs/costs.md."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.bench import pictures
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.run import profile
from scripts.bench.startup import built_image
from scripts.generated import NoSuchPart
from scripts.scaling import costs
from scripts.scaling.deployed import worst_case
from scripts.scaling.document import LARGEST, SMALL, TYPICAL, chart, document
from scripts.scaling.measure import Timed, measured

MEMORY_MB = (512, 1024, 1536, 1769, 2048, 3008, 3538)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every size and write the documents. 0 if the cheapest size was found."""
    parser = argparse.ArgumentParser(prog="make scaling", description="Memory sizes, concurrency and cost.")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR", help="downloads and results")
    parser.add_argument(
        "--docs",
        type=Path,
        default=Path("docs"),
        metavar="DIR",
        help="where formats.md is read, and scaling.md and costs.md are written",
    )
    options = parser.parse_args(arguments)
    try:
        folder = options.build / "bench"
        everything = pictures.default_pictures(options.build / "cache", folder / "pictures")
        by_name = {picture.name: picture for picture in everything}
        worst = worst_case(options.docs / "formats.md")
        tag = built_image()
        paths = {name: longest_path(by_name[name]) for name in (SMALL, TYPICAL, LARGEST)}
        found = {name: [_timed(tag, by_name[name], mb) for mb in MEMORY_MB] for name in paths}
        text = document(found, paths, by_name[TYPICAL], worst)
    except (BenchError, NoSuchPart, ValueError) as exc:
        print(f"scaling: {exc}", file=sys.stderr)
        return 1
    lines = [json.dumps({"picture": name, **asdict(each)}) for name, sizes in found.items() for each in sizes]
    (folder / "scaling.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    (options.docs / "scaling.md").write_text(text, "utf-8")
    (options.docs / "scaling-memory.svg").write_text(chart(found, paths), "utf-8")
    (options.docs / "costs.md").write_text(costs.document(), "utf-8")
    print(f"scaling: {options.docs}/scaling.md and costs.md are written", file=sys.stderr)
    return 0


def longest_path(picture: Picture) -> float:
    """CPU seconds of the steps that wait for each other: prepared, made smaller, and the slowest encoder."""
    steps = profile(picture).steps
    before = ("inspect", "decode", "orient", "colour", "resize")
    encoders = [spent for step, spent in steps.items() if step not in before]
    return (sum(steps.get(step, 0.0) for step in before) + max(encoders)) / 1000


def _timed(tag: str, picture: Picture, memory_mb: int) -> Timed:
    print(f"scaling: {picture.name} at {memory_mb} MB", file=sys.stderr, flush=True)
    return measured(tag, picture.path, memory_mb)


if __name__ == "__main__":
    sys.exit(main())
