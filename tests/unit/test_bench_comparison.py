"""The benchmark's arithmetic: what a ratio is, and when there is none."""

import pytest

from scripts.bench.comparison import Made, NotComparable, Sample, Side, between, compared, fitted_line, summed

WEBP = Made("full webp", 640, 480, 1000, 70.0)
JPEG = Made("medium jpeg", 320, 240, 500, 80.0)


def side(*cpu: float, made: tuple[Made, ...] = (WEBP, JPEG), name: str = "ours", error: str = "") -> Side:
    """A contestant that took so many milliseconds in each round."""
    return Side(name, tuple(Sample(each, each * 2, made, error) for each in cpu))


def test_the_ratio_is_the_median_over_pairs() -> None:
    """Each round is divided by its own neighbour in time, so that a slow minute of the machine cancels out."""
    ratios = compared(side(10, 40, 12), side(20, 80, 40, name="sharp"))
    assert ratios.cpu == ratios.wall == 0.5


def test_bytes_are_of_all_renditions_and_scores_their_mean_difference() -> None:
    """Bytes are summed before they are divided; scores are subtracted rendition by rendition."""
    theirs = (Made("full webp", 640, 480, 2000, 69.0), Made("medium jpeg", 320, 240, 1000, 82.0))
    ratios = compared(side(1), side(1, made=theirs, name="sharp"))
    assert ratios.bytes == 0.5
    assert ratios.score == -0.5


def test_no_score_without_both_scores() -> None:
    """A missing score makes no difference of zero."""
    theirs = (Made("full webp", 640, 480, 2000), Made("medium jpeg", 320, 240, 1000))
    assert compared(side(1), side(1, made=theirs)).score is None


@pytest.mark.parametrize("failed", ["ours", "sharp"])
def test_a_failed_side_has_no_ratio(failed: str) -> None:
    """Whichever side failed, in whichever round, is named with its error, and nothing is divided."""
    good = Sample(1, 1, (WEBP,))
    bad = Sample(0, 0, error="out of memory")
    sides = {name: Side(name, (good, bad) if name == failed else (good, good)) for name in ("ours", "sharp")}
    with pytest.raises(NotComparable, match=f"{failed} failed: out of memory"):
        compared(sides["ours"], sides["sharp"])


@pytest.mark.parametrize("same_work", [True, False])
def test_other_dimensions_have_no_ratio(same_work: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A picture one pixel larger is other work, also where the sides were asked for different sets of renditions."""
    larger = (Made("full webp", 641, 480, 1000, 70.0), JPEG)
    with pytest.raises(NotComparable, match="640x480 pixels from ours and 641x480 from sharp"):
        compared(side(1), side(1, made=larger, name="sharp"), same_work=same_work)


def test_other_renditions_have_no_ratio() -> None:
    """A side that made one rendition less is not compared as if it had made all."""
    with pytest.raises(NotComparable, match="medium jpeg"):
        compared(side(1), side(1, made=(WEBP,), name="sharp"))


def test_nothing_made_has_no_ratio() -> None:
    """A side that made nothing was infinitely fast, which is no result."""
    with pytest.raises(NotComparable, match="made nothing"):
        compared(side(1), side(1, made=(), name="sharp"))


def test_unequal_numbers_of_rounds_have_no_ratio() -> None:
    """Rounds are compared in pairs, so a missing one is not made up for."""
    with pytest.raises(NotComparable, match="2 rounds of ours and 1 of sharp"):
        compared(side(1, 1), side(1, name="sharp"))


def test_different_work_compares_only_time() -> None:
    """Nine renditions beside three have a ratio of time, and none of bytes."""
    ratios = compared(side(9), side(10, made=(WEBP,), name="sharp"), same_work=False)
    assert ratios.cpu == 0.9
    assert ratios.bytes is None
    assert ratios.score is None


def test_totals_are_sums_of_each_round() -> None:
    """Pictures are summed round by round, then divided in pairs; a sum of medians would say 210 / 200 here."""
    ours = [side(10, 10, 100), side(400, 200, 200)]
    theirs = [side(100, 100, 100, name="sharp"), side(100, 100, 100, name="sharp")]
    total = compared(summed(ours), summed(theirs))
    assert total.cpu == total.wall == 300 / 200
    assert (total.bytes, total.score) == (1.0, 0.0)


def test_the_peak_of_several_pictures_is_their_largest() -> None:
    """Memory is not summed: the pictures are done one after the other. One that was not measured is passed over."""
    sides = [Side("ours", (Sample(1, 1, (WEBP,)),), peak) for peak in (40.0, 90.0, None)]
    assert summed(sides).peak_mib == 90.0
    assert summed(sides[2:]).peak_mib is None


def test_a_total_leaves_nobody_out() -> None:
    """One picture that cannot be compared spoils the total, rather than being dropped from it."""
    for broken in (side(1, name="sharp", error="no"), side(1, name="sharp", made=())):
        with pytest.raises(NotComparable, match="sharp failed"):
            compared(summed([side(1), side(1)]), summed([side(1, name="sharp"), broken]), same_work=False)
    with pytest.raises(NotComparable, match="no picture"):
        summed([])
    with pytest.raises(NotComparable, match="not as many rounds"):
        summed([side(1), side(1, 1)])


def avif(quality_bytes: int, score: float | None, *cpu: float) -> Side:
    """Ours at one quality."""
    return side(*cpu, made=(Made("full avif", 640, 480, quality_bytes, score),))


def test_between_two_qualities_logarithms_are_interpolated() -> None:
    """Half way between the scores lies the geometric mean of bytes and of each round's times."""
    found = between(avif(1000, 70.0, 10, 20), avif(4000, 72.0, 40, 20), 71.0)
    assert found.made == (Made("full avif", 640, 480, 2000, 71.0),)
    assert [sample.cpu_ms for sample in found.samples] == pytest.approx([20, 20])
    assert [sample.wall_ms for sample in found.samples] == pytest.approx([40, 40])


@pytest.mark.parametrize(("low", "high", "score", "reason"), [
    (70.0, 72.0, 69.9, "do not enclose 69.9"), (70.0, 72.0, 72.1, "do not enclose"),
    (70.0, 70.0, 70.0, "do not enclose"), (None, 72.0, 71.0, "do not enclose"), (70.0, 74.1, 72.0, "too far apart"),
])  # fmt: skip
def test_what_does_not_lie_between_is_not_guessed(low: float | None, high: float, score: float, reason: str) -> None:
    """Outside two qualities, or where they are far apart, nothing is extrapolated."""
    with pytest.raises(NotComparable, match=reason):
        between(avif(1000, low, 10), avif(4000, high, 40), score)


def test_the_fitted_line_finds_slope_and_bend() -> None:
    """Points on a line give it back with R² 1; a parabola does not."""
    assert fitted_line({1: 5, 2: 7, 4: 11}) == pytest.approx((2, 3, 1))
    assert fitted_line({1: 1, 2: 4, 3: 9, 4: 16, 8: 64})[2] < 0.97
