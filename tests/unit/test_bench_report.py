"""The benchmark's report: tables, verdicts on targets, and the blocks of the documentation."""

from pathlib import Path

import pytest

from scripts.bench import chart, report
from scripts.bench.comparison import Made, NotComparable, Sample, Side
from scripts.bench.pictures import Picture
from scripts.bench.profile import Profile
from scripts.bench.report import Avif, Growth, Measured, Run, Threaded

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
        "three": Side("three", (Sample(ours, ours * 2, THREE),), 50.0),
        "nine": Side("nine", (Sample(nine, nine * 2, THREE),), 90.0),
        "sharp": Side("sharp", (Sample(sharp, sharp, theirs, error),)),
        "original": Side("original", (Sample(sharp, sharp, theirs),)),
    }
    return Run([Measured(PHOTO, sides)], about=["2026-11-23, somewhere"])


def verdicts(measured: Run) -> dict[str, bool | None]:
    """What became of every target, by its name."""
    return {target.what: target.met for target in report.targets(measured)}


def test_targets_are_met_and_missed_at_their_limits() -> None:
    """A ratio at its limit is within it, one above is not."""
    assert verdicts(run(ours=40))["three renditions, CPU of sharp's"] is True
    assert verdicts(run(ours=40.1))["three renditions, CPU of sharp's"] is False
    assert verdicts(run(nine=90.1))["nine renditions, CPU of sharp's three"] is False
    assert verdicts(run())["three renditions, SSIMULACRA2 less sharp's"] is True


def test_what_isolation_costs_is_a_target_too() -> None:
    """Made in a process a picture, nine renditions have the same limit; without profiles there is no figure."""
    deployed = "nine renditions as deployed, CPU of sharp's three"
    assert verdicts(run())[deployed] is None
    for isolated, met in ((90, True), (90.1, False)):
        measured = run()
        measured.profiles.append(Profile(PHOTO.name, {}, 80, 80, isolated))
        assert verdicts(measured)[deployed] is met


@pytest.mark.parametrize("broken", [run(error="crashed"), run(width=1001)])
def test_a_refused_comparison_meets_no_target(broken: Run) -> None:
    """Where a side failed or made other dimensions the target is not measured, whatever the milliseconds say."""
    broken.profiles.append(Profile(PHOTO.name, {}, 80, 80, 80))
    assert verdicts(broken)["nine renditions as deployed, CPU of sharp's three"] is None
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
    alone = Run([Measured(PHOTO, sides)])
    assert not report.with_sharp(alone)
    assert report.refusals(alone) == []
    assert "target" not in report.terminal(alone)


def test_the_terminal_shows_what_the_documentation_shows() -> None:
    """CPU and wall, memory, bytes and scores, and whatever else was measured, also of a single picture."""
    whole = run()
    whole.avif.append(avif())
    whole.profiles.append(Profile("rice field", {"decode": 30.0}, 100, 111, 126))
    whole.growth.append(Growth(1.0, 157, 79))
    text, documented = report.terminal(whole), report.markdown(whole)
    for title in [line.removeprefix("### ") for line in documented.splitlines() if line.startswith("### ")]:
        assert title in text
    for number in ("70", "50", "5,000", "75.4", "126", "157"):  # wall, peak, bytes, score, isolated, growth
        assert number in text.split()
        assert number in documented.replace("|", " ").split()


def test_totals_say_times_and_the_largest_peak() -> None:
    """Not the ratios alone."""
    first = run(ours=35).measured[0]
    second = run(ours=65).measured[0]
    second.sides["three"] = Side("three", second.sides["three"].samples, 170.0)
    lines = report.markdown(Run([first, second])).splitlines()
    assert "| photos as published | three | 100 | 200 | 14,000 | 170 |" in lines


def test_wall_has_a_ratio_and_original_its_own() -> None:
    """Per picture: CPU, wall, bytes and score beside sharp and beside the original design, times alone for nine."""
    row = next(line for line in report.markdown(run()).splitlines() if "| 0.35 |" in line and line.startswith("| rice"))
    three = "0.35 | 0.70 | 1.00 | −0.13"
    assert row == f"| rice ¦ field | {three} | {three} | 0.80 | 1.60 |"


def avif(sharp_quality: int = 50, score: float = 61.0, error: str = "", upper: int = 1200) -> Avif:
    """Ours at two qualities that score 60 and 62, and sharp's of 1,000 bytes and 100 ms."""

    def side(name: str, size: int, cpu: float, points: float, failure: str = "") -> Side:
        made = () if failure else (Made("full avif", 9, 9, size, points),)
        return Side(name, (Sample(cpu, cpu, made, failure),))

    sides = {
        "lower": side("lower", 1200, 4, 60.0),
        "upper": side("upper", upper, 4, 62.0),
        "sharp": side("sharp", 1000, 100, score, error),
    }
    return Avif(PHOTO, sharp_quality, (44, 45), sides)


def test_avif_is_compared_at_exactly_sharps_score() -> None:
    """Ours is interpolated between two qualities, and the table shows both and their scores."""
    ours, _ = avif(upper=1728).pair()
    assert ours.bytes == 1440
    text = report.markdown(Run(avif=[avif(upper=1728)]))
    assert "| 44, 45 | 61.0 | 60.0, 62.0 | 1,000 | 1,440 | 100 | 4 | 1.44 | 0.040 | 0.040 |" in text


