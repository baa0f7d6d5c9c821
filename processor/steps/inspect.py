"""Inspect: decide from the first bytes and the header alone whether a file may be decoded."""

import io
import logging
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import (  # the plugins by name, so that Pillow never goes looking for all the others
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from processor.errors import Reason, Rejected
from processor.limits import Limits, check_size
from processor.results import SourceFormat
from processor.steps import apng, bmp, bounds, boxes, ends, gif, jpeg, jxl, optional, png, tiff, webp
from processor.steps.notes import Note
from processor.steps.parts import Parts

SUPPORTED = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC/HEIF and JPEG 2000"

_PLUGINS: dict[SourceFormat, tuple[str, ...]] = {
    "jpeg": (JpegImagePlugin.JpegImageFile.format, MpoImagePlugin.MpoImageFile.format),
    "png": (PngImagePlugin.PngImageFile.format,),
    "webp": (WebPImagePlugin.WebPImageFile.format,),
    "gif": (GifImagePlugin.GifImageFile.format,),
    "tiff": (TiffImagePlugin.TiffImageFile.format,),
    "bmp": (BmpImagePlugin.BmpImageFile.format,),
    "avif": (AvifImagePlugin.AvifImageFile.format,),
    "heif": ("HEIF",),
    "jp2": (Jpeg2KImagePlugin.Jpeg2KImageFile.format,),
    "jxl": ("JXL",),
}
"""What Pillow may call a file of each format once it is open. JPEGs that hold several pictures come out as MPO."""

_MAGIC: tuple[tuple[bytes, SourceFormat], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
)
_OPTIONAL: dict[SourceFormat, tuple[Callable[[], bool], str]] = {
    "heif": (optional.heif, "HEIC/HEIF, whose reader is not installed here; add the extra `heif`"),
    "jxl": (optional.jxl, "JPEG XL, whose reader is not installed here; add the extra `jxl`"),
}
ANIMATED: frozenset[SourceFormat] = frozenset({"gif", "png", "webp", "avif"})
"""Of which every frame is decoded. Of the others' pages and bursts only the first is."""

_BMP_HEADER_BYTES = {12, 16, 40, 52, 56, 64, 108, 124}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_MAX_BRAND_BOX_BYTES = 1024
_CODINGS = {"avif": {b"av01", b"grid"}, "heif": {b"hvc1", b"hev1", b"grid", b"iden", b"iovl"}}
_CODING_NAMES = {
    b"av01": "AV1",
    b"avc1": "AVC",
    b"evc1": "EVC",
    b"j2k1": "JPEG 2000",
    b"jpeg": "JPEG",
    b"unci": "uncompressed pixels",
    b"vvc1": "VVC",
}
_MOST_COMPONENTS = 4

# Pillow warns and logs about what it tolerates; a file's oddities must not reach the log of every request. Its warning
# about bombs is the exception: that one is an error. Set once, because `catch_warnings` is not thread-safe.
logging.getLogger("PIL").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"(PIL|pillow_avif|pillow_heif|pi_heif|pillow_jxl)\.")
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that passed every check on its header; no pixel of it is decoded yet.

    Attributes:
        image: lazily opened by Pillow.
        format: what the file is.
        frames: frames or pages it says it holds.
        canvas: width and height of what its reader holds while it goes through the frames: of a GIF that draws beyond
            its screen more than the picture's.
        data: the whole file, as its reader is given it: see `mended`.
        notes: what there is to note about that.
        layout: of a JPEG.
        parts: the frames of a GIF or an animated PNG, which we compose ourselves.
    """

    image: Image.Image
    format: SourceFormat
    frames: int
    canvas: tuple[int, int]
    data: bytes
    notes: tuple[Note, ...] = ()
    layout: jpeg.Layout | None = None
    parts: Parts | None = None


def opened(data: bytes, limits: Limits) -> Opened:
    """Open a file lazily, within the limits.

    Raises:
        Rejected: `empty`, `too_large`, `unsupported_format`, `corrupt`, `too_many_pixels`, `too_many_frames` or
            `metadata_too_large`.
    """
    check_size(len(data), limits)
    fmt = sniffed(data)
    _check_installed(fmt)
    bounds.check_structure(fmt, data, limits)
    original = data
    layout = _jpeg_layout(fmt, data)
    with pillow_errors(fmt):
        _check_coding(fmt, data)
        data, notes = _mended(fmt, data, layout, limits)
    parts = apng.parts(data) if fmt == "png" else None
    data = apng.still(data) if fmt == "png" else data
    # Pillow's own check is the first line of defence (some readers allocate as they open), ours below the last.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = limits.max_metadata_bytes
    with pillow_errors(fmt):
        if fmt == "jxl":  # its reader decodes as it opens
            _check_side(*jxl.declared_size(data), limits)
        if layout:
            jpeg.check_complete(layout)
        image = _lazily(fmt, data, layout)
        if image.format not in _PLUGINS[fmt]:
            raise Rejected(Reason.UNSUPPORTED_FORMAT, f"the file begins as {fmt} but turns out to be {image.format}")
        _check_side(*image.size, limits)
        if fmt == "jp2" and (profile := boxes.jp2_profile(data)):  # Pillow leaves it out
            image.info["icc_profile"] = profile
        parts = gif.parts(data, image.size, limits.max_frames + 1) if fmt == "gif" else parts
        frames, canvas = _frames(fmt, image, original, limits.max_frames + 1, parts)
    bounds.check_collected(image.info, limits)
    _check_side(*canvas, limits)
    _check_frames(*canvas, frames, limits, decoded=frames if fmt in ANIMATED else 1)
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    _check_transparent(canvas, limits, transparent=parts.transparent if parts else transparent)
    return Opened(image, fmt, frames, canvas, data, notes, layout, parts)


def reopened(source: Opened) -> Image.Image:
    """The same file opened once more, for a reader of its own: one Image can only be at one frame at a time."""
    return _lazily(source.format, source.data, source.layout)


def sniffed(data: bytes) -> SourceFormat:
    """The format that the first bytes promise.

    Raises:
        Rejected: `unsupported_format`, naming what is supported.
    """
    for magic, fmt in _MAGIC:
        if data.startswith(magic):
            return fmt
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_BYTES:
        return "bmp"
    brands = _brands(data)
    if brands & _AVIF_BRANDS:  # first, because AVIF shares its structural brands with HEIF
        return "avif"
    if brands & _HEIF_BRANDS:
        return "heif"
    raise Rejected(
        Reason.UNSUPPORTED_FORMAT, f"this is not a picture in a supported format; {SUPPORTED} are, whatever the name"
    )


def _lazily(fmt: SourceFormat, data: bytes, layout: jpeg.Layout | None) -> ImageFile.ImageFile:
    """Have Pillow read a file's header."""
    image = Image.open(io.BytesIO(data), formats=_PLUGINS[fmt][:1])
    if layout and layout.arithmetic:
        image.decodermaxblock = max(image.decodermaxblock, len(data))  # libjpeg cannot stop and go on there
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tiff.with_old_palette(image)
    return image


