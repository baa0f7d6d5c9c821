"""Inspect: what a file is allowed to be before any pixel is decoded."""

import struct
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.results import SourceFormat
from processor.steps import encode, inspect, jxl, optional
from tests.helpers import photo, png_header, saved
from tests.samples import box, needs_heif, needs_jxl, pages, ultra_hdr

LIMITS = Limits()
EVERYWHERE = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000")
OPTIONAL = (pytest.param("HEIF", marks=needs_heif), pytest.param("JXL", marks=needs_jxl))


def rejection(data: bytes, limits: Limits = LIMITS) -> Rejected:
    """The verdict on a file that must not pass."""
    with pytest.raises(Rejected) as caught:
        inspect.opened(data, limits)
    return caught.value


def alpha(image: Image.Image) -> Image.Image:
    """The same, half transparent."""
    image = image.convert("RGBA")
    image.putalpha(128)
    return image


@pytest.mark.parametrize(
    ("pillow_format", "expected"),
    [
        ("JPEG", "jpeg"),
        ("MPO", "jpeg"),
        ("PNG", "png"),
        ("WEBP", "webp"),
        ("GIF", "gif"),
        ("TIFF", "tiff"),
        ("BMP", "bmp"),
        ("AVIF", "avif"),
        ("JPEG2000", "jp2"),
        pytest.param("HEIF", "heif", marks=needs_heif),
        pytest.param("JXL", "jxl", marks=needs_jxl),
    ],
)
def test_formats(pillow_format: str, expected: str) -> None:
    """Every supported format is recognised by content, opened lazily, and has one frame."""
    opened = inspect.opened(saved(photo(64, 48), pillow_format), LIMITS)
    assert (opened.format, opened.frames, opened.image.size) == (expected, 1, (64, 48))


@pytest.mark.parametrize(
    "data",
    [
        b"hello, I am a text file called photo.jpg",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"BM is how this text begins, which bitmaps do too",
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\xff",
        b"II",
    ],
)
def test_unsupported(data: bytes) -> None:
    """Anything else is `unsupported_format`, and the message lists what would work."""
    rejected = rejection(data)
    assert rejected.reason == Reason.UNSUPPORTED_FORMAT
    assert inspect.SUPPORTED in rejected.message


