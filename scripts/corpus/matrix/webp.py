"""WebP, by libwebp's own tools."""

from collections.abc import Iterator
from typing import Any

from PIL import ImageCms

from scripts.corpus.matrix import pictures
from scripts.corpus.matrix.case import Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged
from scripts.corpus.matrix.exif import block

_WAYS = {
    "q5": ["-q", "5"],
    "q80": ["-q", "80"],
    "q100": ["-q", "100"],
    "sharp": ["-sharp_yuv"],
    "segments": ["-segments", "1", "-f", "0"],
    "partitions": ["-partition_limit", "50", "-m", "6"],
    "jpeg-like": ["-jpeg_like"],
    "lossless": ["-lossless"],
    "lossless-fast": ["-lossless", "-z", "0"],
    "near-lossless": ["-near_lossless", "40"],
    "exact": ["-lossless", "-exact"],
    "alpha-coarse": ["-alpha_q", "20"],
    "alpha-raw": ["-alpha_method", "0"],
    "alpha-best": ["-alpha_filter", "best"],
    "no-alpha": ["-noalpha"],
}


_ANIMATED: dict[str, dict[str, Any]] = {
    "lossy": {"quality": 80},
    "lossless": {"lossless": True},
    "mixed": {"allow_mixed": True},
}


def cases(maker: Maker) -> Iterator[Case]:
    """Every way of coding, opaque and not; with metadata; animated; damaged."""
    sources = {
        "rgb": {"in.png": pictures.saved(pictures.rgb(), "PNG")},
        "rgba": {"in.png": pictures.saved(pictures.rgba(), "PNG")},
        "grey": {"in.png": pictures.saved(pictures.rgb().convert("L"), "PNG")},
        "large": {"in.png": pictures.saved(pictures.image(pictures.noisy(*pictures.LARGE)), "PNG")},
    }
    for kind, source in sources.items():
        for name, how in _WAYS.items():
            command = ["cwebp", "-quiet", *how, "in.png", "-o", "out.webp"]
            for sound in maker.attempt(f"webp/{kind}-{name}.webp", command, source, "out.webp"):
                yield sound
                if name in ("q80", "lossless"):
                    yield from damaged(sound, anatomy(sound.body))
                    yield from _with_metadata(maker, sound)
    yield from _animated(maker)


def anatomy(body: bytes) -> Anatomy:
    """The picture's own chunk; with several frames from the first to the last."""
    at, start, end, frames = 12, 0, 0, 0
    while at + 8 <= len(body):
        length = int.from_bytes(body[at + 4 : at + 8], "little")
        if body[at : at + 4] in (b"VP8 ", b"VP8L", b"ANMF"):
            start, end, frames = start or at + 8, at + 8 + length, frames + 1
        at += 8 + length + length % 2
    return Anatomy(start, min(end, len(body)), frames > 1)


def _with_metadata(maker: Maker, sound: Case) -> Iterator[Case]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    files = {"in.webp": sound.body, "icc": profile, "exif": b"Exif\0\0" + block(6), "xmp": b"<x:xmpmeta/>"}
    files["bare"] = block(6)
    stem = sound.name.removesuffix(".webp")
    for kind, file in (("icc", "icc"), ("exif", "exif"), ("exif", "bare"), ("xmp", "xmp")):
        command = ["webpmux", "-set", kind, file, "in.webp", "-o", "out.webp"]
        for case in maker.attempt(f"{stem}-{kind}-{file}.webp", command, files, "out.webp"):
            yield case
            if kind == "xmp":
                yield from damaged(case, anatomy(case.body))


def _animated(maker: Maker) -> Iterator[Case]:
    for transparent in (False, True):
        frames = pictures.frames(transparent=transparent)
        what = "rgba" if transparent else "rgb"
        for name, options in _ANIMATED.items():
            body = pictures.saved(
                frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=70, loop=2, **options
            )
            sound = Case(f"webp/animated-{what}-{name}.webp", body)
            yield sound
            yield from damaged(sound, anatomy(sound.body))
        source = {f"{at}.webp": pictures.saved(frame, "WEBP", lossless=True) for at, frame in enumerate(frames)}
        for dispose in ("0", "1"):
            for blend in ("+b", "-b"):
                parts = [
                    part
                    for at in range(3)
                    for part in ("-frame", f"{at}.webp", f"+80+{4 * at}+{6 * at}+{dispose}{blend}")
                ]
                command = ["webpmux", *parts, "-loop", "3", "-bgcolor", "255,10,20,30", "-o", "out.webp"]
                yield from maker.attempt(f"webp/webpmux-{what}-{dispose}{blend}.webp", command, source, "out.webp")
    gif = pictures.saved(
        pictures.frames(transparent=False)[0].quantize(64),
        "GIF",
        save_all=True,
        append_images=pictures.frames(transparent=False)[1:],
        duration=70,
    )
    for name, how in {
        "lossless": [],
        "lossy": ["-lossy"],
        "mixed": ["-mixed"],
        "kmin": ["-kmin", "1", "-kmax", "2"],
    }.items():
        command = ["gif2webp", "-quiet", *how, "in.gif", "-o", "out.webp"]
        yield from maker.attempt(f"webp/gif2webp-{name}.webp", command, {"in.gif": gif}, "out.webp")
