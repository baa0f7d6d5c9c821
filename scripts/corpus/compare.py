"""How far two renderings of one picture are apart."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MEAN_TOLERANCE = 2.0
"""Levels of 255, averaged over all pixels and channels, on black and on white, the larger of the two."""

TAIL_TOLERANCE = 24.0
"""Levels of 255 that 99 percent of all samples stay within: a wrong part of the picture shows here, not in the mean."""

_TAIL_PERCENT = 99
_BACKGROUNDS = (0, 255)
_BAND_PIXELS = 1_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Levels of 255."""

    mean: float
    tail: float

    @property
    def tolerable(self) -> bool:
        """Whether both are within the printed tolerances."""
        return self.mean <= MEAN_TOLERANCE and self.tail <= TAIL_TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.mean} levels on average and {self.tail} at the 99th percentile, allowed are {MEAN_TOLERANCE} and "
            f"{TAIL_TOLERANCE}"
        )


def difference(one: Path, other: Path, size: tuple[int, int]) -> Difference:
    """Of two files of raw RGBA of one size, seen on black and on white, so that hidden colours do not count."""
    worst = Difference(0.0, 0.0)
    ours, theirs = _pixels(one, size), _pixels(other, size)
    rows = max(1, _BAND_PIXELS // size[0])
    for background in _BACKGROUNDS:
        levels = np.zeros(256, np.int64)
        for top in range(0, size[1], rows):  # in bands: large pictures would take gigabytes as floating point
            apart = np.abs(
                _flat(ours[top : top + rows], background).astype(np.int16) - _flat(theirs[top : top + rows], background)
            )
            levels += np.bincount(apart.ravel(), minlength=256)
        worst = Difference(max(worst.mean, _mean(levels)), max(worst.tail, _percentile(levels)))
    return worst


def _pixels(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.memmap(path, np.uint8, "r", shape=(size[1], size[0], 4))


def _flat(pixels: NDArray[np.uint8], background: int) -> NDArray[np.uint8]:
    alpha = pixels[..., 3:].astype(np.uint16)
    flat = pixels[..., :3] * alpha + background * (255 - alpha)
    return ((flat + 127) // 255).astype(np.uint8)


def _mean(levels: NDArray[np.int64]) -> float:
    return round(float((levels * np.arange(256)).sum() / levels.sum()), 2)


def _percentile(levels: NDArray[np.int64]) -> float:
    return float(np.searchsorted(np.cumsum(levels), levels.sum() * _TAIL_PERCENT / 100))
