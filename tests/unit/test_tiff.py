"""TIFF: every kind comes out right or is refused by name, and the picture is the page that is meant."""

import itertools
import struct
import tracemalloc
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import colour, decode, inspect, signal
from tests.helpers import corners, photo, saved, small_recipe

WIDTH, HEIGHT = 24, 16
SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
LITTLE, BIG = "<", ">"


@dataclass
class Page:
    """One directory: its samples as rows, columns and channels, and what is said of them."""

    samples: Any
    photometric: int
    extra: tuple[int, ...] = ()
    planar: bool = False
    deflate: bool = False
    bits: int = 0
    tags: Mapping[int, tuple[int, Sequence[int]]] = field(default_factory=dict)
    below: Sequence["Page"] = ()


def tiff(*pages: Page, order: str = LITTLE) -> bytes:
    """A TIFF of some pages, each in strips of five rows."""
    body = bytearray((b"II*\0" if order == LITTLE else b"MM\0*") + bytes(4))

    def number(value: int) -> bytes:
        return struct.pack(order + "I", value)

    def put(data: bytes) -> int:
        body.extend(bytes(len(body) % 2))
        body.extend(data)
        return len(body) - len(data)

    def directory(page: Page) -> int:
        children = [directory(child) for child in page.below]
        height, width, channels = page.samples.shape
        planes = [page.samples[:, :, at : at + 1] for at in range(channels)] if page.planar else [page.samples]
        strips = [plane[top : top + 5] for plane in planes for top in range(0, height, 5)]
        packed = [strip.astype(strip.dtype.newbyteorder(order)).tobytes() for strip in strips]
        packed = [zlib.compress(strip) for strip in packed] if page.deflate else packed
        places = [put(strip) for strip in packed]
        bits = page.bits or 8 * page.samples.dtype.itemsize
        fields: dict[int, tuple[int, Sequence[int]]] = {
            256: (3, [width]),
            257: (3, [height]),
            258: (3, [bits] * channels),
            259: (3, [8 if page.deflate else 1]),
            262: (3, [page.photometric]),
            273: (4, places),
            277: (3, [channels]),
            278: (3, [5]),
            279: (4, [len(strip) for strip in packed]),
            284: (3, [2 if page.planar else 1]),
            339: (3, [SAMPLE_FORMATS[page.samples.dtype.kind]] * channels),
        }
        if page.extra:
            fields[338] = (3, page.extra)
        if children:
            fields[330] = (4, children)
        fields |= page.tags
        entries = []
        for tag, (kind, values) in sorted(fields.items()):
            value = struct.pack(f"{order}{len(values)}{ {1: 'B', 3: 'H', 4: 'I'}[kind] }", *values)
            entries.append(
                struct.pack(order + "HHI", tag, kind, len(values))
                + (value.ljust(4, b"\0") if len(value) <= 4 else number(put(value)))
            )
        return put(struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4))

    link = 4
    for page in pages:
        at = directory(page)
        body[link : link + 4] = number(at)
        link = len(body) - 4
    return bytes(body)


def ramps(channels: int) -> Any:
    """Shades from 0 to 1 in every channel, in several directions."""
    across, down = np.linspace(0, 1, WIDTH)[None, :], np.linspace(0, 1, HEIGHT)[:, None]
    return np.stack([across + 0 * down, down + 0 * across, (across + down) / 2, 1 - (across + down) / 2], 2)[
        :, :, :channels
    ]


