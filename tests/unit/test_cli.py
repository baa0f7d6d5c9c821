"""The command line: what it prints where, its exit codes, and files that are whole or absent."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from processor import __version__, cli
from processor.cli import main
from processor.isolation import IsolatedTranscoder, OutOfMemory
from tests.helpers import loaded, photo, saved

SMALL = (
    '{"sizes": [{"name": "small", "width": 64, "height": 64, "formats": {"jpeg": {"key": "s/{stem}.jpg"},'
    ' "webp": {"key": "s/{stem}.webp"}}}]}'
)
HARD_NAME = "ü b+c (1).jpg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good picture, one text file under a picture's name, and a small recipe."""
    (tmp_path / "good.jpg").write_bytes(saved(photo(200, 150), "JPEG"))
    (tmp_path / "text.jpg").write_text("I am not a picture")
    (tmp_path / "recipe.json").write_text(SMALL)
    return tmp_path


def run(folder: Path, *files: str, out: str = "out", recipe: str | None = "recipe.json", as_json: bool = True) -> int:
    """`img-pipeline transcode` on files of the folder; the exit code."""
    arguments = ["transcode", *(str(folder / name) for name in files), "--out", str(folder / out)]
    arguments += ["--recipe", str(folder / recipe)] if recipe else []
    return main([*arguments, *(["--json"] if as_json else [])])


def written(folder: Path, out: str = "out") -> list[str]:
    """Paths of the files under the output folder."""
    root = folder / out
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def objects(output: str) -> list[dict[str, Any]]:
    """One JSON object a line."""
    return [json.loads(line) for line in output.splitlines()]


def test_nine_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the default recipe a picture becomes nine files under its keys, and one JSON object that lists them."""
    (folder / HARD_NAME).write_bytes((folder / "good.jpg").read_bytes())
    assert run(folder, HARD_NAME, recipe=None) == 0
    output = capsys.readouterr()
    [found] = objects(output.out)
    assert list(found) == ["file", "status", "reason", "source", "renditions"]
    assert (found["file"], found["status"], found["reason"]) == (str(folder / HARD_NAME), "complete", None)
    size = (folder / HARD_NAME).stat().st_size
    looks = {name: found["source"].pop(name) for name in ("colour", "thumbhash")}
    assert [len(value) for value in looks.values()] == [7, 28]
    assert found["source"] == {"format": "jpeg", "width": 200, "height": 150, "frames": 1, "bytes": size}
    assert found["renditions"][3] | {"bytes": 0} == {
        "size": "medium",
        "format": "jpeg",
        "width": 200,
        "height": 150,
        "bytes": 0,
        "key": "medium/ü b+c (1)_medium.jpg",
    }
    assert written(folder) == sorted(item["key"] for item in found["renditions"])
    for item in found["renditions"]:
        body = (folder / "out" / item["key"]).read_bytes()
        assert (len(body), loaded(body).size) == (item["bytes"], (item["width"], item["height"]))
    assert output.err == ""


def test_rejected(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rejected file has its reason in JSON, a sentence on standard error, exit code 3, and does not stop others."""
    assert run(folder, "text.jpg", "good.jpg") == 3
    output = capsys.readouterr()
    first, second = objects(output.out)
    assert (first["status"], first["reason"]) == ("rejected", "unsupported_format")
    assert (first["source"], first["renditions"]) == (None, [])
    assert second["status"] == "complete"
    assert written(folder) == ["s/good.jpg", "s/good.webp"]
    [line] = output.err.splitlines()
    assert "text.jpg: rejected, unsupported_format: this is not a picture" in line


def test_second_file_of_one_stem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two files with one stem the first wins and the second is a conflict that names it."""
    (folder / "good.png").write_bytes(saved(photo(20, 20), "PNG"))
    assert run(folder, "good.jpg", "good.png") == 3
    output = capsys.readouterr()
    assert [item["reason"] for item in objects(output.out)] == [None, "key_conflict"]
    assert str(folder / "good.jpg") in output.err
    assert loaded((folder / "out/s/good.jpg").read_bytes()).size == (64, 48)


def test_a_rejected_file_owns_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that came to nothing does not keep another from its stem."""
    (folder / "text.png").write_bytes(saved(photo(20, 20), "PNG"))
    assert run(folder, "text.jpg", "text.png") == 3
    assert [item["reason"] for item in objects(capsys.readouterr().out)] == ["unsupported_format", None]


@pytest.mark.parametrize("as_json", [True, False])
def test_what_may_work_later_does_not_stop_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """Lack of memory for one file is one line on standard error and exit code 1; the files after it are made."""
    transcode = IsolatedTranscoder.__call__

    def forgetful(self: IsolatedTranscoder, data: bytes, *arguments: Any) -> Any:
        if data.startswith(b"I am not"):
            raise OutOfMemory("the picture needs more memory than there is")
        return transcode(self, data, *arguments)

    monkeypatch.setattr(IsolatedTranscoder, "__call__", forgetful)
    assert run(folder, "text.jpg", "good.jpg", as_json=as_json) == 1
    output = capsys.readouterr()
    assert written(folder) == ["s/good.jpg", "s/good.webp"]
    assert output.err.splitlines() == [
        f"img-pipeline: {folder / 'text.jpg'}: failed, the picture needs more memory than there is"
    ]
    if as_json:
        assert [(item["status"], item["reason"]) for item in objects(output.out)] == [
            ("failed", None),
            ("complete", None),
        ]


