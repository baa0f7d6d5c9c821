"""Whether what became of a file of the matrix is right."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from scripts.corpus.compare import Difference, difference
from scripts.corpus.matrix.generate import Expectation
from scripts.corpus.references import Reference

R = TypeVar("R", bound="Judged")


class Judged(Protocol):
    """The parts of a result that are read and written here."""

    name: str
    answer: dict[str, Any]
    reference: Reference
    apart: Difference | None
    problems: list[str]
    digest: str
    excused: str
    agreed: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """`complete`, a reason, or `error`."""


def judge(result: Judged, expectation: Expectation, ours: Path, decoded: Mapping[str, tuple[Reference, Path]]) -> None:
    """Hold a file against what it was made for and against every decoder that reads it.

    Where they disagree the browser decides, as that is where our renditions are looked at.
    """
    if result.verdict not in expectation.expected:
        message = result.answer.get("message", "")
        result.problems.append(f"is {result.verdict}, expected {' or '.join(sorted(expectation.expected))}: {message}")
    if result.verdict != "complete":
        return
    size = tuple(result.answer["size"])
    result.digest = hashlib.sha256(repr(size).encode() + ours.read_bytes()).hexdigest()
    disagreements = {}
    for name, (reference, theirs) in decoded.items():
        if reference.size == size:
            apart = difference(ours, theirs, size)
            if apart.tolerable:
                result.agreed += (name,)
            else:
                disagreements[name] = f"differs from {name} by {apart}"
            if result.apart is None or apart.mean < result.apart.mean:
                result.apart, result.reference = apart, reference
        elif reference.size:
            disagreements[name] = f"is {size[0]} x {size[1]} upright, for {name} {reference.size}"
    if "chromium" in result.agreed and disagreements:
        result.excused = f"browsers show it as we do, {' and '.join(sorted(disagreements))} otherwise"
    else:
        result.problems += disagreements.values()


def compared_with_siblings(results: Sequence[R], expectations: Mapping[str, Expectation]) -> list[R]:
    """Damage that takes no pixel may change none: such files must look the same as what they were made from."""
    digests = {result.name: result.digest for result in results}
    for result in results:
        like = expectations[result.name].like if result.name in expectations else ""
        if result.verdict == "complete" and digests.get(like) and digests[like] != result.digest:
            result.problems.append(f"does not look the same as {like}")
    return list(results)