def _jpeg_layout(fmt: SourceFormat, data: bytes) -> jpeg.Layout | None:
    """Of a JPEG.

    Raises:
        Rejected: `unsupported_format`.
    """
    if fmt != "jpeg":
        return None
    layout = jpeg.layout(data)
    jpeg.check_kind(layout)
    return layout


def _check_coding(fmt: SourceFormat, data: bytes) -> None:
    """Refuse what no reader here decodes though its container is a known one.

    Raises:
        Rejected: `unsupported_format`.
    """
    if fmt in _CODINGS and (coding := boxes.coding(data)) and coding not in _CODINGS[fmt]:
        name = _CODING_NAMES.get(coding, coding.decode("latin-1").strip())
        kind = f"this is {'AVIF' if fmt == 'avif' else 'HEIF'} with {name} inside"
    elif fmt == "jp2" and (count := boxes.jp2_components(data)) > _MOST_COMPONENTS:
        kind = f"this is a JPEG 2000 of {count} components"
    else:
        return
    raise Rejected(Reason.UNSUPPORTED_FORMAT, f"{kind}, which cannot be read; export it as a JPEG")


def _mended(
    fmt: SourceFormat, data: bytes, layout: jpeg.Layout | None, limits: Limits
) -> tuple[bytes, tuple[Note, ...]]:
    """The file in a form that its reader takes for what it is, and what there is to note about that.

    Raises:
        Rejected: `unsupported_format`.
    """
    if fmt == "png":
        return png.mended(data)
    if fmt == "webp":
        data, notes = ends.webp(data)
        return webp.mended(data), notes
    if fmt == "bmp":
        return bmp.mended(data, limits.max_pixels), ()
    if fmt == "avif":
        return boxes.without_unreadable_exif(data), ()
    whole = {"tiff": tiff.with_picture_first, "gif": ends.gif, "jp2": ends.jp2}.get(fmt)
    if whole:
        return whole(data), ()
    return (jpeg.mended(data, layout) if layout else data), ()


