"""The pictures that are measured: real photos, and others made from them or drawn, each saying how it came about."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from scripts.bench.errors import BenchError
from scripts.demo import photos
from scripts.demo.errors import DemoError

Kind = Literal["photo", "mosaic", "screenshot", "alpha", "noise"]

GROWTH_MEGAPIXELS = (1, 2, 4, 8, 16, 24, 36, 50)
_ASPECT = 1.5
_NOISE_SHARE = 0.35
_SEED = 20_160
"""So that everyone measures the same pixels."""

REAL_PHOTOS: Mapping[str, str] = {
    "rocket": "space/rocket.jpg",
    "deep field": "space/deep-field.jpg",
    "rice field": "travel/rice-field.jpg",
    "desert walk": "travel/desert walk.jpg",
    "phone, turned": "phone/turned by EXIF.jpg",
    "night mountain": "travel/night-mountain.jpg",
}
"""Name here -> key among the demo's photos. 0.3 to 16 megapixels, as their cameras or photographers saved them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A source file.

    Attributes:
        name: for the tables.
        kind: `photo` is as its author published it; the others are made here.
        path: where it is.
        width: pixels, as displayed.
        height: the same.
        made: how it came about, in a few words.
    """

    name: str
    kind: Kind
    path: Path
    width: int
    height: int
    made: str

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.width * self.height / 1e6


def default_pictures(cache: Path, folder: Path) -> list[Picture]:
    """Everything that is compared.

    Args:
        cache: where the demo keeps its downloads.
        folder: where pictures made here stay for the next run.

    Raises:
        BenchError: if the photos cannot be downloaded.
    """
    real = _real_photos(cache)
    by_name = {picture.name: picture for picture in real}
    phone, desert = by_name["phone, turned"], by_name["desert walk"]
    mosaic = "the 12 MP phone photo, mirrored and tiled at its own resolution"
    return [
        *real,
        _kept(folder / "mosaic-24.jpg", "mosaic 24", "mosaic", mosaic, lambda: _mosaic(phone.path, 6000, 4000)),
        _kept(folder / "mosaic-50.jpg", "mosaic 50", "mosaic", mosaic, lambda: _mosaic(phone.path, 8660, 5774)),
        _kept(folder / "screen-1080.png", "screen 1080p", "screenshot", "drawn", lambda: _screenshot(1920, 1080, 1)),
        _kept(folder / "screen-1800.png", "screen 1800p", "screenshot", "drawn", lambda: _screenshot(2880, 1800, 2)),
        _kept(folder / "badge-512.png", "badge 512", "alpha", "drawn", lambda: _badge(512)),
        _kept(folder / "badge-1600.png", "badge 1600", "alpha", "drawn", lambda: _badge(1600)),
        _kept(
            folder / "noise-3.jpg",
            "desert, noisy",
            "noise",
            "the desert walk with strong noise added",
            lambda: _noisy(desert.path),
        ),
    ]


def growth_pictures(cache: Path, folder: Path) -> list[Picture]:
    """One texture at sizes from 1 to 50 megapixels: parts of the mosaic, so that only the size differs."""
    phone = next(picture for picture in _real_photos(cache) if picture.name == "phone, turned")
    pictures = []
    for megapixels in GROWTH_MEGAPIXELS:
        height = round(math.sqrt(megapixels * 1e6 / _ASPECT))
        width = round(height * _ASPECT)
        path = folder / f"growth-{megapixels}.jpg"
        make = _mosaic_maker(phone.path, width, height)
        pictures.append(_kept(path, f"{megapixels} MP", "mosaic", "part of the mosaic", make))
    return pictures


def _real_photos(cache: Path) -> list[Picture]:
    try:
        paths = {picture.key: picture.path for picture in photos.default_pictures(cache)}
    except DemoError as exc:
        raise BenchError(f"the photos cannot be had: {exc}") from exc
    return [_picture(name, "photo", paths[key], "as published") for name, key in REAL_PHOTOS.items()]


def _kept(path: Path, name: str, kind: Kind, made: str, make: Callable[[], Image.Image]) -> Picture:
    """A picture made once. JPEGs at quality 92, about what cameras write."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"part-{path.name}")
        image = make()
        if path.suffix == ".jpg":
            image.save(beside, quality=92)
        else:
            image.save(beside)
        beside.rename(path)
    return _picture(name, kind, path, made)


