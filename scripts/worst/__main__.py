"""The command."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts import generated
from scripts.scaling import deployed
from scripts.worst import pictures

ROOT = Path(__file__).resolve().parents[2]
TIMED_OUT = "rejected: decode_timeout"

_INSIDE = """
import json, os, resource, sys, time
from processor.errors import Rejected
from processor.isolation import IsolatedTranscoder
from processor.limits import DEFAULT_LIMITS
from processor.recipe import Recipe
from processor.settings import Settings
names = "RAW_BUCKET PROCESSED_BUCKET TABLE_NAME EVENT_BUS_NAME QUEUE_URL CDN_DOMAIN".split()
settings = Settings.from_environment({name: name.lower() for name in names} | dict(os.environ))
data = open("/picture", "rb").read()
before = time.monotonic()
with IsolatedTranscoder(memory_bytes=settings.decoder_memory_bytes) as transcode:
    try:
        verdict = "complete" if len(transcode(data, Recipe.default(), DEFAULT_LIMITS).renditions) == 9 else "partial"
    except Rejected as exc:
        verdict = f"rejected: {exc.reason}"
    except Exception as exc:
        verdict = f"failed: {exc}"
seconds = time.monotonic() - before
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
files = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
peak = next((int(open(name).read()) for name in files if os.path.exists(name)), 0)
print(json.dumps({"verdict": verdict, "seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak}))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every picture in a container of its own. Exit code 1 if any was neither complete nor refused for its time."""
    parser = argparse.ArgumentParser(prog="make worst-case", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="pictures whose name contains this")
    memory_mb = deployed.default("memory_mb")
    parser.add_argument(
        "--memory-mb", type=int, default=memory_mb, metavar="MB", help=f"of the container ({memory_mb})"
    )
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "cache" / "worst", metavar="DIR")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/formats.md")
    options = parser.parse_args(arguments)
    if options.only and options.write_docs:
        parser.error("--write-docs writes the whole table, so it goes without --only")
    if not any(options.only in name for name in pictures.PICTURES):
        parser.error(f"--only {options.only} names no picture; there are: {', '.join(pictures.PICTURES)}")
    if shutil.which("docker") is None:
        print("worst-case: docker is missing; install Docker Engine or Docker Desktop", file=sys.stderr)
        return 1
    image = _built()
    rows: list[tuple[str, int, dict[str, Any]]] = []
    for name, what, path in _chosen(options.only, options.cache):
        answer = _run(image, path, options.memory_mb)
        rows.append((what, path.stat().st_size, answer))
        print(_line(name, answer), flush=True)
    if options.write_docs:
        _write(ROOT / "docs" / "formats.md", rows, options.memory_mb)
    return int(any(answer["verdict"] not in ("complete", TIMED_OUT) for _, _, answer in rows))


def _chosen(only: str, cache: Path) -> Iterator[tuple[str, str, Path]]:
    for name, (what, _) in pictures.PICTURES.items():
        if only in name:
            yield name, what, pictures.made(cache, name)


def _built() -> str:
    built = subprocess.run([ROOT / "scripts" / "image"], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return built.stdout.splitlines()[-1]


def _run(image: str, path: Path, memory_mb: int) -> dict[str, Any]:
    """One picture under Lambda's constraints: its memory and no swap, nothing writable but /tmp, no shared memory."""
    # fmt: off
    command = [
        "docker", "run", "--rm", "--memory", f"{memory_mb}m", "--memory-swap", f"{memory_mb}m", "--user", "993:990",
        "--read-only", "--tmpfs", "/tmp:size=512m", "--ipc", "none", "--network", "none",  # noqa: S108 - in there
        "--volume", f"{path}:/picture:ro", "--env", f"AWS_LAMBDA_FUNCTION_MEMORY_SIZE={memory_mb}",
        "--entrypoint", "python", image, "-c", _INSIDE,
    ]
    # fmt: on
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        return {"verdict": f"died: exit code {done.returncode} {done.stderr[-200:]}", "seconds": 0, "cpu": 0, "peak": 0}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _line(name: str, answer: dict[str, Any]) -> str:
    return (
        f"{name:18} {answer['verdict']:26} {answer['seconds']:6.1f} s {_cpu(answer):>6} CPU "
        f"{answer['peak'] / 2**20:6.0f} MiB"
    )


def _cpu(answer: dict[str, Any]) -> str:
    """Unknown for what was killed: nobody waits for it."""
    return "—" if answer["verdict"] == TIMED_OUT else f"{answer['cpu']:.0f} s"


def _write(path: Path, rows: list[tuple[str, int, dict[str, Any]]], memory_mb: int) -> None:
    lines = [
        f"Each in a container of its own with {memory_mb} MB and no swap. The peak is the container's, /tmp included.",
        "",
        "| picture | MB | verdict | peak | CPU | wall |",
        "|---|--:|---|--:|--:|--:|",
        *(
            f"| {what} | {size / 1e6:.0f} | {answer['verdict']} | {answer['peak'] / 2**20:,.0f} MiB "
            f"| {_cpu(answer)} | {answer['seconds']:.0f} s |"
            for what, size, answer in rows
        ),
    ]
    generated.replace(path, "worst case", "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
