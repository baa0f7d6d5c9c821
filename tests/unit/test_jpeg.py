"""JPEG: a file whose pixels are all there is published however it ends, and one that lacks some is not."""

import re
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.steps import decode, inspect
from tests.helpers import assert_image_similar, exif_block, photo, saved

PICTURES = Path(__file__).parents[1] / "pictures"
END = b"\xff\xd9"
KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "444": {"subsampling": "4:4:4"},
    "restart": {"restart_marker_blocks": 3},
}


def picture(kind: str) -> bytes:
    """A JPEG of a kind, without a corner that is as grey as what is missing."""
    if kind in KINDS:
        return saved(photo(160, 120), "JPEG", quality=90, **KINDS[kind])
    if kind in ("grey", "cmyk"):
        return saved(photo(160, 120).convert("L" if kind == "grey" else "CMYK"), "JPEG", quality=90)
    return (PICTURES / f"{kind}.jpg").read_bytes()


EVERY = (*KINDS, "grey", "cmyk", "arithmetic", "arithmetic_progressive", "lossless")


def shown(data: bytes, needed: tuple[int, int] = (9999, 9999)) -> Image.Image:
    """A file's pixels."""
    return decode.decoded(inspect.opened(data, Limits()), needed)


def rejection(data: bytes) -> Rejected:
    """The verdict on a file that must not pass."""
    with pytest.raises(Rejected) as caught:
        shown(data)
    return caught.value


def frame(data: bytes) -> int:
    """Where the description of the frame begins: behind its marker."""
    found = re.search(rb"\xff[\xc0-\xc3\xc9\xca]\0", data)
    assert found
    return found.start() + 2


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize(
    "end",
    [
        b"",
        b"\xff",
        b"\0\0\1\x0bSEFHe\0\0\0 and what phones write \0\0SEFT",
        b"\xff\xd8\xff\xe1\0\x04ab\xff\xd9",
        bytes(range(256)) * 9,
        END + b"garbage\xff\xc0\0\x11\xff",
    ],
)
def test_no_end_or_something_in_its_place(kind: str, end: bytes) -> None:
    """A JPEG that does not say that it ends, or has a trailer there, has every pixel."""
    data = picture(kind)
    assert_image_similar(shown(data.removesuffix(END) + end), shown(data), 0)


