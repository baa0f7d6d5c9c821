"""The evidence for the recipe's numbers: every quality that it uses is measured, and every setting is drawn."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from processor.recipe import Recipe
from scripts.bench import codecs
from scripts.bench.codecs import Point
from scripts.bench.pictures import Picture
from tests.helpers import photo, saved

BY = ("bytes", "cpu")


def points(picture: str, *sizes: str) -> list[Point]:
    """Every setting at every quality, which scores five points less."""
    return [
        Point(picture, size, setting.format, setting.name, quality, 1_000_000, 10.0, quality * 1000, quality - 5)
        for size in sizes
        for setting in codecs.SETTINGS
        for quality in setting.qualities
    ]


@pytest.mark.parametrize(("size", "fmt"), [(size.name, fmt) for size, fmt in Recipe.default().formats])
def test_every_quality_of_the_recipe_is_measured(size: str, fmt: object) -> None:
    """The curves have a point of their own where the recipe stands, at its sizes."""
    name, quality = getattr(fmt, "name"), getattr(fmt, "quality")  # noqa: B009
    assert size in codecs.TABLES
    assert all(quality in setting.qualities for setting in codecs.SETTINGS if setting.format == name)


def test_a_picture_is_measured_at_every_size_of_the_recipe(tmp_path: Path) -> None:
    """Whole, and inside the boxes of the medium size and of the thumbnail, which are the recipe's."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(photo(1600, 1200), "JPEG"))
    source = Picture("photo", "photo", path, 1600, 1200, "as published")
    sizes = {name: image.size for name, image in codecs._sizes(source)}  # noqa: SLF001 - the real one takes an hour
    assert sizes == {"full": (1600, 1200), "medium": (800, 600), "thumbnail": (300, 225)}
    boxes = {size.name: (size.width, size.height) for size in Recipe.default().sizes if size.width}
    assert boxes == codecs.BOXES


def test_every_size_has_a_table_at_an_equal_score() -> None:
    """Photos at each size, the interpolated quality of every setting; other pictures at one quality."""
    text = codecs.markdown(
        [*points(codecs.PHOTOS[0], "full", "medium", "thumbnail"), *points(codecs.OTHERS[0], "medium")]
    )
    _, _, thumbnails = text.partition("### The same photos inside 300 × 300, every setting at SSIMULACRA2 69")
    rows = [line for line in thumbnails.partition("###")[0].splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(codecs.SETTINGS)
    assert all("| 74 | 10.0 | 0.592 |" in row for row in rows[2:])
    _, _, graphics = text.partition(f"### {codecs.OTHERS[0]}, medium, at one quality each")
    assert "| jpeg | plain | 85 | 10.0 | 0.680 | 80.0 |" in graphics


def test_every_setting_is_drawn() -> None:
    """At every size of the recipe, in one well-formed file by bytes and one by CPU, the formats below one another."""
    drawn = codecs.charts(points(codecs.PHOTOS[0], "full", "medium", "thumbnail"))
    assert set(drawn) == {f"performance-{size.name}-{by}.svg" for size in Recipe.default().sizes for by in BY}
    for text in drawn.values():
        root = ET.fromstring(text)  # noqa: S314 - our own
        charts = [child for child in root if child.tag.endswith("svg")]
        assert len({chart.get("y") for chart in charts}) == len(charts) == 3
        assert sum(element.tag.endswith("polyline") for element in root.iter()) == len(codecs.SETTINGS)


def test_a_page_without_marks_is_said_before_the_hour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured that could not be written down."""
    page = tmp_path / "performance.md"
    page.write_text("mine")
    assert codecs.main([f"--docs={page}", f"--build={tmp_path / 'build'}"]) == 1
    assert "performance.md lacks the marks of 'bench-codecs'" in capsys.readouterr().err
    assert not (tmp_path / "build").exists()