def test_only_sharps_default_decides_the_avif_targets() -> None:
    """Another quality of sharp's has rows of its own, without a limit or a verdict."""
    both = Run(avif=[avif(), avif(70, upper=1728)])
    found = {target.what: target for target in report.targets(both)}
    assert found["AVIF alone at an equal score, bytes of sharp's"].value == "1.200"
    assert found["AVIF alone at an equal score, CPU of sharp's"].met is True
    assert found["AVIF at quality 70 of sharp, bytes"].value == "1.440"
    assert found["AVIF at quality 70 of sharp, bytes"].met is None
    both.measured.extend(run().measured)
    assert "| AVIF at quality 70 of sharp, bytes |  | 1.440 |  |" in report.markdown(both)


@pytest.mark.parametrize(("broken", "reason"), [
    (avif(error="heif: no"), "sharp failed: heif: no"),
    (avif(score=63.0), "do not enclose 63.0"),
    (Avif(PHOTO, 50, error="our qualities 20 to 90 score 1 to 2"), "our qualities 20 to 90 score 1 to 2"),
])  # fmt: skip
def test_failed_avif_is_refused(broken: Avif, reason: str) -> None:
    """An AVIF that one side could not make, or of no equal score, is listed, not divided; nor is a total without it."""
    with pytest.raises(NotComparable):
        broken.pair()
    refused = Run(avif=[avif(), broken])
    (only,) = report.refusals(refused)
    assert only.startswith("rice | field, AVIF at quality 50 of sharp: ")
    assert reason in only
    assert verdicts(refused)["AVIF alone at an equal score, CPU of sharp's"] is None
    assert "not compared" in report.markdown(refused)


def test_failures_are_refusals() -> None:
    """What could not be measured at all is reported like what could not be compared."""
    failed = run()
    failed.failures.append("50 MP, growth: ours failed")
    assert report.refusals(failed) == ["50 MP, growth: ours failed"]
    assert "50 MP, growth: ours failed" in report.terminal(failed)
    assert "50 MP, growth: ours failed" in report.markdown(failed)


def test_bytes_that_depend_on_threads_miss_the_target() -> None:
    """One rendition of one picture suffices, and is named; without a measurement there is no verdict."""
    what = "nine renditions' bytes with 1, 2 and 8 threads"
    same, other = Threaded("rocket", ()), Threaded("rice field", ("full avif",))
    assert verdicts(Run(threaded=[same]))[what] is True
    assert verdicts(Run(threaded=[same, other]))[what] is False
    assert verdicts(Run())[what] is None
    assert "rice field, full avif" in next(t.value for t in report.targets(Run(threaded=[other])) if t.what == what)


def test_memory_and_growth_targets() -> None:
    """Peaks are held against the limit of their size; a straight line counts as linear, a bent one does not."""
    straight = [Growth(size, 10 + 50 * size, peak) for size, peak in ((1.0, 60.0), (24.0, 512.0), (50.0, 1024.1))]
    found = verdicts(Run(growth=straight))
    assert found["nine renditions of 24 MP, peak memory"] is True
    assert found["nine renditions of 50 MP, peak memory"] is False
    assert found["CPU linear in pixels, 1 to 50 MP"] is True
    bent = [Growth(size, size**2, None) for size in (1.0, 24.0, 50.0)]
    assert verdicts(Run(growth=bent))["CPU linear in pixels, 1 to 50 MP"] is False


def test_the_profile_counts_what_no_step_explains() -> None:
    """The rest is a share of the whole, inspecting and turning are in it, and noise never makes it negative."""
    steps = {"inspect": 2.0, "decode": 30.0, "orient": 3.0, "full webp": 60.0}
    assert Profile("a", steps, 100, 110, 125).rest == pytest.approx(0.1)
    assert Profile("a", {"decode": 130}, 100, 100, 100).rest == 0


def test_markdown_tables_hold_together() -> None:
    """Every row of a table has as many cells as its head, whatever a picture is called."""
    blocks = [block.splitlines() for block in report.markdown(run()).split("\n\n") if block.startswith("|")]
    assert "rice ¦ field" in "".join(line for block in blocks for line in block)
    assert len(blocks) == 7
    for block in blocks:
        assert {line.count("|") for line in block} == {block[0].count("|")}


@pytest.mark.parametrize("values", [(0.0, 1.0), (3.0, 47.0), (-4.5, 81.0), (1.0, 4200.0), (60.0, 60.5), (5.0, 5.0)])
def test_the_axes_of_a_chart_enclose_the_values(values: tuple[float, float]) -> None:
    """Every dot lies within the chart, whatever the range."""
    drawn = chart.line_chart("title", "x & y", "y", {"a < b": [(0, values[0]), (1, values[1])]})
    heights = [float(part.split('"')[0]) for part in drawn.split('cy="')[1:]]
    assert len(heights) == 2
    assert all(0 <= height <= chart.HEIGHT for height in heights)
    assert "a &lt; b" in drawn


def test_the_legend_of_a_chart_hides_no_curve() -> None:
    """It stands beside the plot, to the right of every dot and grid line."""
    drawn = chart.line_chart("title", "x", "y", {"first": [(0, 0), (9, 0)], "second": [(0, 5), (9, 9)]})
    dots = [float(part.split('"')[0]) for part in drawn.split('cx="')[1:]]
    legend = [float(part.split('"')[0]) for part in drawn.split('<rect x="')[1:]]
    assert len(legend) == 2
    assert max(dots) < min(legend)