@pytest.mark.parametrize("kind", EVERY)
def test_cut_at_every_byte_near_the_end(kind: str) -> None:
    """A JPEG that breaks off is `corrupt`, or it is one whose pixels do not depend on what is missing."""
    data = picture(kind).removesuffix(END)
    whole = shown(data + END)
    near = [*range(1, 40), *range(40, 200, 20), len(data) // 4, len(data) // 2]
    verdicts = []
    for cut in near:
        try:
            image = shown(data[:-cut])
        except Rejected as rejected:
            assert rejected.reason is Reason.CORRUPT  # noqa: PT017 - or it passed
            verdicts.append("corrupt")
        else:
            verdicts.append("ok")
            if not kind.startswith("arithmetic"):
                assert_image_similar(image, whole, 0.02)
    assert verdicts.count("ok") <= (8 if kind.startswith("arithmetic") else 1), verdicts


@pytest.mark.parametrize("kind", ["baseline", "444", "restart", "grey", "cmyk", "lossless", "arithmetic"])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("needed", [(9999, 9999), (20, 15)])
def test_an_end_does_not_make_up_for_pixels(kind: str, keep: float, needed: tuple[int, int]) -> None:
    """A scan that breaks off and is closed by a proper end is `corrupt`, which its reader would fill with grey."""
    data = picture(kind)
    start = data.index(b"\xff\xda") + 20
    cut = data[: start + int((len(data) - start) * keep)] + END
    with pytest.raises(Rejected, match=r"end early|intervals are missing") as caught:
        shown(cut, needed)
    assert caught.value.reason is Reason.CORRUPT


def test_grey_corners_are_colours_like_any_other() -> None:
    """A picture that ends in the very grey by which missing pixels are noticed is whole."""
    for mode in ("L", "RGB", "CMYK"):
        for image in (Image.new(mode, (40, 30), (128,) * len(mode)), Image.new(mode, (40, 30), (127,) * len(mode))):
            assert shown(saved(image, "JPEG")).size == (40, 30)


def test_passes_that_are_missing() -> None:
    """A progressive JPEG that breaks off between two passes is `corrupt`; one that ends there by itself is whole."""
    data = picture("progressive")
    scans = [found.start() for found in re.finditer(rb"\xff\xc4..(?:(?!\xff\xc4).)*?\xff\xda", data, re.DOTALL)]
    assert len(scans) > 5
    for at in scans[2:]:
        assert rejection(data[:at]).reason is Reason.CORRUPT
        assert shown(data[:at] + END).size == (160, 120)
        assert "end early" in rejection(data[: at - 9] + END).message


def test_a_component_that_is_missing() -> None:
    """A JPEG that ends before its last colour is `corrupt`."""
    data = bytearray(picture("444"))
    data[frame(bytes(data)) + 7] = 4  # one more component
    at = frame(bytes(data))
    data[at : at + 2] = struct.pack(">H", 20)
    data[at + 17 : at + 17] = bytes((9, 0x11, 0))
    assert rejection(bytes(data)).reason is Reason.CORRUPT


def test_restart_intervals_that_are_missing() -> None:
    """A JPEG without some of its intervals is `corrupt`, though its last pixels are there."""
    data = picture("restart")
    third, fourth = data.index(b"\xff\xd2"), data.index(b"\xff\xd3")
    assert "restart intervals" in rejection(data[:third] + data[fourth:]).message


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("length", [65_000, 64_000, 62_500])
def test_no_verdict_depends_on_size(kind: str, length: int) -> None:
    """Segments that push the pixels over the reader's block of 64 KB change nothing, in no kind."""
    data = picture(kind)
    padding = b"\xff\xec" + struct.pack(">H", length) + bytes(length - 2)
    assert_image_similar(shown(data[:2] + padding + data[2:]), shown(data), 0)


def test_lossless_is_decoded_whole_whatever_is_needed() -> None:
    """A lossless JPEG cannot be decoded smaller, and a small rendition of it is made all the same."""
    assert_image_similar(shown(picture("lossless"), (8, 6)), photo(64, 48), 0)


@pytest.mark.parametrize(
    ("at", "value", "named"),
    [
        (2, b"\x0c", "12 bits"),
        (3, b"\0\0", "DNL"),
        (-1, b"\xc5", "hierarchical"),
        (-1, b"\xcb", "lossless arithmetic"),
        (-1, b"\xf7", "JPEG-LS"),
        (9, b"\x31", "fractional"),
    ],
)
def test_kinds_that_cannot_be_read(at: int, value: bytes, named: str) -> None:
    """An intact JPEG of a kind that the reader does not know is `unsupported_format`, and the kind is named."""
    data = bytearray(picture("baseline"))
    place = frame(bytes(data)) + at
    data[place : place + len(value)] = value
    if named == "fractional":
        data[place + 3] = 0x21
    rejected = rejection(bytes(data))
    assert rejected.reason is Reason.UNSUPPORTED_FORMAT
    assert named in rejected.message


def test_two_components_are_a_kind_too() -> None:
    """A JPEG of two components is `unsupported_format`."""
    data = picture("grey")
    at = frame(data)
    two = (
        data[:at] + struct.pack(">H", 14) + data[at + 2 : at + 7] + bytes((2, 1, 0x11, 0, 2, 0x11, 0)) + data[at + 11 :]
    )
    rejected = rejection(two)
    assert (rejected.reason, "2 colour components" in rejected.message) == (Reason.UNSUPPORTED_FORMAT, True)


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        (0xE1, exif_block(6)),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
        (0xE2, b"ICC_PROFILE\0\1\1" + bytes(40)),
        (0xE2, b"MPF\0II*\0\x08\0\0\0" + bytes(40)),
        (0xE2, b"FPXR\0abc"),
        (0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\x10" + bytes(16)),
        (0xEE, b"Adobe\0\x64\0\0\0\0\1"),
        (0xFE, b"a comment"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # Pillow's about what it tolerates
@pytest.mark.parametrize("end", [END, b""])
def test_metadata_that_break_off(marker: int, body: bytes, end: bytes) -> None:
    """A segment that pixels do not need may be of any length, and is left out if it cannot be read."""
    data = picture("baseline").removesuffix(END) + end
    whole = shown(data)
    for length in range(len(body)):
        segment = bytes((0xFF, marker)) + struct.pack(">H", length + 2) + body[:length]
        assert_image_similar(shown(data[:2] + segment + data[2:]), whole, 0)
