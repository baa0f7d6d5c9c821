"""Every file through the pipeline and past the reference decoders, and the verdict on each."""

import os
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from processor.limits import DEFAULT_LIMITS
from processor.steps.inspect import ANIMATED, SUPPORTED
from scripts.corpus.children import Child, ChildDied
from scripts.corpus.compare import Difference, difference
from scripts.corpus.matrix import judge as matrix
from scripts.corpus.matrix.generate import Expectation
from scripts.corpus.references import Reference, References
from scripts.corpus.sheets import thumbnail
from scripts.corpus.shown import Chromium

EXCEPTIONS = Path(__file__).parent / "exceptions.toml"

MEMORY_MIB = 3008
"""The function's default memory. Address space is what can be limited here; it is always more than what is resident."""

TIMEOUT_SECONDS = 180

REASONS = "\n"
"""Between several reasons for one file."""

_BOUNDS = {"too_many_pixels", "too_many_frames"}


@dataclass(slots=True)
class Result:
    """What became of one file.

    Attributes:
        name: corpus and path in it, the key of the list of exceptions.
        answer: what the worker said.
        reference: what the independent decoder said.
        apart: how far the two renderings differ, where both exist.
        problems: why this file fails the test, each a sentence; exceptions are taken out already.
        excused: the reason from the list of exceptions, if one was needed.
        digest: of our rendering of a file of the matrix.
        agreed: which decoders render a file of the matrix as we do.
    """

    name: str
    answer: dict[str, Any]
    reference: Reference = field(default_factory=Reference)
    apart: Difference | None = None
    problems: list[str] = field(default_factory=list)
    excused: str = ""
    digest: str = ""
    agreed: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """`complete`, a reason, or `error`."""
        return str(self.answer.get("reason") or self.answer["status"])


class Runner:
    """A few workers side by side, each with a pipeline and a sharp of its own."""

    def __init__(self, cache: Path, sheets: Path | None, matrix: Mapping[str, Expectation] | None = None) -> None:
        self._cache = cache
        self._sheets = sheets
        self._matrix = matrix or {}
        self._local = threading.local()
        self._opened: list[Child | References | Chromium] = []
        self._lock = threading.Lock()
        self._exceptions = _exceptions()
        self.missing: list[str] = []

    def run(self, files: Iterable[tuple[str, Path]], jobs: int) -> list[Result]:
        """Run every file, in any order; the results come back in theirs."""
        try:
            with ThreadPoolExecutor(jobs) as pool:
                results = list(pool.map(self._one, files))
            return self._excused(matrix.compared_with_siblings(results, self._matrix))
        finally:
            for each in self._opened:
                each.close()

    def unused_exceptions(self, results: list[Result]) -> list[str]:
        """Entries of the list that no file of the corpora needed any more."""
        unused = []
        for pattern, exception in self._exceptions:
            ran = [result for result in results if fnmatchcase(result.name, pattern)]
            if ran and not any(exception.reason in result.excused for result in ran):
                unused.append(pattern)
        return unused

    def _one(self, item: tuple[str, Path]) -> Result:
        name, path = item
        child, references = self._tools()
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
            result = self._transcoded(name, path, child, ours)
            size = result.answer.get("size")
            if name in self._matrix:
                decoded = self._decoded(path, Path(folder)) if self._matrix[name].compared else {}
                matrix.judge(result, self._matrix[name], ours, decoded)
            else:
                _judge(result, references.decode(path, theirs), ours, theirs)
            if self._sheets and size:
                thumbnail(ours, tuple(size), self._sheets / "ours", name)
            if self._sheets and result.reference.size and theirs.exists():
                thumbnail(theirs, result.reference.size, self._sheets / "theirs", name)
        return result

    def _decoded(self, path: Path, folder: Path) -> dict[str, tuple[Reference, Path]]:
        _, references = self._tools()
        shown = folder / "chromium"
        return references.both(path, folder) | {"chromium": (self._local.browser.decode(path, shown), shown)}

    def _excused(self, results: list[Result]) -> list[Result]:
        """Take out of every result what the list of exceptions gives a reason for, and print what is left."""
        for result in results:
            for pattern, exception in self._exceptions:
                if result.problems and fnmatchcase(result.name, pattern):
                    left = [problem for problem in result.problems if exception.about not in problem]
                    if len(left) < len(result.problems):
                        result.excused = REASONS.join(filter(None, (result.excused, exception.reason)))
                    result.problems = left
            if result.problems:
                print(f"{result.name}: {result.verdict}: {'; '.join(result.problems)}", file=sys.stderr, flush=True)
        return results

    def _transcoded(self, name: str, path: Path, child: Child, pixels: Path) -> Result:
        try:
            answer, stderr = child.ask({"path": str(path), "pixels": str(pixels)})
        except ChildDied as died:
            return Result(name, {"status": "error"}, problems=[f"the worker {died.how} {died.stderr[-500:]}".strip()])
        result = Result(name, answer, problems=list(answer["problems"]))
        if stderr:
            result.problems.append(f"on standard error: {stderr[:300]!r}")
        return result

    def _tools(self) -> tuple[Child, References]:
        if not hasattr(self._local, "tools"):
            command = [sys.executable, "-m", "scripts.corpus.worker", str(MEMORY_MIB)]
            with self._lock:  # one of them installs sharp
                references = References(self._cache)
                self._local.browser = Chromium()
                self.missing = references.missing + self._local.browser.missing
                self._local.tools = Child(command, TIMEOUT_SECONDS, dict(os.environ)), references
                self._opened += [*self._local.tools, self._local.browser]
        tools: tuple[Child, References] = self._local.tools
        return tools


