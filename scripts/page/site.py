"""The pages to be measured: the same pictures as originals, as JPEG, as WebP too, and as AVIF too."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from processor import keys, markup, transcode
from processor.markup import Place
from processor.recipe import CONTENT_TYPES, Recipe
from processor.records import PublishedFormat

_WIDTHS = [320, 640, 1280, 2560]
RECIPE = Recipe.from_json(
    json.dumps(
        {
            "sizes": [
                {
                    "name": "page",
                    "widths": _WIDTHS,
                    "formats": {
                        name: {"key": f"page/{{width}}/{{name}}{extension}"}
                        for name, extension in (("jpeg", ".jpg"), ("webp", ".webp"), ("avif", ".avif"))
                    },
                }
            ]
        }
    )
)
"""What docs/delivery.md recommends for a page, at the default qualities."""

PAGES = {
    "originals": (),
    "jpeg": ("jpeg",),
    "webp": ("jpeg", "webp"),
    "avif": ("jpeg", "webp", "avif"),
}
"""The formats that each page offers: what browsers of different ages would choose from the same markup."""

_HOST = "pictures.invalid"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of the page.

    Attributes:
        key: its source key, and where its original is below `originals/`.
        width: of the original as shown, in pixels.
        height: the same.
        background: what is shown until it is loaded.
        formats: its renditions.
    """

    key: str
    width: int
    height: int
    background: str | None
    formats: tuple[PublishedFormat, ...]


def built(pictures: Iterable[tuple[str, bytes]], folder: Path) -> list[Shown]:
    """Write originals, renditions and pages below a folder.

    Args:
        pictures: key and file of each.
        folder: of the site.
    """
    shown = [_published(key, data, folder) for key, data in pictures]
    for name, formats in PAGES.items():
        (folder / f"{name}.html").write_text(page(shown, formats), "utf-8")
    return shown


def page(shown: Sequence[Shown], formats: Sequence[str]) -> str:
    """A page of half as wide pictures, one below the other, all loaded at once. Without formats: the originals."""
    elements = "".join(f"<p>{_element(each, formats)}</p>" for each in shown)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>img {{ width: 50vw; height: auto }}</style>{elements}</html>"
    )


def _published(key: str, data: bytes, folder: Path) -> Shown:
    result = transcode(data, RECIPE)
    formats = tuple(
        PublishedFormat(
            size.name,
            fmt.name,
            rendition.width,
            rendition.height,
            len(rendition.body),
            keys.rendition_key(fmt, key),
            CONTENT_TYPES[fmt.name],
        )
        for (size, fmt), rendition in zip(RECIPE.formats, result.renditions, strict=True)
    )
    _write(folder / "originals" / key, data)
    for fmt, rendition in zip(formats, result.renditions, strict=True):
        _write(folder / fmt.key, rendition.body)
    background = markup.background(result.source.as_document(), "thumbhash")
    return Shown(key, result.source.width, result.source.height, background, formats)


def _element(shown: Shown, formats: Sequence[str]) -> str:
    if not formats:
        return f'<img src="/originals/{escape(quote(shown.key))}" width="{shown.width}" height="{shown.height}" alt="">'
    offered = [each for each in shown.formats if each.format in formats]
    place = Place(sizes="50vw", lazy=False, background=shown.background)
    return markup.picture(offered, _HOST, place).replace(f"https://{_HOST}/", "/")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
