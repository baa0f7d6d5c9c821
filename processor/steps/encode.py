"""Encode: pixels to JPEG, WebP, AVIF or JPEG XL bytes, with nothing else in them."""

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from PIL import Image

from processor.recipe import Chroma, Format, FormatName
from processor.steps import boxes, chroma, optional, resize
from processor.steps.animate import Animation, Strip, frames
from processor.steps.colour import bare, flattened

os.environ.setdefault("SVT_LOG", "0")  # read when the plugin is loaded; else it writes a page to stderr every time
import pillow_avif  # noqa: F401 - after SVT_LOG is set. Importing it replaces Pillow's AVIF reader and writer

LARGE = 1_000_000
"""Pixels. From here on an encoder's time is what a picture costs; below, its bytes are."""

WEBP_METHOD, WEBP_METHOD_LARGE = 2, 1
"""libwebp's effort, 0 to 6, default 4. On photos, at an equal score, 2 takes half the CPU of 4 for 2 to 6 % more bytes,
and 1 four fifths of that for hardly any; on small graphics 1 costs 10 to 15 % more bytes (`make bench-codecs`)."""

AVIF_OPTIONS: dict[str, dict[str, object]] = {
    "svt": {"speed": 9, "advanced": {"tune": "3"}},
    "aom": {"speed": 8},
}
"""By codec. Tune 3 is SVT-AV1's for still images ("IQ"): 15 % fewer bytes of photos than its default at an equal score,
for 10 to 20 % more CPU; with it speed 9 takes 2 % more bytes than 8 at most, at three quarters of its CPU or less
(`make bench-codecs`)."""

SUBSAMPLING: dict[Chroma, str] = {"full": "4:4:4", "half": "4:2:0"}

FULL_CHROMA_PIXELS = 25_000_000
"""Of a rendition. Larger ones stay 4:2:0 whatever the recipe says: nobody sees it there, and memory is bounded."""

FILM_SPEED = 8
"""Of AVIF's frames, with either codec; the tuning for still images is not for films."""

FILM_RANGE = "limited"
"""Of AVIF's luma and chroma in an animation. Chromium 156 shows an animation in full range as if it were limited, so
that every colour is wrong; stills are right in both. Opacity has full range always."""

AVIF_CONCESSIONS = ((15, 1), (30, 1), (30, 2))
"""What an animated AVIF gives up, in this order, to become smaller than the WebP: quality, and every n-th frame."""

PROBE_FRAMES = 6
"""Encoded both ways to tell whether an animation is a drawing or a film."""

JXL_EFFORT = 5
"""Of 9. A third of the CPU of the default 7."""

SVT_SIDES = (64, 8192)
"""Pixels, shortest and longest. Inside, SVT-AV1 4.1 encoded every size tried; on thin pictures it hangs for ever, on
very long ones it raises. libaom is slower and does them all."""


def encoded(image: Image.Image, fmt: Format, background: str, exif: bytes = b"") -> bytes:
    """Encode one rendition.

    The bytes depend on the arguments alone: every encoder works in one thread and on an Image object of its own.

    Args:
        image: RGB or RGBA, of the rendition's size. May be shared with other threads; it is only read.
        fmt: which encoder, at which quality. Its chroma counts as half where it is `auto`, see `chroma.settled`.
        background: `#rrggbb`, what transparency is laid on where the format has none.
        exif: an EXIF block to put into the file; empty: none.
    """
    full = fmt.chroma == "full" and image.width * image.height <= FULL_CHROMA_PIXELS
    return _ENCODERS[fmt.name](bare(image), replace(fmt, chroma="full" if full else "half"), background, exif)


def _jpeg(image: Image.Image, fmt: Format, background: str, exif: bytes) -> bytes:
    return _saved(
        flattened(image, background),
        "JPEG",
        quality=fmt.quality,
        subsampling=SUBSAMPLING[fmt.chroma],
        optimize=True,
        progressive=True,
        exif=exif,
    )


def _webp(image: Image.Image, fmt: Format, background: str, exif: bytes) -> bytes:
    """WebP's lossy coding knows 4:2:0 only: full chroma is the lossless one, where that is not larger."""
    options: dict[str, object] = {"quality": fmt.quality, "icc_profile": None, "exif": exif, "xmp": b""}
    lossy = _lossy_webp(image, options)
    if fmt.chroma == "full" and chroma.is_drawing(flattened(image, background)):
        lossless = _saved(image, "WEBP", method=WEBP_METHOD, lossless=True, **options)
        return lossless if len(lossless) <= len(lossy) else lossy
    return lossy


def _lossy_webp(image: Image.Image, options: dict[str, object]) -> bytes:
    if _is_large(image):
        # Below effort 2 libwebp does not see to it that its modes fit into their 512 KB, and gives up on large
        # pictures of much fine detail: dithered ones from some 16 megapixels on.
        with contextlib.suppress(ValueError):
            return _saved(image, "WEBP", method=WEBP_METHOD_LARGE, **options)
    return _saved(image, "WEBP", method=WEBP_METHOD, **options)


