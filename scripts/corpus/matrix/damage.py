"""Damage: what is cut off a file, added to it or changed in it, and what must become of each."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.corpus.matrix.case import ANY, COMPLETE, CORRUPT, NOT_KNOWN, UNSUPPORTED, Case

_SEED = 12
_TRAILERS = {
    "zero": b"\0",
    "zeros": bytes(4096),
    "text": b"<!-- trailer -->",
    "noise": random.Random(3).randbytes(70_000),  # noqa: S311
}


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Where the pixels of a file are.

    Attributes:
        start: offset of the first byte that says something of pixels.
        end: offset after the last one: what follows is checksums, end marks and metadata.
        animated: whether there are several frames, of which those before the damage are shown.
    """

    start: int
    end: int
    animated: bool = False


def damaged(case: Case, anatomy: Anatomy) -> Iterator[Case]:
    """Every kind of damage to a sound file."""
    yield from _cut(case, anatomy)
    for name, trailer in _TRAILERS.items():
        yield _changed(case, f"trailer-{name}", case.body + trailer, like=True)
    yield _changed(case, "trailer-itself", case.body + case.body, like=True)
    yield from _flipped(case, anatomy)


def _cut(case: Case, anatomy: Anatomy) -> Iterator[Case]:
    body, (start, end) = case.body, (anatomy.start, anatomy.end)
    lost = NOT_KNOWN if anatomy.animated else CORRUPT
    for percent in (30, 90):
        yield _changed(case, f"header-{percent}", body[: max(4, start * percent // 100)], CORRUPT | UNSUPPORTED)
    for percent in (0, 10, 50, 90):
        yield _changed(case, f"pixels-{percent}", body[: start + (end - start) * percent // 100], lost)
    for at in sorted({end, (end + len(body)) // 2, len(body) - 1} - {len(body)}):
        if at >= end:
            yield _changed(case, f"end-{len(body) - at}", body[:at], like=True)


def _flipped(case: Case, anatomy: Anatomy) -> Iterator[Case]:
    rng = random.Random(_SEED)  # noqa: S311
    places = {f"flip-header-{at}": rng.randrange(2, anatomy.start) for at in range(4)}
    places |= {f"flip-pixels-{at}": rng.randrange(anatomy.start, anatomy.end) for at in range(3)}
    for name, at in places.items():
        body = bytearray(case.body)
        body[at] ^= 1 << rng.randrange(8)
        yield _changed(case, name, bytes(body), ANY if at < anatomy.start else NOT_KNOWN)
    if anatomy.end < len(case.body):
        body = bytearray(case.body)
        body[anatomy.end] ^= 0x55
        yield _changed(case, "flip-end", bytes(body), NOT_KNOWN)
    zeros = (anatomy.start + anatomy.end) // 2
    yield _changed(case, "zeros", case.body[:zeros] + bytes(len(case.body) - zeros), NOT_KNOWN)


def _changed(case: Case, what: str, body: bytes, expected: frozenset[str] = COMPLETE, *, like: bool = False) -> Case:
    stem, _, extension = case.name.rpartition(".")
    return Case(f"{stem}~{what}.{extension}", body, expected, case.name if like else "", compared=False)
