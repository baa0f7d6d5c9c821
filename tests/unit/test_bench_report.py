"""The benchmark's report: tables, verdicts on targets, and the blocks of the documentation."""

from pathlib import Path

import pytest

from scripts.bench import chart, report
from scripts.bench.comparison import Made, Sample, Side
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.profile import Profile
from scripts.bench.report import Avif, Growth, Measured, Run

PHOTO = Picture("rice | field", "photo", Path("a.jpg"), 1000, 1000, "as published")
THREE = (
    Made("full webp", 1000, 1000, 5000, 75.0),
    Made("medium jpeg", 600, 600, 1500, 80.0),
    Made("thumbnail jpeg", 300, 300, 500, 82.0),
)


def run(ours: float = 35, nine: float = 80, sharp: float = 100, error: str = "", width: int = 1000) -> Run:
    """A run over one photo in which the contestants took so many milliseconds."""
    theirs = (Made("full webp", width, 1000, 5000, 75.4), *THREE[1:])
    sides = {
        "three": Side("three", (Sample(ours, ours, THREE),), 50.0),
        "nine": Side("nine", (Sample(nine, nine, THREE),), 90.0),
        "sharp": Side("sharp", (Sample(sharp, sharp, theirs, error),)),
        "original": Side("original", (Sample(sharp, sharp, theirs),)),
    }
    return Run([Measured(PHOTO, sides)], [], [], ["2026-11-23, somewhere"])


def verdicts(measured: Run) -> dict[str, bool | None]:
    """What became of every target, by its name."""
    return {target.what: target.met for target in report.targets(measured)}


def test_targets_are_met_and_missed_at_their_limits() -> None:
    """A ratio at its limit is within it, one above is not."""
    assert verdicts(run(ours=40))["three renditions, CPU of sharp's"] is True
    assert verdicts(run(ours=40.1))["three renditions, CPU of sharp's"] is False
    assert verdicts(run(nine=90.1))["nine renditions, CPU of sharp's three"] is False
    assert verdicts(run())["three renditions, SSIMULACRA2 less sharp's"] is True


@pytest.mark.parametrize("broken", [run(error="crashed"), run(width=1001)])
def test_a_refused_comparison_meets_no_target(broken: Run) -> None:
    """Where a side failed or made other dimensions the target is not measured, whatever the milliseconds say."""
    assert verdicts(broken)["three renditions, CPU of sharp's"] is None
    assert verdicts(broken)["nine renditions, CPU of sharp's three"] is None
    assert any("ours" not in line and "sharp" in line for line in report.refusals(broken))


def test_a_refused_comparison_shows_no_ratio() -> None:
    """Neither the terminal nor the documentation prints a ratio for it; both say why there is none."""
    assert "0.35" in report.terminal(run())
    broken = run(width=1001)
    for text in (report.terminal(broken), report.markdown(broken)):
        # the other way of running sharp, which did not fail, keeps its own ratios
        assert "not compared" in text.lower()
        assert "1000x1000 pixels from three and 1001x1000 from sharp" in text


def test_without_sharp_there_is_no_ratio_and_no_complaint() -> None:
    """Ours alone is a table of times."""
    sides = {name: side for name, side in run().measured[0].sides.items() if name in ("three", "nine")}
    alone = Run([Measured(PHOTO, sides)], [], [], [])
    assert not report.with_sharp(alone)
    assert report.refusals(alone) == []
    assert "target" not in report.terminal(alone)


def test_failed_avif_is_refused() -> None:
    """An AVIF that one side could not make is listed, not divided."""
    sides = {
        "ours": Side("ours", (Sample(1, 1, (Made("full avif", 9, 9, 9, 60.0),)),)),
        "sharp": Side("sharp", (Sample(0, 0, error="heif: no"),)),
    }
    broken = Run([], [Avif(PHOTO, sides, 50)], [], [])
    assert report.refusals(broken) == ["rice | field, AVIF: sharp failed: heif: no"]
    assert verdicts(broken)["AVIF alone at an equal score, CPU of sharp's"] is None
    assert "not compared" in report.markdown(broken)


def test_memory_and_growth_targets() -> None:
    """Peaks are held against the limit of their size; a straight line counts as linear, a bent one does not."""
    straight = [Growth(size, 10 + 50 * size, peak) for size, peak in ((1.0, 60.0), (24.0, 512.0), (50.0, 1024.1))]
    found = verdicts(Run([], [], straight, []))
    assert found["nine renditions of 24 MP, peak memory"] is True
    assert found["nine renditions of 50 MP, peak memory"] is False
    assert found["CPU linear in pixels, 1 to 50 MP"] is True
    bent = [Growth(size, size**2, None) for size in (1.0, 24.0, 50.0)]
    assert verdicts(Run([], [], bent, []))["CPU linear in pixels, 1 to 50 MP"] is False


def test_the_profile_counts_what_no_step_explains() -> None:
    """The rest is a share of the whole, and noise never makes it negative."""
    assert Profile("a", {"decode": 30, "full webp": 60}, 100, 110).rest == pytest.approx(0.1)
    assert Profile("a", {"decode": 130}, 100, 100).rest == 0


def test_markdown_tables_hold_together() -> None:
    """Every row of a table has as many cells as its head, whatever a picture is called."""
    blocks = [block.splitlines() for block in report.markdown(run()).split("\n\n") if block.startswith("|")]
    assert "rice ¦ field" in "".join(line for block in blocks for line in block)
    assert len(blocks) == 4
    for block in blocks:
        assert {line.count("|") for line in block} == {block[0].count("|")}


def test_the_block_of_the_documentation_is_replaced(tmp_path: Path) -> None:
    """Between the markers the text is new; around them nothing changes, and a second run changes nothing more."""
    docs = tmp_path / "performance.md"
    docs.write_text(f"# Before\n\n{report.BEGIN.format('bench', 'bench')}\nold\n{report.END.format('bench')}\nafter\n")
    report.replace_block(docs, "bench", "new")
    first = docs.read_text()
    report.replace_block(docs, "bench", "new")
    assert docs.read_text() == first
    assert first.startswith("# Before\n")
    assert first.endswith("-->\nafter\n")
    assert "old" not in first
    assert "\nnew\n" in first


def test_a_document_without_markers_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written into a text that does not say where."""
    docs = tmp_path / "performance.md"
    docs.write_text("mine")
    with pytest.raises(BenchError, match="lacks the lines"):
        report.replace_block(docs, "bench", "new")
    assert docs.read_text() == "mine"


@pytest.mark.parametrize("values", [(0.0, 1.0), (3.0, 47.0), (-4.5, 81.0), (1.0, 4200.0), (60.0, 60.5), (5.0, 5.0)])
def test_the_axes_of_a_chart_enclose_the_values(values: tuple[float, float]) -> None:
    """Every dot lies within the chart, whatever the range."""
    drawn = chart.line_chart("title", "x & y", "y", {"a < b": [(0, values[0]), (1, values[1])]})
    heights = [float(part.split('"')[0]) for part in drawn.split('cy="')[1:]]
    assert len(heights) == 2
    assert all(0 <= height <= chart.HEIGHT for height in heights)
    assert "a &lt; b" in drawn
