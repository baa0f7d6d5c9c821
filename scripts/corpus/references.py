"""Independent decoders: sharp (libvips) first, ImageMagick for the formats that sharp's build does not read."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import npm
from scripts.corpus.children import Child, ChildDied
from scripts.npm import NpmError

_PACKAGE = Path(__file__).parent / "reference"
_TIMEOUT_SECONDS = 60

_SHARP_FORMATS = {"jpeg": "jpeg", "png": "png", "webp": "webp", "gif": "gif", "tiff": "tiff"}
_SECOND = ("bmp", "heic", "jp2", "j2k")
"""What ImageMagick is asked for where sharp does not know the format."""

_MAGICK_FORMATS = {
    **{fmt: fmt for fmt in _SECOND},
    "jpeg": "jpeg",
    "png": "png",
    "tiff": "tiff",
    "gif": "gif",
    "webp": "webp",
    "avif": "avif",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """What an independent decoder says of a file.

    Attributes:
        decoder: `sharp`, `imagemagick`, or empty where none knows the format.
        format: one of the processor's names, `svg`, …; empty if not recognised.
        size: of the upright picture, None if it cannot be decoded.
        header: width, height and pages as the header says, None if unknown.
        error: why it cannot be decoded.
        transparent: whether the header says that it may be.
    """

    decoder: str = ""
    format: str = ""
    size: tuple[int, int] | None = None
    header: tuple[int, int, int] | None = None
    error: str = ""
    transparent: bool = False


class References:
    """The decoders of this machine."""

    def __init__(self, cache: Path) -> None:
        self.missing: list[str] = []
        self._sharp = self._install_sharp(cache / "reference")
        self._convert = self._find_magick()

    def decode(self, path: Path, pixels: Path) -> Reference:
        """Ask the decoders in order; the first that decodes wins, and leaves raw RGBA in `pixels`."""
        found = self._by_sharp(path, pixels) if self._sharp else Reference()
        if found.size is None:
            fmt = _by_magic(path.read_bytes()[:64])
            other = self._by_magick(path, pixels, fmt if fmt in _SECOND else "")
            if other.size is not None or not found.format:
                return other
        return found

    def both(self, path: Path, folder: Path) -> dict[str, tuple[Reference, Path]]:
        """Ask every decoder; each leaves raw RGBA in a file of the folder that has its name."""
        files = {name: folder / name for name in ("sharp", "imagemagick")}
        fmt = _by_magic(path.read_bytes()[:64])
        return {
            "sharp": (self._by_sharp(path, files["sharp"]), files["sharp"]),
            "imagemagick": (self._by_magick(path, files["imagemagick"], fmt), files["imagemagick"]),
        }

    def close(self) -> None:
        """End the child."""
        if self._sharp:
            self._sharp.close()

    def _install_sharp(self, folder: Path) -> Child | None:
        try:
            node = npm.installed(_PACKAGE, folder)
        except NpmError as exc:
            self.missing.append(f"nothing is compared with sharp: {exc}")
            return None
        script = folder / "decode.mjs"  # node looks for packages beside the script
        shutil.copy(_PACKAGE / "decode.mjs", script)
        return Child([node, str(script)], _TIMEOUT_SECONDS)

    def _find_magick(self) -> str | None:
        for name in ("magick", "convert"):
            tool = shutil.which(name)
            if tool is not None:
                run = subprocess.run([tool, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
                if "ImageMagick" in run.stdout:
                    return tool
        self.missing.append("ImageMagick is missing: BMP, HEIC and JPEG 2000 are not compared (Debian: imagemagick)")
        return None

    def _by_sharp(self, path: Path, pixels: Path) -> Reference:
        if self._sharp is None:
            return Reference()
        try:
            answer, _ = self._sharp.ask({"path": str(path.resolve()), "pixels": str(pixels.resolve())})
        except ChildDied as died:
            return Reference("sharp", error=f"sharp {died.how}")
        metadata: dict[str, Any] = answer["metadata"]
        fmt = str(metadata.get("format") or "")
        if fmt == "heif":
            fmt = "avif" if metadata.get("compression") == "av1" else "heic"
        header = None
        if metadata.get("width"):
            header = (metadata["width"], metadata["height"], metadata.get("pages") or 1)
        size = tuple(answer["size"]) if "size" in answer else None
        transparent = bool(metadata.get("hasAlpha"))
        if size is not None and answer["channels"] != 4:  # noqa: PLR2004 - RGBA was asked for
            return Reference("sharp", fmt, None, header, f"{answer['channels']} channels came out", transparent)
        return Reference("sharp", fmt, size, header, str(answer.get("error", "")), transparent)

    def _by_magick(self, path: Path, pixels: Path, fmt: str) -> Reference:
        """Only formats that it is told by us: left to guess, it would start interpreters for some."""
        if fmt not in _MAGICK_FORMATS or self._convert is None:
            return Reference()
        command = [self._convert, "-limit", "memory", "2GiB", f"{_MAGICK_FORMATS[fmt]}:{path}[0]", "-auto-orient"]
        command += ["-colorspace", "sRGB", "-alpha", "on", "-depth", "8", "-print", "%w %h", f"rgba:{pixels}"]
        try:
            run = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS, errors="replace"
            )
        except subprocess.TimeoutExpired:
            return Reference("imagemagick", fmt, error=f"no answer within {_TIMEOUT_SECONDS} s")
        match = re.fullmatch(r"(\d+) (\d+)", run.stdout.strip())
        if run.returncode != 0 or match is None or run.stderr.strip():
            return Reference("imagemagick", fmt, error=(run.stderr.strip() or f"exit {run.returncode}")[:200])
        size = (int(match[1]), int(match[2]))
        return Reference("imagemagick", "jp2" if fmt == "j2k" else fmt, size, (*size, 1))


_MAGIC = {
    b"BM": "bmp",
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG": "png",
    b"GIF8": "gif",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"RIFF": "webp",
    b"\xff\x4f\xff\x51": "j2k",
}
_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"heim": "heic", b"mif1": "heic"}


def _by_magic(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        brands = [head[at : at + 4] for at in range(8, 40, 4)]
        return next((fmt for brand, fmt in _BRANDS.items() if brand in brands), "")
    if head[4:8] == b"jP  ":
        return "jp2"
    return next((fmt for magic, fmt in _MAGIC.items() if head.startswith(magic)), "")
