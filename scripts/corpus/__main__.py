"""`make corpus` and `make test-corpus`."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from processor.pipeline import available_cpus
from scripts.corpus import archives, report
from scripts.corpus.matrix.generate import CORPUS, generated
from scripts.corpus.run import Result, Runner
from scripts.corpus.sheets import sheets

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Fetch or run. 0: every file meets the invariant; 1: some do not, or too much is missing; 2: nothing to run."""
    parser = argparse.ArgumentParser(prog="python -m scripts.corpus", description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "build/cache/corpus", metavar="DIR")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="download and unpack the archives")
    run = commands.add_parser("run", help="run every file and report")
    run.add_argument("--only", default="", metavar="TEXT", help="only files whose corpus/path contains this")
    run.add_argument("--jobs", type=int, default=available_cpus(), help="files at a time")
    run.add_argument("--sheets", action="store_true", help="write contact sheets to build/corpus")
    run.add_argument(
        "--write-docs",
        action="store_true",
        help="put the tables into docs/formats.md; with `--only matrix/` that of the matrix",
    )
    options = parser.parse_args()
    if options.command == "fetch":
        return archives.main_fetch(options.cache)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    corpora, missing = archives.present(options.cache)
    options.cache.mkdir(parents=True, exist_ok=True)
    corpora[CORPUS], expectations, unmade = generated(options.cache)
    missing += unmade
    files = [
        (name, path)
        for corpus, paths in corpora.items()
        for path in paths
        if options.only in (name := f"{corpus}/{path.relative_to(options.cache / 'files' / corpus).as_posix()}")
    ]
    if not files:
        print("test-corpus: there are no files; run `make corpus`", file=sys.stderr)
        return 2
    folder = ROOT / "build/corpus"
    folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(options.cache, folder if options.sheets else None, expectations)
    results = runner.run(files, options.jobs)
    (folder / "results.jsonl").write_text("".join(json.dumps(asdict(result)) + "\n" for result in results))
    if options.sheets:
        shown = [result.name for result in results if result.verdict == "complete" or result.reference.size]
        print(f"contact sheets: {len(sheets(folder, shown))} in {folder}")
    print(report.table(results), report.measured(results), report.matrix(results), sep="\n\n")
    return _verdict(results, runner.unused_exceptions(results), [*missing, *runner.missing], options)


def _verdict(results: list[Result], unused: list[str], missing: list[str], options: argparse.Namespace) -> int:
    """Publish what ran, if nothing was missing. What was missing fails the run where `REQUIRE` says anything."""
    wrong = [result for result in results if result.problems]
    for line in missing:
        print(f"test-corpus: {line}", file=sys.stderr)
    for name in unused:
        print(f"test-corpus: {name} needs no exception any more", file=sys.stderr)
    print(f"\n{len(results)} files, {len(wrong)} that break the invariant")
    matrix_only = options.only == f"{CORPUS}/"
    publish = options.write_docs and (matrix_only or not options.only)
    if publish and missing:
        print("test-corpus: docs/formats.md stays as it is: part of what it tells of was missing", file=sys.stderr)
    elif publish:
        report.write_docs(ROOT / "docs/formats.md", results, matrix_only=matrix_only)
    return 1 if wrong or (missing and (publish or os.environ.get("REQUIRE"))) else 0


if __name__ == "__main__":
    sys.exit(main())