def _picture(name: str, kind: Kind, path: Path, made: str) -> Picture:
    with Image.open(path) as image:
        lying = image.getexif().get(0x0112, 1) >= 5  # noqa: PLR2004 - EXIF orientations that swap the sides
        width, height = image.size[::-1] if lying else image.size
    return Picture(name, kind, path, width, height, made)


def _mosaic_maker(photo: Path, width: int, height: int) -> Callable[[], Image.Image]:
    return lambda: _mosaic(photo, width, height)


def _mosaic(photo: Path, width: int, height: int) -> Image.Image:
    """A photo and its mirror images side by side until the area is filled.

    Nothing is enlarged, so that every pixel is as sharp and as noisy as the camera made it.
    """
    with Image.open(photo) as opened:
        tile = ImageOps.exif_transpose(opened).convert("RGB")
    mirrored, flipped = ImageOps.mirror(tile), ImageOps.flip(tile)
    both = ImageOps.mirror(flipped)
    canvas = Image.new("RGB", (width, height))
    for row, top in enumerate(range(0, height, tile.height)):
        for column, left in enumerate(range(0, width, tile.width)):
            canvas.paste(((tile, mirrored), (flipped, both))[row % 2][column % 2], (left, top))
    return canvas


def _screenshot(width: int, height: int, scale: int) -> Image.Image:
    """A window with a list, a paragraph of text and a few buttons: flat colours, hard edges, small letters."""
    image = Image.new("RGB", (width, height), "#f3f4f6")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(15 * scale)
    draw.rectangle((0, 0, width, 48 * scale), fill="#1f2937")
    draw.rectangle((0, 48 * scale, 260 * scale, height), fill="#e5e7eb")
    words = ("queue", "lease", "rendition", "bucket", "record", "photo", "worker", "browser", "cache", "format")
    rng = random.Random(_SEED)  # noqa: S311 - a picture, not a secret
    for row in range(height // (26 * scale)):
        top = (60 + 26 * row) * scale
        draw.text((16 * scale, top), f"{row + 1:03} {rng.choice(words)}.jpg", fill="#374151", font=font)
        line = " ".join(rng.choice(words) for _ in range(18))
        draw.text((290 * scale, top), line, fill="#111827", font=font)
        if row % 6 == 0:
            left = width - 190 * scale
            draw.rounded_rectangle(
                (left, top, left + 150 * scale, top + 30 * scale), 8 * scale, fill=("#2563eb", "#16a34a")[row % 12 > 0]
            )
            draw.text((left + 20 * scale, top + 6 * scale), "Publish", fill="white", font=font)
    return image


def _badge(side: int) -> Image.Image:
    """A round badge on nothing: a gradient, a ring, letters, soft edges, a shadow that fades out."""
    gradient = Image.linear_gradient("L").resize((side, side))
    colours = Image.merge("RGB", (gradient, gradient.transpose(Image.Transpose.ROTATE_90), ImageOps.invert(gradient)))
    draw = ImageDraw.Draw(colours)
    width = side // 40
    draw.ellipse((side * 0.12, side * 0.12, side * 0.88, side * 0.88), outline="white", width=width)
    text = {"fill": "white", "font": ImageFont.load_default(side // 6), "anchor": "mm"}
    draw.text((side / 2, side / 2), "IMG 50", **text)  # type: ignore[arg-type]  # a mixed dict
    mask = Image.new("L", (side * 2, side * 2), 0)
    ImageDraw.Draw(mask).ellipse((side * 0.1, side * 0.1, side * 1.9, side * 1.9), fill=255)
    shadow = Image.radial_gradient("L").resize((side, side)).point(lambda value: max(0, 140 - value))
    image = colours.convert("RGBA")
    image.putalpha(ImageChops.lighter(mask.resize((side, side), Image.Resampling.BOX), shadow))
    return image


def _noisy(photo: Path) -> Image.Image:
    """A photo with grain that no codec can predict."""
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    grain = Image.frombytes("RGB", image.size, random.Random(_SEED).randbytes(image.width * image.height * 3))  # noqa: S311
    return Image.blend(image, grain, _NOISE_SHARE)
