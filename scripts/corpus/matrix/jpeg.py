"""JPEG, by libjpeg-turbo's own tools, with segments put in here."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from PIL import ImageCms

from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.case import COMPLETE, UNSUPPORTED, Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged
from scripts.corpus.matrix.exif import block

_PROCESSES = {
    "baseline": ["-baseline"],
    "optimised": ["-optimize"],
    "progressive": ["-progressive"],
    "arithmetic": ["-arithmetic"],
    "arithmetic-progressive": ["-arithmetic", "-progressive"],
    "restarts": ["-restart", "1"],
    "restarts-progressive": ["-restart", "3B", "-progressive"],
    "coarse": ["-quality", "2"],
    "fine": ["-quality", "100"],
}
_COLOURS = {
    "444": ["-sample", "1x1"],
    "422": ["-sample", "2x1"],
    "420": ["-sample", "2x2"],
    "440": ["-sample", "1x2"],
    "411": ["-sample", "4x1"],
    "410": ["-sample", "4x2"],
    "odd": ["-sample", "2x2,1x2,1x1"],
    "grey": ["-grayscale"],
    "rgb": ["-rgb"],
}


def cases(maker: Maker) -> Iterator[Case]:
    """Every process by every layout of colours, with segments, with four channels, and damaged."""
    small = {"in.ppm": pictures.ppm(pictures.colours())}
    large = {"in.ppm": pictures.ppm(pictures.noisy(*pictures.LARGE))}
    for process, how in _PROCESSES.items():
        for layout, colours in _COLOURS.items():
            command = ["cjpeg", "-quality", "90", *how, *colours, "-outfile", "out.jpg", "in.ppm"]
            for sound in maker.attempt(f"jpeg/{process}-{layout}.jpg", command, small, "out.jpg"):
                yield sound
                if layout in ("420", "grey") and process not in ("coarse", "fine", "optimised"):
                    yield from damaged(sound, anatomy(sound.body))
            if layout == "420":
                for sound in maker.attempt(f"jpeg/large-{process}-{layout}.jpg", command, large, "out.jpg"):
                    yield sound
                    yield from damaged(sound, anatomy(sound.body))
    yield from _with_segments(maker, small)
    yield from _four_channels(maker)
    yield from _by_tools(maker, small)


def anatomy(body: bytes) -> Anatomy:
    """From the first scan's data to the end mark."""
    at = 2
    while body[at + 1] != 0xDA:  # noqa: PLR2004 - start of scan
        at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return Anatomy(at + 2 + int.from_bytes(body[at + 2 : at + 4], "big"), body.rindex(b"\xff\xd9"))


