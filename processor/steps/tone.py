"""Tone: how brightness beyond a standard display (PQ and HLG) is brought down to what sRGB can show."""

import math
from collections.abc import Callable
from functools import cache

Curve = Callable[[float], float]
"""From an encoded level to another, both from 0 to 1."""

PEAK_NITS = 1000.0
"""Brightest light that is still told apart: what most HDR pictures are graded for (BT.2408, table 1 and annex 5)."""

WHITE_NITS = 203.0
"""Light of a white sheet of paper in an HDR picture (BT.2408, 2.2), which becomes the white of sRGB's neighbourhood."""

_M1, _M2 = 2610 / 16_384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
"""Constants of PQ (SMPTE ST 2084)."""

_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
"""Constants of HLG (BT.2100), its system gamma for a display of 1000 nits."""


@cache
def from_pq(level: float) -> float:
    """The sRGB level, 0 to 1, for a level encoded in PQ (SMPTE ST 2084)."""
    return _shown(_pq_nits(level))


@cache
def from_hlg(level: float) -> float:
    """The sRGB level, 0 to 1, for a level encoded in HLG (BT.2100), seen on a display of 1000 nits."""
    scene = level * level / 3 if level <= 0.5 else (math.exp((level - _HLG_C) / _HLG_A) + _HLG_B) / 12  # noqa: PLR2004 - BT.2100
    return _shown(PEAK_NITS * min(1.0, scene) ** _HLG_GAMMA)


def _pq_nits(level: float) -> float:
    root = max(0.0, level) ** (1 / _M2)
    return float(10_000 * (max(0.0, root - _C1) / (_C2 - _C3 * root)) ** (1 / _M1))


def _pq_level(nits: float) -> float:
    power = (max(0.0, nits) / 10_000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _shown(nits: float) -> float:
    """The sRGB level of a light: as it is up to the knee, above it bent so that the peak becomes sRGB's white.

    The bend is the Hermite spline of BT.2390, 5.4.1, over PQ levels, applied to each channel by itself.
    """
    peak = _pq_level(PEAK_NITS)
    target = _pq_level(WHITE_NITS) / peak
    knee = 1.5 * target - 0.5
    level = min(1.0, _pq_level(nits) / peak)
    if level > knee:
        t = (level - knee) / (1 - knee)
        level = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    return _srgb_level(min(1.0, _pq_nits(level * peak) / WHITE_NITS))


def _srgb_level(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055  # noqa: PLR2004 - IEC 61966-2-1
