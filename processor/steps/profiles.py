"""Profiles: ICC profiles made from numbers, for files that state primaries and a transfer curve but embed none."""

import struct
from functools import cache

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""CIE x and y of white, red, green and blue, in PNG's order."""

BT709: Chromaticities = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
BT601_625: Chromaticities = (0.3127, 0.3290, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060)
BT601_525: Chromaticities = (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
BT2020: Chromaticities = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
P3_DCI: Chromaticities = (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
P3_D65: Chromaticities = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)

_Matrix = tuple[tuple[float, ...], ...]
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD: _Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""IEC 61966-2-1 as parameters of ICC's third parametric function."""


@cache
def profile(primaries: Chromaticities, gamma: float | None) -> bytes:
    """An ICC profile for RGB (version 4.3, matrix and curve).

    Args:
        primaries: of the colour space.
        gamma: exponent from encoded to linear light; None: the curve of sRGB.

    Raises:
        ValueError: the primaries span no colour space.
    """
    curve = _parametric(3, *_SRGB_CURVE) if gamma is None else _parametric(0, gamma)
    columns = tuple(zip(*_rgb_to_xyz_d50(primaries), strict=True))
    tags = [
        (name, b"XYZ \0\0\0\0" + _fixed(*xyz)) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    ]
    tags += [(b"wtpt", b"XYZ \0\0\0\0" + _fixed(*_D50))]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, bodies = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, body in tags:
        table += struct.pack(">4sII", name, start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(bodies), b"\0\0\0\0", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + _fixed(*_D50)
    return header.ljust(128, b"\0") + table + bodies


def _parametric(kind: int, *parameters: float) -> bytes:
    return struct.pack(">4sIHH", b"para", 0, kind, 0) + _fixed(*parameters)


def _fixed(*numbers: float) -> bytes:
    try:
        return b"".join(struct.pack(">i", round(number * 65_536)) for number in numbers)
    except (struct.error, OverflowError) as exc:
        raise ValueError("the primaries span no colour space") from exc


def _rgb_to_xyz_d50(primaries: Chromaticities) -> _Matrix:
    """SMPTE RP 177, then adapted from the space's white to D50 by Bradford's cone responses."""
    white, red, green, blue = (_xyz(*primaries[at : at + 2]) for at in range(0, 8, 2))
    unscaled = tuple(zip(red, green, blue, strict=True))
    scale = _times(_inverse(unscaled), white)
    matrix = tuple(tuple(value * factor for value, factor in zip(row, scale, strict=True)) for row in unscaled)
    before, after = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    if 0 in before:
        raise ValueError("the primaries span no colour space")
    gains = tuple(tuple(value * a / b for value in row) for row, a, b in zip(_BRADFORD, after, before, strict=True))
    adapt = _product(_inverse(_BRADFORD), gains)
    return _product(adapt, matrix)


def _xyz(x: float, y: float) -> tuple[float, float, float]:
    if y <= 0:
        raise ValueError("the primaries span no colour space")
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: _Matrix, vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _product(left: _Matrix, right: _Matrix) -> _Matrix:
    columns = tuple(zip(*right, strict=True))
    return tuple(tuple(sum(a * b for a, b in zip(row, column, strict=True)) for column in columns) for row in left)


def _inverse(matrix: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if abs(determinant) < 1e-6:  # noqa: PLR2004 - three colours on one line
        raise ValueError("the primaries span no colour space")
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple(tuple(value / determinant for value in row) for row in cofactors)
