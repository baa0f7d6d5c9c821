"""JPEG 2000, by OpenJPEG's own tools."""

from collections.abc import Iterator

from scripts.corpus.matrix import pictures, png
from scripts.corpus.matrix.case import Case, Maker
from scripts.corpus.matrix.damage import Anatomy, damaged

_WAYS = {
    "lossless": [],
    "lossy": ["-I", "-r", "4"],
    "layers": ["-I", "-r", "20,10,4"],
    "tiles": ["-t", "32,32"],
    "one-resolution": ["-n", "1"],
    "precincts": ["-c", "[64,64],[32,32]"],
    "rpcl": ["-p", "RPCL"],
    "cprl": ["-p", "CPRL"],
    "markers": ["-SOP", "-EPH"],
    "bypass": ["-M", "1"],
    "all-modes": ["-M", "62"],
    "no-colour-transform": ["-mct", "0"],
    "offset": ["-d", "9,5"],
}


def cases(maker: Maker) -> Iterator[Case]:
    """Every way, as container and bare codestream; kinds of samples; damaged."""
    kinds = {
        "rgb-8": png.still(png.RGB, 8),
        "rgb-16": png.still(png.RGB, 16),
        "rgba-8": png.still(png.RGBA, 8),
        "rgba-16": png.still(png.RGBA, 16),
        "grey-alpha-16": png.still(png.GREY_ALPHA, 16),
        "grey-8": png.still(png.GREY, 8),
        "grey-16": png.still(png.GREY, 16),
        "grey-alpha-8": png.still(png.GREY_ALPHA, 8),
        "large": pictures.saved(pictures.image(pictures.noisy(*pictures.LARGE)), "PNG"),
    }
    for kind, file in kinds.items():
        for name, how in _WAYS.items():
            if name not in ("lossless", "lossy") and kind != "rgb-8":
                continue
            for extension in ("jp2", "j2k"):
                command = ["opj_compress", "-i", "in.png", "-o", f"out.{extension}", *how]
                for sound in maker.attempt(
                    f"jp2/{kind}-{name}.{extension}", command, {"in.png": file}, f"out.{extension}"
                ):
                    yield sound
                    if name == "lossless" and kind in ("rgb-8", "grey-16", "large"):
                        yield from damaged(sound, anatomy(sound.body))


def anatomy(body: bytes) -> Anatomy:
    """From the first tile's data to the codestream's end mark."""
    return Anatomy(body.index(b"\xff\x93") + 2, body.rindex(b"\xff\xd9"))
