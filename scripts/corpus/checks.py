"""What every rendition must be, read from its bytes by code that shares nothing with the encoders."""

import io
import struct
import warnings
from collections.abc import Iterator

from PIL import Image

from processor.recipe import Recipe
from processor.results import Rendition, Transcoded

_JPEG_ALLOWED = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xDA, 0xD8, 0xD9, 0xE0, 0xEE}
"""Markers of a JPEG that holds pixels alone; APP0 must say JFIF, APP14 Adobe (which tells the colour transform)."""

_WEBP_ALLOWED = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_AVIF_FORBIDDEN = (b"Exif", b"mime", b"prof", b"rICC", b"uuid", b"xml ")
_ROUNDING = 0.51


def problems(recipe: Recipe, result: Transcoded) -> list[str]:
    """What is wrong with a picture that counts as complete; empty if nothing is."""
    wanted = [(size.name, fmt.name) for size, fmt in recipe.formats]
    made = [(rendition.size, rendition.format) for rendition in result.renditions]
    found = [] if wanted == made else [f"renditions {made} instead of {wanted}"]
    for rendition in result.renditions:
        found += [f"{rendition.size} {rendition.format}: {problem}" for problem in _rendition_problems(rendition)]
        found += [f"{rendition.size} {rendition.format}: {problem}" for problem in _shape_problems(result, rendition)]
    return found


def foreign_parts(fmt: str, body: bytes) -> list[str]:
    """What a file holds besides pixels: metadata, profiles, comments, bytes after its end."""
    return list(_READERS[fmt](body))


def _rendition_problems(rendition: Rendition) -> Iterator[str]:
    yield from foreign_parts(rendition.format, rendition.body)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(rendition.body), formats=[rendition.format.upper()])
            for frame in range(getattr(image, "n_frames", 1)):
                image.seek(frame)
                image.load()
    except Exception as exc:  # noqa: BLE001 - any failure to decode is what we look for
        yield f"cannot be decoded: {type(exc).__name__}: {exc}"
        return
    if image.size != (rendition.width, rendition.height):
        yield f"is {image.size}, said to be {(rendition.width, rendition.height)}"
    if image.mode not in ("RGB", "RGBA", "L"):
        yield f"has mode {image.mode}"
    for name in ("exif", "xmp", "icc_profile", "comment"):
        if image.info.get(name):
            yield f"carries {name}"


def _shape_problems(result: Transcoded, rendition: Rendition) -> Iterator[str]:
    """An upright rendition keeps the aspect of the upright source, up to rounding, and is never larger."""
    source, width, height = result.source, rendition.width, rendition.height
    if width > source.width or height > source.height:
        yield f"{width} x {height} is larger than the source's {source.width} x {source.height}"
    # both sides are rounded to whole pixels: some one scale must explain the two
    least = max((width - _ROUNDING) / source.width, (height - _ROUNDING) / source.height)
    most = min((width + _ROUNDING) / source.width, (height + _ROUNDING) / source.height)
    if least > most and min(width, height) > 1:
        yield f"{width} x {height} is not the shape of {source.width} x {source.height}"


def _jpeg_parts(body: bytes) -> Iterator[str]:
    at = 2
    while at + 4 <= len(body):
        if body[at] != 0xFF:  # noqa: PLR2004 - every marker begins so
            yield f"no marker at byte {at}"
            return
        marker = body[at + 1]
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        if marker not in _JPEG_ALLOWED:
            yield f"JPEG marker {marker:#x}"
        if (marker, body[at + 4 : at + 8]) not in ((0xE0, b"JFIF"), (0xEE, b"Adob")) and marker in (0xE0, 0xEE):
            yield f"JPEG marker {marker:#x} with {body[at + 4 : at + 12]!r}"
        at += 2 + length
        if marker == 0xDA:  # noqa: PLR2004 - start of scan: entropy-coded data up to the next real marker
            while at + 1 < len(body) and not (body[at] == 0xFF and body[at + 1] not in (0, *range(0xD0, 0xD8))):  # noqa: PLR2004
                at += 1
            if body[at : at + 2] == b"\xff\xd9":
                if len(body) > at + 2:
                    yield f"{len(body) - at - 2} bytes after the end"
                return
    yield "no end of image"


def _webp_parts(body: bytes) -> Iterator[str]:
    (size,) = struct.unpack_from("<I", body, 4)
    if size + 8 != len(body):
        yield f"{len(body) - size - 8} bytes after the end"
    at = 12
    while at + 8 <= len(body):
        kind, length = struct.unpack_from("<4sI", body, at)
        if kind not in _WEBP_ALLOWED:
            yield f"WebP chunk {kind!r}"
        at += 8 + length + length % 2


def _avif_parts(body: bytes) -> Iterator[str]:
    boxes = dict(_boxes(body))
    unexpected = boxes.keys() - {b"ftyp", b"meta", b"mdat", b"moov", b"free"}
    if unexpected:
        yield f"boxes {sorted(unexpected)}"
    header = boxes.get(b"meta", b"") + boxes.get(b"moov", b"")
    for kind in _AVIF_FORBIDDEN:
        if kind in header:
            yield f"AVIF item or box {kind!r}"


def _boxes(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(body):
        length = int.from_bytes(body[at : at + 4], "big") or len(body) - at
        if length == 1:
            length = int.from_bytes(body[at + 8 : at + 16], "big")
        yield body[at + 4 : at + 8], body[at + 8 : at + length]
        at += max(8, length)


_READERS = {"jpeg": _jpeg_parts, "webp": _webp_parts, "avif": _avif_parts}
