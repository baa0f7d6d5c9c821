"""From what is published of a picture to the HTML that shows it: every width, every format, no layout shift."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from processor import keys
from processor.records import PublishedFormat

FALLBACK_WIDTH = 1280
"""Pixels. What browsers without `srcset` get is the largest rendition up to this width."""

_BEST_FIRST = ("avif", "jxl", "webp", "jpeg")


@dataclass(frozen=True, slots=True)
class Place:
    """Where on a page a picture is shown.

    Attributes:
        alt: what the picture shows, for those who do not see it; empty: it is decoration.
        sizes: how wide it is laid out, as the `sizes` attribute says it.
        lazy: whether browsers may wait until it is about to be seen. Not for the first thing on a page.
        colour: `#rrggbb` to show until it is loaded; None: nothing is shown.
    """

    alt: str = ""
    sizes: str = "100vw"
    lazy: bool = True
    colour: str | None = None


def picture(formats: Iterable[PublishedFormat], domain: str, place: Place) -> str:
    """A `<picture>` element.

    Args:
        formats: every rendition of one picture; all have its aspect ratio.
        domain: host of the public URLs.
        place: where it is shown.

    Raises:
        ValueError: there is no rendition at all.
    """
    by_format = _by_format(formats)
    if not by_format:
        raise ValueError("nothing is published of this picture")
    *better, plainest = sorted(by_format, key=_BEST_FIRST.index)
    sources = [
        f'  <source type="{by_format[name][0].content_type}" srcset="{escape(_srcset(by_format[name], domain))}" '
        f'sizes="{escape(place.sizes)}">'
        for name in better
    ]
    settings = {
        "sizes": place.sizes,
        "alt": place.alt,
        "loading": "lazy" if place.lazy else "eager",
        "decoding": "async",
    }
    if place.colour:
        settings["style"] = f"background-color: {place.colour}"
    return "\n".join(["<picture>", *sources, f"  {_image(by_format[plainest], domain, settings)}", "</picture>"])


def manifest(image_id: str, source: Mapping[str, Any], formats: Iterable[PublishedFormat], domain: str) -> bytes:
    """What is published of a picture, as JSON: its size, every rendition with its URL, and an element to paste."""
    formats = tuple(formats)
    document = {
        "imageId": image_id,
        "width": source["width"],
        "height": source["height"],
        "formats": [fmt.as_document() | {"url": keys.url(domain, fmt.key)} for fmt in formats],
        "markup": picture(formats, domain, Place(colour=source.get("colour"))),
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _image(renditions: list[PublishedFormat], domain: str, settings: Mapping[str, str]) -> str:
    largest = renditions[-1]
    fallback = max((each for each in renditions if each.width <= FALLBACK_WIDTH), key=_width, default=renditions[0])
    attributes = {
        "src": keys.url(domain, fallback.key),
        "srcset": _srcset(renditions, domain),
        # the aspect ratio: browsers keep the place free before a byte of the picture is there
        "width": str(largest.width),
        "height": str(largest.height),
        **settings,
    }
    return "<img " + " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items()) + ">"


def _by_format(formats: Iterable[PublishedFormat]) -> dict[str, list[PublishedFormat]]:
    """Renditions by format, from the narrowest, one a width: a source that is small fills several sizes alike."""
    found: dict[str, dict[int, PublishedFormat]] = {}
    for each in formats:
        widths = found.setdefault(each.format, {})
        if each.width not in widths or each.bytes < widths[each.width].bytes:
            widths[each.width] = each
    return {name: sorted(widths.values(), key=_width) for name, widths in found.items()}


def _width(rendition: PublishedFormat) -> int:
    return rendition.width


def _srcset(renditions: list[PublishedFormat], domain: str) -> str:
    # URLs escape commas and spaces, which would end an entry
    return ", ".join(f"{keys.url(domain, each.key)} {each.width}w" for each in renditions)
