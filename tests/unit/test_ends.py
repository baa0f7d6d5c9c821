"""Ends: what ends otherwise than its reader expects is published if every pixel is there, in every format."""

import struct

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import decode, ends, inspect
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, photo, saved, small_recipe
from tests.samples import needs_heif, pages

EVERY = {
    "webp": lambda: saved(photo(160, 120), "WEBP", quality=80),
    "webp lossless": lambda: saved(photo(160, 120), "WEBP", lossless=True),
    "gif": lambda: saved(photo(160, 120).quantize(200), "GIF", interlace=0),
    "gif interlaced": lambda: saved(photo(160, 120).quantize(200), "GIF", interlace=1),
    "gif transparent": lambda: saved(photo(160, 120).quantize(200), "GIF", transparency=3),
    "bmp": lambda: saved(photo(157, 120), "BMP"),
    "jp2": lambda: saved(photo(160, 120), "JPEG2000"),
    "j2k": lambda: saved(photo(160, 120), "JPEG2000", no_jp2=True),
    "jp2 tiles": lambda: saved(photo(160, 120), "JPEG2000", tile_size=(64, 64)),
    "avif": lambda: saved(photo(160, 120), "AVIF", quality=70),
    "heif": lambda: saved(photo(160, 120), "HEIF", quality=70),
}
NOT_NEEDED = {
    "webp": 2,
    "gif": 4,
    "gif interlaced": 3,
    "gif transparent": 3,
    "bmp": 1,
    "jp2": 2,
    "j2k": 2,
    "jp2 tiles": 2,
}
"""Bytes at the end of these files on which no pixel depends: marks of the end, and padding."""

kinds = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=needs_heif) if kind == "heif" else kind for kind in EVERY]
)


def shown(data: bytes) -> Image.Image:
    """A file's pixels."""
    return decode.decoded(inspect.opened(data, Limits()), (9999, 9999)).convert("RGB")


@kinds
def test_cut_at_every_byte_near_the_end(kind: str) -> None:
    """A file that breaks off is published while no pixel depends on what is missing, and `corrupt` from there on."""
    data = EVERY[kind]()
    whole = shown(data)
    for cut in [*range(1, 25), len(data) // 5, len(data) // 2]:
        if cut <= NOT_NEEDED.get(kind, 0):
            assert_image_similar(shown(data[:-cut]), whole, 0)
            continue
        with pytest.raises(Rejected) as caught:
            shown(data[:-cut])
        assert caught.value.reason is Reason.CORRUPT


@kinds
@pytest.mark.parametrize("rest", [b"\0", b"\xff" * 99, b"RIFF", b"\0\0\1\0free and cut"])
def test_garbage_behind_the_end(kind: str, rest: bytes) -> None:
    """What follows a file does not matter, be it another one."""
    data = EVERY[kind]()
    for trailer in (rest, data):
        assert_image_similar(shown(data + trailer), shown(data), 0)


@pytest.mark.parametrize("error", [-100, -2, 2, 1_000_000])
@pytest.mark.parametrize("kind", ["webp", "webp lossless"])
def test_a_wrong_size_of_a_webp(kind: str, error: int) -> None:
    """A WebP that says that it is longer or shorter than it is has all its chunks."""
    data = EVERY[kind]()
    wrong = data[:4] + struct.pack("<I", len(data) - 8 + error) + data[8:]
    assert_image_similar(shown(wrong), shown(data), 0)


def test_metadata_that_break_off() -> None:
    """A WebP that breaks off in its EXIF block has every pixel."""
    data = saved(photo(160, 120), "WEBP", exif=b"Exif\0\0II*\0" + bytes(200))
    for cut in (1, 50, 210):
        assert_image_similar(shown(data[:-cut]), shown(data), 0)


def test_an_animation_that_breaks_off() -> None:
    """A WebP animation is shown up to the frame that breaks off, and that is noted."""
    data = pages([photo(64, 48), photo(64, 48).rotate(90), photo(64, 48).rotate(180)], "WEBP", duration=100)
    source = transcode(data[:-20], small_recipe()).source
    assert (source.frames, source.notes) == (2, (Note.ANIMATION_CUT,))


@pytest.mark.parametrize("rows", [1, 60, 119])
def test_gif_rows_that_are_missing(rows: int) -> None:
    """A GIF whose pixels end properly before the last row is `corrupt`."""
    data = bytearray(saved(photo(160, rows).quantize(200), "GIF", interlace=0))
    image = data.index(b",\0\0\0\0")
    for at in (8, image + 7):
        struct.pack_into("<H", data, at, 120)
    with pytest.raises(Rejected) as caught:
        shown(bytes(data))
    assert caught.value.reason is Reason.CORRUPT


def test_orderly_files_are_not_copied() -> None:
    """A file that ends as it should stays the same object."""
    for kind, mend in (
        ("webp", lambda data: ends.webp(data)[0]),
        ("gif", ends.gif),
        ("jp2", ends.jp2),
        ("j2k", ends.jp2),
    ):
        data = EVERY[kind]()
        assert mend(data) is data, kind


@pytest.mark.filterwarnings("ignore")  # Pillow's about what it tolerates
@pytest.mark.parametrize("block", [b"", b"Exif\0\0garbage", b"II*\0\xff\xff\xff\xff"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", pytest.param("HEIF", marks=needs_heif)])
def test_exif_blocks_of_garbage(kind: str, block: bytes) -> None:
    """An EXIF block that is none costs nobody a picture."""
    exif = b"II*\0\x08\0\0\0" + b"MARK" * 8
    data = saved(photo(64, 48), kind, exif=b"Exif\0\0" + exif)
    assert exif in data
    assert_image_similar(shown(data.replace(exif, block.ljust(40, b"\0"))), shown(data), 0)


@pytest.mark.parametrize("width", range(20, 30))
def test_a_webp_without_its_last_padding(width: int) -> None:
    """The byte that makes the last chunk's length even is no pixel."""
    data = saved(photo(width, 20), "WEBP", lossless=True)
    odd = int.from_bytes(data[16:20], "little") % 2
    if odd:
        assert_image_similar(shown(data[:-1]), shown(data), 0)
    else:
        with pytest.raises(Rejected):
            shown(data[:-1])
