"""What a benchmark run says: the table for the terminal, the tables and the chart for the documentation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from scripts import generated
from scripts.bench.chart import line_chart
from scripts.bench.comparison import Made, NotComparable, Ratios, Side, between, compared, fitted_line, summed
from scripts.bench.pictures import Picture
from scripts.bench.profile import Profile

CHART = "performance-growth.svg"
NEAR = 1.0
"""Megapixels: how far a picture may be from a target's size to stand for it."""

SIDES = ("three", "nine", "sharp", "original")
PAIRS = (("three", "sharp", True), ("three", "original", True), ("nine", "sharp", False))
"""What is divided by what, and whether both made the same renditions."""

OVER = {
    "photos as published": ("photo",),
    "photos and mosaics": ("photo", "mosaic"),
    "everything": ("photo", "mosaic", "screenshot", "alpha", "noise"),
}
"""What totals are over, by kind of picture."""

SHARP_DEFAULT = 50
"""sharp's own quality of AVIF, for which there is a target."""

THREADS = (1, 2, 8)
"""How many encoders at once, which must not change a byte."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One picture and what every contestant did with it.

    Attributes:
        picture: the source.
        sides: `three`, `nine` (ours), `sharp`, `original` (sharp's two ways to make the three).
    """

    picture: Picture
    sides: dict[str, Side]


@dataclass(frozen=True, slots=True)
class Avif:
    """One AVIF from both sides, ours at the two neighbouring qualities whose scores enclose sharp's.

    Attributes:
        picture: the source.
        sharp_quality: on sharp's scale.
        qualities: the lower and the upper of ours.
        sides: `lower`, `upper` (ours) and `sharp`.
        error: why there is nothing to compare; empty if there is.
    """

    picture: Picture
    sharp_quality: int
    qualities: tuple[int, int] = (0, 0)
    sides: dict[str, Side] = field(default_factory=dict)
    error: str = ""

    def pair(self) -> tuple[Side, Side]:
        """Ours at exactly sharp's score, interpolated, and sharp's.

        Raises:
            NotComparable: if one failed, or sharp's score cannot be reached.
        """
        if self.error:
            raise NotComparable(self.error)
        sharp = self.sides["sharp"]
        if sharp.error:
            raise NotComparable(f"sharp failed: {sharp.error}")
        score = sharp.made[0].score
        if score is None:
            raise NotComparable("sharp's has no score")
        ours = between(self.sides["lower"], self.sides["upper"], score)
        compared(ours, sharp)
        return ours, sharp


