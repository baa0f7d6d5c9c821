"""Whether what became of a file of the matrix is right."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from scripts.corpus.compare import Difference, difference
from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.generate import Expectation
from scripts.corpus.references import Reference

R = TypeVar("R", bound="Judged")


WRITTEN = "written"
"""The name of the picture that a file was made from, among the decoders."""


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


def judge(result: Judged, expectation: Expectation, ours: Path, decoded: dict[str, tuple[Reference, Path]]) -> None:
    """Hold a file against what it was made for and against every decoder that reads it.

    Where they disagree, what was written decides, or the browser, as that is where our renditions are looked at.
    """
    if result.verdict not in expectation.expected:
        message = result.answer.get("message", "")
        result.problems.append(f"is {result.verdict}, expected {' or '.join(sorted(expectation.expected))}: {message}")
    if result.verdict != "complete":
        return
    width, height = result.answer["size"]
    size = (width, height)
    result.digest = hashlib.sha256(repr(size).encode() + ours.read_bytes()).hexdigest()
    if expectation.truth:
        drawn = pictures.DRAWN[expectation.truth]().convert("RGBA")
        written = ours.with_name("written")
        written.write_bytes(drawn.tobytes())
        decoded = decoded | {WRITTEN: (Reference(WRITTEN, size=drawn.size), written)}
    disagreements = _disagreements(result, size, ours, decoded)
    others = " and ".join(sorted(disagreements))
    if disagreements and WRITTEN in result.agreed:
        result.excused = f"it shows what was written, {others} otherwise"
    elif disagreements and "chromium" in result.agreed and WRITTEN not in disagreements:
        result.excused = f"browsers show it as we do, {others} otherwise"
    else:
        result.problems += disagreements.values()


def _disagreements(
    result: Judged, size: tuple[int, int], ours: Path, decoded: Mapping[str, tuple[Reference, Path]]
) -> dict[str, str]:
    """By decoder, a sentence for each that shows something else; the others are noted in the result."""
    found = {}
    for name, (reference, theirs) in decoded.items():
        if reference.size == size:
            apart = difference(ours, theirs, size)
            if apart.tolerable:
                result.agreed += (name,)
            else:
                found[name] = f"differs from {name} by {apart}"
            if result.apart is None or apart.mean < result.apart.mean:
                result.apart, result.reference = apart, reference
        elif reference.size:
            found[name] = f"is {size[0]} x {size[1]} upright, for {name} {reference.size}"
    return found


def compared_with_siblings(results: Sequence[R], expectations: Mapping[str, Expectation]) -> list[R]:
    """Damage that takes no pixel may change none: such files must look the same as what they were made from."""
    digests = {result.name: result.digest for result in results}
    for result in results:
        like = expectations[result.name].like if result.name in expectations else ""
        if result.verdict == "complete" and digests.get(like) and digests[like] != result.digest:
            result.problems.append(f"does not look the same as {like}")
    return list(results)
