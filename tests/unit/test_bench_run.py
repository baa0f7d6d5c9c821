"""A run of the benchmark: what cannot be measured is reported, and the rest is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scripts.bench import contestants, pictures, profile, report, run
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.report import Run
from tests.helpers import photo, saved


@dataclass
class Ours:
    """Stands in for our contestant and its launch: the answers are made up, except for what `spoiled` says.

    Attributes:
        spoiled: picture's name -> error.
        requests: what was asked.
    """

    name: str = "ours"
    version: str = "toy"
    spoiled: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def started(self) -> Iterator["Ours"]:
        """Itself."""
        yield self

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One rendition, whose content depends on the number of threads where the picture is called `odd`."""
        self.requests.append(request)
        name = Path(request["path"]).stem
        if name in self.spoiled:
            return {"error": self.spoiled[name]}
        content = request.get("threads") if name == "odd" else 0
        made = {"name": "full avif", "width": 9, "height": 9, "bytes": 9, "file": f"content-{content}"}
        return {"cpu_ms": 200.0, "wall_ms": 100.0, "peak_kib": 2048, "made": [made]}


class Profiler(Ours):
    """Stands in for the profiler."""

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Where no time went."""
        return asdict(profile.Profile(request["name"], {}, 1, 1, 1))


@pytest.fixture
def source(tmp_path: Path) -> Picture:
    """A small photo."""
    path = tmp_path / "even.jpg"
    path.write_bytes(saved(photo(90, 60), "JPEG"))
    return Picture("rice field", "photo", path, 90, 60, "as published")


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch, source: Picture) -> Ours:
    """A benchmark over one photo without sharp, whose contestant is made up."""
    toy = Ours()
    monkeypatch.setattr(contestants, "ours", lambda: toy)
    monkeypatch.setattr(pictures, "default_pictures", lambda _cache, _folder: [source])
    grown = [Picture(f"{size} MP", "mosaic", source.path, size * 1000, 1000, "grown") for size in (1, 2)]
    monkeypatch.setattr(pictures, "growth_pictures", lambda _cache, _folder: grown)
    monkeypatch.setattr(contestants, "profiler", Profiler)
    return toy


def arguments(tmp_path: Path) -> list[str]:
    """Of a run that needs no scorer."""
    return ["--only-ours", "--no-scores", "--rounds=2", f"--build={tmp_path}"]


def test_a_run_without_sharp_reports_ours(ours: Ours, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every round is asked for, and the lines hold what was measured; the AVIF comparison leaves no empty row."""
    assert run.main(arguments(tmp_path)) == 0
    (file,) = (tmp_path / "bench").glob("*.jsonl")
    kinds = [next(iter(json.loads(line))) for line in file.read_text().splitlines()]
    assert kinds == ["picture", "threads", "profile", "growth", "growth"]
    assert "avif" not in capsys.readouterr().out.lower().replace("full avif", "")
    assert [request["threads"] for request in ours.requests if "threads" in request] == [1, 2, 8]


def test_a_page_without_marks_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the tables cannot be written down there is a sentence, no traceback."""
    page = tmp_path / "performance.md"
    page.write_text("mine")
    monkeypatch.setattr(run, "_run", lambda options: report.update(options.docs, Run()))
    assert run.main([f"--docs={page}"]) == 1
    assert "performance.md lacks the marks of 'bench'" in capsys.readouterr().err


def test_threads_that_change_bytes_are_found(ours: Ours, source: Picture, tmp_path: Path) -> None:
    """The files of every number of threads are compared by their content, rendition by rendition."""
    bench = run._Bench({"ours": ours}, {}, None, tmp_path, 1)  # type: ignore[dict-item]  # noqa: SLF001
    assert bench.threaded(source).differing == ()
    odd = Picture("odd", "photo", source.path.with_name("odd.jpg"), 90, 60, "as published")
    assert bench.threaded(odd).differing == ("full avif",)


def test_what_fails_late_does_not_take_the_report_along(
    ours: Ours, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A profile and a growth that cannot be measured are refusals: the table is printed, and the exit code is 1."""
    broken = Picture("2 MP", "mosaic", tmp_path / "broken.jpg", 2000, 1000, "grown")
    ours.spoiled["broken"] = "MemoryError"
    monkeypatch.setattr(pictures, "growth_pictures", lambda _cache, _folder: [broken])

    monkeypatch.setattr(Profiler, "ask", lambda *_: {"error": "corrupt: no picture"})
    assert run.main(arguments(tmp_path)) == 1
    printed = capsys.readouterr().out
    assert "not compared: rice field, profile: corrupt: no picture" in printed
    assert "not compared: 2 MP, growth: ours failed: MemoryError" in printed
    assert "Peak memory" in printed


@pytest.mark.parametrize("wanted", [21.0, 44.0, 44.5, 90.0])
def test_neighbours_enclose_a_score(wanted: float) -> None:
    """Two qualities next to each other, of which the lower scores less and the upper does not, in few steps."""
    asked: list[int] = []

    def score(quality: int) -> float:
        asked.append(quality)
        return float(quality)

    low, high = run.enclosing(score, wanted, 20, 90)
    assert high == low + 1
    assert low < wanted <= high
    assert len(asked) < 10


@pytest.mark.parametrize("wanted", [20.0, 90.1])
def test_a_score_that_no_quality_reaches_is_refused(wanted: float) -> None:
    """Nothing is extrapolated beyond the range of qualities."""
    with pytest.raises(BenchError, match=r"qualities 20 to 90 score 20\.0 to 90\.0, which does not enclose"):
        run.enclosing(float, wanted, 20, 90)


def test_a_profile_has_the_cost_of_isolation(source: Picture) -> None:
    """Every step of the pipeline is timed, the whole, and the whole as it is deployed, of a picture that takes time."""
    source.path.write_bytes(saved(photo(1000, 800), "JPEG"))
    found = run.profile(source)
    assert list(found.steps)[:5] == ["inspect", "decode", "orient", "colour", "resize"]
    assert found.whole > 0
    assert found.together > 0
    assert found.isolated > 0