@dataclass(frozen=True, slots=True)
class Threaded:
    """Our nine renditions of one picture, made with one encoder at a time and with several.

    Attributes:
        name: of the picture.
        differing: renditions whose bytes were not always the same.
    """

    name: str
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """Our nine renditions at one size of the same texture."""

    megapixels: float
    cpu_ms: float
    peak_mib: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run measured; `about` says when, where and with what, `failures` what could not be."""

    measured: list[Measured] = field(default_factory=list)
    avif: list[Avif] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    about: list[str] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    threaded: list[Threaded] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """A promise, and what was measured; without a limit it is there to be known only."""

    what: str
    limit: str
    value: str
    met: bool | None


def refusals(run: Run) -> list[str]:
    """Whatever could not be measured or compared, with its reason. Where sharp was left out there is none to refuse."""
    found = list(run.failures)
    for measured in run.measured:
        if "sharp" not in measured.sides:
            found += [f"{measured.picture.name}: {side.error}" for side in measured.sides.values() if side.error]
            continue
        for ours, theirs, same in PAIRS:
            try:
                compared(measured.sides[ours], measured.sides[theirs], same_work=same)
            except NotComparable as exc:
                found.append(f"{measured.picture.name}, {ours} beside {theirs}: {exc}")
    for avif in run.avif:
        try:
            avif.pair()
        except NotComparable as exc:
            found.append(f"{avif.picture.name}, AVIF at quality {avif.sharp_quality} of sharp: {exc}")
    return found


def terminal(run: Run) -> str:
    """For people who ran it; what matters most comes last, where a terminal stands."""
    lines = list(run.about)
    for title, rows in reversed(list(_tables(run))):
        lines += ["", title, "", *_aligned(rows)]
    return "\n".join([*lines, "", *(f"not compared: {refusal}" for refusal in refusals(run))])


def with_sharp(run: Run) -> bool:
    """Whether there is another side at all."""
    return any("sharp" in measured.sides for measured in run.measured)


def targets(run: Run) -> list[Target]:
    """The promises of this benchmark. What could not be compared is not met."""
    photos = _of(run, "photo")
    three, original, nine = (_total(photos, ours, theirs, same_work=same) for ours, theirs, same in PAIRS)
    avif, better = _avif_totals(run)
    score = None if three is None else three.score
    found = [
        _ratio("three renditions, CPU of sharp's", three.cpu if three else None, 0.40),
        _ratio("three renditions, CPU of the original design", original.cpu if original else None, 0.40),
        _ratio("three renditions, bytes of sharp's", three.bytes if three else None, 1.00),
        Target(
            "three renditions, SSIMULACRA2 less sharp's",
            "≥ −0.5",
            _signed(score) or "not measured",
            None if score is None else score >= -0.5,  # noqa: PLR2004 - the promise
        ),
        _ratio("nine renditions, CPU of sharp's three", nine.cpu if nine else None, 0.90),
        _ratio("nine renditions as deployed, CPU of sharp's three", _deployed(photos, run) if nine else None, 0.90),
        _ratio("AVIF alone at an equal score, CPU of sharp's", avif.cpu if avif else None, 0.05),
        _ratio("AVIF alone at an equal score, bytes of sharp's", avif.bytes if avif else None, 1.00),
    ]
    for quality, ratios in better.items():
        found += [
            _ratio(f"AVIF at quality {quality} of sharp, CPU", ratios.cpu if ratios else None),
            _ratio(f"AVIF at quality {quality} of sharp, bytes", ratios.bytes if ratios else None),
        ]
    found += [
        Target(
            f"outside decode, colour, resize, encode: {profile.name}",
            "≤ 10 %",
            f"{profile.rest:.1%}",
            profile.rest <= 0.10,  # noqa: PLR2004 - the promise
        )
        for profile in run.profiles
    ]
    for megapixels, mebibytes in ((24, 512), (50, 1024)):
        peak = next((each.peak_mib for each in run.growth if abs(each.megapixels - megapixels) < NEAR), None)
        value = "not measured" if peak is None else f"{peak:,.0f} MB"
        met = None if peak is None else peak <= mebibytes
        found.append(Target(f"nine renditions of {megapixels} MP, peak memory", f"≤ {mebibytes:,} MB", value, met))
    if len(run.growth) > 2:  # noqa: PLR2004 - two points are always a line
        slope, intercept, straight = growth_line(run.growth)
        value = f"{slope:.1f} ms/MP {intercept:+.0f} ms, R² {straight:.4f}"
        found.append(Target("CPU linear in pixels, 1 to 50 MP", "R² ≥ 0.99", value, straight >= 0.99))  # noqa: PLR2004
    return [*found, _threads_target(run.threaded)]


def _deployed(photos: Sequence[Measured], run: Run) -> float | None:
    """CPU of our nine renditions in a process a picture, of sharp's three in one; None unless all were measured."""
    isolated = {profile.name: profile.isolated for profile in run.profiles}
    if any(measured.picture.name not in isolated for measured in photos):
        return None
    return sum(isolated[measured.picture.name] for measured in photos) / sum(
        measured.sides["sharp"].cpu_ms for measured in photos
    )