def test_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json a person reads the source's size and a line for each file written."""
    assert run(folder, "good.jpg", as_json=False) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{folder / 'good.jpg'}: jpeg 200 x 150, ")
    assert ("64 x 48" in first, first.endswith("s/good.jpg"), second.endswith("s/good.webp")) == (True, True, True)


def test_files_are_readable_for_others(folder: Path) -> None:
    """Renditions get the permissions of any new file, not those of a temporary one."""
    run(folder, "good.jpg")
    (folder / "plain").touch()
    assert (folder / "out/s/good.jpg").stat().st_mode == (folder / "plain").stat().st_mode


def test_earlier_output_is_replaced(folder: Path) -> None:
    """Running again replaces the files of the last run and leaves nothing beside them."""
    run(folder, "good.jpg")
    (folder / "out/s/good.jpg").write_text("old")
    assert run(folder, "good.jpg") == 0
    assert loaded((folder / "out/s/good.jpg").read_bytes()).size == (64, 48)
    assert written(folder) == ["s/good.jpg", "s/good.webp"]


def test_all_or_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If one rendition cannot be written, none of its file is, and no temporary file stays behind."""
    (folder / "out/s/good.webp").mkdir(parents=True)
    assert run(folder, "good.jpg") == 2
    assert written(folder) == []
    assert "good.webp cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "options", "expected"),
    [
        (["missing.jpg"], {}, "missing.jpg does not exist; check the path"),
        (["good.jpg", "."], {}, "is a folder; name the files in it"),
        (["good.jpg"], {"recipe": "missing.json"}, "missing.json cannot be read (No such file or directory)"),
        (["good.jpg"], {"recipe": "good.jpg"}, "good.jpg cannot be read (it is not UTF-8 text)"),
        (["good.jpg"], {"out": "good.jpg"}, "good.jpg cannot be written to (File exists)"),
        (["good.jpg"], {"out": "good.jpg/sub"}, "cannot be written to (Not a directory)"),
    ],
)
def test_bad_usage(
    folder: Path, files: list[str], options: dict[str, str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done is said in one line before any file is worked on, with exit code 2."""
    assert run(folder, *files, out=options.get("out", "out"), recipe=options.get("recipe", "recipe.json")) == 2
    output = capsys.readouterr()
    assert (output.out, len(output.err.splitlines())) == ("", 1)
    assert output.err.startswith("img-pipeline: ")
    assert expected in output.err
    assert not (folder / "out/s").exists()


def test_bad_recipe_names_every_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recipe with two mistakes is refused with both."""
    (folder / "recipe.json").write_text('{"background": "red", "sizes": []}')
    assert run(folder, "good.jpg") == 2
    error = capsys.readouterr().err
    assert "recipe.background: must be a colour" in error
    assert "recipe.sizes: must be a list" in error


@pytest.mark.parametrize("arguments", [[], ["transcode"], ["transcode", "a.jpg"], ["explode"]])
def test_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that make no sense end with exit code 2 and the usage."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: img-pipeline" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is the package's."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"img-pipeline {__version__}\n")


def test_too_large_files_are_not_read_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file beyond the limit is rejected after reading no more than the limit."""
    with (folder / "huge.jpg").open("wb") as handle:
        handle.truncate(2**36)
    assert run(folder, "huge.jpg") == 3
    assert objects(capsys.readouterr().out)[0]["reason"] == "too_large"


def in_shell(folder: Path, command: str) -> subprocess.CompletedProcess[bytes]:
    """A shell command line in the folder, with $PYTHON able to import the package."""
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1]), "PYTHON": sys.executable}
    return subprocess.run(  # noqa: S603 - our own text
        ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, timeout=60, check=False
    )


def test_closed_pipe(folder: Path) -> None:
    """When the reader has enough, the command ends without a traceback."""
    command = "$PYTHON -m processor transcode good.jpg --out out --json 2>err; echo $? >code"
    assert in_shell(folder, f"({command}) | true").returncode == 0
    assert ((folder / "code").read_text(), (folder / "err").read_text()) == ("1\n", "")


def test_odd_files_leave_no_warnings(folder: Path) -> None:
    """Pillow's warnings about odd files do not reach the terminal."""
    (folder / "odd.jpg").write_bytes(saved(photo(64, 64), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"))
    result = in_shell(folder, "$PYTHON -W always -m processor transcode odd.jpg --out out --json")
    assert (result.returncode, result.stderr) == (0, b"")
