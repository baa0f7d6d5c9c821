"""Inputs: the kinds of files that cameras, phones, browsers and design tools write come out looking right."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from processor.errors import Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import colour, decode, inspect, orient, profiles, signal
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, corners, exif_block, loaded, photo, png_chunk, saved, small_recipe
from tests.samples import after_header, box, inks, needs_heif, needs_jxl, pages, ultra_hdr
from tests.unit.test_orient import lying


def shown(data: bytes) -> Image.Image:
    """A file's pixels as the pipeline prepares them: upright, in sRGB."""
    opened = inspect.opened(data, Limits())
    stated = signal.stated(opened)
    image = decode.decoded(opened, (9999, 9999), stated.curve if stated else None)
    return colour.srgb(orient.upright(signal.tagged(image, stated)))


def profile(primaries: profiles.Chromaticities, gamma: float | None) -> bytes:
    """A profile of a known colour space, version 4."""
    return profiles.profile(primaries, gamma)


ADOBE_RGB = profile((0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 2.19921875)
PROPHOTO = profile((0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), 1.8)
DISPLAY_P3 = profile(profiles.P3_D65, None)

FOUR_TO_ONE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    "FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
    "FBQUFBQUFBT/wAARCAAgAEADAUEAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAAAAgKCf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/"
    "xAAXAQEBAQEAAAAAAAAAAAAAAAAHCggJ/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AnQAGOqaxgAkmPRyAbVOC"
    "xgAkmPcvAFGbcrQaAlXODPkAqoB7QaAlXOD/2Q=="
)
"""`corners(64, 32)` by libjpeg-turbo's `cjpeg -quality 90 -sample 4x1 -optimize`; Pillow cannot write 4:1:1."""


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(subsampling: str, *, progressive: bool) -> None:
    """Baseline and progressive JPEG of every common subsampling."""
    data = saved(photo(320, 240), "JPEG", quality=92, subsampling=subsampling, progressive=progressive)
    assert_image_similar(shown(data), photo(320, 240), 3)


def test_jpeg_of_four_to_one() -> None:
    """A JPEG whose colours have a quarter of the width, 4:1:1 as camcorders wrote it, keeps them in their places."""
    with Image.open(io.BytesIO(FOUR_TO_ONE)) as opened:
        assert [layer[1:3] for layer in opened.layer] == [(4, 1), (1, 1), (1, 1)]  # type: ignore[attr-defined]
    assert_image_similar(shown(FOUR_TO_ONE), corners(64, 32), 4)


def test_jpeg_in_grey() -> None:
    """A grey JPEG is grey."""
    grey = photo(160, 120).convert("L")
    assert_image_similar(shown(saved(grey, "JPEG", quality=95)), grey.convert("RGB"), 2)


def test_cmyk_jpeg() -> None:
    """CMYK JPEGs, whose numbers Adobe's programs write inverted, come out in their colours."""
    colours = corners(64, 64)
    data = saved(colours.convert("CMYK"), "JPEG", quality=97, subsampling="4:4:4")
    assert_image_similar(shown(data), colours, 4)