def growth_line(growth: Sequence[Growth]) -> tuple[float, float, float]:
    """CPU over megapixels: slope in ms, intercept in ms, R²."""
    return fitted_line({each.megapixels: each.cpu_ms for each in growth})


def update(docs: Path, run: Run) -> None:
    """Replace the tables of the documentation and the chart beside it."""
    generated.replace(docs, "bench", markdown(run))
    if run.growth:
        slope, intercept, _ = growth_line(run.growth)
        measured = [(each.megapixels, each.cpu_ms) for each in run.growth]
        line = [(x, slope * x + intercept) for x, _ in (measured[0], measured[-1])]
        series = {"measured": measured, "least squares": line}
        title = "CPU of the default recipe's nine renditions"
        chart = line_chart(title, "megapixels of the source", "CPU, ms", series)
        (docs.parent / CHART).write_text(chart, "utf-8")


def markdown(run: Run) -> str:
    """The block of the documentation."""
    parts = ["\n".join(f"- {line}" for line in run.about)]
    for title, rows in _tables(run):
        parts.append(f"### {title}")
        parts += [f"![CPU over megapixels]({CHART})"] if title == GROWTH else []
        parts.append(markdown_table(rows))
    refused = refusals(run)
    if refused:
        parts += ["### Not compared", "\n".join(f"- {refusal}" for refusal in refused)]
    return "\n\n".join(parts)


# --- rows ------------------------------------------------------------------------------------------------------------

Rows = list[list[str]]
GROWTH = "Growth"


def _tables(run: Run) -> Iterator[tuple[str, Rows]]:
    """Every table that there is something for, with its title."""
    if with_sharp(run):
        yield "Targets", _target_rows(targets(run))
        yield "Ratios in total", _total_ratio_rows(run)
    if run.measured:
        yield "In total", _total_rows(run)
        yield "CPU and wall, picture by picture", _time_rows(run)
    if with_sharp(run):
        yield "Ratios, picture by picture", _ratio_rows(run)
    if run.measured:
        yield "Peak memory", _peak_rows(run)
        yield "Bytes and SSIMULACRA2 of every rendition", _rendition_rows(run)
    if run.avif:
        yield "AVIF at an equal score, ours interpolated between two qualities", _avif_rows(run)
    if run.profiles:
        yield "Where our CPU goes", _profile_rows(run.profiles)
    if run.growth:
        yield GROWTH, _growth_rows(run.growth)


def _time_rows(run: Run) -> Rows:
    rows = [["picture", "kind", "MP", *_headed("CPU ms", SIDES), *_headed("wall ms", SIDES)]]
    for measured in run.measured:
        sides = [side if side and not side.error else None for side in map(measured.sides.get, SIDES)]
        rows.append(
            [
                measured.picture.name,
                measured.picture.kind,
                f"{measured.picture.megapixels:.1f}",
                *(_number(side.cpu_ms if side else None) for side in sides),
                *(_number(side.wall_ms if side else None) for side in sides),
            ]
        )
    return rows


def _peak_rows(run: Run) -> Rows:
    rows = [["picture", *_headed("MB", SIDES)]]
    for measured in run.measured:
        sides = map(measured.sides.get, SIDES)
        rows.append([measured.picture.name, *(_number(side.peak_mib if side else None) for side in sides)])
    return rows


def _ratio_rows(run: Run) -> Rows:
    rows = [["picture", *_ratio_head()]]
    for measured in run.measured:
        row = [measured.picture.name]
        for ours, theirs, same in PAIRS:
            row += _ratio_cells(_total([measured], ours, theirs, same_work=same), same_work=same)
        rows.append(row)
    return rows