def _check_installed(fmt: SourceFormat) -> None:
    installed, remedy = _OPTIONAL.get(fmt, (None, ""))
    if installed is not None and not installed():
        raise Rejected(Reason.UNSUPPORTED_FORMAT, f"this is {remedy}, or upload a JPEG")


@contextmanager
def pillow_errors(fmt: SourceFormat) -> Iterator[None]:
    """The one boundary where what Pillow raises about a source becomes a `Rejected`.

    Raises:
        Rejected: `too_many_pixels` for Pillow's own bomb check, `corrupt` for anything else.
    """
    try:
        yield
    except (Rejected, MemoryError):  # a lack of memory says nothing about the picture
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"the picture has over {Image.MAX_IMAGE_PIXELS:,} pixels, which is the most allowed; make it smaller",
        ) from exc
    except Exception as exc:  # Pillow's readers raise what they like: SyntaxError, struct.error, KeyError, …
        raise Rejected(
            Reason.CORRUPT,
            f"the {fmt.upper()} data is cut short, damaged or of a rare kind that cannot be decoded ({_brief(exc)}); "
            "export the picture anew",
        ) from exc


def _brief(exc: Exception) -> str:
    """The exception in one short line of plain text."""
    if isinstance(exc, UnidentifiedImageError):  # its text holds a memory address
        return "its header cannot be read"
    text = " ".join(str(exc).split()) or type(exc).__name__
    return "".join(character for character in text if character.isprintable())[:120]


def _brands(data: bytes) -> set[bytes]:
    """The brands that an ISO base media file claims to conform to (ISO/IEC 14496-12, 4.3)."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), _MAX_BRAND_BOX_BYTES, len(data))
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def _check_side(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise Rejected(Reason.CORRUPT, f"the header says {width} x {height} pixels; export the picture anew")
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"the picture has {width:,} x {height:,} pixels, allowed are {limits.max_pixels:,} in all and "
            f"{limits.max_side:,} a side; make it smaller",
        )


def _check_transparent(canvas: tuple[int, int], limits: Limits, *, transparent: bool) -> None:
    """By what the headers say; whether some pixel really is transparent shows only once all are decoded."""
    pixels = canvas[0] * canvas[1]
    if transparent and pixels > limits.max_alpha_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"the picture has {pixels:,} pixels, allowed are {limits.max_alpha_pixels:,} where they may be "
            "transparent; make it smaller or save it without transparency",
        )


def _check_frames(width: int, height: int, frames: int, limits: Limits, *, decoded: int) -> None:
    if frames > limits.max_frames:
        raise Rejected(
            Reason.TOO_MANY_FRAMES, f"the file holds more than the {limits.max_frames:,} frames or pages allowed"
        )
    if width * height * decoded > limits.max_total_pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"{decoded:,} frames of {width:,} x {height:,} pixels are over the {limits.max_total_pixels:,} allowed",
        )


def _frames(
    fmt: SourceFormat, image: Image.Image, data: bytes, enough: int, parts: Parts | None
) -> tuple[int, tuple[int, int]]:
    """Frames or pages, counted up to `enough`, and the size of what they are drawn on.

    TIFF does not say how many it holds, and Pillow's way to find out takes minutes for a file made for that.
    """
    if parts:
        return parts.announced, parts.reach
    if fmt == "tiff":
        return _tiff_pages(data, enough), image.size
    return max(1, int(getattr(image, "n_frames", 1))), image.size


def _tiff_pages(data: bytes, enough: int) -> int:
    """Image file directories of a TIFF or BigTIFF, at least 1, each counted once where they are linked in a loop."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    first, count, entry, link = (8, "Q", 20, "Q") if big else (4, "H", 12, "I")
    seen: set[int] = set()
    (at,) = struct.unpack_from(order + link, data, first)
    while at and at not in seen and len(seen) < enough:
        seen.add(at)
        try:
            (entries,) = struct.unpack_from(order + count, data, at)
            (at,) = struct.unpack_from(order + link, data, at + struct.calcsize(count) + entries * entry)
        except (struct.error, OverflowError):  # a directory beyond the end: Pillow will say so if it matters
            break
    return max(1, len(seen))
