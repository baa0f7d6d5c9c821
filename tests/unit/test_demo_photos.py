"""Which pictures are uploaded: everything of a folder that looks like one, or photos out of verified archives."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts.demo.errors import DemoError
from scripts.demo.photos import BUILD_BACKEND, PHOTOS, ROUNDED_FROM, TRUNCATED_FROM, Archive, Photo, extract, fetch
from scripts.demo.photos import pictures_in as in_folder

PHOTO = Photo("a/b c.jpg", "package/data/x.jpg", "somebody")


def test_a_folder_gives_every_picture_by_its_path(tmp_path: Path) -> None:
    """Keys are the paths below the folder with forward slashes, in order; other and hidden files are left out."""
    for name in ("b.JPG", "sub dir/ü.png", "notes.txt", ".hidden.jpg", ".thumbs/x.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    pictures = in_folder(tmp_path)
    assert [picture.key for picture in pictures] == ["b.JPG", "sub dir/ü.png"]
    assert [picture.path.read_bytes() for picture in pictures] == [b"x", b"x"]


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    """A missing folder, a file in its place and a folder without pictures are told apart, with what to do."""
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DemoError, match=r"does not exist.*Give a folder"):
        in_folder(tmp_path / "nowhere")
    with pytest.raises(DemoError, match="is a file, not a folder"):
        in_folder(tmp_path / "file")
    with pytest.raises(DemoError, match=r"holds no picture.*\.jpg"):
        in_folder(tmp_path / "empty")


def test_a_name_that_no_key_can_have_is_named(tmp_path: Path) -> None:
    """A file name that is not UTF-8 stops the demo with its name instead of a stack trace from the SDK."""
    try:
        (tmp_path / "caf\udce9.jpg").write_bytes(b"x")
    except OSError as exc:
        pytest.skip(f"this file system takes only UTF-8 names: {exc}")
    with pytest.raises(DemoError, match=r"caf\?\.jpg is not UTF-8"):
        in_folder(tmp_path)


def test_a_cached_archive_is_used_if_it_is_the_right_one(tmp_path: Path) -> None:
    """With the known hash, nothing is downloaded: pip would fail on this requirement."""
    body = b"an archive"
    archive = Archive("no-such-requirement==0", "x.whl", hashlib.sha256(body).hexdigest(), ("--no-index",))
    (tmp_path / "x.whl").write_bytes(body)
    assert fetch(archive, tmp_path) == tmp_path / "x.whl"


def test_a_damaged_archive_is_not_used(tmp_path: Path) -> None:
    """With another hash, the file is fetched again, and failing that the demo says how to do without."""
    archive = Archive("no-such-requirement==0", "x.whl", "0" * 64, ("--no-index",))
    (tmp_path / "x.whl").write_bytes(b"half an archive")
    with pytest.raises(DemoError, match=r"could not download no-such-requirement==0(?s:.)*make demo IMAGES=folder"):
        fetch(archive, tmp_path)


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz"])
def test_photos_come_out_of_wheels_and_source_archives(tmp_path: Path, suffix: str) -> None:
    """A member is written below the folder under its key, with its credit."""
    archive = _archive(tmp_path / f"x{suffix}", PHOTO.member)
    (picture,) = extract(archive, (PHOTO,), tmp_path / "photos")
    assert (picture.key, picture.credit) == (PHOTO.key, PHOTO.credit)
    assert picture.path.read_bytes() == b"pixels"
    assert picture.path == tmp_path / "photos" / "a" / "b c.jpg"


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz"])
def test_a_member_that_is_not_there_is_named(tmp_path: Path, suffix: str) -> None:
    """If a package no longer holds a photo, the demo says which."""
    with pytest.raises(DemoError, match=r"does not hold package/data/x\.jpg"):
        extract(_archive(tmp_path / f"x{suffix}", "other.jpg"), (PHOTO,), tmp_path / "photos")


def test_every_photo_has_a_credit_and_a_key_of_its_own() -> None:
    """Two photos with one key would overwrite each other, and every photographer is named."""
    photos = [photo for each in PHOTOS.values() for photo in each]
    keys = [photo.key for photo in photos]
    assert len(set(keys)) == len(keys)
    assert all(photo.credit for photo in photos)
    assert {ROUNDED_FROM, TRUNCATED_FROM} <= set(keys)


def test_every_archive_is_pinned() -> None:
    """Each download is of one version and one hash."""
    for archive in (BUILD_BACKEND, *PHOTOS):
        assert "==" in archive.requirement
        assert len(bytes.fromhex(archive.sha256)) == 32


def _archive(path: Path, member: str) -> Path:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(member, b"pixels")
        return path
    with tarfile.open(path, "w:gz") as source:
        info = tarfile.TarInfo(member)
        info.size = len(b"pixels")
        source.addfile(info, io.BytesIO(b"pixels"))
    return path
