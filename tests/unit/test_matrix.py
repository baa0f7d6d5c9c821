"""The matrix of files that `make test-corpus` makes: a small sample of it, through the pipeline."""

import hashlib
import itertools
import json
import shutil
from pathlib import Path

import pytest

from processor.errors import Rejected
from processor.pipeline import transcode
from processor.steps.inspect import SUPPORTED
from scripts.corpus.matrix import bmp, case, gif, jpeg, png, tiff, webp
from scripts.corpus.matrix.case import COMPLETE, CORRUPT, Case, Maker, ToolFailed, ToolMissing, made
from scripts.corpus.matrix.damage import Anatomy, damaged
from scripts.corpus.matrix.generate import CORPUS, Expectation, generated
from scripts.corpus.matrix.judge import compared_with_siblings, judge
from scripts.corpus.references import Reference
from scripts.corpus.run import Result
from tests.helpers import loaded, small_recipe

RECIPE = small_recipe()


def sample() -> list[Case]:
    """Files that are written without any tool: one of each kind of damage to one picture a format."""
    sound = [
        (Case("png/a.png", png.still(png.RGBA, 8)), png.anatomy),
        (Case("bmp/a.bmp", bmp.written(24, 40)), bmp.anatomy),
        (Case("tiff/a.tif", tiff.written(tiff.Layout(tiff.RGB, 8))), tiff.anatomy),
        (Case("gif/a.gif", gif.animated((1, 2), opaque=True, smaller=False)), gif.anatomy),
    ]
    return [each for whole, anatomy in sound for each in (whole, *damaged(whole, anatomy(whole.body)))]


SAMPLE = {each.name: each for each in sample()}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_gets_the_verdicts_that_are_expected(name: str) -> None:
    """Sound files and files that lack no pixel are complete, and those that do are corrupt."""
    try:
        transcode(SAMPLE[name].body, RECIPE)
        verdict = "complete"
    except Rejected as exc:
        verdict = str(exc.reason)
    assert verdict in SAMPLE[name].expected


def test_files_are_the_same_every_time() -> None:
    """What is written here depends on nothing but the code."""
    assert [each.body for each in sample()] == [each.body for each in SAMPLE.values()]


@pytest.mark.parametrize(("kind", "depth"), [(kind, depth) for kind, depths in png.DEPTHS.items() for depth in depths])
def test_interlaced_pngs_show_the_same(kind: int, depth: int) -> None:
    """Both orders of rows are of one picture, at every type and depth."""
    plain, interlaced = (loaded(png.still(kind, depth, interlaced=each)) for each in (False, True))
    assert plain.size == (75, 53)
    assert plain.convert("RGBA").tobytes() == interlaced.convert("RGBA").tobytes()


@pytest.mark.parametrize("layout", [each for each in tiff.layouts() if tiff.expected(each) == COMPLETE][::7], ids=str)
def test_tiffs_can_be_opened(layout: tiff.Layout) -> None:
    """Headers, directories and strips of the plain kinds are what a reader expects."""
    image = loaded(tiff.written(layout))
    assert sorted(image.size) in ([53, 75], [14, 20])


def test_every_damage_is_named_once_and_has_a_verdict() -> None:
    """Names tell the kinds of damage apart; cuts in the pixels are corrupt, what follows them must change nothing."""
    whole = Case("x/a.bin", bytes(range(100)))
    cases = list(damaged(whole, Anatomy(20, 80)))
    assert len({each.name for each in cases}) == len(cases)
    assert {each.expected for each in cases if "~pixels-" in each.name} == {frozenset(CORRUPT)}
    assert all(each.like == whole.name and each.expected == COMPLETE for each in cases if "~end-" in each.name)
    assert all(each.body.startswith(whole.body) for each in cases if "~trailer-" in each.name)
    assert all(each.body != whole.body for each in cases)


