"""What a benchmark run says: the table for the terminal, the tables and the chart for the documentation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.chart import line_chart
from scripts.bench.comparison import Made, NotComparable, Ratios, Side, Total, compared, fitted_line, summed
from scripts.bench.errors import BenchError
from scripts.bench.pictures import Picture
from scripts.bench.profile import Profile

BEGIN, END = "<!-- {}: written by `make {}`, do not edit -->", "<!-- end of {} -->"
CHART = "performance-growth.svg"
NEAR = 1.0
"""Megapixels: how far a picture may be from a target's size to stand for it."""


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
    """One AVIF from both sides, at scores as near as our quality scale allows.

    Attributes:
        picture: the source.
        sides: `ours` and `sharp`; fewer if one failed.
        quality: of ours.
    """

    picture: Picture
    sides: dict[str, Side]
    quality: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Our nine renditions at one size of the same texture."""

    megapixels: float
    cpu_ms: float
    peak_mib: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run measured; `about` says when, where and with what."""

    measured: list[Measured]
    avif: list[Avif]
    growth: list[Growth]
    about: list[str]
    profiles: list[Profile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """A promise about a ratio, and what was measured."""

    what: str
    limit: str
    value: str
    met: bool | None


def refusals(run: Run) -> list[str]:
    """Every comparison that could not be made, with its reason. Where sharp was left out there is none to refuse."""
    found = []
    for measured in run.measured:
        if "sharp" not in measured.sides:
            found += [f"{measured.picture.name}: {side.error}" for side in measured.sides.values() if side.error]
            continue
        for ours, theirs, same in (("three", "sharp", True), ("three", "original", True), ("nine", "sharp", False)):
            reason = _refusal(measured.sides[ours], measured.sides[theirs], same_work=same)
            found += [f"{measured.picture.name}, {ours} beside {theirs}: {reason}"] if reason else []
    for avif in run.avif:
        if "sharp" in avif.sides and (reason := _refusal(avif.sides["ours"], avif.sides["sharp"], same_work=True)):
            found.append(f"{avif.picture.name}, AVIF: {reason}")
    return found


def terminal(run: Run) -> str:
    """For people who ran it."""
    lines = [*run.about, "", *_aligned(_picture_rows(run))]
    if with_sharp(run):
        lines += ["", *_aligned(_total_rows(run)), "", *_aligned(_target_rows(targets(run)))]
    return "\n".join([*lines, *(f"not compared: {refusal}" for refusal in refusals(run))])


def with_sharp(run: Run) -> bool:
    """Whether there is another side at all."""
    return any("sharp" in measured.sides for measured in run.measured)


def targets(run: Run) -> list[Target]:
    """The promises of this benchmark. What could not be compared is not met."""
    photos = _of(run, "photo")
    three = _attempted(lambda: _total(photos, "three", "sharp"))
    original = _attempted(lambda: _total(photos, "three", "original"))
    nine = _attempted(lambda: _total(photos, "nine", "sharp", same_work=False))
    avif = _attempted(lambda: _avif_total(run))
    score = None if three is None else three.score
    found = [
        _ratio("three renditions, CPU of sharp's", three.cpu if three else None, 0.40),
        _ratio("three renditions, CPU of the original design", original.cpu if original else None, 0.40),
        _ratio("three renditions, bytes of sharp's", three.bytes if three else None, 1.00),
        Target(
            "three renditions, SSIMULACRA2 less sharp's",
            "≥ −0.5",
            _signed(score),
            None if score is None else score >= -0.5,  # noqa: PLR2004 - the promise
        ),
        _ratio("nine renditions, CPU of sharp's three", nine.cpu if nine else None, 0.90),
        _ratio("AVIF alone at an equal score, CPU of sharp's", avif.cpu if avif else None, 0.05),
        _ratio("AVIF alone at an equal score, bytes of sharp's", avif.bytes if avif else None, 1.00),
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
    return found


def growth_line(growth: Sequence[Growth]) -> tuple[float, float, float]:
    """CPU over megapixels: slope in ms, intercept in ms, R²."""
    return fitted_line({each.megapixels: each.cpu_ms for each in growth})


def update(docs: Path, run: Run) -> None:
    """Replace the tables of the documentation and the chart beside it."""
    replace_block(docs, "bench", markdown(run))
    if run.growth:
        slope, intercept, _ = growth_line(run.growth)
        measured = [(each.megapixels, each.cpu_ms) for each in run.growth]
        line = [(x, slope * x + intercept) for x, _ in (measured[0], measured[-1])]
        series = {"measured": measured, "least squares": line}
        title = "CPU of the default recipe's nine renditions"
        chart = line_chart(title, "megapixels of the source", "CPU, ms", series)
        (docs.parent / CHART).write_text(chart, "utf-8")


def replace_block(docs: Path, name: str, text: str) -> None:
    """Put a text between the markers of a block.

    Raises:
        BenchError: if the document lacks the markers.
    """
    begin, end = BEGIN.format(name, name), END.format(name)
    before, found, rest = docs.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise BenchError(f"{docs} lacks the lines {begin!r} and {end!r}, between which the tables go")
    docs.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", "utf-8")


def markdown(run: Run) -> str:
    """The block of the documentation."""
    parts = ["\n".join(f"- {line}" for line in run.about)]
    parts += ["### Targets", markdown_table(_target_rows(targets(run)))]
    parts += ["### In total", markdown_table(_total_rows(run))]
    parts += ["### Picture by picture", markdown_table(_picture_rows(run))]
    parts += ["### Bytes and SSIMULACRA2 of every rendition", markdown_table(_rendition_rows(run))]
    if run.avif:
        parts += ["### AVIF at an equal score", markdown_table(_avif_rows(run))]
    if run.profiles:
        parts += ["### Where our CPU goes", markdown_table(_profile_rows(run.profiles))]
    if run.growth:
        parts += ["### Growth", f"![CPU over megapixels]({CHART})", markdown_table(_growth_rows(run.growth))]
    refused = refusals(run)
    if refused:
        parts += ["### Not compared", "\n".join(f"- {refusal}" for refusal in refused)]
    return "\n\n".join(parts)


# --- rows ------------------------------------------------------------------------------------------------------------

Rows = list[list[str]]


def _picture_rows(run: Run) -> Rows:
    head = ["picture", "kind", "MP", "CPU ms: three", "nine", "sharp", "original"]
    rows = [[*head, "peak MB: three", "nine", "sharp", "original", "CPU three/sharp", "bytes", "score", "nine/sharp"]]
    for measured in run.measured:
        sides = [measured.sides.get(name) for name in ("three", "nine", "sharp", "original")]
        three = _attempted_ratios(measured, "three", same_work=True)
        nine = _attempted_ratios(measured, "nine", same_work=False)
        rows.append(
            [
                measured.picture.name,
                measured.picture.kind,
                f"{measured.picture.megapixels:.1f}",
                *(_number(side.cpu_ms if side and not side.error else None) for side in sides),
                *(_number(side.peak_mib if side else None) for side in sides),
                _fraction(three.cpu if three else None),
                _fraction(three.bytes if three else None),
                _signed(three.score if three else None),
                _fraction(nine.cpu if nine else None),
            ]
        )
    return rows


def _total_rows(run: Run) -> Rows:
    rows = [["over", "ours beside", "CPU", "median of pictures", "bytes", "score"]]
    for name, kinds in (
        ("photos as published", ("photo",)),
        ("photos and mosaics", ("photo", "mosaic")),
        ("everything", ("photo", "mosaic", "screenshot", "alpha", "noise")),
    ):
        for ours, theirs, same in (("three", "sharp", True), ("three", "original", True), ("nine", "sharp", False)):
            measured = _of(run, *kinds)
            total = _attempted(lambda m=measured, o=ours, t=theirs, s=same: _total(m, o, t, same_work=s))  # type: ignore[misc]
            if total is None:
                rows.append([name, f"{ours} / {theirs}", "not compared", "", "", ""])
                continue
            rest = [_fraction(total.bytes), _signed(total.score)] if same else ["", ""]
            rows.append([name, f"{ours} / {theirs}", _fraction(total.cpu), _fraction(total.median_cpu), *rest])
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
    rows = [["picture", "our quality", "score: ours", "sharp", "bytes: ours", "sharp", "CPU ms: ours", "sharp", "CPU"]]
    for avif in run.avif:
        if "ours" not in avif.sides or _refusal(avif.sides["ours"], avif.sides["sharp"], same_work=True):
            rows.append([avif.picture.name, "not compared", *[""] * 7])
            continue
        ours, sharp = avif.sides["ours"], avif.sides["sharp"]
        rows.append(
            [
                avif.picture.name,
                str(avif.quality),
                _points(ours.made[0].score),
                _points(sharp.made[0].score),
                _number(ours.bytes),
                _number(sharp.bytes),
                _number(ours.cpu_ms),
                _number(sharp.cpu_ms),
                f"{compared(ours, sharp).cpu:.3f}",
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
        *([each.what, each.limit, each.value, verdicts[each.met]] for each in found),
    ]


# --- numbers ---------------------------------------------------------------------------------------------------------


def _of(run: Run, *kinds: str) -> list[Measured]:
    return [measured for measured in run.measured if measured.picture.kind in kinds]


def _total(measured: Sequence[Measured], ours: str, theirs: str, *, same_work: bool = True) -> Total:
    return summed([(each.sides[ours], each.sides[theirs]) for each in measured], same_work=same_work)


def _avif_total(run: Run) -> Total:
    return summed([(each.sides["ours"], each.sides["sharp"]) for each in run.avif])


def _attempted(make: Callable[[], Total]) -> Total | None:
    """The total, or None where it would not be one."""
    try:
        return make()
    except (NotComparable, KeyError):
        return None


def _attempted_ratios(measured: Measured, ours: str, *, same_work: bool) -> Ratios | None:
    try:
        return compared(measured.sides[ours], measured.sides["sharp"], same_work=same_work)
    except (NotComparable, KeyError):
        return None


def _refusal(ours: Side, theirs: Side, *, same_work: bool) -> str:
    try:
        compared(ours, theirs, same_work=same_work)
    except NotComparable as exc:
        return str(exc)
    return ""


def _ratio(what: str, value: float | None, limit: float) -> Target:
    met = None if value is None else round(value, 3) <= limit
    return Target(what, f"≤ {limit:.2f}", "not measured" if value is None else f"{value:.3f}", met)


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
