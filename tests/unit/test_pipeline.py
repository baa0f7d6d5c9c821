"""The pipeline: one picture in, every rendition out."""

import dataclasses
import io
import os
import threading

import pytest
from PIL import Image, PngImagePlugin

import processor
from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import available_cpus, transcode
from processor.recipe import Recipe
from processor.results import Transcoded
from processor.steps import encode
from tests.helpers import (
    MARKER,
    assert_image_similar,
    corners,
    exif_block,
    loaded,
    photo,
    png_chunk,
    png_header,
    saved,
    small_recipe,
)
from tests.samples import needs_heif, needs_jxl

DEFAULT = Recipe.default()


def shapes(result: Transcoded) -> list[tuple[str, str, int, int]]:
    """What a result consists of, without the bytes."""
    return [(item.size, item.format, item.width, item.height) for item in result.renditions]


def test_nine_renditions_in_the_recipes_order() -> None:
    """The default recipe gives nine renditions; the AVIF of the full size stops at 2560 pixels."""
    result = transcode(saved(photo(3000, 1500), "JPEG"), DEFAULT)
    assert shapes(result) == [
        ("full", "jpeg", 3000, 1500),
        ("full", "webp", 3000, 1500),
        ("full", "avif", 2560, 1280),
        ("medium", "jpeg", 800, 400),
        ("medium", "webp", 800, 400),
        ("medium", "avif", 800, 400),
        ("thumbnail", "jpeg", 300, 150),
        ("thumbnail", "webp", 300, 150),
        ("thumbnail", "avif", 300, 150),
    ]


def test_bodies_are_what_the_record_says() -> None:
    """Every body opens as its format at its size, and looks like the source."""
    source = photo(1000, 700)
    for item in transcode(saved(source, "PNG"), DEFAULT).renditions:
        image = loaded(item.body)
        assert (str(image.format).lower(), image.size) == (item.format, (item.width, item.height))
        expected = source.resize(image.size, Image.Resampling.LANCZOS)
        assert_image_similar(image.convert("RGB"), expected, 6)


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_source_is_described_as_displayed(pillow_format: str) -> None:
    """The source's format, displayed size, frames and bytes are reported for every format."""
    lying = pillow_format not in ("GIF", "BMP")
    options = {"exif": exif_block(6)} if lying else {}
    data = saved(photo(160, 120), pillow_format, **options)
    source = transcode(data, small_recipe()).source
    size = (120, 160) if lying else (160, 120)
    assert dataclasses.astuple(source)[:5] == (pillow_format.lower(), *size, 1, len(data))


def test_output_bytes_do_not_depend_on_the_number_of_threads() -> None:
    """One, two, four and nine encoders at once write the same bytes, transparency included."""
    image = photo(900, 700).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((900, 700)))
    data = saved(image, "PNG", compress_level=1)
    first, *others = [transcode(data, DEFAULT, threads=threads) for threads in (1, 2, 4, 9)]
    assert all(other == first for other in others)


def test_concurrent_calls_do_not_disturb_each_other() -> None:
    """Several pictures at once in one process come out as they would alone."""
    sources = [saved(photo(200 + step, 150), "JPEG") for step in range(4)]
    alone = [transcode(data, small_recipe()) for data in sources]
    together: dict[int, Transcoded] = {}

    def work(index: int) -> None:
        together[index] = transcode(sources[index], small_recipe())

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [together[index] for index in range(4)] == alone


def everything_planted(pillow_format: str) -> bytes:
    """A picture of some format with the marker in every metadata field that the format has."""
    exif = exif_block(1, MARKER)
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + MARKER + b"</x:xmpmeta>"
    icc = bytearray(Image.open(io.BytesIO(saved(photo(8, 8), "PNG"))).info.get("icc_profile", b"")) + MARKER
    options: dict[str, object] = {"exif": exif, "xmp": xmp, "icc_profile": bytes(icc)}
    if pillow_format == "JPEG":
        options["comment"] = MARKER
    if pillow_format == "GIF":
        options = {"comment": MARKER}
    if pillow_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", MARKER.decode())
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"exif": exif, "pnginfo": text}
    if pillow_format == "JPEG2000":
        options = {"comment": MARKER}
    if pillow_format == "JXL":
        options = {"exif": exif, "xmp": xmp, "use_container": True}
    if pillow_format == "TIFF":
        options = {"exif": exif, "description": MARKER.decode()}
    data = saved(photo(400, 300), pillow_format, **options)
    return (
        data + MARKER
        if pillow_format not in ("AVIF", "HEIF", "JXL")
        else data + len(MARKER + b"12345678").to_bytes(4) + b"free" + MARKER
    )


