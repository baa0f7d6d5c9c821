"""The archives that the corpora come from, pinned by hash, and the files that are taken out of them."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from scripts.demo.errors import DemoError
from scripts.demo.photos import BUILD_BACKEND, SCIKIT_IMAGE, Archive, fetch

_SOURCE = ("--no-binary", ":all:", "--no-build-isolation")
_MAX_FILE_BYTES = 256 * 1024 * 1024

PYPI: dict[str, Archive] = {
    "pillow": Archive(
        "pillow==13.0.0",
        "pillow-13.0.0.tar.gz",
        "cdcd1ba258178f7356d74170c9a81ba4eab6a5d55748bc402a5a2a6fe6be3510",
        ("--no-binary", ":all:"),  # its build backend is part of it and wants more than setuptools
    ),
    "pillow-heif": Archive(
        "pillow_heif==1.8.1",
        "pillow_heif-1.8.1.tar.gz",
        "521ebffb8a181d56c3904e5a61f20903edee0d9d3275967b8fb345f866215c06",
        ("--no-binary", ":all:"),
    ),
    "imagesize": Archive(
        "imagesize==2.0.1",
        "imagesize-2.0.1.tar.gz",
        "b2ba6a4dea487a7ebcd53248d3476aca449d30db12a2dde5e0c5ca9624fd77e5",
        _SOURCE,
    ),
    "filetype": Archive(
        "filetype==1.2.0",
        "filetype-1.2.0.tar.gz",
        "66b56cd6474bf41d8c54660347d37afcc3f7d1970648de365c102ef77548aadb",
        _SOURCE,
    ),
    "sorl-thumbnail": Archive(
        "sorl-thumbnail==13.4.0",
        "sorl_thumbnail-13.4.0.tar.gz",
        "9eafa7be3c6785b06750633a36b20111005b7e3efda735f770e0ee101908ed3b",
        ("--no-binary", ":all:"),
    ),
    "piexif": Archive(
        "piexif==1.1.3",
        "piexif-1.1.3.zip",
        "83cb35c606bf3a1ea1a8f0a25cb42cf17e24353fd82e87ae3884e74a302a5f1b",
        _SOURCE,
    ),
    "scikit-image": SCIKIT_IMAGE,
}


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """A binary package of Debian 12, of which only the pictures are used."""

    name: str
    version: str
    filename: str
    sha256: str


DEBIAN: dict[str, DebianPackage] = {
    "gdk-pixbuf": DebianPackage(
        "gdk-pixbuf-tests",
        "2.42.10+dfsg-1+deb12u4",
        "gdk-pixbuf-tests_2.42.10+dfsg-1+deb12u4_amd64.deb",
        "171a99bae12ef6196806a0ac2389ce800be8c2a8db86e9389eba031c7e99ee8d",
    ),
    "goexif": DebianPackage(
        "golang-github-rwcarlsen-goexif-dev",
        "0.0~git20190401.9e8deec-2",
        "golang-github-rwcarlsen-goexif-dev_0.0~git20190401.9e8deec-2_all.deb",
        "807ff4c29f59ef6624a8e5b3454981ce1a05cefe1f0c4a53bfb005710b0338d7",
    ),
}

_CODE_AND_PROSE = frozenset(
    {
        *(".bat", ".build", ".c", ".cfg", ".cmake", ".conf", ".css", ".dot", ".go", ".h", ".html", ".in", ".ini"),
        *(".js", ".json", ".lock", ".md", ".patch", ".po", ".py", ".pyi", ".rst", ".sh", ".so", ".test", ".toml"),
        *(".txt", ".typed", ".yaml", ".yml"),
    }
)
"""Suffixes of what is no picture under any name; everything else in the folders of pictures is run."""

_PICTURES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".svg"),
        *(".tif", ".tiff", ".webp"),
    }
)
_PICTURE_FOLDERS = frozenset({"images", "test-images", "data", "fixtures", "samples", "thumbnail_tests"})


def fetched(cache: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Download what is missing and unpack it.

    Args:
        cache: where archives and their files stay for the next run.

    Returns:
        The files by corpus, in a fixed order, and what could not be fetched, one sentence each.
    """
    corpora: dict[str, list[Path]] = {}
    missing: list[str] = []
    for name in (*PYPI, *DEBIAN):
        try:
            archive = _pypi(PYPI[name], cache) if name in PYPI else _debian(DEBIAN[name], cache)
        except DemoError as exc:
            missing.append(f"{name}: {_first_line(exc)}")
        else:
            corpora[name] = _unpacked(archive, cache / "files" / name)
    return corpora, missing