def test_every_pillow_format_outside_the_list_is_refused() -> None:
    """A file that Pillow could read but that is not in our list never reaches a decoder."""
    for pillow_format in ("PPM", "TGA", "ICO", "PCX", "SGI", "DDS"):
        assert rejection(saved(photo(32, 32), pillow_format)).reason == Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize(
    ("kind", "head"),
    [("heif", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"), ("jxl", b"\xff\x0a rest"), ("jxl", b"\0\0\0\x0cJXL \r\n\x87\n")],
)
def test_a_missing_reader_is_said_to_be_missing(
    kind: SourceFormat, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the optional reader its files are `unsupported_format`, with a message that says what to do."""
    monkeypatch.setitem(inspect._OPTIONAL, kind, (lambda: False, inspect._OPTIONAL[kind][1]))  # noqa: SLF001
    rejected = rejection(head)
    assert rejected.reason == Reason.UNSUPPORTED_FORMAT
    assert f"the extra `{kind}`" in rejected.message


@needs_heif
def test_each_container_has_its_own_reader() -> None:
    """The HEIF reader serves HEIC and HEIF brands only; AVIF, also one that begins like HEIF, stays with its own."""
    assert optional.heif()
    assert encode.avif_codec(64, 48) == "aom"  # that module brings AVIF's reader
    avif, heic = saved(photo(64, 48), "AVIF"), saved(photo(64, 48), "HEIF")
    structural = avif[:8] + b"mif1" + avif[12:]
    modules = [type(inspect.opened(data, LIMITS).image).__module__ for data in (avif, structural, heic)]
    assert [module.partition(".")[0] for module in modules] == ["pillow_avif", "pillow_avif", "pillow_heif"]


@pytest.mark.parametrize(
    "size", [(1, 1), (8, 8), (256, 256), (264, 264), (320, 240), (1000, 562), (16, 9), (17, 5000), (600, 1)]
)
@pytest.mark.parametrize("container", [False, True])
@needs_jxl
def test_jxl_size_is_known_before_anything_is_decoded(size: tuple[int, int], *, container: bool) -> None:
    """The size in the header of JPEG XL is read right, in every way of writing it."""
    optional.jxl()
    assert jxl.declared_size(saved(photo(*size), "JXL", use_container=container)) == size


@pytest.mark.parametrize("data", [b"\xff\x0a", box(b"JXL ", b"\r\n\x87\n"), box(b"JXL ") + box(b"jxlc", b"\xff\x0a")])
def test_jxl_without_a_header(data: bytes) -> None:
    """A JPEG XL file that ends before its size is an error, not a size."""
    with pytest.raises(ValueError, match=r"cut short|codestream"):
        jxl.declared_size(data)


@needs_jxl
def test_jxl_bomb_is_refused_before_its_reader_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JPEG XL picture above the limits is refused by its header: its reader would decode it while opening."""
    optional.jxl()
    data = saved(photo(64, 48), "JXL")
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("it was opened"))
    assert rejection(data, Limits(max_side=63)).reason == Reason.TOO_MANY_PIXELS


def test_gain_map_is_no_picture() -> None:
    """A JPEG with a gain map behind it is one picture of its own size; the map is counted and never shown."""
    opened = inspect.opened(ultra_hdr(saved(photo(64, 48), "JPEG"), saved(photo(16, 12), "JPEG")), LIMITS)
    assert (opened.format, opened.frames, opened.image.size) == ("jpeg", 2, (64, 48))


def test_empty() -> None:
    """A file without a byte is `empty`."""
    assert rejection(b"").reason == Reason.EMPTY


def test_too_large() -> None:
    """One byte above the limit is `too_large`, the limit itself is not."""
    data = saved(photo(64, 48), "PNG")
    assert rejection(data, Limits(max_object_bytes=len(data) - 1)).reason == Reason.TOO_LARGE
    assert inspect.opened(data, Limits(max_object_bytes=len(data))).format == "png"


@pytest.mark.parametrize(
    "limits", [Limits(max_pixels=64 * 48 - 1), Limits(max_side=63), Limits(max_total_pixels=64 * 48 - 1)]
)
@pytest.mark.parametrize("pillow_format", [*EVERYWHERE, *OPTIONAL])
def test_too_many_pixels(pillow_format: str, limits: Limits) -> None:
    """One pixel above any limit is `too_many_pixels` in every format; the limit itself is accepted."""
    data = saved(photo(64, 48), pillow_format)
    assert rejection(data, limits).reason == Reason.TOO_MANY_PIXELS
    exact = Limits(max_pixels=64 * 48, max_side=64, max_total_pixels=64 * 48)
    assert inspect.opened(data, exact).image.size == (64, 48)


def test_a_silenced_warning_opens_no_door() -> None:
    """The limit holds even where somebody else in the process ignores Pillow's warning, just above it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rejected = rejection(png_header(200, 200), Limits(max_pixels=200 * 200 - 1))
    assert rejected.reason == Reason.TOO_MANY_PIXELS
    assert "200 x 200" in rejected.message


@pytest.mark.parametrize("side", [12_000, 30_000, 2_000_000_000])
def test_decompression_bomb(side: int) -> None:
    """A small file that claims a huge picture is `too_many_pixels`, wherever Pillow's own two thresholds lie."""
    assert rejection(png_header(side, side)).reason == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("pillow_format", ["PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_frames(pillow_format: str) -> None:
    """Frames and pages are counted, and one too many is `too_many_frames`."""
    pages = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    data = saved(pages[0], pillow_format, save_all=True, append_images=pages[1:])
    assert inspect.opened(data, Limits(max_frames=3)).frames == 3
    assert rejection(data, Limits(max_frames=2)).reason == Reason.TOO_MANY_FRAMES


@pytest.mark.parametrize("pillow_format", ["PNG", "WEBP", "GIF", "AVIF"])
def test_pixels_of_all_frames(pillow_format: str) -> None:
    """Where frames are shown one after another their pixels are added up, and one too many is `too_many_pixels`."""
    data = pages([Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")], pillow_format)
    assert inspect.opened(data, Limits(max_total_pixels=3 * 32 * 32)).frames == 3
    assert rejection(data, Limits(max_total_pixels=3 * 32 * 32 - 1)).reason == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("pillow_format", ["TIFF", "MPO", pytest.param("HEIF", marks=needs_heif)])
def test_pages_that_nobody_decodes_have_no_pixels(pillow_format: str) -> None:
    """Of pages and bursts only the first is decoded, so its pixels alone count; the pages themselves still do."""
    data = pages([photo(64, 48)] * 3, pillow_format)
    assert inspect.opened(data, Limits(max_total_pixels=64 * 48, max_frames=3)).frames == 3
    assert rejection(data, Limits(max_total_pixels=64 * 48 - 1)).reason == Reason.TOO_MANY_PIXELS
    assert rejection(data, Limits(max_frames=2)).reason == Reason.TOO_MANY_FRAMES


@pytest.mark.parametrize("pillow_format", ["PNG", "WEBP", "TIFF", "AVIF", "GIF"])
def test_what_may_be_transparent_has_a_limit_of_its_own(pillow_format: str) -> None:
    """At `max_alpha_pixels` it is accepted, one pixel above it is `too_many_pixels`; opaque pictures are free of it."""
    at, past = Limits(max_alpha_pixels=64 * 48), Limits(max_alpha_pixels=64 * 48 - 1)
    opaque = photo(64, 48).quantize() if pillow_format == "GIF" else photo(64, 48)
    clear = saved(opaque, "GIF", transparency=3) if pillow_format == "GIF" else saved(alpha(opaque), pillow_format)
    assert inspect.opened(clear, at).image.size == (64, 48)
    rejected = rejection(clear, past)
    assert rejected.reason == Reason.TOO_MANY_PIXELS
    assert "transparent" in rejected.message
    assert inspect.opened(saved(opaque, pillow_format), past).image.size == (64, 48)


def test_gif_of_a_million_frames_is_refused_at_the_limit() -> None:
    """Counting stops at the limit: a GIF of a million tiny frames costs no more than one of a thousand."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    data = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + frame * 1_000_000 + b";"
    assert rejection(data).reason == Reason.TOO_MANY_FRAMES


def test_tiff_whose_directories_form_a_loop_counts_each_once() -> None:
    """A TIFF directory that names itself as its successor is one page, not endlessly many."""
    data = bytearray(saved(photo(32, 32), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + entries * 12, first)
    assert inspect.opened(bytes(data), Limits(max_frames=1)).frames == 1


def test_tiff_with_webp_inside() -> None:
    """A compression that the bundled libtiff was built without is named, before libtiff can complain on stderr."""
    data = bytearray(saved(photo(32, 32), "TIFF"))
    entry = data.index(struct.pack("<HHI", 259, 3, 1))
    struct.pack_into("<H", data, entry + 8, 50_001)
    rejected = rejection(bytes(data))
    assert rejected.reason == Reason.UNSUPPORTED_FORMAT
    assert "WebP inside" in rejected.message


@needs_heif
@pytest.mark.parametrize("coding", ["jpeg", "j2k1", "avc1", "vvc1", "unci", "av01"])
def test_heif_of_other_codings(coding: str) -> None:
    """A HEIF whose pixels are coded otherwise than in HEVC is `unsupported_format`, and the coding is named."""
    data = saved(photo(32, 32), "HEIF")
    at = data.index(b"infe")
    rejected = rejection(data[:at] + data[at:].replace(b"hvc1", coding.encode(), 1))
    assert rejected.reason == Reason.UNSUPPORTED_FORMAT
    assert "HEIF with" in rejected.message


def test_avif_of_other_codings() -> None:
    """The same for AVIF."""
    data = saved(photo(32, 32), "AVIF")
    at = data.index(b"infe")
    assert "AVIF with iovl inside" in rejection(data[:at] + data[at:].replace(b"av01", b"iovl", 1)).message


@pytest.mark.parametrize("raw", [False, True])
def test_jpeg_2000_of_many_components(*, raw: bool) -> None:
    """A JPEG 2000 of more components than colours and opacity is `unsupported_format`."""
    data = saved(photo(32, 32), "JPEG2000", no_jp2=raw)
    at = data.index(b"\xff\x4f\xff\x51") + 40
    rejected = rejection(data[:at] + b"\0\5" + data[at + 2 :])
    assert (rejected.reason, "5 components" in rejected.message) == (Reason.UNSUPPORTED_FORMAT, True)


def test_pillow_logs_nothing_about_odd_files(caplog: pytest.LogCaptureFixture) -> None:
    """A header that Pillow logs an error about leaves nothing in the log but our verdict."""
    data = bytearray(saved(photo(32, 32), "TIFF"))
    entry = data.index(struct.pack("<HHI", 277, 3, 1))
    struct.pack_into("<H", data, entry + 8, 65_535)
    assert rejection(bytes(data)).reason == Reason.CORRUPT
    assert caplog.records == []


def test_messages_are_the_same_every_time() -> None:
    """What a person reads holds no memory address or line break."""
    data = b"\x89PNG\r\n\x1a\n" + bytes(40)
    first, second = rejection(data), rejection(data)
    assert first.reason == Reason.CORRUPT
    assert first.message == second.message
    assert "0x" not in first.message


def test_lack_of_memory_is_not_blamed_on_the_picture() -> None:
    """A MemoryError passes the boundary as it is; it may work on a larger machine."""
    with pytest.raises(MemoryError), inspect.pillow_errors("png"):
        raise MemoryError


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0+", b"\0\0\0\x1cftypavif"]),
    st.binary(max_size=200),
)
def test_garbage_behind_any_signature(magic: bytes, rest: bytes) -> None:
    """Whatever follows a right signature, the answer is a verdict and not an exception of some reader."""
    try:
        inspect.opened(magic + rest, LIMITS)
    except Rejected as rejected:
        assert rejected.reason in {Reason.CORRUPT, Reason.TOO_MANY_PIXELS, Reason.UNSUPPORTED_FORMAT}  # noqa: PT017 - either is right