@pytest.mark.parametrize(
    "pillow_format",
    [
        "JPEG",
        "MPO",
        "PNG",
        "WEBP",
        "GIF",
        "TIFF",
        "AVIF",
        "JPEG2000",
        pytest.param("HEIF", marks=needs_heif),
        pytest.param("JXL", marks=needs_jxl),
    ],
)
def test_no_metadata_in_any_output(pillow_format: str) -> None:
    """GPS, XMP, comments, profiles and trailing bytes of the source are in none of the nine files."""
    data = everything_planted(pillow_format)
    assert MARKER in data
    for item in transcode(data, DEFAULT).renditions:
        assert MARKER not in item.body
        assert b"ICC_PROFILE" not in item.body
        allowed = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
        allowed |= {"loop", "background", "timestamp", "duration"}  # what Pillow says of any WebP and AVIF
        assert set(loaded(item.body).info) <= allowed
        assert not loaded(item.body).getexif()


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (1, 1), (2, 3), (17_000, 70)])
def test_extreme_shapes_still_get_every_rendition(size: tuple[int, int]) -> None:
    """What one format cannot hold is made smaller for that format; nothing is missing."""
    result = transcode(saved(Image.new("RGB", size, "teal"), "PNG"), DEFAULT)
    assert len(result.renditions) == 9
    for item in result.renditions:
        assert loaded(item.body).size == (item.width, item.height)
        assert max(item.width, item.height) <= {"jpeg": 65_500, "webp": 16_383, "avif": 2560}[item.format]


def test_every_orientation_reaches_every_rendition() -> None:
    """Turned sources come out upright in all formats and sizes, shrink-on-load included."""
    lying = corners(400, 300).transpose(Image.Transpose.ROTATE_90)
    for item in transcode(saved(lying, "JPEG", exif=exif_block(6), quality=95), small_recipe()).renditions:
        expected = corners(400, 300).resize((64, 48), Image.Resampling.LANCZOS)
        assert_image_similar(loaded(item.body).convert("RGB"), expected, 7)


def test_shrink_on_load_changes_no_size() -> None:
    """Sizes follow from the source's real size, not from what was decoded of it."""
    data = saved(photo(1026, 777), "JPEG")  # an eighth of it, rounded, would give 64 x 49
    assert shapes(transcode(data, small_recipe()))[0] == ("small", "jpeg", 64, 48)


@pytest.mark.parametrize(
    ("data", "limits", "reason"),
    [
        (b"", Limits(), Reason.EMPTY),
        (b"I am text", Limits(), Reason.UNSUPPORTED_FORMAT),
        (png_header(20_000, 20_000), Limits(), Reason.TOO_MANY_PIXELS),
        (png_header(200, 200), Limits(), Reason.CORRUPT),
        (png_header(200, 200), Limits(max_object_bytes=10), Reason.TOO_LARGE),
        (saved(photo(200, 200), "JPEG")[:-800], Limits(), Reason.CORRUPT),
    ],
)
def test_rejections(data: bytes, limits: Limits, reason: Reason) -> None:
    """Bad input is rejected with its reason and a sentence for a person."""
    with pytest.raises(Rejected) as caught:
        transcode(data, DEFAULT, limits)
    assert caught.value.reason == reason
    assert len(caught.value.message) > 20


def test_huge_declared_text_is_rejected() -> None:
    """A PNG whose compressed text unpacks to far more than it should is refused, not unpacked."""
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + __import__("zlib").compress(bytes(20_000_000)))
    data = saved(photo(64, 64), "PNG")
    with pytest.raises(Rejected) as caught:
        transcode(data[:33] + bomb + data[33:], DEFAULT)
    assert caught.value.reason == Reason.METADATA_TOO_LARGE


def test_a_failing_encoder_fails_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """If one encoder raises, its exception comes out as it is, the queue is dropped, and nothing is returned."""
    started: list[str] = []

    def broken(image: Image.Image, quality: int, background: str, _exif: bytes) -> bytes:
        started.append(f"{image.size} {quality} {background}")
        raise OSError("encoder error")

    monkeypatch.setitem(encode._ENCODERS, "webp", broken)  # noqa: SLF001 - there is no other way to break one
    with pytest.raises(OSError, match="encoder error"):
        transcode(saved(photo(200, 150), "PNG"), DEFAULT, threads=1)
    assert started


def test_transparency_goes_where_it_can() -> None:
    """A transparent source has alpha in WebP and AVIF and the recipe's background in JPEG; an opaque one has none."""
    recipe = dataclasses.replace(small_recipe(), background="#00ff00")
    clear = transcode(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"), recipe)
    opaque = transcode(saved(Image.new("RGBA", (64, 64), (9, 9, 9, 255)), "PNG"), recipe)
    assert [loaded(item.body).mode for item in clear.renditions] == ["RGB", "RGBA", "RGBA"]
    assert [loaded(item.body).mode for item in opaque.renditions] == ["RGB", "RGB", "RGB"]
    assert_image_similar(loaded(clear.renditions[0].body), Image.new("RGB", (64, 64), "#00ff00"), 2)


def test_cpus() -> None:
    """The CPUs counted are those that this process may use."""
    assert available_cpus() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("memory_mb", "threads"), [("512", 1), ("1769", 1), ("1770", 2), ("3538", 2), ("10240", 6)])
def test_threads_follow_the_memory_of_a_function(monkeypatch: pytest.MonkeyPatch, memory_mb: str, threads: int) -> None:
    """A Lambda function gets one encoder for each vCPU that its memory pays for, whatever the machine shows."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb)
    assert available_cpus() == threads
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "plenty")
    assert available_cpus() == 8


def test_public_names() -> None:
    """Everything that the package promises is there, and nothing else is invented on access."""
    assert all(hasattr(processor, name) for name in processor.__all__)
    assert processor.transcode is transcode
    with pytest.raises(AttributeError, match="has no attribute 'transcoder'"):
        _ = processor.transcoder
