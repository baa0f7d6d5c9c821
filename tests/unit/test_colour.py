"""Colour: every mode and profile ends as 8-bit sRGB."""

import io

import pytest
from PIL import Image, ImageCms

from processor.limits import Limits
from processor.steps import colour, decode, inspect
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, loaded, photo, saved

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """An RGB profile whose red and blue are exchanged, so that using it cannot be overlooked."""
    tags = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    head, count = bytearray(SRGB), int.from_bytes(SRGB[128:132], "big")
    for index in range(count):
        at = 132 + 12 * index
        head[at : at + 4] = tags.get(bytes(head[at : at + 4]), bytes(head[at : at + 4]))
    return bytes(head)


def srgb(data: bytes) -> Image.Image:
    """A file's pixels after the colour step."""
    return colour.srgb(decode.decoded(inspect.opened(data, Limits()), (10_000, 10_000)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr"])
def test_every_mode_ends_as_rgb(mode: str) -> None:
    """A white picture is white RGB, whatever mode it came in; without transparency there is no alpha."""
    white = Image.new("RGB", (8, 8), "white")
    via = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode)
    image = (white.convert(via) if via else white).convert(mode)
    assert_image_similar(colour.srgb(image), white, 0)


def test_sixteen_bit_grey_is_rounded() -> None:
    """Sixteen bits become eight by rounding to the nearest level, not by cutting or clipping."""
    values = [0, 128, 129, 385, 386, 32_767, 32_768, 65_406, 65_407, 65_535]
    image = Image.frombytes("I;16", (len(values), 1), b"".join(value.to_bytes(2, "little") for value in values))
    expected = [round(value / 257) for value in values]
    assert list(srgb(saved(image, "PNG")).getchannel("R").tobytes()) == expected


def test_transparent_level_of_sixteen_bit_grey() -> None:
    """The one level that a 16-bit PNG calls transparent is transparent, and only that one."""
    image = Image.frombytes("I;16", (2, 1), b"\x00\x80\x01\x80")
    result = srgb(saved(image, "PNG", transparency=0x8000))
    assert (result.mode, result.getchannel("A").tobytes()) == ("RGBA", b"\x00\xff")


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("I", [0, 32_896, 65_535], [0, 128, 255]),
        ("I", [-100, 0, 100], [0, 128, 255]),
        ("I", [0, 50_000, 100_000], [0, 128, 255]),
        ("F", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("F", [0.0, 127.6, 255.0], [0, 128, 255]),
        ("F", [0.0, 500.0, 1000.0], [0, 128, 255]),
        ("I", [5, 5, 5], [0, 0, 0]),
    ],
)
def test_wide_greys(mode: str, values: list[float], expected: list[int]) -> None:
    """Whole and floating numbers beyond 8 bits are scaled from black to white, rounded."""
    image = Image.new(mode, (3, 1))
    image.putdata(values)
    assert list(srgb(saved(image, "TIFF")).getchannel("R").tobytes()) == expected


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_embedded_profile_is_used(pillow_format: str) -> None:
    """Colours are converted by the source's own profile."""
    image = Image.new("RGB", (16, 16), "red")
    options = {"lossless": True} if pillow_format == "WEBP" else {}
    data = saved(image, pillow_format, icc_profile=swapped_profile(), **options)
    assert_image_similar(srgb(data), Image.new("RGB", (16, 16), "blue"), 3)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_a_profile_reaches_every_mode_it_fits(mode: str) -> None:
    """An RGB profile also holds for greys, palettes and pictures with transparency, which keep their alpha."""
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 100) if "A" in mode else (255, 0, 0, 255)).convert(mode)
    result = srgb(saved(image, "PNG", icc_profile=swapped_profile()))
    red, _, blue = result.convert("RGB").tobytes()[:3]
    assert (red < blue) is (mode not in ("L", "LA"))
    assert (result.mode == "RGBA") is ("A" in mode)
    if "A" in mode:
        assert result.getchannel("A").getextrema() == (100, 100)


