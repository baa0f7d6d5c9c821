"""Signal, profiles and tone: colours that a file states in numbers are shown as they were meant."""

import io
import itertools
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from processor.limits import Limits
from processor.pipeline import transcode
from processor.steps import boxes, colour, decode, inspect, profiles, signal, tone
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, loaded, photo, saved, small_recipe
from tests.samples import after_header, box, deep_png, labelled, needs_heif

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PQ, HLG = 16, 18


def shown(data: bytes) -> Image.Image:
    """A file's pixels in sRGB, as the pipeline makes them."""
    opened = inspect.opened(data, Limits())
    stated = signal.stated(opened)
    image = decode.decoded(opened, (9999, 9999), stated.curve if stated else None)
    return colour.srgb(signal.tagged(image, stated))


def flat(colour_: tuple[int, int, int] = (200, 100, 50)) -> bytes:
    """A PNG of one colour."""
    return saved(Image.new("RGB", (8, 8), colour_), "PNG")


def reference(rgb: tuple[int, int, int], to_linear: "np.ndarray", gamma: float | None) -> list[int]:
    """A colour in sRGB by matrices alone: the textbook, against which the profiles are held."""
    level = np.array(rgb) / 255
    light = level**gamma if gamma else np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    light = np.clip(np.linalg.inv(to_xyz) @ to_linear @ light, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return [round(255 * value) for value in encoded]


P3_TO_XYZ = np.array([[0.48657, 0.26567, 0.19822], [0.22897, 0.69174, 0.07929], [0.0, 0.04511, 1.04394]])
BT2020_TO_XYZ = np.array([[0.63696, 0.14462, 0.16888], [0.2627, 0.678, 0.0593], [0.0, 0.02807, 1.06099]])
SRGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


@pytest.mark.parametrize("rgb", [(200, 100, 50), (10, 200, 30), (128, 128, 128), (250, 250, 250), (60, 60, 200)])
@pytest.mark.parametrize(("primaries", "to_xyz"), [(12, P3_TO_XYZ), (9, BT2020_TO_XYZ)])
def test_wide_gamuts_by_number(rgb: tuple[int, int, int], primaries: int, to_xyz: np.ndarray) -> None:
    """Display P3 and BT.2020 stated by cICP come out as the textbook's matrices say, within 2 levels."""
    actual = shown(labelled(flat(rgb), primaries, 13)).getpixel((0, 0))
    assert isinstance(actual, tuple)
    difference = max(abs(a - b) for a, b in zip(actual, reference(rgb, to_xyz, None), strict=True))
    assert difference <= 2, f"{actual} differs by {difference}"


@pytest.mark.parametrize("gamma", [100_000, 55_556, 38_462])
def test_png_gamma(gamma: int) -> None:
    """A PNG's gAMA chunk is honoured where no better statement stands, within 2 levels of the formula."""
    actual = shown(after_header(flat(), (b"gAMA", struct.pack(">I", gamma)))).getpixel((0, 0))
    assert isinstance(actual, tuple)
    expected = reference((200, 100, 50), SRGB_TO_XYZ, 100_000 / gamma)
    assert max(abs(a - b) for a, b in zip(actual, expected, strict=True)) <= 2, f"{actual} is not {expected}"


def test_png_chromaticities() -> None:
    """A PNG's cHRM chunk beside gAMA states its primaries."""
    p3 = b"".join(struct.pack(">I", round(100_000 * value)) for value in profiles.P3_D65)
    data = after_header(flat(), (b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", p3))
    assert_image_similar(shown(data), shown(labelled(flat(), 12, 13)), 1)


@pytest.mark.parametrize(
    "chunks",
    [
        ((b"gAMA", struct.pack(">I", 45_455)),),
        ((b"gAMA", struct.pack(">I", 0)),),
        ((b"gAMA", struct.pack(">I", 4_000_000_000)),),
        ((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))),
        ((b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", bytes(32))),
        ((b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", b"\xff" * 32)),
        ((b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", struct.pack(">I", 100_000))),
        ((b"cICP", bytes([2, 2, 0, 1])),),
        ((b"cICP", b"\x09"),),
    ],
)
def test_statements_that_change_nothing(chunks: tuple[tuple[bytes, bytes], ...]) -> None:
    """SRGB said in other words, nonsense, and what a better statement overrules leave every pixel as it is."""
    assert_image_similar(shown(after_header(flat(), *chunks)), Image.new("RGB", (8, 8), (200, 100, 50)), 0)


def test_order_of_belief_in_a_png() -> None:
    """A cICP chunk is believed before an embedded profile, and the profile before gAMA."""
    profiled = saved(Image.new("RGB", (8, 8), (200, 100, 50)), "PNG", icc_profile=SRGB)
    assert shown(labelled(profiled, 12, 13)).getpixel((0, 0)) == shown(labelled(flat(), 12, 13)).getpixel((0, 0))
    darker = after_header(profiled, (b"gAMA", struct.pack(">I", 100_000)))
    assert shown(darker).getpixel((0, 0)) == (200, 100, 50)


@pytest.mark.parametrize(
    ("nits", "expected"),
    [(0, 0), (1, 8), (20, 63), (50, 98), (100, 136), (203, 187), (400, 223), (600, 238), (1000, 255), (10_000, 255)],
)
def test_pq(nits: float, expected: int) -> None:
    """Light up to paper white is halved, bent above, and everything from 1000 nits is white: what Chromium shows."""
    assert round(255 * tone.from_pq(pq_level(nits))) == pytest.approx(expected, abs=2)


def pq_level(nits: float) -> float:
    """A light in PQ (SMPTE ST 2084)."""
    power = (nits / 10_000) ** (2610 / 16_384)
    return float(((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32))


SKIN, ORANGE, SKY = (1, 0.6, 0.45), (1, 0.35, 0.05), (0.35, 0.6, 1)


@pytest.mark.parametrize(
    ("colour_", "nits", "primaries", "expected"),
    [
        (SKIN, 203, 12, (195, 147, 127)),
        (SKIN, 600, 12, (255, 194, 168)),
        (SKIN, 2000, 12, (255, 211, 184)),
        (ORANGE, 50, 12, (105, 56, 3)),
        (ORANGE, 400, 12, (249, 141, 19)),
        (ORANGE, 10_000, 12, (255, 168, 24)),
        (SKY, 400, 12, (129, 179, 228)),
        (SKY, 2000, 12, (147, 206, 255)),
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_pq_keeps_hues(
    colour_: tuple[float, ...], nits: float, primaries: int, expected: tuple[int, ...], bits: int
) -> None:
    """Bright saturated colours stay saturated, beyond the peak too: within 15 levels of what Chromium 156 shows."""
    levels = [round(65_535 * pq_level(nits * each)) for each in colour_]
    deep = deep_png(8, 8, [(levels[0], levels[1], levels[2])] * 64)
    eights = [round(level / 257) for level in levels]
    plain = flat((eights[0], eights[1], eights[2]))
    actual = shown(labelled(deep if bits == 16 else plain, primaries, PQ)).getpixel((0, 0))
    assert actual == pytest.approx(expected, abs=15)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((0.75, 0.75, 0.75), (187, 187, 187)), ((0.9, 0.6, 0.5), (255, 87, 86)), ((0.3, 0.5, 0.8), (0, 102, 198))],
)
def test_hlg_keeps_hues(levels: tuple[float, ...], expected: tuple[int, ...]) -> None:
    """HLG's system gamma goes by brightness, not by channel: within 3 levels of what Chromium 156 shows."""
    numbers = [round(65_535 * each) for each in levels]
    deep = deep_png(8, 8, [(numbers[0], numbers[1], numbers[2])] * 64)
    assert shown(labelled(deep, 9, HLG)).getpixel((0, 0)) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_greys_stay_grey(mode: str, transfer: int) -> None:
    """A grey picture in high dynamic range has no colour, whatever its mode, and opacity is untouched."""
    ramp = Image.linear_gradient("L").convert(mode)
    if "A" in mode:
        ramp.putalpha(Image.new("L", ramp.size, 77))
    image = shown(labelled(saved(ramp, "PNG"), 9, transfer))
    red, green, blue = (np.asarray(band).astype(int) for band in image.split()[:3])
    assert np.abs(red - green).max() <= 2
    assert np.abs(red - blue).max() <= 2
    assert np.diff(red[:, 0]).min() >= -2
    assert "A" not in mode or image.getchannel("A").getextrema() == (77, 77)


@pytest.mark.parametrize("curve", [tone.from_pq, tone.from_hlg])
def test_tone_curves_never_fold(curve: tone.Curve) -> None:
    """Brighter stays brighter: the curves rise from black to white without a step back."""
    levels = [curve(step / 2000) for step in range(2001)]
    assert levels == sorted(levels)
    assert (levels[0], round(levels[-1], 6)) == (0, 1)
    assert max(b - a for a, b in itertools.pairwise(levels)) < 0.02


def test_hlg_reference_white() -> None:
    """HLG's paper white, 75 % of the signal, is shown like PQ's, 203 nits (BT.2408)."""
    assert abs(tone.from_hlg(0.75) - tone.from_pq(0.5807)) < 0.01


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_is_not_washed_out(transfer: int) -> None:
    """An HDR picture is published with its darks dark and its whites white, and the record says that it was mapped."""
    ramp = [(round(65_535 * step / 63),) * 3 for step in range(64)]
    data = labelled(deep_png(64, 8, ramp * 8), 9, transfer)
    result = transcode(data, small_recipe())
    assert result.source.notes == (Note.TONE_MAPPED,)
    row = np.asarray(loaded(result.renditions[1].body).convert("L"))[4].astype(int)
    assert row[2] < 12
    assert row[63] > 250
    # shown as if it were sRGB, PQ's paper white would be 148 of 255
    assert row[round(63 * (0.58 if transfer == PQ else 0.75))] == pytest.approx(187, abs=8)


def test_hdr_in_eight_bits() -> None:
    """PQ in 8 bits, as our reader hands over AVIF, goes through the same curve."""
    image = shown(labelled(flat((148, 148, 148)), 9, PQ))
    assert image.getpixel((0, 0)) == pytest.approx((187, 187, 187), abs=3)


def nclx(avif: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF or HEIF with other code points in each of its nclx boxes."""
    at = avif.find(b"colrnclx")
    assert at > 0
    while at > 0:
        avif = avif[: at + 8] + struct.pack(">HH", primaries, transfer) + avif[at + 12 :]
        at = avif.find(b"colrnclx", at + 1)
    return avif


@pytest.mark.parametrize("pillow_format", ["AVIF", pytest.param("HEIF", marks=needs_heif)])
def test_code_points_in_containers(pillow_format: str) -> None:
    """AVIF and HEIF state Display P3 and PQ in their colr box, and are shown accordingly."""
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    options = {"quality": 100, "subsampling": "4:4:4"} if pillow_format == "AVIF" else {"quality": -1, "chroma": 444}
    data = saved(image, pillow_format, **options)
    assert_image_similar(shown(data), image, 2)
    assert_image_similar(shown(nclx(data, 12, 13)), Image.new("RGB", (64, 64), (215, 93, 31)), 3)
    assert transcode(nclx(data, 9, PQ), small_recipe()).source.notes == (Note.TONE_MAPPED,)


def test_code_points_of_another_item_do_not_count() -> None:
    """What the colr box of a gain map or a thumbnail says does not touch the picture."""

    def full(kind: bytes, *bodies: bytes) -> bytes:
        return box(kind, bytes(4), *bodies)

    def hdr(item: int) -> bytes:
        colr = box(b"colr", b"nclx", struct.pack(">HHHB", 9, 16, 9, 0x80))
        ipma = full(b"ipma", struct.pack(">IHBB", 1, item, 1, 0x81))
        return full(b"meta", full(b"pitm", struct.pack(">H", 1)), box(b"iprp", box(b"ipco", colr), ipma))

    assert boxes.cicp(hdr(1)) == (9, 16)
    assert boxes.cicp(hdr(2)) is None


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_cut_file_states_nothing(cut: int) -> None:
    """However much of a container is there, reading its boxes ends with an answer."""
    data = saved(photo(64, 64), "AVIF")[:cut]
    assert boxes.cicp(data) in (None, (1, 13))


def with_code_point(primaries: int, transfer: int) -> bytes:
    """The sRGB profile with a cicp tag in place of its copyright."""
    at = SRGB.index(b"cprt")
    body = b"cicp\0\0\0\0" + bytes([primaries, transfer, 0, 1])
    return SRGB[:at] + b"cicp" + struct.pack(">II", len(SRGB), len(body)) + SRGB[at + 12 :] + body


def test_code_point_in_a_profile() -> None:
    """A profile whose cicp tag says PQ makes the picture an HDR one; any other is used as the profile that it is."""
    hdr = saved(Image.new("RGB", (64, 64), (148, 148, 148)), "JPEG", icc_profile=with_code_point(9, PQ))
    assert transcode(hdr, small_recipe()).source.notes == (Note.TONE_MAPPED,)
    plain = saved(Image.new("RGB", (64, 64), (148, 148, 148)), "JPEG", icc_profile=with_code_point(12, 13))
    assert transcode(plain, small_recipe()).source.notes == ()


def test_made_profiles_are_profiles() -> None:
    """What is made from numbers is opened by the colour engine, and sRGB's numbers make sRGB."""
    made = ImageCms.ImageCmsProfile(io.BytesIO(profiles.profile(profiles.BT709, None)))
    assert made.profile.xcolor_space == "RGB "
    data = saved(photo(64, 64), "PNG", icc_profile=profiles.profile(profiles.BT709, None))
    assert_image_similar(shown(data), photo(64, 64), 0)