def _total_ratio_rows(run: Run) -> Rows:
    rows = [["over", "ours / theirs", "CPU", "wall", "bytes", "score", "CPU, median of pictures"]]
    for name, kinds in OVER.items():
        measured = _of(run, *kinds)
        for ours, theirs, same in PAIRS if measured else ():
            total = _total(measured, ours, theirs, same_work=same)
            if total is None:
                rows.append([name, f"{ours} / {theirs}", "not compared", *[""] * 4])
                continue
            each = median(compared(one.sides[ours], one.sides[theirs], same_work=same).cpu for one in measured)
            numbers = (total.cpu, total.wall, total.bytes)
            cells = [*map(_fraction, numbers), _signed(total.score), _fraction(each)]
            rows.append([name, f"{ours} / {theirs}", *cells])
    return rows


def _total_rows(run: Run) -> Rows:
    rows = [["over", "side", "CPU ms", "wall ms", "bytes", "largest peak, MB"]]
    for name, kinds in OVER.items():
        measured = _of(run, *kinds)
        for side in SIDES:
            found = [each.sides[side] for each in measured if side in each.sides]
            if found and not any(each.error for each in found):
                total = summed(found)
                rows.append([name, side, *map(_number, (total.cpu_ms, total.wall_ms, total.bytes, total.peak_mib))])
    return rows


def _rendition_rows(run: Run) -> Rows:
    rows = [["picture", "rendition", "pixels", "ours: bytes", "score", "sharp: bytes", "score"]]
    for measured in run.measured:
        theirs = {made.name: made for made in measured.sides["sharp"].made} if "sharp" in measured.sides else {}
        for made in measured.sides["nine"].made:
            other = theirs.get(made.name)
            pixels = f"{made.width} × {made.height}"
            rows.append([measured.picture.name, made.name, pixels, *_bytes_and_score(made), *_bytes_and_score(other)])
    return rows


def _avif_rows(run: Run) -> Rows:
    head = ["picture", "quality: sharp", "ours", "score: sharp", "ours", "bytes: sharp", "ours, at sharp's score"]
    rows = [[*head, "CPU ms: sharp", "ours", "bytes ratio", "CPU ratio", "wall ratio"]]
    for avif in run.avif:
        try:
            ours, sharp = avif.pair()
        except NotComparable:
            rows.append([avif.picture.name, str(avif.sharp_quality), "not compared", *[""] * 9])
            continue
        ratios = compared(ours, sharp)
        lower, upper = avif.sides["lower"], avif.sides["upper"]
        rows.append(
            [
                avif.picture.name,
                str(avif.sharp_quality),
                f"{avif.qualities[0]}, {avif.qualities[1]}",
                _points(sharp.made[0].score),
                f"{_points(lower.made[0].score)}, {_points(upper.made[0].score)}",
                _number(sharp.bytes),
                _number(ours.bytes),
                _number(sharp.cpu_ms),
                _number(ours.cpu_ms),
                _fraction(ratios.bytes),
                f"{ratios.cpu:.3f}",
                f"{ratios.wall:.3f}",
            ]
        )
    return rows


def _profile_rows(profiles: Sequence[Profile]) -> Rows:
    names = list(dict.fromkeys(step for profile in profiles for step in profile.steps))
    rows = [["CPU ms", *(profile.name for profile in profiles)]]
    rows += [[name, *(_number(profile.steps.get(name)) for profile in profiles)] for name in names]
    rows.append(["whole, one encoder at a time", *(_number(profile.whole) for profile in profiles)])
    rows.append(["outside the steps", *(f"{profile.rest:.1%}" for profile in profiles)])
    rows.append(["whole, an encoder a CPU", *(_number(profile.together) for profile in profiles)])
    rows.append(["the same in a process a picture, as deployed", *(_number(each.isolated) for each in profiles)])
    return rows


def _growth_rows(growth: Sequence[Growth]) -> Rows:
    rows = [["MP", "CPU ms", "ms a MP", "peak MB"]]
    for each in growth:
        per = each.cpu_ms / each.megapixels
        rows.append([f"{each.megapixels:.1f}", _number(each.cpu_ms), f"{per:.1f}", _number(each.peak_mib)])
    return rows