def test_srgb_by_another_name_changes_no_pixel() -> None:
    """A profile that is sRGB already leaves every pixel exactly as it is."""
    assert_image_similar(srgb(saved(photo(64, 64), "PNG", icc_profile=SRGB)), photo(64, 64), 0)


def test_nearly_srgb_changes_no_pixel() -> None:
    """Profiles that differ from sRGB by rounding, as vendors write them, do not cost a pass over all pixels."""
    entry = SRGB.index(b"rXYZ")
    at = int.from_bytes(SRGB[entry + 4 : entry + 8], "big") + 8
    red = int.from_bytes(SRGB[at : at + 4], "big") + 100  # of 65,536
    nearly = SRGB[:at] + red.to_bytes(4, "big") + SRGB[at + 4 :]
    used = ImageCms.profileToProfile(
        photo(64, 64), ImageCms.ImageCmsProfile(io.BytesIO(nearly)), ImageCms.createProfile("sRGB")
    )
    assert used is not None
    assert used.tobytes() != photo(64, 64).tobytes()
    assert_image_similar(srgb(saved(photo(64, 64), "PNG", icc_profile=nearly)), photo(64, 64), 0)


@pytest.mark.parametrize("profile", [b"not a profile", SRGB[:200], SRGB[:16] + b"CMYK" + SRGB[20:]])
def test_a_broken_profile_is_dropped(profile: bytes) -> None:
    """A profile that is damaged or made for other colours costs nobody a picture: it counts as none."""
    data = saved(photo(64, 64), "PNG", icc_profile=profile)
    assert_image_similar(srgb(data), photo(64, 64), 0)
    assert colour.converted(loaded(data))[1] == (Note.PROFILE_DROPPED,)


def test_a_good_profile_is_not_noted() -> None:
    """A profile that was used, or that is sRGB already, is nothing to note."""
    for profile in (SRGB, swapped_profile()):
        assert colour.converted(loaded(saved(photo(64, 64), "PNG", icc_profile=profile)))[1] == ()


def test_cmyk_without_a_profile() -> None:
    """CMYK pictures come out in their colours, not inverted."""
    colours = Image.new("RGB", (32, 32), (200, 30, 60))
    for pillow_format in ("JPEG", "TIFF"):
        assert_image_similar(srgb(saved(colours.convert("CMYK"), pillow_format)), colours, 2)


def test_lab() -> None:
    """CIELAB pictures are converted by their definition."""
    lab = Image.new("LAB", (8, 8), (136, 208, 195))  # sRGB red in D50 Lab: 53.2 of 100, +80, +67
    result = srgb(saved(lab, "TIFF"))
    red, green, blue = result.tobytes()[:3]
    assert red > 240
    assert max(green, blue) < 40


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "1"])
def test_transparency_is_kept(mode: str) -> None:
    """Transparent and opaque pixels stay what they are, in bands, palettes and single transparent colours."""
    image = Image.new("RGBA", (16, 16), (255, 255, 255, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 16))
    options = {}
    if mode in ("P", "L", "RGB", "1"):
        options["transparency"] = {"P": 0, "L": 0, "1": 0, "RGB": (0, 0, 0)}[mode]
        image = image.convert("RGB").quantize(2) if mode == "P" else image.convert("RGB").convert(mode)
        if mode == "P":
            options["transparency"] = image.getpixel((0, 0))
    result = srgb(saved(image.convert(mode), "PNG", **options))
    assert result.mode == "RGBA"
    assert (result.getpixel((0, 0)), result.getpixel((15, 15))) == ((0, 0, 0, 0), (255, 255, 255, 255))


def test_info_is_left_behind() -> None:
    """Nothing but pixels leaves this step, even where the pixels needed no change."""
    data = saved(photo(64, 64), "PNG", icc_profile=SRGB, dpi=(300, 300), exif=b"Exif\0\0")
    assert loaded(data).info
    assert srgb(data).info == {}


def test_flattened_on_the_background() -> None:
    """Transparency is laid on the background in proportion to its alpha."""
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 128))
    result = colour.flattened(image, "#ff8000")
    assert result.mode == "RGB"
    assert [result.getpixel((x, 0)) for x in (0, 1)] == [(255, 128, 0), (127, 64, 0)]
