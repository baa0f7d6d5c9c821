"""Contact sheets: what the pipeline made beside what the reference decoder sees, to be looked at."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

_SIDE = 120
_COLUMNS = 10
_ROWS = 6
_CAPTION = 22
_CHECKER = 8
_GREYS = ((200, 200, 200), (150, 150, 150))


def thumbnail(pixels: Path, size: tuple[int, int], folder: Path, name: str) -> None:
    """Keep a small version of raw RGBA."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.frombytes("RGBA", size, pixels.read_bytes())
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    image.save(_place(folder, name))


def sheets(folder: Path, names: Sequence[str]) -> list[Path]:
    """Write the contact sheets: pairs of ours (left) and theirs (right), named; missing ones are crossed out."""
    written: list[Path] = []
    for start in range(0, len(names), _COLUMNS // 2 * _ROWS):
        page = names[start : start + _COLUMNS // 2 * _ROWS]
        sheet = Image.new("RGB", (_COLUMNS * (_SIDE + 4), _ROWS * (_SIDE + _CAPTION)), "white")
        draw = ImageDraw.Draw(sheet)
        for index, name in enumerate(page):
            left = index % (_COLUMNS // 2) * 2 * (_SIDE + 4)
            top = index // (_COLUMNS // 2) * (_SIDE + _CAPTION)
            for side, kind in enumerate(("ours", "theirs")):
                tile = _tile(_place(folder / kind, name))
                sheet.paste(tile, (left + side * _SIDE, top))
            draw.text((left, top + _SIDE), name[-40:], fill="black")
        path = folder / f"sheet-{len(written):02}.png"
        sheet.save(path)
        written.append(path)
    return written


def _tile(path: Path) -> Image.Image:
    tile = Image.new("RGB", (_SIDE, _SIDE), _GREYS[0])
    draw = ImageDraw.Draw(tile)
    for row in range(0, _SIDE, _CHECKER):
        for column in range(0, _SIDE, _CHECKER):
            if (row + column) // _CHECKER % 2:
                draw.rectangle((column, row, column + _CHECKER - 1, row + _CHECKER - 1), fill=_GREYS[1])
    if not path.exists():
        draw.line((0, 0, _SIDE, _SIDE), fill="red")
        draw.line((0, _SIDE, _SIDE, 0), fill="red")
        return tile
    with Image.open(path) as image:
        tile.paste(image, ((_SIDE - image.width) // 2, (_SIDE - image.height) // 2), image)
    return tile


def _place(folder: Path, name: str) -> Path:
    return folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.png"
