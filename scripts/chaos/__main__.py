"""`make chaos`: run every fault at every call, audit, and write the table to docs/reliability.md."""

import argparse
import sys
import tempfile
from pathlib import Path

from scripts.chaos import report, stream
from scripts.chaos.harness import BROKEN, Harness, laboratory
from scripts.chaos.proxy import Fault

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Exit code 0 if nothing was lost and every broken step was noticed."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", nargs="*", default=[fault.value for fault in Fault if fault is not Fault.NONE])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every n-th call, for a quick look")
    parser.add_argument("--events", type=int, default=10_000, help="of the stream; 0: leave it out")
    parser.add_argument("--write", action="store_true", help="write the table to docs/reliability.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with laboratory(Path(folder)) as harness:
            results = harness.run([Fault(name) for name in options.faults], options.every)
        _write(report.written(results, {}, None), to_page=options.write)  # what follows takes long, and may be stopped
        broken = {step: _broken(Path(folder), step, fault) for step, fault in BROKEN.items()}
        streamed = None
        if options.events:
            with laboratory(Path(folder)) as harness:
                streamed = stream.run(harness, options.events)
    text = report.written(results, broken, streamed)
    _write(text, to_page=options.write)
    good = all(not result.problems for result in results) and all(broken.values())
    return 0 if good and (streamed is None or not streamed.problems) else 1


def _write(text: str, *, to_page: bool) -> None:
    print(text, flush=True)
    if to_page:
        report.insert(ROOT / "docs" / "reliability.md", text)


def _broken(folder: Path, step: str, fault: Fault) -> int:
    """How many cases were found to be wrong with a step broken on purpose."""
    with laboratory(folder, broken=step) as harness:
        return sum(bool(result.problems) for result in _quick(harness, fault))


def _quick(harness: Harness, fault: Fault) -> list[report.Result]:
    return harness.run([fault], every=1)


if __name__ == "__main__":
    sys.exit(main())
