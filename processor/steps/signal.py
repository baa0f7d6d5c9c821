"""Signal: what a file's numbers mean where it says so in numbers rather than by an ICC profile."""

import struct
from dataclasses import dataclass

from PIL import Image

from processor.steps import boxes, profiles, tone
from processor.steps.inspect import Opened
from processor.steps.profiles import Chromaticities

_PRIMARIES: dict[int, Chromaticities] = {
    1: profiles.BT709,
    5: profiles.BT601_625,
    6: profiles.BT601_525,
    7: profiles.BT601_525,
    9: profiles.BT2020,
    11: profiles.P3_DCI,
    12: profiles.P3_D65,
}
_GAMMA = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_TONE: dict[int, tone.Curve] = {16: tone.from_pq, 18: tone.from_hlg}
"""By code point of ISO/IEC 23091-2 (ITU-T H.273). What is not here counts as BT.709 and as sRGB's curve."""

_SRGB_GAMMA = 1 / 2.2
_NEARLY = 0.01
_GAMMAS = (0.1, 10.0)
_LONGEST_HEADER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Signal:
    """What the numbers in a file mean.

    Attributes:
        primaries: of its colour space.
        gamma: exponent of its transfer curve; None: sRGB's, also after `curve`.
        curve: what makes a standard picture of one in high dynamic range; None: it is one.
    """

    primaries: Chromaticities
    gamma: float | None = None
    curve: tone.Curve | None = None


def stated(source: Opened) -> Signal | None:
    """What a file says of its numbers; None: nothing that matters, or nothing but an ICC profile.

    PNG's rule decides who is believed: cICP, then iCCP, then sRGB, then gAMA and cHRM (PNG 3, 4.3). AVIF and HEIF put
    the profile first. A profile that names a code point itself (ICC.1:2022, 9.2.17) counts as that.
    """
    info = source.image.info
    if source.format == "png" and (code := _png_cicp(source.data)):
        return _by_code(*code)
    embedded = info.get("icc_profile")
    if isinstance(embedded, bytes) and embedded:
        code = _icc_cicp(embedded)
        return _by_code(*code) if code and code[1] in _TONE else None
    if source.format in ("avif", "heif") and (code := boxes.cicp(source.data)):
        return _by_code(*code)
    if source.format == "png" and "srgb" not in info:
        return _by_gamma(info.get("gamma"), info.get("chromaticity"))
    return None


def tagged(image: Image.Image, signal: Signal | None) -> Image.Image:
    """The image, its curve applied, with its hues and the ICC profile that says the same as the signal."""
    if signal is not None and image.mode not in ("CMYK", "LAB"):
        image = image if signal.curve is None else tone.with_hues(image, signal.curve)
        image.info["icc_profile"] = profiles.profile(signal.primaries, signal.gamma)
    return image


def _by_code(primaries: int, transfer: int) -> Signal | None:
    space = _PRIMARIES.get(primaries, profiles.BT709)
    signal = Signal(space, _GAMMA.get(transfer), _TONE.get(transfer))
    return None if signal == Signal(profiles.BT709) else signal


def _by_gamma(gamma: object, chromaticity: object) -> Signal | None:
    """By PNG's gAMA and cHRM; nonsense counts as nothing."""
    if not isinstance(gamma, float) or not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        return None
    exponent = None if abs(gamma - _SRGB_GAMMA) < _NEARLY else 1 / gamma
    space = profiles.BT709
    if isinstance(chromaticity, tuple) and len(chromaticity) == len(space):
        try:
            profiles.profile(chromaticity, exponent)
        except ValueError:
            pass
        else:
            nearly = all(abs(one - other) < _NEARLY for one, other in zip(chromaticity, space, strict=True))
            space = space if nearly else chromaticity
    signal = Signal(space, exponent)
    return None if signal == Signal(profiles.BT709) else signal


def _png_cicp(data: bytes) -> tuple[int, int] | None:
    """The code points of a cICP chunk before the pixels. Full range only: PNG knows no other for RGB."""
    at = 8
    while at + 12 <= min(len(data), _LONGEST_HEADER):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind == b"cICP" and length == 4 and at + 16 <= len(data):  # noqa: PLR2004 - four code points
            return data[at + 8], data[at + 9]
        at += 12 + length
    return None


def _icc_cicp(profile: bytes) -> tuple[int, int] | None:
    """The code points in an ICC profile's `cicp` tag."""
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, 132 + 12 * min(count, 100), 12):
        if profile[at : at + 4] == b"cicp":
            offset = int.from_bytes(profile[at + 4 : at + 8], "big")
            if profile[offset : offset + 4] == b"cicp" and offset + 12 <= len(profile):
                return profile[offset + 8], profile[offset + 9]
    return None
