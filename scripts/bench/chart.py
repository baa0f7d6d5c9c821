"""Small line charts as SVG, so that the curves in the documentation need no plotting library."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 820, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 206, 34, 48
_COLOURS = ("#2563eb", "#dc2626", "#16a34a", "#9333ea", "#d97706", "#0891b2", "#4b5563", "#be185d")
_TICKS = 5
_LEGEND = 16

Point = tuple[float, float]


def line_chart(title: str, x_label: str, y_label: str, series: Mapping[str, Sequence[Point]]) -> str:
    """An SVG with a line and its dots for each series, axes, and a legend. No series may be empty."""
    points = [point for line in series.values() for point in line]
    x_axis, y_axis = _axis([x for x, _ in points]), _axis([y for _, y in points])

    def place(point: Point) -> Point:
        return (
            _LEFT + (point[0] - x_axis[0]) / (x_axis[-1] - x_axis[0]) * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - (point[1] - y_axis[0]) / (y_axis[-1] - y_axis[0]) * (HEIGHT - _TOP - _BOTTOM),
        )

    middle = HEIGHT / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="11" font-family="Arial">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="16" font-size="13" font-weight="bold">{escape(title)}</text>',
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(y_label)}</text>',
        *(_tick(place((value, y_axis[0])), value, vertical=True) for value in x_axis),
        *(_tick(place((x_axis[0], value)), value, vertical=False) for value in y_axis),
    ]
    for index, (name, line) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        placed = [place(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>' for x, y in placed]
        left, top = WIDTH - _RIGHT + _LEGEND, _TOP + 15 * index
        parts.append(f'<rect x="{left}" y="{top}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{left + 15}" y="{top + 9}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def stacked(charts: Sequence[str]) -> str:
    """Charts one below the other in one SVG."""
    placed = (
        chart.replace("<svg ", f'<svg y="{HEIGHT * place}" height="{HEIGHT}" ', 1) for place, chart in enumerate(charts)
    )
    box = f"0 0 {WIDTH} {HEIGHT * len(charts)}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">\n{"".join(placed)}</svg>\n'


def _tick(place: Point, value: float, *, vertical: bool) -> str:
    x, y = place
    if vertical:
        line = f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        return f'{line}<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{value:,.10g}</text>'
    line = f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#e5e7eb"/>'
    return f'{line}<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>'


def _axis(values: Sequence[float]) -> list[float]:
    """Round numbers, evenly spaced, that enclose the values."""
    lowest, highest = min(values), max(values)
    span = (highest - lowest) or abs(highest) or 1.0
    magnitude = 10.0 ** (len(f"{int(span / _TICKS)}") - 1) if span >= _TICKS else 0.01
    while span / magnitude > _TICKS * 10:
        magnitude *= 10
    step = next(
        magnitude * factor for factor in (1, 2, 2.5, 5, 10, 20, 50) if span / (magnitude * factor) <= _TICKS + 1
    )
    first = int(lowest / step) * step if lowest >= 0 else -(-int(lowest / step) + 1) * step
    axis = [first]
    while axis[-1] < highest - step / 1e6 or len(axis) < 2:  # noqa: PLR2004 - an axis has two ends
        axis.append(round(axis[-1] + step, 6))
    return axis