def test_a_missing_tool_is_said_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is left out in silence: the tool and where it comes from are named, once."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    maker = Maker()
    assert list(itertools.chain(jpeg.cases(maker), webp.cases(maker)))
    assert {"cjpeg (Debian: libjpeg-turbo-progs)", "cwebp (Debian: webp)"} <= maker.missing
    with pytest.raises(ToolMissing, match="libavif-bin"):
        made(["avifenc"], {}, "")


def test_a_tool_that_fails_stops_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix with holes would look like a matrix without faults."""
    tool = tmp_path / "cjpeg"
    tool.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(tool))
    with pytest.raises(ToolFailed, match="no such option"):
        made(["cjpeg"], {}, "out.jpg")


def test_the_matrix_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run takes it from the cache; another set of tools makes it anew."""
    runs = []

    def cases(_maker: Maker) -> list[Case]:
        runs.append(1)
        return [Case("png/a.png", b"a"), Case("png/a~cut.png", b"b", CORRUPT, "png/a.png", compared=False)]

    monkeypatch.setattr("scripts.corpus.matrix.generate.FORMATS", (cases,))
    files, known, missing = generated(tmp_path)
    assert generated(tmp_path) == (files, known, missing)
    assert [path.read_bytes() for path in files] == [b"a", b"b"]
    assert known[f"{CORPUS}/png/a~cut.png"] == Expectation(CORRUPT, f"{CORPUS}/png/a.png", compared=False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    generated(tmp_path)
    assert len(runs) == 2


def result(name: str, body: bytes | None, folder: Path) -> tuple[Result, Path]:
    """What the worker says of a file that came out as one pixel, or was refused."""
    path = folder / hashlib.sha256(name.encode()).hexdigest()
    path.write_bytes(body or b"")
    answer = {"status": "complete", "size": [1, 1]} if body else {"status": "rejected", "reason": "corrupt"}
    return Result(name, json.loads(json.dumps(answer))), path


def test_what_is_judged(tmp_path: Path) -> None:
    """Wrong verdicts, renderings unlike a decoder's and damage that shows are problems; a browser has the last word."""
    red, blue = bytes((255, 0, 0, 255)), bytes((0, 0, 255, 255))
    theirs = tmp_path / "theirs"
    theirs.write_bytes(red)
    decoded = {"sharp": (Reference("sharp", "png", (1, 1)), theirs)}
    known = {"a": Expectation(COMPLETE, "", compared=True), "b": Expectation(COMPLETE, "a", compared=False)}
    good, pixels = result("a", red, tmp_path)
    judge(good, known["a"], pixels, decoded)
    assert (good.problems, good.agreed) == ([], ("sharp",))
    bad, pixels = result("a", blue, tmp_path)
    judge(bad, known["a"], pixels, decoded)
    assert (len(bad.problems), bad.agreed) == (1, ())
    shown, pixels = result("a", blue, tmp_path)
    like_ours = tmp_path / "like ours"
    like_ours.write_bytes(blue)
    judge(shown, known["a"], pixels, decoded | {"chromium": (Reference("chromium", "", (1, 1)), like_ours)})
    assert (shown.problems, shown.agreed) == ([], ("chromium",))
    assert shown.excused == "browsers show it as we do, sharp otherwise"
    refused, pixels = result("a", None, tmp_path)
    judge(refused, known["a"], pixels, decoded)
    assert refused.problems[0].startswith("is corrupt, expected complete")
    changed, pixels = result("b", blue, tmp_path)
    judge(changed, known["b"], pixels, {})
    compared_with_siblings([good, changed], known)
    assert changed.problems == ["does not look the same as a"]


def test_the_matrix_has_every_format_that_is_read() -> None:
    """A format that the processor learns gets its part of the matrix."""
    written = {"jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heic", "jp2"}
    names = SUPPORTED.lower().replace(" and ", ", ").replace("jpeg 2000", "jp2").replace("heic/heif", "heic")
    assert {name.strip() for name in names.split(",")} - {"jpeg xl"} <= written
    assert case.PACKAGES