def _avif(image: Image.Image, fmt: Format, _background: str, exif: bytes) -> bytes:
    codec = "aom" if fmt.chroma == "full" else avif_codec(*image.size)
    return _saved(
        image,
        "AVIF",
        quality=fmt.quality,
        subsampling=SUBSAMPLING[fmt.chroma],
        codec=codec,
        **AVIF_OPTIONS[codec],
        max_threads=1,
        icc_profile=None,
        exif=exif,
        xmp=b"",
    )


def _jxl(image: Image.Image, fmt: Format, _background: str, exif: bytes) -> bytes:
    optional.jxl()
    return _saved(image, "JXL", quality=fmt.quality, effort=JXL_EFFORT, num_threads=0, exif=exif, xmp=b"")


_ENCODERS: dict[FormatName, Callable[[Image.Image, Format, str, bytes], bytes]] = {
    "jpeg": _jpeg,
    "webp": _webp,
    "avif": _avif,
    "jxl": _jxl,
}


@dataclass(frozen=True, slots=True)
class Film:
    """An animation on its way into a file.

    Attributes:
        source: the animation.
        size: of the rendition.
        scale: how its frames are resized.
        exif: an EXIF block to put into the file; empty: none.
    """

    source: Animation
    size: resize.Pixels
    scale: resize.Scale = resize.resized
    exif: bytes = b""

    def frames(self) -> Iterator[Image.Image]:
        """Every frame, ready to be encoded."""
        return frames(self.source, self.size, self.scale)


def animated_webp(film: Film, quality: int) -> bytes:
    """An animation as WebP: lossy, or lossless where that is smaller for its first frames, as it is for drawings."""
    lossless = film.source.opened.format in ("gif", "png") and _better_lossless(film, quality)
    strip = Strip(film.frames, len(film.source.durations))
    return _webp_strip(strip, film, quality=quality, lossless=lossless)


def _better_lossless(film: Film, quality: int) -> bool:
    few = min(PROBE_FRAMES, len(film.source.durations))
    probe = list(itertools.islice(film.frames(), few))
    lossy, lossless = (
        len(_webp_strip(Strip(lambda: iter(probe), few), film, quality=quality, lossless=choice))
        for choice in (False, True)
    )
    return lossless < lossy


def _webp_strip(strip: Strip, film: Film, *, quality: int, lossless: bool) -> bytes:
    return _saved(
        strip,
        "WEBP",
        save_all=True,
        duration=list(film.source.durations),
        loop=film.source.plays,
        quality=quality,
        lossless=lossless,
        method=WEBP_METHOD,
        background=(0, 0, 0, 0),
        icc_profile=None,
        exif=film.exif,
        xmp=b"",
    )


def animated_avif(film: Film, quality: int, smaller_than: int | None) -> bytes:
    """An animation as AVIF.

    Args:
        film: the animation.
        quality: where to begin.
        smaller_than: bytes that it should stay below, namely those of the WebP; None: any size will do. Quality goes
            down for that, then every other frame. Where all is in vain nothing is given up.
    """
    best = _avif_strip(film, quality, 1)
    if smaller_than is None or len(best) < smaller_than:
        return best
    for less, step in AVIF_CONCESSIONS:
        body = _avif_strip(film, max(1, quality - less), step)
        if len(body) < smaller_than:
            return body
    return best


def _avif_strip(film: Film, quality: int, step: int) -> bytes:
    """Every `step`-th frame, shown for as long as those that it stands for."""
    durations = film.source.durations
    longer = [sum(durations[at : at + step]) for at in range(0, len(durations), step)]
    strip = Strip(lambda: itertools.islice(film.frames(), 0, None, step), len(longer))
    if len(longer) == 1:
        return _avif(strip.copy(), Format("avif", quality, "", chroma="half"), "", film.exif)
    body = _saved(
        strip,
        "AVIF",
        save_all=True,
        duration=longer,
        quality=quality,
        codec=avif_codec(*film.size),
        speed=FILM_SPEED,
        range=FILM_RANGE,
        max_threads=1,
        icc_profile=None,
        exif=film.exif,
        xmp=b"",
    )
    return boxes.settled(body, film.source.plays)


def avif_codec(width: int, height: int) -> str:
    """SVT-AV1 inside its safe envelope, libaom elsewhere."""
    shortest, longest = SVT_SIDES
    return "svt" if shortest <= min(width, height) and max(width, height) <= longest else "aom"


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height >= LARGE


def _saved(image: Image.Image, pillow_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    with scheduled_as_before():
        image.save(buffer, pillow_format, **options)
    return buffer.getvalue()


@contextlib.contextmanager
def scheduled_as_before() -> Iterator[None]:
    """Undo what SVT-AV1 does to the thread that calls it as root: real-time for good, and with it what that starts."""
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
