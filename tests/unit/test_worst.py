"""The most expensive pictures: made for the limits as they are."""

from dataclasses import replace
from pathlib import Path

import pytest

from processor.limits import Limits
from processor.steps import inspect
from scripts.worst import __main__ as command
from scripts.worst import pictures


def test_other_limits_are_other_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is made once, and anew where a limit has changed: it would no longer be the most expensive one."""
    bodies = iter([b"one", b"two"])
    monkeypatch.setitem(pictures.PICTURES, "x", ("a picture", lambda: next(bodies)))
    assert [pictures.made(tmp_path, "x").read_bytes() for _ in range(2)] == [b"one", b"one"]
    monkeypatch.setattr(pictures, "DEFAULT_LIMITS", replace(Limits(), max_pixels=7))
    assert pictures.made(tmp_path, "x").read_bytes() == b"two"


def test_a_growing_gif_is_at_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a small screen, frames of nearly as many pixels as are allowed, and as many of them."""
    limits = replace(Limits(), max_frame_pixels=90_000, max_animation_pixels=450_000)
    monkeypatch.setattr(pictures, "DEFAULT_LIMITS", limits)
    monkeypatch.setattr(pictures, "FEW_FRAMES", 5)
    opened = inspect.opened(pictures._growing_gif(), limits)  # noqa: SLF001 - it takes seconds at full size
    assert (opened.image.size, opened.canvas, opened.frames) == ((10, 10), (300, 300), 5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--write-docs", "--only", "gif"], "without --only"),
        (["--only", "nonsense"], "names no picture; there are: baseline.jpg,"),
    ],
)
def test_a_part_is_not_written_down_as_the_whole(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function's memory is read off the table, so it holds every picture or is left alone."""
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert said in capsys.readouterr().err
