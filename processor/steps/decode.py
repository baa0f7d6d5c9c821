"""Decode: pixels of the first frame, once, with no more of them than some rendition needs."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from PIL import Image, JpegImagePlugin

from processor.errors import Rejected
from processor.results import SourceFormat
from processor.steps import depth, jp2, jpeg, parts, png, tiff
from processor.steps.inspect import Opened, pillow_errors, reopened
from processor.steps.parts import Part
from processor.steps.tone import Curve

_RESCUES: dict[SourceFormat, tuple[Callable[[bytes], bytes | None], ...]] = {
    "png": (png.with_true_checksum,),
    "tiff": (tiff.with_true_checksums,),
}
"""What to make of a file that its reader refuses though its pixels may all be there."""

EXACT_PIXELS = 50_000_000
"""Width x height x frames of an animation up to which colours of 16 bits are rounded. That doubles what a pass over the
frames costs; in longer ones they are cut, which is one level at most."""

SHRINK_MARGIN = 2.0
"""A JPEG is shrunk while loading to no less than this many times the largest rendition, so that Lanczos does the rest.

The same number as the resize step's reducing gap: below it the two could not be told from decoding every pixel.
"""


def decoded(source: Opened, needed: tuple[int, int], curve: Curve | None = None) -> Image.Image:
    """Decode the first frame.

    Args:
        source: an opened file that passed the checks.
        needed: width and height of the largest rendition, as the file stores them (before orientation).
        curve: applied to every colour before it is reduced to 8 bits, for high dynamic range; None: none is.

    Returns:
        The image with its metadata still in `info`, colours in 8 bits; a JPEG may be 2, 4 or 8 times smaller than
        its header says.

    Raises:
        Rejected: `corrupt`.
    """
    try:
        return _decoded(source, needed, curve)
    except Rejected as rejected:
        for rescue in _RESCUES.get(source.format, ()):
            whole = rescue(source.data)
            if whole is None:
                continue
            renewed = replace(source, data=whole)
            with suppress(Rejected):
                return _decoded(replace(renewed, image=reopened(renewed)), needed, curve)
        raise rejected from None


def _decoded(source: Opened, needed: tuple[int, int], curve: Curve | None) -> Image.Image:
    image = source.image
    with pillow_errors(source.format):
        if source.parts and source.parts.still_is_first:
            return _first(source, curve)
        if source.layout:
            return _decoded_jpeg(source, source.layout, needed)
        exact = depth.exact(source, curve)
        if exact is not None:
            return exact
        if source.format == "png":
            png.load(image, source.data)
        else:
            image.load()
            image = jp2.with_whites(image, source)
        if image.mode in ("P", "PA") and image.palette is None:
            raise ValueError("its palette is missing")
        # greys of more bits keep them for the colour step, unless a curve is due that wants them all
        return image if curve is None else depth.toned(image, curve)


def composed(source: Opened, curve: Curve | None = None) -> Iterator[tuple[Part, Image.Image]]:
    """The frames of a GIF or an animated PNG, as they are shown.

    Args:
        source: an opened file with `parts`.
        curve: as of `decoded`.

    Yields:
        The frame, and an image as `parts.composed` makes it, with the file's own `info`.

    Raises:
        Rejected: `corrupt`, after the last frame that can be decoded.
    """
    if source.parts is None:
        raise ValueError(f"the frames of {source.format} are composed by its reader")
    for part, image in parts.composed(source.parts, source.image.size, partial(_part, source, curve)):
        image.info = {name: value for name, value in source.image.info.items() if name != "transparency"}
        yield part, image


def _part(source: Opened, curve: Curve | None, part: Part) -> Image.Image:
    """The pixels of a frame alone."""
    with pillow_errors(source.format):
        alone = replace(source, data=part.file(), frames=1, parts=None)
        alone = replace(alone, image=reopened(alone))
        if source.format == "png" and _is_long(source) and "transparency" not in alone.image.info:
            with suppress(OSError):
                png.load(alone.image, alone.data)
                return depth.eight_bit(depth.toned(alone.image, curve))
            alone = replace(alone, image=reopened(alone))  # for a wrong checksum, which the exact way rescues
        return depth.eight_bit(decoded(alone, alone.image.size, curve))


def _is_long(source: Opened) -> bool:
    width, height = source.image.size
    return width * height * source.frames > EXACT_PIXELS


def _first(source: Opened, curve: Curve | None) -> Image.Image:
    for _, image in composed(source, curve):
        return image
    raise ValueError("it has no frame")


def _decoded_jpeg(source: Opened, layout: jpeg.Layout, needed: tuple[int, int]) -> Image.Image:
    """A JPEG, and once more with something behind its pixels if there is a doubt whether it has all of them."""
    whole = source.image.size
    image = _shrunk(source, layout, needed)
    if jpeg.is_doubtful(layout, image, whole):
        other = replace(source, data=jpeg.with_filler(source.data, layout))
        if not jpeg.same(image, _shrunk(replace(other, image=reopened(other)), layout, needed)):
            raise ValueError("its pixels end early")
    return image


def _shrunk(source: Opened, layout: jpeg.Layout, needed: tuple[int, int]) -> Image.Image:
    image = source.image
    if isinstance(image, JpegImagePlugin.JpegImageFile) and not layout.lossless:
        image.draft(None, (round(needed[0] * SHRINK_MARGIN), round(needed[1] * SHRINK_MARGIN)))
    image.load()
    return image