def numbers(shades: Any, kind: str) -> Any:
    """Shades as samples of a numpy type."""
    if kind[0] == "f":
        return shades.astype(kind)
    white = (1 << 8 * int(kind[1])) - 1
    levels = np.floor(shades * min(white, 1 << 62) + 0.5).astype(np.int64)
    return (levels - (white + 1) // 2 if kind[0] == "i" else levels).astype(kind)


def shown(data: bytes) -> Any:
    """A file's pixels in sRGB, as red, green, blue and opacity from 0 to 1."""
    opened = inspect.opened(data, Limits())
    image = colour.srgb(signal.tagged(decode.decoded(opened, (9999, 9999)), signal.stated(opened)))
    return np.asarray(image.convert("RGBA")) / 255


def refusal(data: bytes) -> str:
    """The message with which a file of an unsupported kind is refused."""
    with pytest.raises(Rejected) as caught:
        shown(data)
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT, caught.value
    return caught.value.message


def expected(photometric: int, shades: Any, opacity: Any) -> Any:
    """What a page of shades is to look like."""
    if photometric == 0:
        colours = np.repeat(1 - shades, 3, 2)
    elif photometric == 1:
        colours = np.repeat(shades, 3, 2)
    elif photometric == 5:
        colours = (1 - shades[:, :, :3]) * (1 - shades[:, :, 3:])
    else:
        colours = shades
    return np.concatenate([colours, np.ones_like(shades[:, :, :1]) if opacity is None else opacity], 2)


UNSPECIFIED, PREMULTIPLIED, PLAIN = 0, 1, 2
OPACITY = 0.25 + 0.75 * np.broadcast_to(np.linspace(0, 1, WIDTH)[None, :, None], (HEIGHT, WIDTH, 1))
READ = {
    (0, "u1"), (0, "u2"), (0, "u4"), (0, "f4"), (1, "u1"), (1, "u2"), (1, "u4"), (1, "i2"), (1, "i4"), (1, "f4"),
    (2, "u1"), (2, "u2"), (5, "u1"), (5, "u2"),
}  # fmt: skip
READ_WITH_EXTRA = {
    (1, "u1", UNSPECIFIED), (1, "u1", PREMULTIPLIED), (1, "u1", PLAIN), (2, "u1", UNSPECIFIED),
    (2, "u1", PREMULTIPLIED), (2, "u1", PLAIN), (2, "u2", UNSPECIFIED), (2, "u2", PREMULTIPLIED), (2, "u2", PLAIN),
    (5, "u1", UNSPECIFIED),
}  # fmt: skip
NUMPY = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "f2", "f4", "f8")
CHANNELS = {0: 1, 1: 1, 2: 3, 5: 4}


@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("photometric", CHANNELS)
def test_every_kind_is_right_or_refused(photometric: int, kind: str) -> None:
    """Photometric, depth, sign, planes, byte order and compression: the picture, or a refusal that names the kind."""
    shades = ramps(CHANNELS[photometric])
    for planar, order, deflate in itertools.product((False, True), (LITTLE, BIG), (False, True)):
        data = tiff(Page(numbers(shades, kind), photometric, (), planar, deflate), order=order)
        if (photometric, kind) not in READ:
            assert "bits a sample" in refusal(data)
            continue
        differences = np.abs(shown(data) - expected(photometric, shades, None)).max() * 255
        assert differences < 2, (planar, order, deflate, differences)


@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("extra", [UNSPECIFIED, PREMULTIPLIED, PLAIN])
@pytest.mark.parametrize("photometric", CHANNELS)
def test_every_kind_with_an_extra_sample(photometric: int, extra: int, kind: str) -> None:
    """The same beside a sample of opacity, or of something that is not said."""
    shades = ramps(CHANNELS[photometric])
    stored = shades * OPACITY if extra == PREMULTIPLIED else shades
    samples = np.concatenate([numbers(stored, kind), numbers(OPACITY, kind)], 2)
    opacity = None if extra == UNSPECIFIED else OPACITY
    for planar, order, deflate in itertools.product((False, True), (LITTLE, BIG), (False, True)):
        data = tiff(Page(samples, photometric, (extra,), planar, deflate), order=order)
        readable = (photometric, kind, extra) in READ_WITH_EXTRA
        if planar:  # a plane that means nothing is left out; Pillow cannot join one of opacity to one of grey
            readable = (photometric, kind) in READ if extra == UNSPECIFIED else readable and photometric == 2
        if not readable:
            assert "bits a sample" in refusal(data)
            continue
        differences = np.abs(shown(data) - expected(photometric, shades, opacity)).max() * 255
        # planes of 16 bits are divided by opacity in 8
        assert differences < (5 if planar and extra == PREMULTIPLIED else 3), (planar, order, deflate, differences)


