"""One file of the matrix and what must become of it, and the tools that make it."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

COMPLETE = frozenset({"complete"})
CORRUPT = frozenset({"corrupt"})
UNSUPPORTED = frozenset({"unsupported_format"})
NOT_KNOWN = COMPLETE | CORRUPT
"""A byte is wrong: whether pixels suffered shows in some formats only."""

ANY = NOT_KNOWN | UNSUPPORTED | {"too_many_pixels", "too_many_frames", "metadata_too_large"}
"""A byte of the header is wrong: anything but a crash."""

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A file.

    Attributes:
        name: its place below the matrix, `<format>/<what it is>.<extension>`.
        body: its bytes.
        expected: the verdicts that are right.
        like: the name of the case that it must look the same as; empty: it is compared with other decoders.
        compared: whether other decoders' renderings count.
        truth: what was drawn, by its name in `pictures.DRAWN`, where that is to be seen again; empty: not known.
    """

    name: str
    body: bytes
    expected: frozenset[str] = COMPLETE
    like: str = ""
    compared: bool = True
    truth: str = ""

    @property
    def format(self) -> str:
        """The folder."""
        return self.name.partition("/")[0]


class ToolMissing(Exception):
    """A program that is not installed; the text says which package has it."""


class ToolFailed(Exception):
    """A program that does not do what was asked."""


PACKAGES = {
    "apngasm": "apngasm",
    "avifenc": "libavif-bin",
    "cjpeg": "libjpeg-turbo-progs",
    "convert": "imagemagick",
    "cwebp": "webp",
    "exiftool": "libimage-exiftool-perl",
    "ffmpeg": "ffmpeg",
    "gif2webp": "webp",
    "gifsicle": "gifsicle",
    "heif-enc": "libheif-examples",
    "jpegtran": "libjpeg-turbo-progs",
    "opj_compress": "libopenjp2-tools",
    "tiffcp": "libtiff-tools",
    "webpmux": "webp",
}
"""Debian's package of each program."""


def made(command: Sequence[str], files: dict[str, bytes], result: str) -> bytes:
    """Run a program in an empty folder.

    Args:
        command: the program and its arguments.
        files: what is in the folder, by name.
        result: the name of the file that the program writes; empty: its standard output.

    Raises:
        ToolMissing: it is not installed.
        ToolFailed: it ends with an error, or writes nothing.
    """
    program = shutil.which(command[0])
    if program is None:
        raise ToolMissing(f"{command[0]} (Debian: {PACKAGES[command[0]]})")
    with TemporaryDirectory() as folder:
        for name, body in files.items():
            Path(folder, name).write_bytes(body)
        run = subprocess.run(  # noqa: S603 - the commands are ours
            [program, *command[1:]], cwd=folder, capture_output=True, check=False, timeout=_TIMEOUT_SECONDS
        )
        written = Path(folder, result)
        body = run.stdout if not result else written.read_bytes() if written.is_file() else b""
    if run.returncode != 0 or not body:
        raise ToolFailed(f"{' '.join(command)}: {run.stderr.decode(errors='replace').strip()[-300:]}")
    return body


class Maker:
    """Collects cases, and what could not be made."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def attempt(self, name: str, command: Sequence[str], files: dict[str, bytes], result: str) -> Iterator[Case]:
        """The case that a program makes; none where it is missing."""
        try:
            yield Case(name, made(command, files, result))
        except ToolMissing as exc:
            self.missing.add(str(exc))
