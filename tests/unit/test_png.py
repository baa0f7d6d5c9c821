"""PNG: pixels that are there are published whatever else is damaged, and missing ones are never made up."""

import io
import struct
import zlib

import pytest
from PIL import Image

from processor.errors import Reason, Rejected
from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import colour, decode, inspect, png
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, corners, exif_block, photo, png_chunk, saved, small_recipe
from tests.samples import after_header, deep_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def shown(data: bytes) -> Image.Image:
    """A file's pixels in sRGB."""
    return colour.srgb(decode.decoded(inspect.opened(data, Limits()), (9999, 9999)))


def verdict(data: bytes) -> str:
    """`ok`, or why a file is refused."""
    try:
        shown(data)
    except Rejected as rejected:
        return rejected.reason.value
    return "ok"


def raw(width: int, height: int, bits: int, colours: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of packed rows, each with its filter byte."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    body = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return SIGNATURE + b"".join(png_chunk(*chunk) for chunk in body)


def damaged(data: bytes, kind: bytes) -> bytes:
    """The same with a wrong checksum behind the first chunk of a kind."""
    at = data.index(kind)
    end = at + 4 + int.from_bytes(data[at - 4 : at], "big")
    return data[:end] + bytes(byte ^ 0x55 for byte in data[end : end + 4]) + data[end + 4 :]


def with_pixels(data: bytes, change: bytes) -> bytes:
    """The same with another stream of pixels."""
    at, end = data.index(b"IDAT") - 4, data.rindex(b"IEND") - 4
    return data[:at] + png_chunk(b"IDAT", change) + data[end:]


def stream(data: bytes) -> bytes:
    """The stream of pixels of a file that has it in one chunk."""
    at = data.index(b"IDAT")
    return data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")]


@pytest.mark.parametrize("kind", [b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"tEXt", b"pHYs", b"eXIf", b"tRNS", b"prVt"])
@pytest.mark.parametrize("late", [False, True])
def test_a_wrong_checksum_of_what_pixels_do_not_need(kind: bytes, *, late: bool) -> None:
    """A chunk with a wrong checksum that pixels do not need is left out, and the picture is published without it."""
    plain = saved(photo(32, 24), "PNG")
    chunk = damaged(SIGNATURE + png_chunk(kind, b"\0\1" * 20), kind)[8:]
    at = plain.index(b"IEND") - 4 if late else 33
    assert_image_similar(shown(plain[:at] + chunk + plain[at:]), photo(32, 24), 0)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_wrong_checksum_of_what_pixels_need(kind: bytes) -> None:
    """A header or palette with a wrong checksum is `corrupt`: nobody knows what the pixels mean."""
    assert verdict(damaged(saved(photo(32, 24).quantize(9), "PNG"), kind)) == Reason.CORRUPT


def test_a_dropped_profile_is_noted() -> None:
    """The owner learns that the profile was dropped."""
    data = damaged(saved(photo(32, 24), "PNG", icc_profile=b"x" * 200), b"iCCP")
    assert transcode(data, small_recipe()).source.notes == (Note.PROFILE_DROPPED,)


@pytest.mark.parametrize(
    "chunk",
    [(b"gAMA", b"\0"), (b"cHRM", b"\0" * 8), (b"sRGB", b""), (b"pHYs", b"\0"), (b"iCCP", b"a\0\1x"), (b"tRNS", b"")],
)
def test_a_chunk_that_is_too_short(chunk: tuple[bytes, bytes]) -> None:
    """A short chunk that pixels do not need is left out."""
    assert_image_similar(shown(after_header(saved(photo(32, 24), "PNG"), chunk)), photo(32, 24), 0)


@pytest.mark.parametrize("kind", [b"gAMA", b"tRNS", b"iCCP", b"cICP"])
def test_what_comes_after_the_pixels_says_nothing_about_them(kind: bytes) -> None:
    """Chunks about colour count before the pixels only, as in browsers."""
    plain = saved(photo(32, 24), "PNG")
    end = plain.index(b"IEND") - 4
    late = plain[:end] + png_chunk(kind, b"\0\0\0\x09\x10\0\0\0") + plain[end:]
    assert_image_similar(shown(late), photo(32, 24), 0)


@pytest.mark.parametrize("keyword", [b"transparency", b"icc_profile", b"gamma", b"exif", b"bbox", b"interlace"])
def test_a_text_is_only_a_text(keyword: bytes) -> None:
    """A text whose keyword is the name of something that the reader keeps changes no pixel."""
    data = after_header(saved(photo(32, 24), "PNG"), (b"tEXt", keyword + b"\0" + exif_block(6)))
    assert_image_similar(shown(data), photo(32, 24), 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("missing", [1, 5])
def test_rows_that_are_missing(mode: str, missing: int, *, interlaced: bool) -> None:
    """A stream that ends properly before the last row is `corrupt`: the reader would leave the rest black."""
    size = (37, 20)
    data = saved(photo(*size).convert("L").convert("I;16") if mode == "I;16" else photo(*size).convert(mode), "PNG")
    rows = zlib.decompress(stream(data))
    if interlaced:  # whatever the pixels are: seven passes of the same bytes
        data = SIGNATURE + png_chunk(b"IHDR", data[16:28] + b"\1") + data[33:]
        rows = bytes(png._header(data).row_bytes)  # noqa: SLF001
    assert verdict(with_pixels(data, zlib.compress(rows))) == "ok"
    row = png._header(data).row_bytes // size[1]  # noqa: SLF001
    assert verdict(with_pixels(data, zlib.compress(rows[: -missing * row]))) == Reason.CORRUPT


@pytest.mark.parametrize("level", [0xA5, 0xFF, 0])
@pytest.mark.parametrize("mode", MODES)
def test_every_colour_may_be_in_the_last_row(mode: str, level: int) -> None:
    """A last row of the very colour by which missing rows are noticed is a row like any other."""
    if mode == "I;16":
        data = deep_png(9, 4, [(level * 257,)] * 36)
    else:
        image = Image.new(mode, (9, 4), (level,) * len(mode) if len(mode) > 1 else level)
        data = saved(image, "PNG")
    assert verdict(data) == "ok"


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
@pytest.mark.parametrize("damage", ["checksum", "cut checksum", "crc", "header"])
def test_every_pixel_is_there(mode: str, damage: str) -> None:
    """A wrong or missing checksum of pixels that are all there does not matter, zlib's no more than PNG's."""
    image = photo(64, 48).convert(mode)
    data = saved(image, "PNG")
    packed = stream(data)
    data = {
        "checksum": with_pixels(data, packed[:-1] + bytes([packed[-1] ^ 1])),
        "cut checksum": with_pixels(data, packed[:-4]),
        "crc": damaged(data, b"IDAT"),
        "header": with_pixels(data, b"\x79\x9c" + packed[2:]),
    }[damage]
    assert_image_similar(shown(data).convert("RGBA"), image.convert("RGBA"), 0)


def test_a_wrong_checksum_of_sixteen_bits() -> None:
    """The same where pixels are decoded twice."""
    data = deep_png(8, 8, [(n * 900, n, 7) for n in range(64)])
    packed = stream(data)
    assert_image_similar(shown(with_pixels(data, packed[:-1] + bytes([packed[-1] ^ 1]))), shown(data), 0)


def test_cut_at_every_byte_near_the_end() -> None:
    """A file that is cut is published exactly if every row can be unpacked from what is left."""
    data = saved(photo(40, 30), "PNG")
    end = data.index(b"IEND") - 4
    for cut in range(len(data) - 60, len(data)):
        left = zlib.decompressobj()
        rows = left.decompress(data[data.index(b"IDAT") + 4 : min(cut, end - 4)])
        assert (verdict(data[:cut]) == "ok") == (len(rows) == 30 * 121), cut


@pytest.mark.parametrize("rest", [b"", b"\0" * 99, b"\xff" * 9, b"\0\0\0\x09tEXta\0b", saved(corners(), "PNG")])
@pytest.mark.parametrize("ended", [False, True])
def test_what_follows_the_pixels(rest: bytes, *, ended: bool) -> None:
    """A missing end, garbage and chunks that break off behind the pixels do not matter."""
    data = saved(photo(40, 30), "PNG")
    assert_image_similar(shown((data if ended else data[: data.index(b"IEND") - 4]) + rest), photo(40, 30), 0)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("high_bits", [False, True])
def test_key_colours_of_greys(bits: int, *, high_bits: bool) -> None:
    """One level of grey is transparent, at every depth; of its number only as many bits count as a pixel has."""
    key = 1
    number = key | (1 << bits if high_bits and bits < 16 else 0)
    row = b"\0" + (struct.pack(">2H", key, key - 1) if bits == 16 else bytes([key << (8 - bits), key - 1]))
    width = 2 if bits == 16 else 1 + 8 // bits
    result = shown(raw(width, 1, bits, 0, row, (b"tRNS", struct.pack(">H", number))))
    assert result.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert result.getpixel((width - 1, 0)) == (0, 0, 0, 255)


@pytest.mark.parametrize("number", [(10, 20, 30), (0x010A, 20, 30)])
def test_key_colours(number: tuple[int, ...]) -> None:
    """One colour of 8 bits is transparent, whatever the upper bits of its numbers are."""
    rows = b"\0" + bytes((10, 20, 30, 10, 20, 31))
    result = shown(raw(2, 1, 8, 2, rows, (b"tRNS", struct.pack(">3H", *number))))
    assert result.getchannel("A").tobytes() == b"\0\xff"


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("alpha", [b"", b"\x80\x40"])
def test_numbers_beyond_the_palette(bits: int, alpha: bytes) -> None:
    """A number beyond the palette has its last colour, as in browsers, and that one's opacity."""
    chunks = [(b"PLTE", bytes((255, 0, 0, 0, 255, 0)))] + ([(b"tRNS", alpha)] if alpha else [])
    data = raw(1, 1, bits, 3, bytes((0, 0xFF << (8 - bits) & 0xFF)), *chunks)
    assert shown(data).convert("RGBA").getpixel((0, 0)) == (0, 255, 0, 64 if alpha else 255)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA;16"])
def test_exif_after_the_pixels_turns_nothing(mode: str) -> None:
    """An orientation noted after the pixels is not applied, as in browsers, in no mode; before them it is."""
    image = corners(30, 20)
    data = (
        deep_png(30, 20, [(n * 100, 65_535) for n in range(600)])
        if mode == "LA;16"
        else saved(image.convert(mode), "PNG")
    )
    note = png_chunk(b"eXIf", exif_block(6).removeprefix(b"Exif\0\0"))
    end = data.index(b"IEND") - 4
    sizes = [
        (source.width, source.height)
        for source in (
            transcode(data[:at] + note + data[at:], small_recipe()).source for at in (end, data.index(b"IDAT") - 4)
        )
    ]
    assert sizes == [(30, 20), (20, 30)]


def test_details_after_the_pixels_are_kept() -> None:
    """What a camera noted after the pixels is still in the record."""
    exif = Image.Exif()
    exif[0x0110] = "Camera 1"
    data = saved(photo(32, 24), "PNG")
    end = data.index(b"IEND") - 4
    note = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    assert transcode(data[:end] + note + data[end:], small_recipe()).source.details["camera"] == "Camera 1"


def test_a_damaged_beginning_of_an_animation_leaves_the_still_picture() -> None:
    """An animation whose description is damaged is published as the still picture that it also is."""
    buffer = io.BytesIO()
    corners().save(buffer, "PNG", save_all=True, append_images=[photo(160, 120)])
    data = buffer.getvalue()
    for broken in (damaged(data, b"acTL"), damaged(data, b"fcTL")):
        opened = inspect.opened(broken, Limits())
        assert opened.frames == 1
        assert_image_similar(shown(broken), corners(), 0)
    assert inspect.opened(data, Limits()).frames == 2


def test_a_png_in_the_form_of_apples_tools() -> None:
    """A PNG whose pixels Apple's tools have rearranged is `unsupported_format`, and the message names it."""
    data = saved(photo(32, 24), "PNG")
    with pytest.raises(Rejected, match="CgBI") as caught:
        inspect.opened(SIGNATURE + png_chunk(b"CgBI", b"\x50\0\x20\x06") + data[8:], Limits())
    assert caught.value.reason == Reason.UNSUPPORTED_FORMAT


def test_an_orderly_file_is_not_copied() -> None:
    """A file with nothing to mend stays the same object."""
    data = raw(2, 1, 8, 2, b"\0" + bytes(6), (b"gAMA", bytes((0, 0, 177, 143))))
    assert png.mended(data)[0] is data


def test_an_animation_without_its_frames() -> None:
    """An animation whose frames are not described is published as its default picture, and noted as cut."""
    data = after_header(saved(corners(), "PNG"), (b"acTL", struct.pack(">II", 1, 0)))
    end = data.index(b"IEND") - 4
    data = data[:end] + png_chunk(b"fdAT", bytes(4) + zlib.compress(bytes(9))) + data[end:]
    assert_image_similar(shown(data), corners(), 0)
    assert transcode(data, small_recipe()).source.notes == (Note.ANIMATION_CUT,)
