"""About: what is worth knowing of a picture, read before its metadata is left behind."""

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, SupportsFloat, cast

from PIL import ExifTags, Image

from processor.steps.thumbhash import thumbhash

LONGEST_TEXT = 128
"""Characters of a text in the record. What a file says of itself is whatever somebody wrote into it."""

LONGEST_RIGHTS = 500
"""Characters of a copyright notice in a rendition."""

_DOMINANT_SIDE = 64
_DOMINANT_COLOURS = 6
_HALF_OPAQUE = 128
_TAKEN = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_GREATEST = {"seconds": 86_400.0, "aperture": 1_000.0, "iso": 10_000_000.0, "millimetres": 100_000.0}


@dataclass(frozen=True, slots=True)
class Exif:
    """The EXIF block of a source: its main directory, the one on the exposure, and the one on the place."""

    main: Mapping[int, Any]
    exposure: Mapping[int, Any]
    place: Mapping[int, Any]


def exif(image: Image.Image) -> Exif:
    """What an image's EXIF block says; nothing where there is none or it cannot be read."""
    try:
        block = image.info.get("exif")
        # a TIFF is its own EXIF block
        found = image.getexif() if image.format == "TIFF" else Image.Exif()
        if isinstance(block, bytes):
            found.load(block)
        return Exif(
            dict(found),
            dict(found.get_ifd(ExifTags.IFD.Exif)),
            dict(found.get_ifd(ExifTags.IFD.GPSInfo)),
        )
    except Exception:  # noqa: BLE001 - broken metadata raises anything, and must not cost anyone a good picture
        return Exif({}, {}, {})


def camera(found: Exif, *, gps: bool) -> dict[str, Any]:
    """What a camera noted, under the names of the record; what is missing or makes no sense is left out.

    Args:
        found: the EXIF block.
        gps: whether to say where the picture was taken.

    Returns:
        Some of `camera`, `lens`, `taken` (ISO 8601, with an offset if the camera knew it), `exposure` with `seconds`,
        `aperture` (f-number), `iso` and `millimetres` (focal length), and `place` with `latitude` and `longitude` in
        degrees and `altitude` in metres.
    """
    tags = ExifTags.Base
    exposure = {
        "seconds": _number(found.exposure.get(tags.ExposureTime), "seconds", 6),
        "aperture": _number(found.exposure.get(tags.FNumber), "aperture", 2),
        "iso": _number(found.exposure.get(tags.ISOSpeedRatings), "iso", 0),
        "millimetres": _number(found.exposure.get(tags.FocalLength), "millimetres", 2),
    }
    values = {
        "camera": _model(found.main),
        "lens": _text(found.exposure.get(tags.LensModel)),
        "taken": _taken(found),
        "exposure": {name: value for name, value in exposure.items() if value is not None},
        "place": _place(found.place) if gps else None,
    }
    return {name: value for name, value in values.items() if value}


def rights(found: Exif) -> bytes:
    """An EXIF block with nothing but the source's Copyright and Artist; empty where it has neither."""
    kept = Image.Exif()
    for tag in (ExifTags.Base.Artist, ExifTags.Base.Copyright):
        if text := _text(found.main.get(tag), LONGEST_RIGHTS):
            kept[tag] = text.encode()  # UTF-8, as EXIF 3 allows and everyone reads
    return kept.tobytes() if len(kept) else b""


def looks(image: Image.Image) -> dict[str, str]:
    """How a picture looks at a glance: `colour`, its dominant one as `#rrggbb`, and `thumbhash` in base64.

    Args:
        image: RGB or RGBA.
    """
    small = image.copy() if max(image.size) <= _DOMINANT_SIDE else _small(image)
    return {"colour": _dominant(small), "thumbhash": base64.b64encode(thumbhash(small)).decode()}


