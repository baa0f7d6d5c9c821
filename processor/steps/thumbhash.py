"""ThumbHash: some 25 bytes that a page can draw as a blurred picture while the real one loads."""

import math
from collections.abc import Sequence
from operator import mul

from PIL import Image

LONGEST_SIDE = 32
"""Pixels that the hash is computed from; its finest detail is a seventh of a side. The format allows 100."""

_NOISE = 1e-9
"""What is left of nothing after some additions of floating numbers."""

_Channel = list[float]


def thumbhash(image: Image.Image) -> bytes:
    """The ThumbHash of a picture (Evan Wallace's format, version of 2023, https://evanw.github.io/thumbhash/).

    Args:
        image: RGB or RGBA, of any size.

    Returns:
        5 to 25 bytes.
    """
    small = image.convert("RGBA")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
    width, height = small.size
    red, green, blue, alpha = ([value / 255 for value in band.tobytes()] for band in small.split())
    red, green, blue = _over_average((red, green, blue), alpha)
    transparent = sum(alpha) < width * height - 1e-9
    limit = 5 if transparent else 7
    across = max(1, _rounded(limit * width / max(width, height)))
    down = max(1, _rounded(limit * height / max(width, height)))

    colours = list(zip(red, green, blue, strict=True))
    luminance = _transformed([(r + g + b) / 3 for r, g, b in colours], width, max(3, across), max(3, down))
    yellow_blue = _transformed([(r + g) / 2 - b for r, g, b in colours], width, 3, 3)
    red_green = _transformed([r - g for r, g, _ in colours], width, 3, 3)
    opacity = _transformed(alpha, width, 5, 5) if transparent else None

    landscape = width > height
    head = _rounded(63 * luminance[0]) | _rounded(31.5 + 31.5 * yellow_blue[0]) << 6
    head |= _rounded(31.5 + 31.5 * red_green[0]) << 12 | _rounded(31 * luminance[2]) << 18 | transparent << 23
    more = (down if landscape else across) | _rounded(63 * yellow_blue[2]) << 3
    more |= _rounded(63 * red_green[2]) << 9 | landscape << 15
    result = head.to_bytes(3, "little") + more.to_bytes(2, "little")
    nibbles = [*luminance[1], *yellow_blue[1], *red_green[1]]
    if opacity:
        result += bytes([_rounded(15 * opacity[0]) | _rounded(15 * opacity[2]) << 4])
        nibbles += opacity[1]
    return result + _packed(nibbles)


def _over_average(colours: Sequence[_Channel], alpha: _Channel) -> list[_Channel]:
    """Each channel laid on its own average, so that transparency has no colour of its own."""
    weight = sum(alpha)
    result = []
    for channel in colours:
        average = sum(value * a for value, a in zip(channel, alpha, strict=True)) / weight if weight else 0.0
        result.append([average * (1 - a) + a * value for value, a in zip(channel, alpha, strict=True)])
    return result


def _transformed(channel: _Channel, width: int, across: int, down: int) -> tuple[float, list[int], float]:
    """Cosine transform: the average, the other low frequencies as numbers to 15, and what 15 stands for."""
    height = len(channel) // width
    cosines_x = [[math.cos(math.pi / width * cx * (x + 0.5)) for x in range(width)] for cx in range(across)]
    cosines_y = [[math.cos(math.pi / height * cy * (y + 0.5)) for y in range(height)] for cy in range(down)]
    lines = [channel[at : at + width] for at in range(0, len(channel), width)]
    by_line = [[sum(map(mul, line, cosine)) for cosine in cosines_x] for line in lines]
    levels = [
        sum(row[cx] * weight for row, weight in zip(by_line, cosines_y[cy], strict=True)) / len(channel)
        for cy in range(down)
        for cx in range(across)
        if cx * down < across * (down - cy)
    ]
    average, *rest = levels
    scale = max((abs(level) for level in rest), default=0.0)
    if scale < _NOISE:
        return average, [0] * len(rest), 0.0
    return average, [_rounded(15 * (0.5 + 0.5 / scale * level)) for level in rest], scale


def _packed(nibbles: Sequence[int]) -> bytes:
    """Two numbers to 15 a byte, the first in the low half."""
    padded = [*nibbles, 0] if len(nibbles) % 2 else nibbles
    return bytes(low | high << 4 for low, high in zip(padded[::2], padded[1::2], strict=True))


def _rounded(value: float) -> int:
    """Half up, as the reference implementation does."""
    return math.floor(value + 0.5)
