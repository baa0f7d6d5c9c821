"""Tone: how brightness beyond a standard display (PQ and HLG) is brought down to what sRGB can show.

In two stages. A curve for every channel by itself works on all bits of a sample and is right for greys; what comes out
has 8 bits. A cube then gives colours back the hue that they lose to a bend channel by channel.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

from PIL import Image, ImageChops, ImageFilter

Curve = Callable[[float], float]
"""From an encoded level to another, both from 0 to 1."""

PEAK_NITS = 1000.0
"""Brightest light that is still told apart: what most HDR pictures are graded for (BT.2408, table 1 and annex 5)."""

WHITE_NITS = 203.0
"""Light of a white sheet of paper in an HDR picture (BT.2408, 2.2)."""

_BRIGHTEST_NITS = 10_000.0
"""What PQ can express."""

_PEAK = PEAK_NITS / WHITE_NITS
_PAPER = 0.5
"""What paper becomes, in light of sRGB's white."""

_BEND = 0.65
_TURN = (1 - _BEND) + _BEND / _PAPER, (1 - _BEND) * _PAPER + _BEND
"""The middle point of the curve above paper."""

_M1, _M2 = 2610 / 16_384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
"""Constants of PQ (SMPTE ST 2084)."""

_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
"""Constants of HLG (BT.2100), its system gamma for a display of 1000 nits."""

_LUMA = (0.2627, 0.678, 0.0593)
"""Of BT.2020, by which HLG's system gamma weighs the channels (BT.2100, table 5)."""

_NODES = 49
"""Of the cube, a side. Between them Pillow interpolates."""

_STOPS = math.log2(_BRIGHTEST_NITS / 10)
"""Of `exposure`'s scale, which begins at 10 nits."""


@cache
def from_pq(level: float) -> float:
    """The sRGB level, 0 to 1, for a grey encoded in PQ (SMPTE ST 2084)."""
    return _srgb_level(_shown(_pq_nits(level) / WHITE_NITS))


@cache
def exposure(level: float) -> float:
    """Where light encoded in PQ stands between 10 and 10,000 nits, in stops, 0 to 1."""
    return max(0.0, 1 + math.log2(max(1.0, _pq_nits(level)) / _BRIGHTEST_NITS) / _STOPS)


def within_peak(shown: Sequence[Image.Image], exposures: Sequence[Image.Image]) -> list[Image.Image]:
    """Bring colours beyond the peak down to it, all channels alike, so that they keep their hue.

    Args:
        shown: red, green and blue after the curve.
        exposures: the same after `exposure`.
    """
    brightest = exposures[0]
    for band in exposures[1:]:
        brightest = ImageChops.lighter(brightest, band)
    peak = round(255 * (1 + math.log2(PEAK_NITS / _BRIGHTEST_NITS) / _STOPS))
    if not any(brightest.histogram()[peak + 1 :]):
        return list(shown)
    below = [
        round(255 * _srgb_level(_shown(_PEAK * 2 ** (-stops * _STOPS / 255)))) for stops in range(256)
    ]  # by stops below the brightest channel
    beyond = brightest.point([0] * (peak + 1) + [255] * (255 - peak))
    result = []
    for band, stops in zip(shown, exposures, strict=True):
        dimmed = ImageChops.darker(band, ImageChops.subtract(brightest, stops).point(below))
        result.append(Image.composite(dimmed, band, beyond))
    return result


@cache
def from_hlg(level: float) -> float:
    """The sRGB level, 0 to 1, for a grey encoded in HLG (BT.2100), seen on a display of 1000 nits."""
    scene = level * level / 3 if level <= 0.5 else (math.exp((level - _HLG_C) / _HLG_A) + _HLG_B) / 12  # noqa: PLR2004 - BT.2100
    return _srgb_level(_shown(_PEAK * min(1.0, scene) ** _HLG_GAMMA))


def with_hues(image: Image.Image, curve: Curve) -> Image.Image:
    """Give colours, to which a curve was applied channel by channel, the hue that they had before.

    As if the brightest channel alone had taken the curve, and the others had followed. Greys stay as they are.
    """
    cube = _cube(curve is from_hlg)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if "A" in image.mode else "RGB")
    result = image.filter(cube)
    result.info = image.info
    return result


@cache
def _cube(hlg: bool) -> ImageFilter.Color3DLUT:  # noqa: FBT001 - the key of a cache
    """From levels after the curve to levels with their hue."""
    lights = [_light_of(at / (_NODES - 1)) for at in range(_NODES)]
    # Pillow goes through the first channel first
    table = [
        level
        for blue in lights
        for green in lights
        for red in lights
        for level in _with_hue(_seen((red, green, blue)) if hlg else (red, green, blue))
    ]
    return ImageFilter.Color3DLUT(_NODES, table)


def _seen(lights: tuple[float, float, float]) -> tuple[float, float, float]:
    """HLG's system gamma by brightness, in place of the one channel by channel."""
    red, green, blue = ((light / _PEAK) ** (1 / _HLG_GAMMA) for light in lights)
    brightness = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    gain = _PEAK * brightness ** (_HLG_GAMMA - 1)
    return red * gain, green * gain, blue * gain


def _with_hue(lights: tuple[float, float, float]) -> tuple[float, float, float]:
    brightest = max(lights)
    gain = _shown(brightest) / brightest if brightest else 0.0
    red, green, blue = (_srgb_level(light * gain) for light in lights)
    return red, green, blue


def _pq_nits(level: float) -> float:
    root = max(0.0, level) ** (1 / _M2)
    return float(_BRIGHTEST_NITS * (max(0.0, root - _C1) / (_C2 - _C3 * root)) ** (1 / _M1))


def _shown(light: float) -> float:
    """Light for a light, of paper's white and of sRGB's: half of it up to paper, above a bend that ends at the peak.

    The reference white tone mapping operator of SMPTE ST 2094-50, for a display that is as bright as its white, a
    quadratic Bezier curve. It is what Chromium shows.
    """
    if light <= 1:
        return _PAPER * light
    if light >= _PEAK:
        return 1.0
    across, down = _TURN
    bent = 1 - 2 * across + _PEAK
    t = (1 - across + math.sqrt((across - 1) ** 2 + bent * (light - 1))) / bent
    return (1 - t) ** 2 * _PAPER + 2 * (1 - t) * t * down + t * t


def _light_of(level: float) -> float:
    """The light that is shown at an sRGB level."""
    shown = level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - IEC 61966-2-1
    if shown <= _PAPER:
        return shown / _PAPER
    across, down = _TURN
    bent = 1 - 2 * down + _PAPER  # below zero: the curve flattens
    t = (_PAPER - down + math.sqrt((down - _PAPER) ** 2 + bent * (shown - _PAPER))) / bent
    return min(_PEAK, (1 - t) ** 2 + 2 * (1 - t) * t * across + t * t * _PEAK)


def _srgb_level(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055  # noqa: PLR2004 - IEC 61966-2-1
