"""AVIF and HEIC, by libavif's and libheif's own tools."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from PIL import ImageCms

from scripts.corpus.matrix import pictures, png
from scripts.corpus.matrix.case import Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged
from scripts.corpus.matrix.exif import block

_PLAIN = ("cicp-identity", "cicp-unspecified", "icc", "xmp", "pasp", "crop", "lossless", "premultiplied", "turned-0")
"""Ways that change nothing of the picture. Browsers show all of it where `clap` would cut."""

_COMMON = ["avifenc", "-s", "9", "-j", "1", "--min", "2", "--max", "8"]


def cases(maker: Maker) -> Iterator[Case]:
    """Every depth, layout of colours, range and code point; turned, cropped, in grids and sequences; damaged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = {
        "rgb.png": png.still(png.RGB, 16),
        "rgba.png": png.still(png.RGBA, 16),
        "grey.png": png.still(png.GREY, 16),
        "rgb-8.png": png.still(png.RGB, 8),
        "rgba-8.png": png.still(png.RGBA, 8),
        "grey-8.png": png.still(png.GREY, 8),
        "large.png": pictures.saved(pictures.image(pictures.noisy(*pictures.LARGE)), "PNG"),
        "grid.png": pictures.saved(pictures.image(pictures.colours(256, 192)), "PNG"),
        "icc": profile,
        "exif": block(6),
        "xmp": b"<x:xmpmeta/>",
    }
    for kind, depth, layout, levels in itertools.product(
        ("rgb", "rgba", "grey"), (8, 10, 12), (444, 422, 420, 400), ("f", "l")
    ):
        if kind == "grey" and layout in (422, 420):
            continue
        command = [*_COMMON, "-d", str(depth), "-y", str(layout), "-r", levels, f"{kind}.png", "out.avif"]
        truth = kind if layout == 444 else ""  # noqa: PLR2004 - else colours are coarser
        for made in maker.attempt(f"avif/{kind}-{depth}-{layout}-{levels}.avif", command, source, "out.avif"):
            sound = replace(made, truth=truth)
            yield sound
            if layout == 420 and levels == "f" and depth != 12:  # noqa: PLR2004
                yield from damaged(sound, anatomy(sound.body))
    ways = {
        "cicp-p3": ["--cicp", "12/13/6"],
        "cicp-bt601": ["--cicp", "5/13/5"],
        "cicp-bt2020": ["--cicp", "9/14/9"],
        "cicp-identity": ["--cicp", "1/13/0", "-y", "444"],
        "cicp-unspecified": ["--cicp", "2/2/2"],
        "cicp-linear": ["--cicp", "1/8/1", "-d", "12"],
        "cicp-gamma28": ["--cicp", "1/5/1"],
        "icc": ["--icc", "icc"],
        "exif": ["--exif", "exif"],
        "xmp": ["--xmp", "xmp"],
        "pasp": ["--pasp", "2,1"],
        "crop": ["--crop", "10,10,40,30"],
        "lossless": ["-l"],
        "premultiplied": ["-p"],
        **{f"turned-{way}": ["--irot", str(way)] for way in range(4)},
        **{f"mirrored-{way}": ["--imir", str(way)] for way in range(2)},
        "turned-and-mirrored": ["--irot", "1", "--imir", "0"],
    }
    for kind in ("rgb", "rgba"):
        for name, how in ways.items():
            command = [*(_COMMON if name != "lossless" else _COMMON[:5]), *how, f"{kind}.png", "out.avif"]
            truth = kind if name in _PLAIN else ""
            for made in maker.attempt(f"avif/{kind}-{name}.avif", command, source, "out.avif"):
                yield replace(made, truth=truth)
    for name, how in {
        "large": ["large.png"],
        "grid": ["-g", "2x2", "grid.png"],
        "sequence": ["rgb.png", "rgb.png"],
    }.items():
        for sound in maker.attempt(f"avif/{name}.avif", [*_COMMON, *how, "out.avif"], source, "out.avif"):
            yield sound
            yield from damaged(sound, anatomy(sound.body))
    yield from _heic(maker, source)


def anatomy(body: bytes) -> Anatomy:
    """The box of data."""
    at = 0
    while at + 8 <= len(body):
        length = int.from_bytes(body[at : at + 4], "big") or len(body) - at
        if body[at + 4 : at + 8] == b"mdat":
            return Anatomy(at + 8, at + length, b"moov" in body[:at])
        at += length
    raise ValueError("no data")


def _heic(maker: Maker, source: dict[str, bytes]) -> Iterator[Case]:
    for kind, depth, layout in itertools.product(("rgb", "rgba", "grey"), (8, 10, 12), ("420", "422", "444")):
        if kind == "grey" and layout != "420":
            continue
        picture = f"{kind}-8.png" if depth == 8 else f"{kind}.png"  # noqa: PLR2004
        command = ["heif-enc", "-q", "90", "-b", str(depth), "-p", f"chroma={layout}", picture, "-o", "out.heic"]
        for made in maker.attempt(f"heic/{kind}-{depth}-{layout}.heic", command, source, "out.heic"):
            sound = replace(made, truth=kind if layout == "444" else "")
            yield sound
            if layout == "420" and kind != "grey":
                yield from damaged(sound, anatomy(sound.body))
    jpeg = pictures.saved(pictures.rgb(), "JPEG", quality=95, exif=b"Exif\0\0" + block(6), icc_profile=source["icc"])
    source = source | {"in.jpg": jpeg}
    ways = {
        "lossless": ["-L", "-p", "chroma=444", "--matrix_coefficients=0"],
        "p3": ["--colour_primaries=12", "--transfer_characteristic=13"],
        "limited": ["--full_range_flag=0"],
        "thumbnail": ["-t", "32"],
        "two-profiles": ["--enable-two-colr-boxes"],
        "from-jpeg": [],
    }
    for name, how in ways.items():
        file = "in.jpg" if name in ("two-profiles", "from-jpeg") else "rgb-8.png"
        command = ["heif-enc", "-q", "90", "-b", "8", *how, file, "-o", "out.heic"]
        for made in maker.attempt(f"heic/{name}.heic", command, source, "out.heic"):
            yield replace(made, truth="rgb" if name == "lossless" else "")
    for sound in maker.attempt(
        "heic/large.heic", ["heif-enc", "-q", "90", "large.png", "-o", "out.heic"], source, "out.heic"
    ):
        yield sound
        yield from damaged(sound, anatomy(sound.body))
