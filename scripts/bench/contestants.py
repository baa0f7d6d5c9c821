"""The processes that are compared: started once, warmed up, and asked in turn."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from processor.isolation import ALLOCATOR
from scripts import npm
from scripts.bench.comparison import Made, Sample
from scripts.bench.errors import BenchError
from scripts.npm import NpmError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_STOP_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Contestant:
    """A running process that does work on request.

    Attributes:
        name: for people.
        version: what it says of itself.
        process: its handle.
    """

    name: str
    version: str
    process: subprocess.Popen[str]

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request, one answer; one that says `error` is an answer too, also where the process has ended."""
        if self.process.stdin is None:
            raise BenchError(f"{self.name} has no standard input")
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": f"the process ended with exit code {self.process.wait()}"}
        return _answer(self.name, self.process)


@dataclass(frozen=True, slots=True)
class Launch:
    """How a contestant is started.

    Attributes:
        name: for people.
        command: program and arguments.
        environment: what it gets besides this process's own.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def started(self) -> Iterator[Contestant]:
        """The contestant, from when it is ready until the block ends."""
        process = subprocess.Popen(  # noqa: S603 - the commands are ours
            self.command,
            cwd=ROOT,
            env=_environment() | dict(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            ready = _answer(self.name, process)
            if "ready" not in ready:
                raise BenchError(f"{self.name} did not start: {ready.get('error', ready)}")
            yield Contestant(self.name, str(ready["ready"]), process)
        finally:
            _stop(process)


def ours() -> Launch:
    """This repository's pipeline, in this Python, its memory managed as in a picture's process."""
    return Launch("ours", (sys.executable, "-m", "scripts.bench.ours"), ALLOCATOR)


def profiler() -> Launch:
    """The same pipeline, step by step."""
    return replace(ours(), name="profile", command=(sys.executable, "-m", "scripts.bench.profile"))


def sharp(build: Path) -> Launch:
    """Sharp in Node, installed below `build` if it is not there yet.

    Raises:
        BenchError: if Node or npm is missing, or sharp cannot be installed.
    """
    modules = build / "sharp"
    try:
        node = npm.installed(HERE, modules)
    except NpmError as exc:
        raise BenchError(
            f"there is no sharp to compare with: {exc}\n`make bench ARGS=--only-ours` measures this pipeline alone, "
            "and reports no ratio."
        ) from exc
    return Launch("sharp", (node, str(HERE / "sharp.mjs"), str(modules.resolve())))


def sample(answer: Mapping[str, Any], scores: Mapping[str, float]) -> Sample:
    """An answer as a sample; its renditions scored if the scores hold them, by `name`."""
    if "error" in answer:
        return Sample(0.0, 0.0, error=str(answer["error"]))
    return Sample(
        answer["cpu_ms"],
        answer["wall_ms"],
        tuple(
            Made(made["name"], made["width"], made["height"], made["bytes"], scores.get(made["name"]))
            for made in answer["made"]
        ),
    )


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "SVT_LOG": "0"}


def _answer(name: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        return {"error": f"{name} ended with exit code {process.wait(_STOP_TIMEOUT_SECONDS)}"}
    answer: dict[str, Any] = json.loads(line)
    return answer


def _stop(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        with suppress(BrokenPipeError):  # a request that a dead process did not read
            process.stdin.close()
    try:
        process.wait(_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
