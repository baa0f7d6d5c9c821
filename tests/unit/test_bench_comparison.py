"""The benchmark's arithmetic: what a ratio is, and when there is none."""

import pytest

from scripts.bench.comparison import Made, NotComparable, Sample, Side, compared, fitted_line, summed

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


def test_totals_let_large_pictures_weigh_more() -> None:
    """The total divides sums; the median of the pictures' ratios is kept beside it."""
    total = summed([(side(10), side(10)), (side(100), side(400)), (side(10), side(10))])
    assert total.cpu == pytest.approx(120 / 420)
    assert total.median_cpu == 1.0


def test_a_total_leaves_nobody_out() -> None:
    """One picture that cannot be compared spoils the total, rather than being dropped from it."""
    with pytest.raises(NotComparable, match="sharp failed"):
        summed([(side(1), side(1)), (side(1), side(1, name="sharp", error="no"))])
    with pytest.raises(NotComparable, match="no picture"):
        summed([])


def test_the_fitted_line_finds_slope_and_bend() -> None:
    """Points on a line give it back with R² 1; a parabola does not."""
    assert fitted_line({1: 5, 2: 7, 4: 11}) == pytest.approx((2, 3, 1))
    assert fitted_line({1: 1, 2: 4, 3: 9, 4: 16, 8: 64})[2] < 0.97
