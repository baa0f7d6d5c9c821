"""Bounds: what a file's structure may cost, at the limit and one past it, and what never reaches a reader."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import bounds, inspect
from tests.helpers import exif_block, photo, png_chunk, saved, small_recipe
from tests.samples import needs_heif

SIZE = 200_000


def png(*chunks: bytes) -> bytes:
    """A small PNG with chunks of the test's own behind its header."""
    whole = saved(photo(32, 32), "PNG")
    return whole[:33] + b"".join(chunks) + whole[33:]


def jpeg(*segments: bytes) -> bytes:
    """A small JPEG with segments of the test's own behind its beginning."""
    whole = saved(photo(32, 32), "JPEG")
    return whole[:2] + b"".join(segments) + whole[2:]


def segment(marker: int, body: bytes) -> bytes:
    """One JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def verdict(data: bytes, limits: Limits) -> str:
    """`ok` or the reason for which a file is refused before any pixel is decoded."""
    try:
        inspect.opened(data, limits)
    except Rejected as rejected:
        return rejected.reason.value
    return "ok"


def directory(entries: int, length: int) -> bytes:
    """A TIFF structure of which every entry claims the same `length` bytes at its end."""
    body = struct.pack("<2sHIH", b"II", 42, 8, entries)
    start = 8 + 2 + 12 * entries + 4
    body += b"".join(struct.pack("<HHII", 0x1000 + index, 7, length, start) for index in range(entries))
    return body + bytes(4) + bytes(length)


METADATA: dict[str, tuple[Callable[[int], bytes], int]] = {
    "png text": (lambda size: png(png_chunk(b"tEXt", b"k\0" + b"x" * (size - 2))), 0),
    "png packed text": (lambda size: png(png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * size))), -1),
    "png packed international": (
        lambda size: png(png_chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(b"x" * size))),
        -1,
    ),
    "jpeg comments": (lambda size: jpeg(*[segment(0xFE, b"x" * (size // 4 - 2))] * 4), 1),
    "webp xmp": (lambda size: saved(photo(32, 32), "WEBP", xmp=b"x" * size), 0),
    "gif comments": (
        lambda size: (
            (whole := saved(photo(32, 32).convert("P"), "GIF"))[:-1]
            + (b"!\xfe" + b"\x63" * 1 + b"c" * 99 + b"\0") * (size // 100)
            + whole[-1:]
        ),
        1,
    ),
    "avif xmp": (lambda size: saved(photo(32, 32), "AVIF", xmp=b"x" * size), 0),
}
"""How to make a file with so many bytes of metadata, and how that counts: exactly (0), nearly (1), packed (-1)."""


@pytest.mark.parametrize("name", METADATA)
def test_metadata_at_the_limit_and_past_it(name: str) -> None:
    """Unpacked metadata of the allowed size passes, more is `metadata_too_large`, whatever the format keeps it in."""
    make, exactness = METADATA[name]
    data = make(SIZE)
    packed = len(data) if exactness else 0  # what is packed counts as well, packed and unpacked
    assert verdict(data, Limits(max_metadata_bytes=SIZE + packed)) == "ok"
    assert verdict(data, Limits(max_metadata_bytes=SIZE - 1 - (SIZE // 50 if exactness == 1 else 0))) == (
        "metadata_too_large"
    )


@needs_heif
def test_other_metadata_of_heif_at_the_limit_and_past_it() -> None:
    """What a HEIF keeps besides EXIF and XMP comes from its reader as a list, and counts as well."""
    block = {"type": "uri ", "content_type": "", "data": bytes(SIZE)}
    data = saved(photo(32, 32), "HEIF", metadata=[block])
    assert verdict(data, Limits(max_metadata_bytes=SIZE + 100)) == "ok"
    assert verdict(data, Limits(max_metadata_bytes=SIZE - 1)) == "metadata_too_large"


@pytest.mark.parametrize("value", [[b"x" * 9], (b"x" * 5, "yyyy"), {"k": [{"data": b"x" * 9}]}])
def test_collections_count_as_what_is_in_them(value: object) -> None:
    """Metadata in lists and dictionaries, however deep, is added up: at the limit and one past it."""
    bounds.check_collected({"metadata": value}, Limits(max_metadata_bytes=9))
    with pytest.raises(Rejected, match="metadata"):
        bounds.check_collected({"metadata": value}, Limits(max_metadata_bytes=8))


@pytest.mark.parametrize("pillow_format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_profile_at_the_limit_and_past_it(pillow_format: str) -> None:
    """A colour profile of the allowed size passes, one byte more is `metadata_too_large`."""
    profile = bytes(range(256)) * 600
    data = saved(photo(32, 32), pillow_format, icc_profile=profile)
    room = 2 * len(profile)
    slack = 64 if pillow_format == "JPEG" else 0  # its segments have headers, which count
    exact = Limits(max_icc_bytes=len(profile) + slack, max_metadata_bytes=room)
    assert verdict(data, exact) == "ok"
    assert verdict(data, Limits(max_icc_bytes=len(profile) - 1, max_metadata_bytes=room)) == "metadata_too_large"


@pytest.mark.parametrize("pillow_format", ["PNG", "JPEG", "TIFF"])
def test_values_that_overlap_are_refused(pillow_format: str) -> None:
    """A directory whose entries all claim the same bytes would be copied once for each, and is refused unread."""
    bomb = directory(2_000, 30_000)
    data = bomb if pillow_format == "TIFF" else saved(photo(32, 32), pillow_format, exif=b"Exif\0\0" + bomb)
    assert verdict(data, Limits()) == "metadata_too_large"


def test_exif_split_into_segments_is_seen_whole() -> None:
    """EXIF that only becomes a bomb when the reader puts its segments together is refused as well."""
    bomb = directory(4_000, 60_000)
    parts = [bomb[at : at + 60_000] for at in range(0, len(bomb), 60_000)]
    assert len(parts) > 1
    data = jpeg(*(segment(0xE1, b"Exif\0\0" + part) for part in parts))
    assert verdict(data, Limits()) == "metadata_too_large"


@pytest.mark.parametrize(
    "data",
    [
        png(png_chunk(b"tEXt", b"") * (bounds.MAX_PARTS + 10)),
        jpeg(segment(0xFE, b"") * (bounds.MAX_PARTS + 10)),
        saved(photo(32, 32).convert("P"), "GIF")[:-1] + b"!\xfe\1c\0" * (bounds.MAX_PARTS + 10) + b";",
    ],
    ids=["png", "jpeg", "gif"],
)
def test_very_many_pieces_are_refused_fast(data: bytes) -> None:
    """A file in more pieces than any program writes is refused before its reader collects them one by one."""
    started = time.process_time()
    assert verdict(data, Limits()) == "metadata_too_large"
    assert time.process_time() - started < 2


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_ordinary_metadata_passes(pillow_format: str) -> None:
    """EXIF with a place in it and a profile are within the bounds."""
    data = saved(photo(32, 32), pillow_format, exif=exif_block(6, b"somewhere"), icc_profile=bytes(3000))
    assert verdict(data, Limits()) == "ok"


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_cut_short_anywhere_it_is_never_more_than_rejected(pillow_format: str) -> None:
    """Whatever is left of a file, walking it raises nothing of its own."""
    whole = saved(photo(24, 24), pillow_format, exif=exif_block(6, b"x"))
    for length in range(1, len(whole), 7):
        assert verdict(whole[:length], Limits()) in ("ok", "corrupt", "unsupported_format")


FOREIGN = {
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "svg": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
    "zip": b"PK\3\4" + bytes(30),
    "html": b"<!doctype html><script>alert(1)</script>",
    "psd": b"8BPS\0\1" + bytes(30),
    "ico": b"\0\0\1\0\1\0" + bytes(30),
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(30),
    "fits": b"SIMPLE  =                    T",
    "windows program": b"MZ" + bytes(80),
    "dos eps": b"\xc5\xd0\xd3\xc6" + bytes(30),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_formats_reach_no_reader(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another format is refused by its first bytes; no reader of Pillow's is even asked, whatever follows."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a reader was asked")

    monkeypatch.setattr(Image, "open", asked)
    for tail in (b"", saved(photo(32, 32), "JPEG"), saved(photo(32, 32), "PNG")):
        with pytest.raises(Rejected) as caught:
            inspect.opened(FOREIGN[name] + tail, Limits())
        assert caught.value.reason == Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("name", FOREIGN)
def test_a_picture_with_something_behind_it_is_only_the_picture(name: str) -> None:
    """A polyglot that begins as a picture is decoded as that, and nothing of the rest comes out."""
    secret = FOREIGN[name] + b"S3CRET-MARKER"
    for pillow_format in ("JPEG", "PNG", "GIF"):
        result = transcode(saved(photo(32, 32), pillow_format) + secret, small_recipe())
        assert all(b"S3CRET" not in rendition.body for rendition in result.renditions)


SHAPES = [(1, 1), (1, 2), (2, 1), (3, 1), (1, 16_383), (16_383, 1), (1, 65_500), (65_500, 1), (17, 9_000), (9_000, 23)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_extreme_shapes_come_out_whole(shape: tuple[int, int], mode: str) -> None:
    """The thinnest and longest pictures have every rendition, each decodable and of the size it is said to have."""
    image = Image.linear_gradient("L").resize(shape).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").rotate(90).resize(shape))
    result = transcode(saved(image, "PNG"), small_recipe())
    assert (result.source.width, result.source.height) == shape
    for rendition in result.renditions:
        with Image.open(io.BytesIO(rendition.body)) as opened:
            opened.load()
            assert opened.size == (rendition.width, rendition.height)
            assert max(opened.size) <= 64


def test_a_side_past_the_limit() -> None:
    """A side of 65,535 pixels is the longest accepted by default."""
    assert verdict(saved(Image.new("L", (65_535, 1)), "PNG"), Limits()) == "ok"
    assert verdict(saved(Image.new("L", (65_536, 1)), "PNG"), Limits()) == "too_many_pixels"
