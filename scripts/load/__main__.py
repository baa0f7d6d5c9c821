"""`make load`: runs the bursts, says whether anything was lost, and writes the table of the documentation."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts import generated
from scripts.bench import report
from scripts.bench.errors import BenchError
from scripts.demo.errors import DemoError
from scripts.load.burst import Burst, run
from scripts.load.statistics import Verdict, verdict

BURSTS = (1000, 10_000)
"""Uploads. Of two workers one makes half of the larger burst at least, which shows what a process does in the long
run."""

LONG = 5000
"""Pictures in one process over which its memory must stay flat."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every burst. 0 if nothing was lost and no worker grew, 1 if not, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    bursts: list[Burst] = []
    try:
        for uploads in options.uploads or BURSTS:
            print(f"load: {uploads:,} uploads into {options.workers} workers", file=sys.stderr)
            folder = options.build / "load" / f"{uploads}"
            bursts.append(run(uploads, options.workers, folder, options.minutes * 60))
            (folder / f"burst-{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(
                json.dumps(asdict(bursts[-1])), "utf-8"
            )
        text = markdown(bursts)
        print(text)
        if not options.uploads and options.workers == _parser().get_default("workers"):
            generated.replace(options.docs, "load", text)
    except (BenchError, DemoError, generated.NoSuchPart) as exc:
        print(f"load: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("load: interrupted; its servers are stopped", file=sys.stderr)
        return 130
    return int(any(not burst.is_whole or Verdict.GREW in map(verdict, burst.steady) for burst in bursts))


def markdown(bursts: Sequence[Burst]) -> str:
    """The block of the documentation."""
    head = ["uploads", "workers", "uploaded in s", "complete", "dead letters", "pictures/s"]
    rows = [[*head, "p50 s", "p95 s", "p99 s", "CPU ms a picture"]]
    for burst in bursts:
        rate = burst.complete / burst.seconds if burst.seconds else 0.0
        waits = (f"{burst.p50:.1f}", f"{burst.p95:.1f}", f"{burst.p99:.1f}", f"{burst.cpu_ms:.0f}")
        counts = (f"{burst.uploads:,}", str(burst.workers), f"{burst.upload_seconds:.0f}", f"{burst.complete:,}")
        rows.append([*counts, str(burst.dead), f"{rate:.1f}", *waits])
    grown = [["uploads", "worker", "pictures", "peak MB", "memory MB", "threads", "descriptors", "verdict"]]
    for burst in bursts:
        for number, (finished, steady) in enumerate(zip(burst.finished, burst.steady, strict=True), 1):
            cells = ["", "", "", ""]
            if steady:
                memory = (f"{steady.peak_mib:.0f}", f"{steady.memory_growth_mib:+.1f}")
                cells = [*memory, f"{steady.threads_growth:+d}", f"{steady.descriptors_growth:+d}"]
            grown.append([f"{burst.uploads:,}", str(number), f"{finished:,}", *cells, verdict(steady).value])
    about = "\n".join(f"- {burst.uploads:,} uploads: {burst.about}" for burst in bursts)
    title = (
        "Growth of every worker and its nursery from the first tenth of a burst to the last, their start left out. The "
        "peak\nincludes the process of the picture at work, sampled once a second:"
    )
    return "\n\n".join([about, report.markdown_table(rows), title, report.markdown_table(grown), long_run(bursts)])


def long_run(bursts: Sequence[Burst]) -> str:
    """The verdict on what a process does in the long run."""
    long = [
        verdict(steady)
        for burst in bursts
        for finished, steady in zip(burst.finished, burst.steady, strict=True)
        if finished >= LONG
    ]
    found = "no worker finished so many"
    if long:
        found = next(each for each in (Verdict.GREW, Verdict.UNTOLD, Verdict.FLAT) if each in long)
    return f"Over {LONG:,} pictures in one process: **{found}**."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make load",
        description="Bursts of small uploads through the queue into workers, on the emulator. Without --uploads: "
        + " and ".join(f"{uploads:,}" for uploads in BURSTS),
    )
    parser.add_argument(
        "--uploads", action="append", type=int, metavar="N", help="a burst, reported and not written into FILE"
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes; default 2")
    parser.add_argument("--minutes", type=float, default=45, metavar="N", help="after which a burst is given up")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR", help="where logs go")
    parser.add_argument(
        "--docs", type=Path, default=Path("docs/performance.md"), metavar="FILE", help="whose tables are replaced"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
