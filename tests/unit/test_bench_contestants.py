"""The benchmark's processes: what is missing is said, what fails is reported, what is scored is kept."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from processor.isolation import ALLOCATOR
from processor.recipe import Recipe
from scripts import npm
from scripts.bench import contestants, run, scores
from scripts.bench.contestants import Launch
from scripts.bench.errors import BenchError
from scripts.bench.scores import Metric
from tests.helpers import photo, saved


def python(script: str) -> Launch:
    """A contestant that runs a few lines of Python."""
    return Launch("toy", (sys.executable, "-c", script))


def test_missing_node_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Node there is no sharp, and the message says so and what can be done."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="no sharp to compare with: no node and npm here"):
        contestants.sharp(tmp_path)


def test_failing_installation_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An npm that cannot install sharp ends the benchmark with its last words, and leaves nothing half installed."""
    for name, lines in (("node", "exit 0"), ("npm", "mkdir -p node_modules/sharp; echo no such package >&2; exit 1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(BenchError, match="no such package"):
        contestants.sharp(tmp_path / "build")
    assert not (tmp_path / "build/sharp/node_modules").exists()


def test_our_side_has_the_allocator_of_the_deployed_one() -> None:
    """What is compared and profiled manages its memory as the process of a picture does."""
    script = "import json, os; print(json.dumps({'ready': os.environ['MALLOC_ARENA_MAX']}))"
    for launch in (contestants.ours(), contestants.profiler()):
        with replace(launch, command=(sys.executable, "-c", script)).started() as contestant:
            assert contestant.version == ALLOCATOR["MALLOC_ARENA_MAX"]


def test_an_installation_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What npm finished is kept until the lock changes; what it was interrupted at is made again."""
    for name, lines in (("node", "exit 0"), ("npm", "mkdir -p node_modules; echo >> calls; $ENDING")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    package, folder = tmp_path / "package", tmp_path / "build"
    package.mkdir()
    for name in ("package.json", "package-lock.json"):
        (package / name).write_text("{}")
    calls = []
    for ending, lock in (("", "1"), ("touch node_modules/.package-lock.json", "1"), ("", "1"), ("", "2")):
        monkeypatch.setenv("ENDING", ending)
        (package / "package-lock.json").write_text(lock)
        assert npm.installed(package, folder) == str(tmp_path / "node")
        calls.append(len((folder / "calls").read_text().splitlines()))
    assert calls == [1, 2, 2, 3]


def test_a_contestant_that_dies_is_an_error_in_its_answer() -> None:
    """A crash is the result of that request and of all after it: the comparison is refused, and the rest goes on."""
    with python(
        'import sys; print(\'{"ready": "v1"}\', flush=True); sys.stdin.readline(); sys.exit(9)'
    ).started() as toy:
        for _ in range(2):
            answer = toy.ask({"path": "x"})
            assert "exit code 9" in answer["error"]
            assert contestants.sample(answer, {}).error


def test_a_contestant_that_does_not_start_is_said() -> None:
    """One that ends before it is ready stops the benchmark."""
    with pytest.raises(BenchError, match="toy did not start"), python("raise SystemExit(3)").started():
        pass


def test_ours_makes_the_renditions_and_measures_them(tmp_path: Path) -> None:
    """Our side answers with time, memory and what it made, and answers the next request after an error."""
    source = tmp_path / "photo.jpg"
    source.write_bytes(saved(photo(900, 700), "JPEG"))
    request = {"path": str(source), "recipe": run.three_of(run.default_recipe()), "out": str(tmp_path)}
    with contestants.ours().started() as ours:
        assert "error" in ours.ask({**request, "path": str(tmp_path / "missing.jpg")})
        answer = ours.ask(request)
    assert {made["name"]: (made["width"], made["height"]) for made in answer["made"]} == {
        "full webp": (900, 700),
        "medium jpeg": (771, 600),
        "thumbnail jpeg": (300, 233),
    }
    assert answer["cpu_ms"] > 0
    for made in answer["made"]:
        assert Path(made["file"]).stat().st_size == made["bytes"]


def test_the_three_are_the_default_recipes_own() -> None:
    """What is compared with sharp's three is what the default recipe makes, not a setting for the benchmark."""
    three = {(size.name, fmt) for size, fmt in Recipe.from_json(run.three_of(run.default_recipe())).formats}
    assert len(three) == 3
    assert three <= {(size.name, fmt) for size, fmt in Recipe.default().formats}


def test_the_lock_of_sharp_names_no_registry() -> None:
    """Everyone's own registry serves the packages; their hashes are in the lock."""
    lock = (contestants.HERE / "package-lock.json").read_text("utf-8")
    assert "resolved" not in lock
    assert not re.search(r"https?://registry", lock)
    packages = json.loads(lock)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)


def test_scores_are_computed_once(tmp_path: Path) -> None:
    """The same pixels are scored once, also by another scorer on the same folder; other pixels anew."""
    calls: list[tuple[tuple[int, int], tuple[int, int]]] = []

    def score(expected: Path, shown: Path) -> float:
        with Image.open(expected) as one, Image.open(shown) as two:
            calls.append((one.size, two.size))
        return 71.5

    source, rendition = tmp_path / "source.png", tmp_path / "rendition.jpg"
    source.write_bytes(saved(photo(400, 300), "PNG"))
    for width in (400, 200):
        rendition.write_bytes(saved(photo(width, width * 3 // 4), "JPEG"))
        for _ in range(2):
            scorer = scores.Scorer(tmp_path / "scores", Metric("toy 1", score))
            assert scorer.score(scores.reference(source), rendition) == 71.5
    assert calls == [((400, 300), (400, 300)), ((200, 150), (200, 150))]


def test_another_version_of_the_scorer_scores_anew(tmp_path: Path) -> None:
    """What one version said is not taken for another's."""
    source = tmp_path / "source.png"
    source.write_bytes(saved(photo(40, 30), "PNG"))
    for name, points in (("toy 1", 70.0), ("toy 2", 80.0), ("toy 1", 90.0)):
        scorer = scores.Scorer(tmp_path / "scores", Metric(name, lambda _one, _two, points=points: points))  # type: ignore[misc]
        assert scorer.score(scores.reference(source), source) == (points if points < 90 else 70.0)


def test_only_the_middle_of_a_large_rendition_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides are cut alike, to no more pixels than the limit."""
    monkeypatch.setattr(scores, "SCORED_PIXELS", 10_000)
    seen: list[tuple[int, int]] = []

    def score(expected: Path, shown: Path) -> float:
        with Image.open(expected) as one, Image.open(shown) as two:
            seen.extend((one.size, two.size))
            assert one.tobytes() == two.tobytes()
        return 100.0

    source = tmp_path / "source.png"
    source.write_bytes(saved(photo(400, 300), "PNG"))
    scores.Scorer(tmp_path / "scores", Metric("toy 1", score)).score(scores.reference(source), source)
    assert seen == [(115, 86)] * 2