def _judge(result: Result, reference: Reference, ours: Path, theirs: Path) -> None:
    """Hold a file against the decoder that reads it."""
    result.reference = reference
    result.problems += _disagreement(result)
    size = result.answer.get("size")
    if size and reference.size == tuple(size):
        result.apart = difference(ours, theirs, tuple(size))
        if not result.apart.tolerable:
            result.problems.append(f"differs from {reference.decoder} by {result.apart}")


def _disagreement(result: Result) -> list[str]:
    """What is wrong with a verdict, given what an independent decoder made of the file."""
    answer, reference = result.answer, result.reference
    accepted = reference.format in _accepted_formats()
    match answer:
        case {"status": "complete", "source": source}:
            if reference.size and (source["width"], source["height"]) != reference.size:
                return [f"is {source['width']} x {source['height']} upright, for {reference.decoder} {reference.size}"]
        case {"reason": "unsupported_format"}:
            if accepted:
                return [f"is refused as unsupported, but {reference.decoder} knows it as {reference.format}"]
        case {"reason": reason, "message": message} if reason in _BOUNDS:
            if reference.header and not _out_of_bounds(reference, *reference.header):
                return [f"is refused as {reason} at {reference.header}: {message}"]
        case {"reason": _, "message": message}:
            if reference.size and accepted:
                return [f"is refused, but {reference.decoder} decodes it: {message}"]
            if reference.size:
                return [f"is {reference.format}, which should be unsupported_format: {message}"]
    return []


def _accepted_formats() -> set[str]:
    """The processor's own list, as it tells it to people."""
    names = SUPPORTED.lower().replace(" and ", ", ").replace("jpeg 2000", "jp2").replace("heic/heif", "heic")
    return {name.strip() for name in names.split(",")}


def _out_of_bounds(reference: Reference, width: int, height: int, pages: int) -> bool:
    limits = DEFAULT_LIMITS
    pixels, frames = width * height, pages if reference.format in ANIMATED else 1
    return (
        max(width, height) > limits.max_side
        or pixels > (limits.max_alpha_pixels if reference.transparent else limits.max_pixels)
        or pages > limits.max_frames
        or pixels * frames > limits.max_total_pixels
        or (frames > 1 and pixels > limits.max_frame_pixels)
        or (frames > 1 and pixels * frames > limits.max_animation_pixels)
    )


@dataclass(frozen=True, slots=True)
class Excuse:
    """A group of the list of exceptions: the reason, and which problems it is about (those that contain this text)."""

    reason: str
    about: str = ""


def _exceptions() -> list[tuple[str, Excuse]]:
    """By name, or by a pattern with `*`."""
    groups = tomllib.loads(EXCEPTIONS.read_text("utf-8"))
    return [
        (name, Excuse(group["reason"], group.get("about", ""))) for group in groups.values() for name in group["files"]
    ]