@pytest.mark.parametrize("order", [LITTLE, BIG])
@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", [0, 1, 3])
def test_few_bits(photometric: int, bits: int, order: str) -> None:
    """Greys of either polarity and palettes of 1, 2 and 4 bits."""
    levels = np.arange(1 << bits)
    packed = np.packbits(
        np.array([[(level >> (bits - 1 - bit)) & 1 for level in levels for bit in range(bits)]] * 2, np.uint8), axis=1
    )
    page = Page(packed[:, :, None], photometric, bits=bits, tags={256: (3, [1 << bits])})
    white = (1 << bits) - 1
    if photometric == 3:
        table = [white - int(level) for level in levels] * 3
        page.tags = {256: (3, [1 << bits]), 320: (3, [65_535 * level // white for level in table])}
    wanted = levels / white if photometric == 1 else 1 - levels / white
    assert np.abs(shown(tiff(page, order=order))[0, :, 0] - wanted).max() * 255 < 1.01


def test_a_palette_of_eight_bits() -> None:
    """A palette whose numbers end at 255 is one that an old program wrote, and not black."""
    page = Page(np.full((2, 2, 1), 7, np.uint8), 3, tags={320: (3, [200] * 256 + [100] * 256 + [50] * 256)})
    assert (shown(tiff(page))[0, 0] * 255).round().tolist() == [200, 100, 50, 255]


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("deflate", [False, True])
def test_lab_and_ycbcr(*, planar: bool, deflate: bool) -> None:
    """CIELAB and YCbCr of 8 bits have the colours that the formulas say, or are refused."""
    lab = np.zeros((4, 4, 3), np.uint8) + np.array((137, 20, 256 - 30), np.uint8)
    data = tiff(Page(lab, 8, (), planar, deflate))
    if planar:
        assert "CIELAB" in refusal(data)  # Pillow joins its planes wrongly
    else:
        assert np.abs(shown(data)[0, 0, :3] * 255 - (143, 117, 181)).max() < 2
    ycbcr = np.zeros((4, 4, 3), np.uint8) + np.array((120, 90, 160), np.uint8)
    page = Page(ycbcr, 6, (), planar, deflate, tags={530: (3, [1, 1])})
    assert np.abs(shown(tiff(page))[0, 0, :3] * 255 - (165, 110, 53)).max() < 2


def test_subsampled_ycbcr() -> None:
    """Raw YCbCr, of which two by two pixels share a colour, is not taken for whole pixels."""
    block = [100, 100, 100, 100, 90, 160]
    data = np.array(block * 4, np.uint8).reshape(1, 24, 1)
    fields = {
        256: (3, [4]), 257: (3, [4]), 258: (3, [8] * 3), 277: (3, [3]), 278: (3, [4]), 339: (3, [1] * 3),
        530: (3, [2, 2]),
    }  # fmt: skip
    assert np.abs(shown(tiff(Page(data, 6, tags=fields)))[:, :, :3] * 255 - (145, 90, 33)).max() < 2


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        ({259: (3, [34_887])}, "LERC"),
        ({259: (3, [34_712])}, "JPEG 2000"),
        ({259: (3, [50_001])}, "WebP"),
        ({259: (3, [12_345])}, "compression 12345"),
        ({262: (3, [32_845])}, "LogLuv"),
        ({262: (3, [9])}, "ICCLAB"),
        ({262: (3, [5]), 332: (3, [2]), 277: (3, [3])}, "CMYK"),
    ],
)
def test_kinds_are_named(tags: dict[int, tuple[int, Sequence[int]]], named: str) -> None:
    """What libtiff or Pillow cannot read is named, and not called corrupt."""
    assert named in refusal(tiff(Page(numbers(ramps(3), "u1"), 2, tags=tags)))


def test_big_tiff_with_its_highest_bytes_first() -> None:
    """A BigTIFF that Pillow takes for something else is refused by name."""
    assert "BigTIFF" in refusal(b"MM\0+\0\x08\0\0" + bytes(7) + b"\x10" + bytes(64))


def page(shade: int, side: int = 40, **options: Any) -> Page:
    """A square of one grey."""
    return Page(np.full((side, side, 1), shade, np.uint8), 1, **options)


def kind_of(bits: int) -> dict[int, tuple[int, Sequence[int]]]:
    """NewSubfileType."""
    return {254: (4, [bits])}


@pytest.mark.parametrize(
    ("pages", "shade"),
    [
        ([page(10, tags=kind_of(1)), page(200)], 200),
        ([page(10, tags={255: (3, [2])}), page(200, tags={255: (3, [1])})], 200),
        ([page(10, tags=kind_of(1)), page(20, tags=kind_of(4)), page(200, tags=kind_of(2)), page(30)], 200),
        ([page(200), page(10, 80)], 200),
        ([page(200), page(10, tags=kind_of(1))], 200),
        ([page(200, below=[page(10, 20, tags=kind_of(1))]), page(30)], 200),
        ([page(10, tags=kind_of(1), below=[page(20, 20, tags=kind_of(1)), page(200, 80)])], 200),
        ([page(200, tags=kind_of(1))], 200),
        ([page(10, 20, tags=kind_of(1)), page(200, 60, tags=kind_of(1)), page(30, 40, tags=kind_of(1))], 200),
    ],
)
@pytest.mark.parametrize("order", [LITTLE, BIG])
def test_which_page_is_the_picture(pages: list[Page], shade: int, order: str) -> None:
    """The first page that is neither reduced nor a mask; one below the first; or the largest of the reduced."""
    assert (shown(tiff(*pages, order=order))[0, 0, 0] * 255).round() == shade


def test_bounds_hold_for_the_page_that_is_decoded() -> None:
    """Limits and the record's size are of the page that is published, and pages are all counted."""
    data = tiff(page(10, 20, tags=kind_of(1)), page(200, 60))
    with pytest.raises(Rejected) as caught:
        inspect.opened(data, Limits(max_side=59))
    assert caught.value.reason is Reason.TOO_MANY_PIXELS
    source = transcode(data, small_recipe()).source
    assert (source.width, source.frames, source.bytes) == (60, 2, len(data))


SENSOR = Page(np.zeros((8, 8, 1), np.uint16), 32_803, tags={33_421: (3, [2, 2])})


@pytest.mark.parametrize(
    "data",
    [
        tiff(page(10, tags=kind_of(1), below=[SENSOR])),
        tiff(page(10, below=[SENSOR])),
        tiff(SENSOR),
        tiff(page(10), SENSOR, order=BIG),
        tiff(page(10, below=[Page(numbers(ramps(3), "u2"), 34_892)])),
        tiff(page(10, tags={50_706: (1, [1, 4, 0, 0])})),
        tiff(page(10, tags=kind_of(1), below=[page(0, tags={259: (3, [34_713])})])),
        tiff(page(10), page(0, tags={259: (3, [65_535])})),
        tiff(page(10)).replace(bytes((10,) * 16), b"CR\2\0" + bytes(12), 1),
        tiff(page(10)).replace(bytes((10,) * 16), b"IIII\1waR" + bytes(8), 1),
    ],
)
def test_raw_files_of_cameras(data: bytes) -> None:
    """A camera's raw file is refused by name, whatever preview is in it."""
    assert "raw file" in refusal(data)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4", "zstd"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_pixels_beyond_the_end(compression: str, keep: float) -> None:
    """A TIFF that breaks off in its pixels is `corrupt`, in every compression."""
    image = photo(160, 120).convert("1" if compression == "group4" else "RGB")
    whole = saved(image, "TIFF", compression=compression, strip_size=1 << 20)
    tags = inspect.opened(whole, Limits()).image.tag_v2  # type: ignore[attr-defined]
    (start,), (length,) = tags[273], tags[279]
    (directory,) = struct.unpack_from("<I", whole, 4)
    entries = directory + 2 + 12 * (sorted(tags).index(273))
    moved = bytearray(whole + whole[start : start + length])  # the pixels behind everything else
    struct.pack_into("<HHII", moved, entries, 273, 4, 1, len(whole))
    assert np.array_equal(shown(bytes(moved)), shown(whole))
    with pytest.raises(Rejected) as caught:
        shown(bytes(moved[: len(whole) + int(length * keep)]))
    assert caught.value.reason is Reason.CORRUPT


@pytest.mark.parametrize("deflate", [False, True])
def test_strips_that_are_missing(*, deflate: bool) -> None:
    """A TIFF that lists fewer strips than it has rows is `corrupt`, and not black below."""
    whole = Page(numbers(ramps(3), "u1"), 2, (), deflate=deflate, tags={257: (3, [HEIGHT + 9])})
    with pytest.raises(Rejected) as caught:
        shown(tiff(whole))
    assert caught.value.reason is Reason.CORRUPT


def test_a_damaged_later_page() -> None:
    """What is wrong with a page that nobody decodes does not matter."""
    data = bytearray(saved(corners(), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    for nonsense in (len(data) - 3, 3_000_000_000, 1):
        struct.pack_into("<I", data, first + 2 + entries * 12, nonsense)
        assert shown(bytes(data)).shape == (120, 160, 4)


def test_an_ordinary_file_is_not_copied() -> None:
    """A TIFF whose first page is the picture stays the same object."""
    data = saved(Image.new("RGB", (4, 4)), "TIFF")
    assert inspect.opened(data, Limits()).data is data


@pytest.mark.parametrize("order", [LITTLE, BIG])
@pytest.mark.parametrize("tag", [270, 305, 700, 33_432, 34_675])
def test_metadata_beyond_the_end(tag: int, order: str) -> None:
    """A text or profile that lies beyond the end of the file is left out, and the picture published."""
    data = tiff(page(200, tags={tag: (1, [65] * 40)}), order=order)
    entry = data.index(struct.pack(order + "HHI", tag, 1, 40))
    for nonsense in (len(data) - 3, 4_000_000_000):
        broken = data[: entry + 8] + struct.pack(order + "I", nonsense) + data[entry + 12 :]
        assert (shown(broken)[0, 0, 0] * 255).round() == 200


def test_long_lists_are_read_once() -> None:
    """Directories that all claim the same long lists of strips cost no more than one of them does."""
    count = 400_000
    body = bytearray(b"II*\0" + bytes(4) + bytes(4 * count))
    link = 4
    for _ in range(60):
        at = len(body)
        struct.pack_into("<I", body, link, at)
        entries = [(256, 3, 1, 9), (257, 3, 1, 9), (254, 4, 1, 1), (273, 4, count, 8), (279, 4, count, 8)]
        body += struct.pack("<H", len(entries))
        body += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries)) + bytes(4)
        link = len(body) - 4
    tracemalloc.start()
    try:
        with pytest.raises(Rejected):
            shown(bytes(body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * len(body)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_wrong_checksums_of_pixels(kind: str, *, planar: bool) -> None:
    """A wrong checksum behind strips of Deflate does not matter if every pixel is there, as in a PNG."""
    data = tiff(Page(numbers(ramps(3), kind), 2, (), planar, deflate=True))
    tags = inspect.opened(data, Limits()).image.tag_v2  # type: ignore[attr-defined]
    broken = bytearray(data)
    for start, length in zip(tags[273], tags[279], strict=True):
        broken[start + length - 1] ^= 1
    assert np.array_equal(shown(bytes(broken)), shown(data))
    broken[tags[273][0] + 4 : tags[273][0] + 12] = b"\xff" * 8
    with pytest.raises(Rejected) as caught:
        shown(bytes(broken))
    assert caught.value.reason is Reason.CORRUPT
