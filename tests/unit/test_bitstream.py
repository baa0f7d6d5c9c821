"""Bitstream: colours that only the coded picture states are honoured as if its container stated them."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.pipeline import transcode
from processor.steps import bitstream, boxes, encode, optional
from processor.steps.notes import Note
from tests.helpers import assert_image_similar, loaded, photo, saved, small_recipe
from tests.samples import needs_heif, pages

PQ_ONLY_IN_AV1 = (Path(__file__).parents[1] / "pictures" / "pq_in_bitstream_only.avif").read_bytes()
"""64 x 48, 10 bits, BT.2020 and PQ, by avifenc, with its colr box made one that nobody reads."""

HEVC = {
    "usual": (
        "0102200000009000000000001ef000fcfdfafa00000f01a10001002e42010102200000030090000003000003001ea0112069"
        "c92365959a4932bc05a84880482000000300200000030141"
    ),
    "many reference sets": (
        "0102200000009000000000001ef000fcfdfafa00000f01a10001002e42010102200000030090000003000003001ea0112069"
        "c92365999a4932bc05a84880482000000300200000030141"
    ),
    "scaling lists": (
        "0102200000009000000000001ef000fcfdfafa00000f01a10001002f42010102200000030090000003000003001ea0112069"
        "c92365959a49395e02d424402410000003001000000300a080"
    ),
    "shape of pixels and overscan": (
        "0102200000009000000000001ef000fcfdfafa00000f01a10001002f42010102200000030090000003000003001ea0112069"
        "c92365959a4932bc12d424402410000003001000000300a080"
    ),
}
"""Decoder configurations that x265 made of BT.2020 and PQ, with the sequence parameter set alone."""

AV1 = {
    "aom": "0a0d0000000337fbe7ffce848804c2",
    "rav1e": "0a0d000000f99bfdf1085742440265",
    "svt": "0a0d0000000337fbe017c2848804c2",
}
"""Sequence headers of videos, by three encoders, with the same colours."""


def silent(data: bytes) -> bytes:
    """The same file without a statement of colours in its container."""
    assert b"colrnclx" in data
    return data.replace(b"colrnclx", b"skipnclx")


@pytest.mark.parametrize("name", HEVC)
def test_hevc(name: str) -> None:
    """The sequence parameter set is read up to its colours, whatever comes before them."""
    assert bitstream.hevc_cicp(bytes.fromhex(HEVC[name])) == (9, 16)


@pytest.mark.parametrize("name", AV1)
def test_av1(name: str) -> None:
    """The sequence header is read up to its colours, as every encoder writes it."""
    assert bitstream.av1_cicp(bytes.fromhex(AV1[name])) == (9, 16)
    assert bitstream.av1_cicp(b"\x12\0" + bytes.fromhex(AV1[name])) == (9, 16)


def test_a_picture_is_tone_mapped_by_its_bitstream() -> None:
    """PQ that the sequence header alone states gives the same picture as with a colr box."""
    stated = PQ_ONLY_IN_AV1.replace(b"skipnclx", b"colrnclx")
    ours, theirs = transcode(PQ_ONLY_IN_AV1, small_recipe()), transcode(stated, small_recipe())
    assert ours.source.notes == theirs.source.notes == (Note.TONE_MAPPED,)
    assert_image_similar(loaded(ours.renditions[0].body), loaded(theirs.renditions[0].body), 0)


@needs_heif
@pytest.mark.parametrize(("primaries", "transfer", "matrix"), [(9, 16, 9), (12, 13, 6), (9, 18, 9), (1, 13, 1)])
def test_heif(primaries: int, transfer: int, matrix: int) -> None:
    """The same for HEIF."""
    optional.heif()
    stated = saved(
        photo(64, 48), "HEIF", color_primaries=primaries, transfer_characteristics=transfer, matrix_coefficients=matrix
    )
    assert boxes.cicp(silent(stated)) == boxes.cicp(stated) == (primaries, transfer)
    ours, theirs = transcode(silent(stated), small_recipe()), transcode(stated, small_recipe())
    assert ours.source.notes == theirs.source.notes
    assert_image_similar(loaded(ours.renditions[0].body), loaded(theirs.renditions[0].body), 1)


@pytest.mark.parametrize("codec", ["aom", "svt", "rav1e"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("frames", [1, 2])
def test_avif(codec: str, mode: str, frames: int) -> None:
    """What the container of a still picture or a sequence says is found in its bitstream as well."""
    images = [photo(128, 96).convert(mode), photo(128, 96).rotate(180).convert(mode)][:frames]
    with encode.scheduled_as_before():
        stated = pages(images, "AVIF", codec=codec, speed=10)
    assert boxes.cicp(silent(stated)) == boxes.cicp(stated) == (1, 13)


def test_a_profile_and_a_statement_in_the_container_go_first() -> None:
    """Where a container speaks, the bitstream is not asked."""
    stated = PQ_ONLY_IN_AV1.replace(b"skipnclx", b"colrnclx")
    at = stated.index(b"colrnclx") + 8
    assert boxes.cicp(stated[:at] + struct.pack(">HH", 1, 13) + stated[at + 4 :]) == (1, 13)


@given(st.binary(max_size=80))
def test_garbage(data: bytes) -> None:
    """A damaged header states nothing, and costs nothing."""
    for read in (bitstream.av1_cicp, lambda data: bitstream.hevc_cicp(data.ljust(40, b"\0"))):
        try:
            found = read(data)
        except (ValueError, IndexError):
            continue
        assert found is None or all(0 <= number < 256 for number in found)


@given(st.integers(0, len(PQ_ONLY_IN_AV1) - 1), st.integers(0, 255))
def test_a_damaged_container(at: int, value: int) -> None:
    """No byte of a file makes the look at its bitstream raise, or find what no code point can be."""
    for damaged in (PQ_ONLY_IN_AV1[:at] + bytes([value]) + PQ_ONLY_IN_AV1[at + 1 :], PQ_ONLY_IN_AV1[:at]):
        found = boxes.cicp(damaged)
        assert found is None or all(0 <= number < 65_536 for number in found)