def _small(image: Image.Image) -> Image.Image:
    scale = _DOMINANT_SIDE / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _dominant(small: Image.Image) -> str:
    """The most frequent of a few colours, of what is at least half opaque; the average where nothing is."""
    pixels = small.convert("RGB")
    if small.mode == "RGBA":
        opaque = [
            colour
            for *colour, alpha in zip(*(band.tobytes() for band in small.split()), strict=True)
            if alpha >= _HALF_OPAQUE
        ]
        if opaque:
            pixels = Image.frombytes("RGB", (len(opaque), 1), bytes(value for colour in opaque for value in colour))
    few = pixels.quantize(_DOMINANT_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    index = max(range(_DOMINANT_COLOURS), key=few.histogram().__getitem__)
    palette = few.getpalette() or []
    red, green, blue = palette[3 * index : 3 * index + 3]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _model(main: Mapping[int, Any]) -> str:
    make, model = _text(main.get(ExifTags.Base.Make)), _text(main.get(ExifTags.Base.Model))
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def _text(value: object, longest: int = LONGEST_TEXT) -> str:
    """A file's text: one line, printable, not too long. Read as UTF-8 if it is, else as Latin-1."""
    if isinstance(value, str):  # Pillow reads EXIF's texts as Latin-1
        value = value[: 4 * longest].encode("latin-1", "replace")
    if not isinstance(value, bytes):
        return ""
    value = value[: 4 * longest]
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as exc:
        cut = exc.reason == "unexpected end of data"
        text = value[: exc.start].decode("utf-8") if cut else value.decode("latin-1")
    line = " ".join(text.replace("\0", " ").split())
    return "".join(character for character in line if character.isprintable())[:longest].strip()


def _number(value: object, name: str, digits: int) -> float | int | None:
    """A file's number, if it is one between 0 and what makes sense."""
    if isinstance(value, tuple) and value:  # several ISO speeds: the first counts
        value = value[0]
    number = _float(value)
    if number is None or not 0 < number <= _GREATEST[name]:
        return None
    rounded = round(number, digits)
    return int(rounded) if rounded == int(rounded) else rounded


def _float(value: object) -> float | None:
    try:
        number = float(cast("SupportsFloat", value))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _taken(found: Exif) -> str:
    tags = ExifTags.Base
    for moment, offset in (
        (found.exposure.get(tags.DateTimeOriginal), found.exposure.get(tags.OffsetTimeOriginal)),
        (found.main.get(tags.DateTime), found.exposure.get(tags.OffsetTime)),
    ):
        if match := _TAKEN.match(_text(moment)):
            year, month, day, clock = match.groups()
            zone = _OFFSET.fullmatch(_text(offset))
            text = f"{year}-{month}-{day}T{clock}{zone.group() if zone else ''}"
            try:
                datetime.fromisoformat(text)
            except ValueError:
                continue
            return text
    return ""


def _place(place: Mapping[int, Any]) -> dict[str, float]:
    tags = ExifTags.GPS
    latitude = _degrees(place.get(tags.GPSLatitude), place.get(tags.GPSLatitudeRef), "S", 90)
    longitude = _degrees(place.get(tags.GPSLongitude), place.get(tags.GPSLongitudeRef), "W", 180)
    if latitude is None or longitude is None:
        return {}
    altitude = _float(place.get(tags.GPSAltitude))
    result = {"latitude": latitude, "longitude": longitude}
    if altitude is not None and abs(altitude) <= 100_000:  # noqa: PLR2004 - where space begins
        below = place.get(tags.GPSAltitudeRef) in (1, b"\x01")
        result["altitude"] = round(-altitude if below else altitude, 1)
    return result


def _degrees(value: object, reference: object, negative: str, greatest: int) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3:  # noqa: PLR2004 - degrees, minutes, seconds
        return None
    parts = [_float(part) for part in value]
    if any(part is None or part < 0 for part in parts):
        return None
    degrees: float = sum((part or 0) / 60.0**power for power, part in enumerate(parts))
    if degrees > greatest:
        return None
    return round(-degrees if _text(reference).upper() == negative else degrees, 6)
