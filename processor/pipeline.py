"""The pipeline: one picture's bytes in, the bytes of every rendition out."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from processor.limits import DEFAULT_LIMITS, Limits
from processor.recipe import FormatName, Recipe
from processor.steps import colour, decode, encode, inspect, orient, resize, signal
from processor.steps.notes import Note

MB_PER_CPU = 1769
"""Of a Lambda function's memory setting, for a whole vCPU (AWS Lambda's documentation)."""


@dataclass(frozen=True, slots=True)
class Source:
    """What came in.

    Attributes:
        format: `jpeg`, `png`, `webp`, `gif`, `tiff`, `bmp`, `avif`, `heif`, `jp2` or `jxl`, by content.
        width: pixels as displayed, that is after orientation.
        height: the same.
        frames: frames or pages in the file, of which the first is used.
        bytes: of the file.
        notes: what was done to it that its owner may want to know.
    """

    format: inspect.SourceFormat
    width: int
    height: int
    frames: int
    bytes: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file that came out.

    Attributes:
        size: the name of its size in the recipe.
        format: `jpeg`, `webp`, `avif` or `jxl`.
        width: pixels.
        height: pixels.
        body: the file.
    """

    size: str
    format: FormatName
    width: int
    height: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A picture and everything that its recipe asks for, in the recipe's order."""

    source: Source
    renditions: tuple[Rendition, ...]


def transcode(
    data: bytes, recipe: Recipe, limits: Limits = DEFAULT_LIMITS, *, threads: int | None = None
) -> Transcoded:
    """Make every rendition of a picture.

    Args:
        data: the file, in any supported format.
        recipe: what to make.
        limits: what to accept.
        threads: how many encoders may run at once; None: as many as this process has CPUs. The bytes that come out
            do not depend on it.

    Raises:
        Rejected: the picture cannot or must not be transcoded. Nothing is returned in part.
    """
    source, image, sizes = _prepared(data, recipe, limits)
    bodies = _rendered(image, sizes, recipe, threads or available_cpus())
    return Transcoded(
        source,
        tuple(
            Rendition(size.name, fmt.name, width, height, body)
            for (size, fmt), (width, height), body in zip(recipe.formats, sizes, bodies, strict=True)
        ),
    )


def available_cpus() -> int:
    """CPUs that this process may use, which in a container are fewer than the machine has.

    Lambda shows two CPUs and more, and lets a function have one for each 1,769 MB of its memory: more encoders at
    once would only hold more memory.
    """
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return min(visible, -(-int(memory_mb) // MB_PER_CPU)) if memory_mb.isdecimal() else visible


def _prepared(data: bytes, recipe: Recipe, limits: Limits) -> tuple[Source, Image.Image, tuple[resize.Pixels, ...]]:
    """Inspect, decode, orient and convert: the source, its pixels, and the size of every rendition."""
    opened = inspect.opened(data, limits)
    stored = opened.image.size
    turn = orient.orientation(opened.image)
    sizes = resize.planned(*orient.swapped(*stored, turn), recipe)
    stated = signal.stated(opened)
    curve = stated.curve if stated else None
    image = decode.decoded(opened, orient.swapped(*resize.largest(sizes), turn), curve)
    # some PNGs note the orientation after the pixels
    width, height = orient.swapped(*stored, orient.orientation(image))
    image = orient.upright(signal.tagged(image, stated))
    image, notes = colour.converted(image)
    if curve is not None:
        notes = (Note.TONE_MAPPED, *notes)
    source = Source(opened.format, width, height, opened.frames, len(data), notes)
    return source, image, resize.planned(width, height, recipe)


def _rendered(image: Image.Image, sizes: tuple[resize.Pixels, ...], recipe: Recipe, threads: int) -> list[bytes]:
    """Resize and encode. Encoders start as soon as their size is made, the slowest ones first."""
    futures: dict[int, Future[bytes]] = {}
    with ThreadPoolExecutor(threads, "encode") as pool:
        try:
            scale = resize.resized_in_linear_light if recipe.linear else resize.resized
            for size, pixels in resize.cascade(image, sizes, scale):
                for index, (_, fmt) in enumerate(recipe.formats):
                    if sizes[index] == size:
                        futures[index] = pool.submit(encode.encoded, pixels, fmt, recipe.background)
            return [futures[index].result() for index in range(len(sizes))]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
