"""What commands write into the documentation stays between its marks."""

from pathlib import Path

import pytest

from scripts import generated

PAGE = """# Before
<!-- one: written by `make one`, do not edit -->
old one
<!-- end of one -->
between
<!-- two: written by `make two ARGS=--write`, do not edit -->
old two
<!-- end of two -->
after
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with two parts."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_a_part_is_replaced_alone(page: Path) -> None:
    """Between the marks the text is new; around them nothing changes, and a second run changes nothing more."""
    generated.replace(page, "two", r"new \1 two")
    first = page.read_text()
    generated.replace(page, "two", r"new \1 two")
    assert page.read_text() == first
    assert first == PAGE.replace("\nold two\n", "\n\nnew \\1 two\n\n")
    assert generated.read(page, "one") == "\nold one\n"


def test_a_page_without_marks_is_left_alone(page: Path) -> None:
    """Nothing is written into a text that does not say where."""
    with pytest.raises(generated.NoSuchPart, match=r"page\.md lacks the marks of 'three'"):
        generated.replace(page, "three", "new")
    assert page.read_text() == PAGE