def present(cache: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """What an earlier `fetched` left in the cache, in the same shape."""
    corpora = {name: _files(cache / "files" / name) for name in (*PYPI, *DEBIAN)}
    missing = [f"{name}: not in {cache}; run `make corpus`" for name, files in corpora.items() if not files]
    return {name: files for name, files in corpora.items() if files}, missing


def _pypi(archive: Archive, cache: Path) -> Path:
    fetch(BUILD_BACKEND, cache)
    return fetch(archive, cache)


def _debian(package: DebianPackage, cache: Path) -> Path:
    path = cache / package.filename
    if not path.exists():
        _download(package, cache)
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
        raise DemoError(f"{path} is not the expected file of {package.name} {package.version}")
    return path


def _download(package: DebianPackage, cache: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise DemoError(f"{tool} is missing: {package.name} can be fetched on Debian 12 only")
    # the version in apt's own words, so that another release's package is refused and not taken for this one
    command = ["apt-get", "download", "--quiet", f"{package.name}={package.version}"]
    run = subprocess.run(  # noqa: S603 - the command is ours
        command, cwd=cache, capture_output=True, text=True, check=False, timeout=300
    )
    if run.returncode != 0:
        raise DemoError(f"apt-get download {package.name}={package.version}: {run.stderr.strip()[-300:]}")


def _unpacked(archive: Path, folder: Path) -> list[Path]:
    done = folder / ".unpacked"
    if not done.exists() or done.read_text() != archive.name:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, body in _members(archive):
            if _is_picture(PurePosixPath(name)):
                target = folder / _flat(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as handle:
                    shutil.copyfileobj(body, handle)
        done.write_text(archive.name)
    return _files(folder)


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Regular files of an archive; links and devices are left where they are."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir() and entry.file_size <= _MAX_FILE_BYTES:
                    with zipped.open(entry) as body:
                        yield entry.filename, body
    elif archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as unpacker,  # noqa: S603
            tarfile.open(fileobj=unpacker.stdout, mode="r|") as stream,
        ):
            yield from _tar_members(stream)
    else:
        with tarfile.open(archive) as source:
            yield from _tar_members(source)


def _tar_members(source: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in source:
        if member.isfile() and member.size <= _MAX_FILE_BYTES:
            body = source.extractfile(member)
            if body is not None:
                yield member.name, body


def _is_picture(name: PurePosixPath) -> bool:
    folders = {part.lower() for part in name.parts[:-1]}
    if name.suffix.lower() in _PICTURES:
        return True
    return bool(_PICTURE_FOLDERS & folders) and name.suffix.lower() not in _CODE_AND_PROSE


def _flat(name: str) -> PurePosixPath:
    """A member's place below its corpus: the path without the archive's own top folder and without `..`."""
    parts = [part for part in PurePosixPath(name).parts if part not in (".", "..", "/")]
    return PurePosixPath(*parts[1:]) if len(parts) > 1 else PurePosixPath(*parts)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".unpacked")


def _first_line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:300]


def main_fetch(cache: Path) -> int:
    """`make corpus`: fetch, and say what came and what did not. 1 if nothing came."""
    corpora, missing = fetched(cache)
    for name, files in corpora.items():
        print(f"{name:<16} {len(files):>5} files")
    for line in missing:
        print(f"corpus: could not be fetched: {line}", file=sys.stderr)
    print(f"{sum(map(len, corpora.values()))} files in {cache}")
    return 0 if corpora else 1
