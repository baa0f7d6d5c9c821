"""About: what is taken down of a picture before its metadata goes, and that nothing else survives."""

import base64
import json
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from processor.pipeline import transcode
from processor.recipe import Recipe
from processor.steps import about
from processor.steps.thumbhash import thumbhash
from tests.helpers import loaded, photo, saved, small_recipe
from tests.samples import needs_heif, needs_jxl, pages

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
RIGHTS = "© 2026 Jürgen Ögård"


def camera_exif(**changes: Any) -> bytes:
    """An EXIF block as a camera writes it; tags of the exposure directory may be changed by `t<hex>`."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "FUJIFILM", "X-T5"
    exif[0x013B], exif[0x8298] = "Jo", RIGHTS.encode()
    exif[0x0112] = 1
    exposure = {
        0x829A: IFDRational(1, 250),
        0x829D: IFDRational(28, 10),
        0x8827: 160,
        0x9003: "2026:05:01 12:30:45",
        0x9011: "+02:00",
        0x920A: IFDRational(35),
        0xA431: "SERIAL-4711",
        0xA434: "XF35mmF1.4 R",
    }
    exposure |= {int(name[1:], 16): value for name, value in changes.items()}
    exif.get_ifd(EXIF_IFD).update(exposure)
    exif.get_ifd(GPS_IFD).update(
        {1: "N", 2: (48.0, 51.0, 29.6), 3: "W", 4: (2.0, 17.0, 40.2), 5: b"\x00", 6: IFDRational(35)}
    )
    return exif.tobytes()


def recipe(**options: Any) -> Recipe:
    """One small size in all formats, with options."""
    document = {"sizes": [{"name": "s", "width": 64, "height": 64, "formats": {}}]} | options
    for name in ("jpeg", "webp", "avif"):
        document["sizes"][0]["formats"][name] = {"key": f"{name}/{{stem}}.{'jpg' if name == 'jpeg' else name}"}
    return Recipe.from_json(json.dumps(document))


EVERYTHING = {
    "camera": "FUJIFILM X-T5",
    "lens": "XF35mmF1.4 R",
    "taken": "2026-05-01T12:30:45+02:00",
    "exposure": {"seconds": 0.004, "aperture": 2.8, "iso": 160, "millimetres": 35},
}


@pytest.mark.parametrize(
    "pillow_format",
    [
        "JPEG",
        "PNG",
        "WEBP",
        "TIFF",
        "AVIF",
        "MPO",
        pytest.param("HEIF", marks=needs_heif),
        pytest.param("JXL", marks=needs_jxl),
    ],
)
def test_what_a_camera_notes(pillow_format: str) -> None:
    """Camera, lens, exposure and time come out of every format that holds EXIF; the place does not, unasked."""
    data = saved(photo(96, 64), pillow_format, exif=camera_exif())
    document = transcode(data, small_recipe()).source.as_document()
    assert {name: document.get(name) for name in EVERYTHING} == EVERYTHING
    assert "place" not in document
    assert "4711" not in json.dumps(document)


def test_place_by_option_only() -> None:
    """With `gps` the record says where a picture was taken, in degrees and metres."""
    data = saved(photo(64, 64), "JPEG", exif=camera_exif())
    document = transcode(data, recipe(gps=True)).source.as_document()
    assert document["place"] == {"latitude": 48.858222, "longitude": -2.294500, "altitude": 35.0}


def test_nothing_where_there_is_nothing() -> None:
    """A picture without EXIF has no empty entries, only its looks."""
    document = transcode(saved(photo(64, 64), "PNG"), recipe(gps=True)).source.as_document()
    assert set(document) == {"format", "width", "height", "frames", "bytes", "colour", "thumbhash"}


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("t829A", IFDRational(1, 0)),
        ("t829A", IFDRational(0, 1)),
        ("t829D", IFDRational(4_000_000_000, 1)),
        ("t9003", "0000:00:00 00:00:00"),
        ("t9003", "2026:13:45 99:99:99"),
        ("t9003", "yesterday"),
        ("tA434", "\x01\x02\x1b[31m\u202e\u0000"),
    ],
)
def test_nonsense_is_left_out(tag: str, value: object) -> None:
    """What makes no sense is left out, and costs neither the picture nor the rest."""
    document = transcode(saved(photo(64, 64), "JPEG", exif=camera_exif(**{tag: value})), small_recipe()).source
    found = document.as_document()
    assert found["camera"] == "FUJIFILM X-T5"
    lost = {"t829A": "seconds", "t829D": "aperture"}.get(tag)
    assert lost not in found["exposure"]
    if tag == "t9003":
        assert "taken" not in found
    if tag == "tA434":
        assert all(character.isprintable() for character in found.get("lens", ""))


def test_texts_are_short_and_printable() -> None:
    """A text is one printable line of at most 128 characters, whatever the file says."""
    text = "<script>\n\t" + "ä" * 5000
    data = saved(photo(64, 64), "JPEG", exif=camera_exif(tA434=text.encode()))
    lens = transcode(data, small_recipe()).source.as_document()["lens"]
    assert len(lens) == 128
    assert lens.startswith("<script> ää")


@given(
    st.dictionaries(
        st.sampled_from([0x829A, 0x829D, 0x8827, 0x9003, 0x9011, 0x920A, 0xA434]),
        st.one_of(
            st.binary(max_size=40), st.text(max_size=40), st.floats(), st.tuples(st.floats(), st.floats()), st.none()
        ),
    ),
    st.dictionaries(
        st.integers(1, 6),
        st.one_of(
            st.binary(max_size=4), st.text(max_size=4), st.floats(), st.tuples(st.floats(), st.floats(), st.floats())
        ),
    ),
)
def test_any_value_makes_a_record(exposure: dict[int, Any], place: dict[int, Any]) -> None:
    """Whatever an EXIF block holds, what is taken down is JSON, and numbers that DynamoDB can hold."""
    found = about.camera(about.Exif({}, exposure, place), gps=True)
    assert len(json.dumps(found, allow_nan=False)) < 1000


def test_a_record_can_be_stored() -> None:
    """Numbers with fractions in the details are turned into what DynamoDB stores, however deep they are."""
    from processor.aws.dynamodb import _numbers_as_decimals  # noqa: PLC0415

    data = saved(photo(64, 64), "JPEG", exif=camera_exif())
    source = transcode(data, recipe(gps=True)).source.as_document()
    stored = TypeSerializer().serialize(_numbers_as_decimals({"source": source}))
    assert stored["M"]["source"]["M"]["exposure"]["M"]["seconds"] == {"N": "0.004"}
    assert stored["M"]["source"]["M"]["place"]["M"]["latitude"] == {"N": "48.858222"}


@pytest.mark.parametrize("moves", [False, True])
def test_rights_are_kept_by_option_only(*, moves: bool) -> None:
    """With `keep: copyright` every rendition carries Copyright and Artist, in UTF-8, and nothing else of the EXIF."""
    frames = [photo(96, 96), photo(96, 96).rotate(90)]
    data = pages(frames, "WEBP", exif=camera_exif()) if moves else saved(frames[0], "JPEG", exif=camera_exif())
    for item in transcode(data, recipe(keep=["copyright"])).renditions:
        exif = loaded(item.body).getexif()
        assert set(exif) == {0x013B, 0x8298}
        assert RIGHTS.encode() in item.body
        assert not exif.get_ifd(GPS_IFD)
        assert all(word not in item.body for word in (b"4711", b"FUJIFILM", b"XF35"))
    for item in transcode(data, recipe()).renditions:
        assert not loaded(item.body).getexif()
        assert RIGHTS.encode() not in item.body


def test_no_rights_no_block() -> None:
    """Where the source names nobody, nothing is written even with the option."""
    for item in transcode(saved(photo(64, 64), "PNG"), recipe(keep=["copyright"])).renditions:
        assert not loaded(item.body).getexif()


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("RGB", (300, 200), "#336699"), "#336699"),
        (Image.new("RGB", (1, 1), "#336699"), "#336699"),
        (Image.new("RGBA", (50, 50), "#33669900"), "#336699"),
    ],
)
def test_dominant_colour_of_one(image: Image.Image, colour: str) -> None:
    """A picture of one colour has that one."""
    assert about.looks(image)["colour"] == colour


def test_dominant_colour() -> None:
    """The colour of most of the picture wins, not the average, and what is transparent has no say."""
    image = Image.new("RGB", (100, 100), "#d02020")
    image.paste("#2020d0", (0, 0, 40, 100))
    assert about.looks(image)["colour"] == "#d02020"
    clear = image.convert("RGBA")
    clear.paste((208, 32, 32, 0), (40, 0, 100, 100))
    assert about.looks(clear)["colour"] == "#2020d0"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (photo(32, 24), "4AcKNZqgh4dwd3d6d3h3eCCAA/eH"),
        (photo(24, 32), "4PcJNRqgh3B3qHd3d3h3hyCAA/eH"),
    ],
)
def test_thumbhash_vectors(image: Image.Image, expected: str) -> None:
    """Hashes are those of another implementation (PyPI thumbhash 0.1.2), but for one step where halves are rounded."""
    actual, other = thumbhash(image), base64.b64decode(expected)
    assert actual[:5] == other[:5]
    assert len(actual) == len(other)
    for one, two in zip(actual[5:], other[5:], strict=True):
        assert abs((one & 15) - (two & 15)) <= 1
        assert abs((one >> 4) - (two >> 4)) <= 1


def test_thumbhash_of_nothing_to_see() -> None:
    """A picture of one colour has no detail in its hash: not the noise of floating numbers either."""
    value = thumbhash(Image.new("RGB", (31, 17), "#336699"))
    assert value == value[:2] + bytes([value[2] & 3, value[3] & 7, 0x80]) + bytes(len(value) - 5)


def average(value: bytes) -> tuple[float, float, float, float]:
    """The average colour that a hash holds, by the format's description."""
    head = int.from_bytes(value[:3], "little")
    luminance, yellow_blue = (head & 63) / 63, (head >> 6 & 63) / 31.5 - 1
    red_green = (head >> 12 & 63) / 31.5 - 1
    blue = luminance - 2 / 3 * yellow_blue
    red = (3 * luminance - blue + red_green) / 2
    return red, red - red_green, blue, (value[5] & 15) / 15 if head >> 23 else 1.0


@pytest.mark.parametrize("opacity", [255, 128, 60])
def test_thumbhash_holds_colour_and_opacity(opacity: int) -> None:
    """A hash holds the average colour and opacity within a step of its scale, and how wide the picture is."""
    image = Image.new("RGBA", (60, 30), (200, 100, 50, opacity))
    value = thumbhash(image)
    assert average(value) == pytest.approx((200 / 255, 100 / 255, 50 / 255, opacity / 255), abs=0.05)
    more = int.from_bytes(value[3:5], "little")
    assert more >> 15 == 1
    assert more & 7 == (4 if opacity == 255 else 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2000, 1000), (33, 32)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_thumbhash_of_every_shape(size: tuple[int, int], mode: str) -> None:
    """Every shape has a hash of 5 to 30 bytes."""
    assert 5 <= len(thumbhash(photo(*size).convert(mode))) <= 30
