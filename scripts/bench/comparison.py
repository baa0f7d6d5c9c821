"""Two sides and their ratios: what may be compared, and what must not be."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

MAX_GAP = 4.0
"""Points of SSIMULACRA2 between neighbouring qualities, up to which what lies between is interpolated."""


class NotComparable(Exception):
    """The two sides did not do the same work, so that a ratio between them would mean nothing."""


@dataclass(frozen=True, slots=True)
class Made:
    """One rendition that a side made.

    Attributes:
        name: which one, the same on both sides: `full webp`, `medium jpeg`.
        width: pixels.
        height: pixels.
        bytes: of the file.
        score: SSIMULACRA2 against the source; None where it was not computed.
    """

    name: str
    width: int
    height: int
    bytes: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed piece of work.

    Attributes:
        cpu_ms: user and system time of every thread and child process.
        wall_ms: by the clock.
        made: what came out; empty where the work failed.
        error: why it failed; empty if it did not.
    """

    cpu_ms: float
    wall_ms: float
    made: tuple[Made, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """What one contestant did with one picture, a sample a round.

    Attributes:
        name: of the contestant.
        samples: in the order of the rounds.
        peak_mib: most memory resident in a fresh process that did this picture once; None if it was not measured.
    """

    name: str
    samples: tuple[Sample, ...]
    peak_mib: float | None = None

    @property
    def error(self) -> str:
        """The first error of any sample, or nothing."""
        return next((sample.error for sample in self.samples if sample.error), "")

    @property
    def made(self) -> tuple[Made, ...]:
        """What it made; every round makes the same."""
        return self.samples[0].made if self.samples else ()

    @property
    def cpu_ms(self) -> float:
        """Median over the rounds."""
        return median(sample.cpu_ms for sample in self.samples)

    @property
    def wall_ms(self) -> float:
        """Median over the rounds."""
        return median(sample.wall_ms for sample in self.samples)

    @property
    def bytes(self) -> int:
        """Of everything that it made."""
        return sum(made.bytes for made in self.made)


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ours divided by theirs.

    Attributes:
        cpu: median over the pairs of rounds.
        wall: the same by the clock.
        bytes: of the renditions that both made; None where they share none.
        score: ours less theirs in SSIMULACRA2 points, mean over the shared renditions; None without scores.
    """

    cpu: float
    wall: float
    bytes: float | None = None
    score: float | None = None


def compared(ours: Side, theirs: Side, *, same_work: bool = True) -> Ratios:
    """The ratios of two sides on one picture.

    Args:
        ours: the numerator.
        theirs: the denominator.
        same_work: whether they were asked for the same renditions. If not, only time is compared, and whatever
            renditions they share must still be of one size.

    Raises:
        NotComparable: if a side failed or did nothing, if they made different renditions, or of different dimensions.
    """
    _check_both_worked(ours, theirs)
    shared = _shared(ours, theirs, same_work=same_work)
    pairs = list(zip(ours.samples, theirs.samples, strict=True))
    return Ratios(
        cpu=median(mine.cpu_ms / other.cpu_ms for mine, other in pairs),
        wall=median(mine.wall_ms / other.wall_ms for mine, other in pairs),
        bytes=sum(mine.bytes for mine, _ in shared) / sum(other.bytes for _, other in shared) if same_work else None,
        score=_score_difference(shared) if same_work else None,
    )


def summed(sides: Sequence[Side]) -> Side:
    """One contestant's pictures as one piece of work: round by round the sums, and the largest peak.

    Large pictures keep their weight, and the rounds of two contestants can still be compared in pairs.

    Raises:
        NotComparable: if there is no picture, or their rounds are not equally many.
    """
    if not sides:
        raise NotComparable("no picture to sum over")
    if len({len(side.samples) for side in sides}) > 1:
        raise NotComparable("not as many rounds of every picture")
    peaks = [side.peak_mib for side in sides if side.peak_mib is not None]
    rounds = zip(*(side.samples for side in sides), strict=True)
    return Side(sides[0].name, tuple(_added(samples) for samples in rounds), max(peaks, default=None))


def between(lower: Side, upper: Side, score: float) -> Side:
    """What one rendition would take at exactly a score, from those at two neighbouring qualities.

    Logarithms of bytes and times are interpolated linearly over the score, times round by round.

    Raises:
        NotComparable: if one failed, if the score is not between theirs, or if they are more than `MAX_GAP` apart.
    """
    _check_both_worked(lower, upper)
    low, high = lower.made[0].score, upper.made[0].score
    if low is None or high is None or not low <= score <= high or low == high:
        raise NotComparable(f"the scores {low} and {high} do not enclose {score:.1f}")
    if high - low > MAX_GAP:
        raise NotComparable(f"neighbouring qualities score {low:.1f} and {high:.1f}, too far apart to interpolate")
    share = (score - low) / (high - low)

    def at_share(one: float, other: float) -> float:
        return math.exp(math.log(one) + share * (math.log(other) - math.log(one)))

    made = replace(lower.made[0], bytes=round(at_share(lower.bytes, upper.bytes)), score=score)
    pairs = zip(lower.samples, upper.samples, strict=True)
    samples = (Sample(at_share(a.cpu_ms, b.cpu_ms), at_share(a.wall_ms, b.wall_ms), (made,)) for a, b in pairs)
    return Side(lower.name, tuple(samples))


def fitted_line(points: Mapping[float, float]) -> tuple[float, float, float]:
    """Least squares through points: slope, intercept, and R² (1: a straight line)."""
    xs, ys = list(points), list(points.values())
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points.items()) / spread
    intercept = mean_y - slope * mean_x
    missed = sum((y - slope * x - intercept) ** 2 for x, y in points.items())
    varied = sum((y - mean_y) ** 2 for y in ys)
    return slope, intercept, 1 - missed / varied if varied else 1.0


def _added(samples: Sequence[Sample]) -> Sample:
    """One round of several pictures; renditions are told apart by the picture's place."""
    made = tuple(
        replace(made, name=f"{place}: {made.name}") for place, sample in enumerate(samples) for made in sample.made
    )
    error = next((sample.error or "made nothing" for sample in samples if sample.error or not sample.made), "")
    return Sample(sum(each.cpu_ms for each in samples), sum(each.wall_ms for each in samples), made, error)


def _check_both_worked(ours: Side, theirs: Side) -> None:
    for side in (ours, theirs):
        if side.error:
            raise NotComparable(f"{side.name} failed: {side.error}")
        if not side.made:
            raise NotComparable(f"{side.name} made nothing")
    if len(ours.samples) != len(theirs.samples):
        raise NotComparable(f"{len(ours.samples)} rounds of {ours.name} and {len(theirs.samples)} of {theirs.name}")


def _shared(ours: Side, theirs: Side, *, same_work: bool) -> list[tuple[Made, Made]]:
    mine = {made.name: made for made in ours.made}
    other = {made.name: made for made in theirs.made}
    if same_work and mine.keys() != other.keys():
        raise NotComparable(f"{ours.name} made {sorted(mine)}, {theirs.name} made {sorted(other)}")
    shared = [(mine[name], other[name]) for name in mine if name in other]
    for one, two in shared:
        if (one.width, one.height) != (two.width, two.height):
            raise NotComparable(
                f"{one.name} has {one.width}x{one.height} pixels from {ours.name} "
                f"and {two.width}x{two.height} from {theirs.name}"
            )
    return shared


def _score_difference(shared: Sequence[tuple[Made, Made]]) -> float | None:
    differences = [one.score - two.score for one, two in shared if one.score is not None and two.score is not None]
    return sum(differences) / len(differences) if differences else None