@pytest.mark.parametrize("pillow_format", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile(pillow_format: str) -> None:
    """Inks have the colours that the picture's own profile says: here magenta is a grey, which sRGB has as 119."""
    grey_magenta = inks({(0, 0, 0, 0): 100, (0, 1, 0, 0): 50})
    data = saved(Image.new("CMYK", (64, 64), (0, 255, 0, 0)), pillow_format, icc_profile=grey_magenta)
    result = transcode(data, small_recipe())
    assert result.source.notes == ()
    assert_image_similar(loaded(result.renditions[0].body), Image.new("RGB", (64, 64), (119, 119, 119)), 1)


@pytest.mark.parametrize("pillow_format", ["JPEG", "TIFF"])
def test_cmyk_profile_of_no_use(pillow_format: str) -> None:
    """A CMYK picture with a profile for RGB is converted by convention, and that is noted."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(corners(64, 64).convert("CMYK"), pillow_format, icc_profile=srgb)
    result = transcode(data, small_recipe())
    assert result.source.notes == (Note.PROFILE_DROPPED,)
    assert_image_similar(loaded(result.renditions[0].body), corners(64, 64), 8)


def test_ultra_hdr_and_mpo() -> None:
    """Of a JPEG with further pictures in it the first is published, at its own size."""
    gain_map = saved(Image.new("L", (80, 60), 200), "JPEG")
    for data in (
        ultra_hdr(saved(photo(320, 240), "JPEG", quality=95), gain_map),
        pages([photo(320, 240), corners()], "MPO"),
    ):
        result = transcode(data, small_recipe())
        assert (result.source.format, result.source.width, result.source.frames) == ("jpeg", 320, 2)
        small = photo(320, 240).resize((64, 48), Image.Resampling.LANCZOS)
        assert_image_similar(loaded(result.renditions[0].body), small, 6)


def interlaced(image: Image.Image) -> bytes:
    """An RGB image as an interlaced PNG (Adam7)."""
    width, height = image.size
    rows = b""
    for left, top, right, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(top, height, down):
            row = b"".join(bytes(image.getpixel((x, y))) for x in range(left, width, right))  # type: ignore[arg-type]
            rows += b"\0" + row if row else b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def test_interlaced_png() -> None:
    """An interlaced PNG is the picture that it is, sides that are no multiple of 8 included."""
    assert_image_similar(shown(interlaced(photo(37, 21))), photo(37, 21), 0)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"])
def test_tiff_compressions(compression: str) -> None:
    """The common compressions of TIFF."""
    data = saved(photo(160, 120), "TIFF", compression=compression)
    assert_image_similar(shown(data), photo(160, 120), 4 if compression == "jpeg" else 0)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_fax(compression: str) -> None:
    """Black and white scans in the compressions of fax machines."""
    scan = photo(160, 120).convert("1")
    assert_image_similar(shown(saved(scan, "TIFF", compression=compression)), scan.convert("RGB"), 0)


def test_first_page() -> None:
    """Of a TIFF's pages the first is published."""
    result = transcode(pages([corners(), photo(64, 64)], "TIFF"), small_recipe())
    assert (result.source.frames, result.source.width) == (2, 160)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp(mode: str) -> None:
    """Bitmaps of every depth."""
    image = corners(40, 30).convert(mode)
    assert_image_similar(shown(saved(image, "BMP")).convert("RGB"), image.convert("RGB"), 0)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("raw", [False, True])
def test_jpeg_2000(mode: str, *, raw: bool) -> None:
    """JPEG 2000, in its container and as a bare codestream."""
    image = photo(160, 120).convert(mode)
    data = saved(image, "JPEG2000", no_jp2=raw)
    assert_image_similar(shown(data).convert("RGB"), image.convert("RGB"), 1)


@needs_jxl
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_jpeg_xl(mode: str) -> None:
    """JPEG XL, with and without transparency."""
    image = photo(160, 120).convert(mode)
    assert_image_similar(shown(saved(image, "JXL", quality=95)).convert("RGB"), image.convert("RGB"), 3)


@needs_heif
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_heif(mode: str) -> None:
    """HEIF, with and without transparency."""
    image = photo(160, 120).convert(mode)
    assert_image_similar(shown(saved(image, "HEIF", quality=95)).convert("RGB"), image.convert("RGB"), 3)


SRGB_D50 = [[0.43607, 0.38515, 0.14306], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
SRGB_D65 = [[0.41246, 0.35758, 0.18044], [0.21267, 0.71515, 0.07217], [0.01933, 0.11919, 0.95030]]
ADOBE_D65 = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
P3_D65 = [[0.48657, 0.26567, 0.19822], [0.22897, 0.69174, 0.07929], [0.0, 0.04511, 1.04394]]
PROPHOTO_D50 = [[0.79767, 0.13519, 0.03135], [0.28804, 0.71187, 0.00009], [0.0, 0.0, 0.82521]]
"""From linear RGB to XYZ at a white point, as published (B. Lindbloom)."""


def stored_as(srgb: tuple[int, int, int], from_srgb: list[list[float]], to: list[list[float]], gamma: float) -> Any:
    """The numbers by which a colour space with a plain gamma names a colour of sRGB, by matrices alone."""
    level = np.array(srgb) / 255
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = np.clip(np.linalg.inv(np.array(to)) @ np.array(from_srgb) @ light, 0, 1)
    encoded = (
        light ** (1 / gamma)
        if gamma
        else np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    )
    return tuple(int(value) for value in np.rint(255 * encoded))


@pytest.mark.parametrize(
    ("icc", "stored"),
    [
        (DISPLAY_P3, stored_as((200, 100, 55), SRGB_D65, P3_D65, 0)),
        (ADOBE_RGB, stored_as((200, 100, 55), SRGB_D65, ADOBE_D65, 2.19921875)),
        (PROPHOTO, stored_as((200, 100, 55), SRGB_D50, PROPHOTO_D50, 1.8)),
    ],
)
@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "TIFF", "WEBP", pytest.param("HEIF", marks=needs_heif)])
def test_wide_gamuts(pillow_format: str, icc: bytes, stored: tuple[int, int, int]) -> None:
    """One sRGB colour, (200, 100, 55), stored in Display P3, Adobe RGB and ProPhoto comes back within 4 levels."""
    options: dict[str, Any] = {"quality": 100, "subsampling": "4:4:4"} if pillow_format == "JPEG" else {}
    options |= {"lossless": True} if pillow_format == "WEBP" else {}
    options |= {"quality": -1, "chroma": 444} if pillow_format == "HEIF" else {}
    actual = shown(saved(Image.new("RGB", (32, 32), stored), pillow_format, icc_profile=icc, **options)).getpixel(
        (9, 9)
    )
    assert isinstance(actual, tuple)
    difference = max(abs(a - b) for a, b in zip(actual, (200, 100, 55), strict=True))
    assert difference <= 4, f"{actual} differs by {difference}"


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("pillow_format", ["AVIF", pytest.param("HEIF", marks=needs_heif)])
def test_a_container_turns_once_whatever_exif_says(pillow_format: str, turn: int) -> None:
    """AVIF and HEIF are turned by irot and imir alone: an EXIF note that disagrees changes nothing."""
    data = saved(lying(turn), pillow_format, exif=exif_block(turn), quality=95)
    assert_image_similar(shown(data), corners(), 5)
    # the same file with an EXIF note that asks for a quarter turn
    note = data.find(struct.pack(">HHIHH", 0x0112, 3, 1, turn, 0))
    if note < 0:
        note = data.find(struct.pack("<HHIHH", 0x0112, 3, 1, turn, 0))
    if note >= 0:
        order = ">" if data[note : note + 2] == b"\x01\x12" else "<"
        changed = data[: note + 8] + struct.pack(f"{order}H", 6 if turn != 6 else 3) + data[note + 10 :]
        assert_image_similar(shown(changed), corners(), 5)


