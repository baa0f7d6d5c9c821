"""Parts of the documentation that commands write, each between two marks."""

import re
from pathlib import Path


class NoSuchPart(Exception):
    """A page that does not say where a part goes."""


def read(page: Path, part: str) -> str:
    """What is between the marks of a part.

    Raises:
        NoSuchPart: if the page lacks them.
    """
    return _found(page, part)[2]


def replace(page: Path, part: str, text: str) -> None:
    """Put a text between the marks of a part.

    Raises:
        NoSuchPart: if the page lacks them. It is left as it is.
    """
    found = _found(page, part)
    page.write_text(f"{found.string[: found.end(1)]}\n\n{text.strip()}\n\n{found.string[found.start(3) :]}", "utf-8")


def _found(page: Path, part: str) -> re.Match[str]:
    """A mark, which names the command that writes the part; the text; and the mark of its end."""
    found = re.search(
        rf"(<!-- {part}: written by `[^`]+`, do not edit -->)(.*?)(<!-- end of {part} -->)",
        page.read_text("utf-8"),
        re.DOTALL,
    )
    if found is None:
        raise NoSuchPart(f"{page} lacks the marks of {part!r}, between which its text goes")
    return found