def with_segment(body: bytes, marker: int, payload: bytes) -> bytes:
    """A segment put after the start."""
    return body[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload + body[2:]


def _with_segments(maker: Maker, small: dict[str, bytes]) -> Iterator[Case]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extras: dict[str, list[tuple[int, bytes]]] = {
        "comment": [(0xFE, b"a comment" * 400)],
        "profile": [(0xE2, b"ICC_PROFILE\0\1\1" + profile)],
        "profile-in-parts": [
            (0xE2, b"ICC_PROFILE\0\2\2" + profile[200:]),
            (0xE2, b"ICC_PROFILE\0\1\2" + profile[:200]),
        ],
        "profile-with-a-part-missing": [(0xE2, b"ICC_PROFILE\0\1\2" + profile[:200])],
        "profile-broken": [(0xE2, b"ICC_PROFILE\0\1\1" + profile[:90])],
        "photoshop": [(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0")],
        "xmp": [(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")],
        "thumbnail": [(0xE0, b"JFXX\0\x13\2\2" + bytes(12))],
        "multi-picture": [(0xE2, b"MPF\0" + block(1))],
        "unknown": [(0xEB, bytes(60_000)), (0xEF, b"x")],
        "exif-broken": [(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff")],
        "exif-twice": [(0xE1, b"Exif\0\0" + block(1)), (0xE1, b"Exif\0\0" + block(6))],
    }
    extras |= {
        f"turned-{way}-{mark}": [(0xE1, b"Exif\0\0" + block(way, order))]
        for way in range(10)
        for mark, order in (("ii", "<"), ("mm", ">"))
    }
    for layout in ("420", "grey"):
        command = ["cjpeg", "-quality", "90", *_COLOURS[layout], "-outfile", "out.jpg", "in.ppm"]
        for plain in maker.attempt(f"jpeg/plain-{layout}.jpg", command, small, "out.jpg"):
            for name, segments in extras.items():
                body = plain.body
                for marker, payload in segments:
                    body = with_segment(body, marker, payload)
                yield Case(f"jpeg/{layout}-{name}.jpg", body)
            yield Case(f"jpeg/{layout}-twelve-bits.jpg", _precision(plain.body, 12), UNSUPPORTED, compared=False)
            yield Case(f"jpeg/{layout}-hierarchical.jpg", _process(plain.body, 0xC5), UNSUPPORTED, compared=False)
            yield Case(
                f"jpeg/{layout}-lines-defined-later.jpg", _defined_later(plain.body), UNSUPPORTED, compared=False
            )
            yield Case(f"jpeg/{layout}-fill-bytes.jpg", plain.body[:2] + b"\xff\xff\xff" + plain.body[2:])
            yield Case(f"jpeg/{layout}-before-zeros.jpg", plain.body + plain.body)


def _frame(body: bytes) -> int:
    at = 2
    while body[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return at


def _precision(body: bytes, bits: int) -> bytes:
    """Extended sequential with so many bits: what a 12-bit file's header says."""
    at = _frame(body)
    return body[: at + 1] + b"\xc1" + body[at + 2 : at + 4] + bytes((bits,)) + body[at + 5 :]


def _process(body: bytes, marker: int) -> bytes:
    at = _frame(body)
    return body[: at + 1] + bytes((marker,)) + body[at + 2 :]


def _defined_later(body: bytes) -> bytes:
    """The number of lines is zero, and a DNL segment follows the scan."""
    at = _frame(body)
    height = body[at + 5 : at + 7]
    end = body.rindex(b"\xff\xd9")
    return body[: at + 5] + bytes(2) + body[at + 7 : end] + b"\xff\xdc\0\4" + height + body[end:]


def _four_channels(maker: Maker) -> Iterator[Case]:
    """CMYK and YCCK: Adobe's are inverted."""
    ink = pictures.rgb().convert("CMYK")
    for quality in (75, 95):
        for progressive in (False, True):
            body = pictures.saved(ink, "JPEG", quality=quality, progressive=progressive)
            sound = Case(f"jpeg/cmyk-pillow-{quality}{'-progressive' if progressive else ''}.jpg", body)
            yield sound
            if quality == 95:  # noqa: PLR2004
                yield from damaged(sound, anatomy(sound.body))
    tiff = {"in.tif": pictures.saved(ink, "TIFF")}
    for name, more in {
        "cmyk": [],
        "progressive": ["-interlace", "JPEG"],
        "subsampled": ["-sampling-factor", "2x2"],
    }.items():
        command = ["convert", "in.tif", "-strip", "-quality", "92", *more, "out.jpg"]
        yield from maker.attempt(f"jpeg/cmyk-imagemagick-{name}.jpg", command, tiff, "out.jpg")


def _by_tools(maker: Maker, small: dict[str, bytes]) -> Iterator[Case]:
    source = small | {"in.jpg": pictures.saved(pictures.rgb(), "JPEG", quality=92)}
    ways = {
        "arithmetic": ["-arithmetic"],
        "progressive": ["-progressive"],
        "turned": ["-rotate", "90", "-trim"],
        "grey": ["-grayscale"],
        "cropped": ["-crop", "40x32+8+8"],
        "restarts": ["-restart", "2"],
    }
    for name, how in ways.items():
        command = ["jpegtran", *how, "-outfile", "out.jpg", "in.jpg"]
        yield from maker.attempt(f"jpeg/jpegtran-{name}.jpg", command, source, "out.jpg")
    for fmt in ("yuvj444p", "bgra"):
        command = ["ffmpeg", "-v", "error", "-i", "in.ppm", "-pix_fmt", fmt, "-c:v", "ljpeg", "-bitexact", "out.jpg"]
        for case in maker.attempt(f"jpeg/ffmpeg-lossless-{fmt}.jpg", command, source, "out.jpg"):
            yield replace(case, expected=COMPLETE | UNSUPPORTED)
    for fmt in ("yuvj420p", "yuvj422p", "yuvj444p", "gray"):
        command = ["ffmpeg", "-v", "error", "-i", "in.ppm", "-pix_fmt", fmt, "-q:v", "2", "-bitexact", "out.jpg"]
        yield from maker.attempt(f"jpeg/ffmpeg-{fmt}.jpg", command, source, "out.jpg")
    for factor in ("1x1", "2x1", "1x2", "2x2", "4x1", "4x2", "3x1"):
        for mode in ("", "-interlace JPEG"):
            name = f"jpeg/imagemagick-{factor}{'-progressive' if mode else ''}.jpg"
            command = ["convert", "in.ppm", "-quality", "92", "-sampling-factor", factor, *mode.split(), "out.jpg"]
            yield from maker.attempt(name, command, source, "out.jpg")
    for way in ("Horizontal (normal)", "Rotate 90 CW", "Mirror vertical", "Rotate 180"):
        command = [
            "exiftool",
            "-q",
            "-o",
            "out.jpg",
            f"-Orientation={way}",
            "-GPSLatitude=48.1",
            "-Copyright=me",
            "in.jpg",
        ]
        yield from maker.attempt(
            f"jpeg/exiftool-{way.split(' (')[0].replace(' ', '-').lower()}.jpg", command, source, "out.jpg"
        )
