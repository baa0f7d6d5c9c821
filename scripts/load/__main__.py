"""`make load`: runs the bursts, says whether anything was lost, and writes the table of the documentation."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.bench import report
from scripts.bench.errors import BenchError
from scripts.demo.errors import DemoError
from scripts.load.burst import Burst, run

FLAT_MIB, FLAT_COUNT = 32, 2
"""How much a worker may grow from the first tenth of a burst to the last and still be called flat."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every burst. 0 if nothing was lost and no worker grew, 1 if not, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    bursts: list[Burst] = []
    try:
        for uploads in options.uploads or [1000, 10_000]:
            print(f"load: {uploads:,} uploads into {options.workers} workers", file=sys.stderr)
            folder = options.build / "load" / f"{uploads}"
            bursts.append(run(uploads, options.workers, folder, options.minutes * 60))
            (folder / f"burst-{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(
                json.dumps(asdict(bursts[-1])), "utf-8"
            )
        text = markdown(bursts)
        print(text)
        if not options.uploads:
            report.replace_block(options.docs, "load", text)
    except (DemoError, BenchError) as exc:
        print(f"load: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("load: interrupted; its servers are stopped", file=sys.stderr)
        return 130
    return 0 if all(burst.is_whole and is_flat(burst) for burst in bursts) else 1


def is_flat(burst: Burst) -> bool:
    """Whether no worker's memory, threads or descriptors grew. Bursts too short to tell count as flat."""
    return all(
        steady is None
        or (
            steady.memory_growth_mib <= FLAT_MIB
            and steady.threads_growth <= FLAT_COUNT
            and steady.descriptors_growth <= FLAT_COUNT
        )
        for steady in burst.steady
    )


def markdown(bursts: Sequence[Burst]) -> str:
    """The block of the documentation."""
    head = ["uploads", "workers", "complete", "dead letters", "pictures/s", "p50 s", "p95 s", "p99 s", "worker CPU ms"]
    rows = [head]
    for burst in bursts:
        rate = burst.complete / burst.seconds if burst.seconds else 0.0
        waits = (f"{burst.p50:.1f}", f"{burst.p95:.1f}", f"{burst.p99:.1f}", f"{burst.cpu_ms:.0f}")
        counts = (f"{burst.uploads:,}", str(burst.workers), f"{burst.complete:,}", str(burst.dead))
        rows.append([*counts, f"{rate:.1f}", *waits])
    grown = [["uploads", "worker", "peak MB", "memory MB", "threads", "descriptors"]]
    for burst in bursts:
        for number, steady in enumerate(burst.steady, 1):
            cells = ["too short to tell", "", "", ""]
            if steady:
                memory = (f"{steady.peak_mib:.0f}", f"{steady.memory_growth_mib:+.1f}")
                cells = [*memory, f"{steady.threads_growth:+d}", f"{steady.descriptors_growth:+d}"]
            grown.append([f"{burst.uploads:,}", str(number), *cells])
    about = "\n".join(f"- {burst.uploads:,} uploads: {burst.about}" for burst in bursts)
    title = "Growth of every worker from the first tenth of a burst to the last, its start left out:"
    return "\n\n".join([about, report.markdown_table(rows), title, report.markdown_table(grown)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make load", description="Bursts of small uploads through the queue into workers, on the emulator."
    )
    parser.add_argument("--uploads", action="append", type=int, metavar="N", help="a burst; default 1000, then 10000")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes; default 2")
    parser.add_argument("--minutes", type=float, default=45, metavar="N", help="after which a burst is given up")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR", help="where logs go")
    parser.add_argument(
        "--docs", type=Path, default=Path("docs/performance.md"), metavar="FILE", help="whose tables are replaced"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
