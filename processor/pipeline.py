"""The pipeline: one picture's bytes in, the bytes of every rendition out."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

from PIL import Image

from processor.limits import DEFAULT_LIMITS, Limits
from processor.recipe import FormatName, Recipe, Size
from processor.results import STAGES, Rendition, Source, Tiled, Transcoded
from processor.steps import about, animate, chroma, colour, decode, encode, inspect, orient, resize, signal, tiles
from processor.steps.notes import Note

MB_PER_CPU = 1769
"""Of a Lambda function's memory setting, for a whole vCPU (AWS Lambda's documentation)."""


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
    times = [perf_counter()]
    prepared = _prepared(data, recipe, limits)
    times.append(perf_counter())
    threads = threads or available_cpus()
    bodies = _rendered(prepared, recipe, threads)
    times.append(perf_counter())
    tiled = _tiled(prepared, recipe, threads)
    times.append(perf_counter())
    return Transcoded(
        prepared.source,
        tuple(
            Rendition(size.name, fmt.name, width, height, body)
            for (size, fmt), (width, height), body in zip(recipe.formats, prepared.sizes, bodies, strict=True)
        ),
        tiled,
        {stage: round(1000 * (ended - begun)) for stage, (begun, ended) in zip(STAGES, pairwise(times), strict=True)},
    )


def available_cpus() -> int:
    """CPUs that this process may use, which in a container are fewer than the machine has.

    Lambda shows two CPUs and more, and lets a function have one for each 1,769 MB of its memory: more encoders at
    once would only hold more memory.
    """
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return min(visible, -(-int(memory_mb) // MB_PER_CPU)) if memory_mb.isdecimal() else visible


ANIMATED_FORMATS: frozenset[FormatName] = frozenset({"webp", "avif"})
"""In which animations stay animated. The others show the first frame."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A source ready to be rendered.

    Attributes:
        source: what came in.
        image: its first frame: upright, in sRGB.
        animation: what moves in it, if anything.
        sizes: of every rendition, in the recipe's order.
        exif: what renditions carry of its metadata; empty: nothing.
        coloured_drawing: whether it shows in it how finely colour is kept.
    """

    source: Source
    image: Image.Image
    animation: animate.Animation | None
    sizes: tuple[resize.Pixels, ...]
    exif: bytes
    coloured_drawing: bool


def _prepared(data: bytes, recipe: Recipe, limits: Limits) -> _Prepared:
    """Inspect, decode, orient and convert."""
    opened = inspect.opened(data, limits)
    stored = opened.image.size
    turn = orient.orientation(opened.image)
    sizes = resize.planned(*orient.swapped(*stored, turn), recipe)
    stated = signal.stated(opened)
    curve = stated.curve if stated else None
    film = animate.animation(opened, limits)
    moving = film if film and film.moves else None
    needed = (stored,) if _wants_tiles(recipe, *stored, moving) else (orient.swapped(*resize.largest(sizes), turn),)
    image = decode.decoded(opened, *needed, curve)
    found = about.exif(image)
    width, height = orient.swapped(*stored, turn)
    image = orient.upright(signal.tagged(image, stated), turn)
    image, notes = colour.converted(image)
    if curve is not None:
        notes = (Note.TONE_MAPPED, *notes)
    if film and film.cut:
        notes = (Note.ANIMATION_CUT, *notes)
    notes = tuple(dict.fromkeys((*notes, *opened.notes)))
    source = Source(
        format=opened.format,
        width=width,
        height=height,
        frames=opened.frames,
        bytes=len(data),
        milliseconds=moving.milliseconds if moving else 0,
        notes=notes,
        details=about.camera(found, gps=recipe.gps) | about.looks(image),
    )
    if moving:
        sizes = tuple(
            animate.fitted(moving, size) if fmt.name in ANIMATED_FORMATS else size
            for (_, fmt), size in zip(recipe.formats, sizes, strict=True)
        )
    kept = about.rights(found) if "copyright" in recipe.keep else b""
    drawing = chroma.is_coloured_drawing(image, recipe.background)
    return _Prepared(source, image, moving, sizes, kept, drawing)


def _wants_tiles(recipe: Recipe, width: int, height: int, moving: animate.Animation | None) -> bool:
    return recipe.tiles is not None and moving is None and max(width, height) >= recipe.tiles.min_side


def _tiled(prepared: _Prepared, recipe: Recipe, threads: int) -> Tiled | None:
    """The pyramid, after the renditions are done, so that memory is not taken for both at a time."""
    if recipe.tiles is None or not _wants_tiles(recipe, *prepared.image.size, prepared.animation):
        return None
    return Tiled(*tiles.cut(prepared.image, recipe.tiles, recipe, threads, coloured_drawing=prepared.coloured_drawing))


def _rendered(prepared: _Prepared, recipe: Recipe, threads: int) -> list[bytes]:
    """Resize and encode. Encoders start as soon as their size is made, the slowest ones first."""
    futures: dict[int, Future[bytes]] = {}
    scale = resize.resized_in_linear_light if recipe.linear else resize.resized
    sizes, moving = prepared.sizes, prepared.animation
    stills = [at for at, (_, fmt) in enumerate(recipe.formats) if not moving or fmt.name not in ANIMATED_FORMATS]
    with ThreadPoolExecutor(threads, "encode") as pool:
        try:
            films = [pool.submit(_filmed, moving, size, prepared, recipe) for size in recipe.sizes] if moving else []
            for size, pixels in resize.cascade(prepared.image, tuple(sizes[at] for at in stills), scale):
                for at in stills:
                    if sizes[at] == size:
                        fmt = chroma.settled(recipe.formats[at][1], coloured_drawing=prepared.coloured_drawing)
                        futures[at] = pool.submit(encode.encoded, pixels, fmt, recipe.background, prepared.exif)
            bodies = {at: future.result() for at, future in futures.items()}
            for film in films:
                bodies |= film.result()
            return [bodies[at] for at in range(len(sizes))]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _filmed(moving: animate.Animation, size: Size, prepared: _Prepared, recipe: Recipe) -> dict[int, bytes]:
    """The animated renditions of one size, by their place in the recipe. WebP first: the AVIF is held against it."""
    scale = resize.resized_in_linear_light if recipe.linear else resize.resized
    bodies: dict[int, bytes] = {}
    webp_bytes = None
    for at, (owner, fmt) in enumerate(recipe.formats):
        film = encode.Film(moving, prepared.sizes[at], scale, prepared.exif)
        if owner is size and fmt.name == "webp":
            bodies[at] = encode.animated_webp(film, fmt.quality)
            webp_bytes = len(bodies[at])
        elif owner is size and fmt.name == "avif":
            bodies[at] = encode.animated_avif(film, fmt.quality, webp_bytes)
    return bodies