def _target_rows(found: Sequence[Target]) -> Rows:
    verdicts = {True: "yes", False: "no", None: "not measured"}
    return [
        ["target", "limit", "measured", "met"],
        *([each.what, each.limit, each.value, verdicts[each.met] if each.limit else ""] for each in found),
    ]


# --- numbers ---------------------------------------------------------------------------------------------------------


def _of(run: Run, *kinds: str) -> list[Measured]:
    return [measured for measured in run.measured if measured.picture.kind in kinds]


def _total(measured: Sequence[Measured], ours: str, theirs: str, *, same_work: bool = True) -> Ratios | None:
    """The ratios over pictures, round by round; None where there are none. No picture is left out."""
    try:
        sides = (summed([each.sides[name] for each in measured]) for name in (ours, theirs))
        return compared(*sides, same_work=same_work)
    except (NotComparable, KeyError):
        return None


def _avif_totals(run: Run) -> tuple[Ratios | None, dict[int, Ratios | None]]:
    """Over pictures, at sharp's default quality and at its others."""
    found: dict[int, Ratios | None] = {SHARP_DEFAULT: None}
    for quality in dict.fromkeys(avif.sharp_quality for avif in run.avif):
        try:
            ours, theirs = zip(*(avif.pair() for avif in run.avif if avif.sharp_quality == quality), strict=True)
            found[quality] = compared(summed(ours), summed(theirs))
        except NotComparable:
            found[quality] = None
    return found.pop(SHARP_DEFAULT), found


def _threads_target(threaded: Sequence[Threaded]) -> Target:
    differing = [f"{each.name}, {name}" for each in threaded for name in each.differing]
    numbers = ", ".join(map(str, THREADS[:-1])) + f" and {THREADS[-1]}"
    value = f"on {len(threaded)} of {len(threaded)} pictures" if threaded else "not measured"
    return Target(
        f"nine renditions' bytes with {numbers} threads",
        "the same",
        f"differ: {'; '.join(differing)}" if differing else value,
        not differing if threaded else None,
    )


def _ratio(what: str, value: float | None, limit: float | None = None) -> Target:
    met = None if value is None or limit is None else round(value, 3) <= limit
    return Target(
        what,
        "" if limit is None else f"≤ {limit:.2f}",
        "not measured" if value is None else f"{value:.3f}",
        met,
    )


def _headed(what: str, names: Sequence[str]) -> list[str]:
    """Heads of a group of columns, of which only the first says what all are."""
    return [f"{what}: {names[0]}", *names[1:]]


def _ratio_head() -> list[str]:
    shown = {True: ("CPU", "wall", "bytes", "score"), False: ("CPU", "wall")}
    return [head for ours, theirs, same in PAIRS for head in _headed(f"{ours} / {theirs}", shown[same])]


def _ratio_cells(ratios: Ratios | None, *, same_work: bool) -> list[str]:
    cells = [_fraction(ratios.cpu if ratios else None), _fraction(ratios.wall if ratios else None)]
    return (
        [*cells, _fraction(ratios.bytes if ratios else None), _signed(ratios.score if ratios else None)]
        if same_work
        else cells
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _fraction(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}".replace("-", "−")


def _bytes_and_score(made: Made | None) -> list[str]:
    return ["", ""] if made is None else [_number(made.bytes), _points(made.score)]


def _aligned(rows: Rows) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) if not index else cell.rjust(width) for index, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]


def markdown_table(rows: Rows) -> str:
    """Numbers to the right: every column whose cells hold a digit somewhere and no letter before it."""
    aligned = ["---" if _is_text([row[column] for row in rows[1:]]) else "---:" for column in range(len(rows[0]))]
    lines = [rows[0], aligned, *rows[1:]]
    return "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in line)} |" for line in lines)


def _is_text(cells: Sequence[str]) -> bool:
    return any(cell[:1].isalpha() for cell in cells)
