"""`make chaos`: every fault at every call, steps broken on purpose, a shuffled stream; audited, and written down."""

import argparse
import sys
import tempfile
from pathlib import Path

from scripts import generated
from scripts.chaos import report, stream
from scripts.chaos.harness import BROKEN, Harness, laboratory
from scripts.chaos.proxy import Fault

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Exit code 0 if nothing was lost and every broken step was noticed."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--only", choices=report.SECTIONS, help="one part of it")
    parser.add_argument("--faults", nargs="*", default=[fault.value for fault in Fault if fault is not Fault.NONE])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every n-th call, for a quick look")
    parser.add_argument("--events", type=int, default=10_000, help="of the stream")
    parser.add_argument("--write", action="store_true", help="write the outcome to docs/reliability.md")
    options = parser.parse_args()
    parts = {"faults": _faults, "broken": _broken_steps, "stream": _stream}
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for section in [options.only] if options.only else report.SECTIONS:
            text, passed = parts[section](Path(folder), options)
            good &= passed
            print(text, flush=True)
            if options.write:  # at once, for what follows takes long and may be stopped
                generated.replace(ROOT / "docs" / "reliability.md", section, text)
    return 0 if good else 1


def _faults(folder: Path, options: argparse.Namespace) -> tuple[str, bool]:
    with laboratory(folder) as harness:
        results = harness.run([Fault(name) for name in options.faults], options.every)
    return report.table(results), all(not result.problems for result in results)


def _broken_steps(folder: Path, _options: argparse.Namespace) -> tuple[str, bool]:
    counts = {step: _broken(folder, step, fault) for step, fault in BROKEN.items()}
    return report.broken(counts), all(counts.values())


def _stream(folder: Path, options: argparse.Namespace) -> tuple[str, bool]:
    with laboratory(folder) as harness:
        streamed = stream.run(harness, folder, options.events)
    with laboratory(folder) as harness:
        blind = stream.run(harness, folder, 200, keys=20, broken="look")
    return report.stream(streamed, blind), not streamed.problems and bool(blind.problems)


def _broken(folder: Path, step: str, fault: Fault) -> int:
    """How many cases were found to be wrong with a step broken on purpose."""
    with laboratory(folder, broken=step) as harness:
        return sum(bool(result.problems) for result in _quick(harness, fault))


def _quick(harness: Harness, fault: Fault) -> list[report.Result]:
    return harness.run([fault], every=1)


if __name__ == "__main__":
    sys.exit(main())