def test_exif_alone_does_not_turn_an_avif() -> None:
    """An AVIF without irot and imir is upright, though its EXIF block says otherwise."""
    first, second = (
        saved(corners(), "AVIF", exif=exif, quality=95) for exif in (exif_block(1, b"marker"), exif_block(6, b"marker"))
    )
    assert (b"irot" in first, b"irot" in second) == (False, True)
    at = first.find(struct.pack(">HHIHH", 0x0112, 3, 1, 1, 0))
    if at >= 0:
        first = first[: at + 8] + struct.pack(">H", 6) + first[at + 10 :]
    assert_image_similar(shown(first), corners(), 5)


def test_svg_and_others_are_refused() -> None:
    """What is no supported picture is refused with the list of what is."""
    for data in (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"PK\x03\x04",
        box(b"ftyp", b"qt  "),
    ):
        with pytest.raises(Rejected, match="HEIC/HEIF"):
            inspect.opened(data, Limits())


def test_cicp_in_a_png_beside_text() -> None:
    """Chunks before the one that counts do not hide it."""
    data = after_header(
        saved(Image.new("RGB", (8, 8), (200, 100, 50)), "PNG"), (b"tEXt", b"a\0b"), (b"cICP", bytes([12, 13, 0, 1]))
    )
    assert shown(data).getpixel((0, 0)) == (215, 93, 31)
