"""Chroma: whether a picture shows it when colour is kept at half the resolution of brightness (4:2:0)."""

from dataclasses import replace

from PIL import Image, ImageChops

from processor.recipe import Format
from processor.steps.colour import flattened

SAMPLED_PIXELS, BANDS = 250_000, 8
"""What is looked at of a larger picture: bands over its whole width, evenly from top to bottom."""

FLAT, HARD, HARD_LEVELS = 0.75, 0.5, 16
"""Least share of pixels that equal their left neighbour, and least share of the others that differ from it by more than
so many levels. Screenshots and diagrams have both. Photos have at most 0.6 of the first, cut-outs on white or
transparency more, but their edges are few beside their texture (docs/adr/0022-full-chroma-for-drawings.md)."""

LOST, LOST_LEVELS = 0.002, 16
"""Least share of pixels whose colour half the resolution moves by more than so many levels. Grey text has none."""


def settled(fmt: Format, *, coloured_drawing: bool) -> Format:
    """The format with `auto` decided."""
    return replace(fmt, chroma="full" if coloured_drawing else "half") if fmt.chroma == "auto" else fmt


def is_coloured_drawing(image: Image.Image, background: str) -> bool:
    """Whether a picture is drawn, as screenshots and diagrams are, and has colours in small places.

    Args:
        image: RGB or RGBA.
        background: `#rrggbb`, what transparency is seen on.
    """
    sample = _sample(image, background)
    return is_drawing(sample) and _loses_colour(sample)


def is_drawing(image: Image.Image) -> bool:
    """Whether a picture has flat areas with hard edges and nothing else."""
    width, height = image.size
    if width == 1:
        return False
    apart = ImageChops.difference(image.crop((1, 0, width, height)), image.crop((0, 0, width - 1, height)))
    levels = _largest(*apart.split()).histogram()
    pairs, different = sum(levels), sum(levels[1:])
    return levels[0] >= FLAT * pairs and sum(levels[HARD_LEVELS + 1 :]) >= max(1, HARD * different)


def _loses_colour(image: Image.Image) -> bool:
    _, *bands = image.convert("YCbCr").split()
    lost = _largest(*(ImageChops.difference(band, _halved(band)) for band in bands)).histogram()
    return sum(lost[LOST_LEVELS + 1 :]) >= LOST * sum(lost)


def _halved(band: Image.Image) -> Image.Image:
    """A band as a decoder shows it after it was kept at half the resolution."""
    return band.reduce(2).resize(band.size, Image.Resampling.BILINEAR)


def _largest(first: Image.Image, *others: Image.Image) -> Image.Image:
    for other in others:
        first = ImageChops.lighter(first, other)
    return first


def _sample(image: Image.Image, background: str) -> Image.Image:
    """All of a small picture, some bands of a large one, as RGB."""
    width, height = image.size
    rows = max(2, SAMPLED_PIXELS // BANDS // width)
    if height <= rows * BANDS:
        return flattened(image, background)
    sample = Image.new("RGB", (width, rows * BANDS))
    for band in range(BANDS):
        top = (height - rows) * band // (BANDS - 1)
        sample.paste(flattened(image.crop((0, top, width, top + rows)), background), (0, band * rows))
    return sample
