"""What the files of the matrix show: gradients, texture and four coloured corners, so that any mix-up can be seen."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 75, 53
"""No multiple of anything that an encoder works in."""

LARGE = (420, 310)
"""Of files beyond 64 KiB, a usual size of buffers."""

Levels = NDArray[np.float64]
"""Height x width x channels, 0 to 1."""

_CORNER = 10


def colours(width: int = WIDTH, height: int = HEIGHT) -> Levels:
    """Red to the right, green downwards, blue in rings."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rings = 0.5 + 0.5 * np.sin(18 * np.hypot(x - 0.5, y - 0.5))
    levels = np.stack([x, y, rings], axis=-1) * 0.9 + 0.05
    for corner, rows in ((0, slice(0, _CORNER)), (1, slice(-_CORNER, None))):
        levels[rows, :_CORNER] = ((1, 0, 0), (0, 0, 1))[corner]
        levels[rows, -_CORNER:] = ((0, 1, 0), (1, 1, 0))[corner]
    return levels


def opacity(width: int = WIDTH, height: int = HEIGHT) -> Levels:
    """From nothing to solid, with solid corners."""
    levels = np.tile(np.clip(np.linspace(-0.2, 1.2, width), 0, 1), (height, 1))
    levels[:_CORNER], levels[-_CORNER:] = 1, 1
    return levels[..., np.newaxis]


def grey(width: int = WIDTH, height: int = HEIGHT) -> Levels:
    """Brightness of the colours."""
    levels: Levels = (colours(width, height) @ np.array([0.299, 0.587, 0.114]))[..., np.newaxis]
    return levels


def noisy(width: int, height: int) -> Levels:
    """The colours with so much grain that no encoder makes them small."""
    return np.clip(colours(width, height) + np.random.default_rng(7).uniform(-0.25, 0.25, (height, width, 3)), 0, 1)


def numbers(levels: Levels, bits: int) -> NDArray[np.uint64]:
    """Levels as whole numbers of so many bits."""
    return np.round(levels * ((1 << bits) - 1)).astype(np.uint64)


def image(levels: Levels) -> Image.Image:
    """Eight bits a sample, in the mode of its number of channels."""
    bytes_ = numbers(levels, 8).astype(np.uint8)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[bytes_.shape[2]]
    return Image.frombytes(mode, (bytes_.shape[1], bytes_.shape[0]), bytes_.tobytes())


def rgb() -> Image.Image:
    """The colours."""
    return image(colours())


def rgba() -> Image.Image:
    """The colours with opacity."""
    return image(np.concatenate([colours(), opacity()], axis=-1))


DRAWN: dict[str, Callable[[], Image.Image]] = {
    "rgb": rgb,
    "rgba": rgba,
    "grey": lambda: image(grey()),
    "grey-alpha": lambda: image(np.concatenate([grey(), opacity()], axis=-1)),
}
"""What a file of the matrix may show, by name."""


def frames(*, transparent: bool) -> list[Image.Image]:
    """Three pictures of one size that differ in a part."""
    first = rgba() if transparent else rgb()
    result = []
    for at, ink in enumerate(("#ff0000", "#00a0ff", "#fff000")):
        frame = first.copy()
        frame.paste(ink, (12 + 15 * at, 14, 26 + 15 * at, 34))
        result.append(frame)
    return result


def saved(picture: Image.Image, fmt: str, **options: Any) -> bytes:
    """A file by Pillow, where another tool takes it in or it is the one that makes such files."""
    buffer = io.BytesIO()
    picture.save(buffer, fmt, **options)
    return buffer.getvalue()


def ppm(levels: Levels, bits: int = 8) -> bytes:
    """A PPM or PGM."""
    height, width, channels = levels.shape
    samples = numbers(levels, bits)
    head = f"P{6 if channels == 3 else 5} {width} {height} {(1 << bits) - 1}\n".encode()  # noqa: PLR2004 - RGB
    return head + (samples.astype(">u2") if bits > 8 else samples.astype(np.uint8)).tobytes()  # noqa: PLR2004
