"""Making the matrix, once: the files stay in the cache until a tool or this code changes."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import PIL

from scripts.corpus.matrix import bmp, gif, heif, jp2, jpeg, png, tiff, webp
from scripts.corpus.matrix.case import PACKAGES, Case, Maker

CORPUS = "matrix"
"""The name of the corpus of these files."""

FORMATS: tuple[Callable[[Maker], Iterator[Case]], ...] = (
    jpeg.cases,
    png.cases,
    tiff.cases,
    gif.cases,
    webp.cases,
    heif.cases,
    jp2.cases,
    bmp.cases,
)

_LIST = "cases.json"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must become of a file, as `Case` says it."""

    expected: frozenset[str]
    like: str
    compared: bool
    truth: str = ""


def generated(cache: Path) -> tuple[list[Path], dict[str, Expectation], list[str]]:
    """Make what is not in the cache.

    Returns:
        The files in a fixed order, what must become of each by its name (`matrix/<format>/<file>`), and which tools
        are missing, one sentence each.
    """
    folder = cache / "files" / CORPUS
    listing = cache / _LIST
    key = _key()
    kept = json.loads(listing.read_text("utf-8")) if listing.exists() else {}
    if kept.get("key") != key:
        shutil.rmtree(folder, ignore_errors=True)
        kept = _made(folder) | {"key": key}
        listing.write_text(json.dumps(kept), "utf-8")
    known = {
        f"{CORPUS}/{name}": Expectation(frozenset(expected), like and f"{CORPUS}/{like}", compared, truth)
        for name, (expected, like, compared, truth) in kept["cases"].items()
    }
    return [folder / name for name in sorted(kept["cases"])], known, kept["missing"]


def _made(folder: Path) -> dict[str, object]:
    maker = Maker()
    cases: dict[str, tuple[list[str], str, bool, str]] = {}
    for of_format in FORMATS:
        for case in of_format(maker):
            if case.name in cases:
                raise ValueError(f"two cases are called {case.name}")
            path = folder / case.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(case.body)
            cases[case.name] = (sorted(case.expected), case.like, case.compared, case.truth)
    missing = [f"part of the matrix could not be made without {tool}" for tool in sorted(maker.missing)]
    return {"cases": cases, "missing": missing}


def _key() -> str:
    """Of this code and of the tools that are there."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for path in sorted(_FOLDER.glob("*.py")):
        digest.update(path.read_bytes())
    for tool in sorted(PACKAGES):
        digest.update(f"{tool} {shutil.which(tool)}".encode())
    return digest.hexdigest()[:16]
