"""The corpora's own tools: what they would notice."""

import argparse
import sys
from pathlib import Path

import pytest
from PIL import Image

from processor.limits import DEFAULT_LIMITS
from processor.pipeline import transcode
from processor.results import Rendition, Source, Transcoded
from scripts.corpus import report
from scripts.corpus.__main__ import _verdict
from scripts.corpus.archives import DEBIAN, PYPI
from scripts.corpus.checks import foreign_parts, problems
from scripts.corpus.children import Child, ChildDied
from scripts.corpus.compare import difference
from scripts.corpus.matrix.generate import CORPUS
from scripts.corpus.references import Reference
from scripts.corpus.report import table, write_docs
from scripts.corpus.run import EXCEPTIONS, Result, _disagreement, _exceptions
from tests.helpers import exif_block, photo, saved, small_recipe

ECHO = "import sys, json\nfor line in sys.stdin: print(line.strip(), flush=True)"


@pytest.mark.parametrize("pillow_format", ["JPEG", "WEBP", "AVIF"])
def test_a_rendition_with_metadata_is_noticed(pillow_format: str) -> None:
    """A file with EXIF is reported, the same one without is not."""
    assert foreign_parts(pillow_format.lower(), saved(photo(64, 64), pillow_format)) == []
    assert foreign_parts(pillow_format.lower(), saved(photo(64, 64), pillow_format, exif=exif_block(1, b"secret")))


@pytest.mark.parametrize("pillow_format", ["JPEG", "WEBP"])
def test_bytes_after_the_end_are_noticed(pillow_format: str) -> None:
    """Trailing data is reported."""
    assert foreign_parts(pillow_format.lower(), saved(photo(64, 64), pillow_format) + b"hidden")


def test_what_the_pipeline_makes_passes() -> None:
    """A real result has no problems."""
    recipe = small_recipe()
    assert problems(recipe, transcode(saved(photo(640, 88), "PNG"), recipe)) == []


def test_a_partial_or_turned_set_is_noticed() -> None:
    """A missing rendition, one that cannot be decoded and one of another shape are each reported."""
    recipe = small_recipe()
    whole = transcode(saved(photo(640, 480), "PNG"), recipe)
    assert problems(recipe, Transcoded(whole.source, whole.renditions[:-1]))
    first, *rest = whole.renditions
    cut = Rendition(first.size, first.format, first.width, first.height, first.body[:100])
    assert problems(recipe, Transcoded(whole.source, (cut, *rest)))
    turned = Source(whole.source.format, 480, 640, 1, 100)
    assert problems(recipe, Transcoded(turned, whole.renditions))


def test_hidden_colours_do_not_count_and_visible_ones_do(tmp_path: Path) -> None:
    """Two pictures that differ only where nothing shows are equal; a different quarter is beyond the tolerance."""
    one, two, three = (tmp_path / name for name in "abc")
    one.write_bytes(Image.new("RGBA", (40, 40), (255, 0, 0, 0)).tobytes())
    two.write_bytes(Image.new("RGBA", (40, 40), (0, 255, 9, 0)).tobytes())
    assert difference(one, two, (40, 40)).mean == 0
    patched = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    patched.paste((0, 0, 0, 255), (0, 0, 20, 20))
    three.write_bytes(patched.tobytes())
    assert not difference(one, three, (40, 40)).tolerable


def test_a_child_that_hangs_or_dies_is_told_apart_and_replaced() -> None:
    """No answer in time, an end without an answer, and the next question answered by a new process."""
    hanging = Child([sys.executable, "-c", "import time; time.sleep(60)"], 0.3)
    with hanging, pytest.raises(ChildDied, match="no answer within"):
        hanging.ask({})
    dying = Child([sys.executable, "-c", "import os; os.write(2, b'ouch'); input(); os.abort()"], 20)
    with dying:
        for _ in range(2):
            with pytest.raises(ChildDied, match="ended with -6") as caught:
                dying.ask({})
            assert caught.value.stderr == "ouch"
    with Child([sys.executable, "-c", ECHO], 20) as child:
        assert child.ask({"a": 1}) == ({"a": 1}, "")


@pytest.mark.parametrize(
    ("answer", "reference", "wrong"),
    [
        (
            {"status": "rejected", "reason": "corrupt", "message": ""},
            Reference("sharp", "png", (9, 9), (9, 9, 1)),
            True,
        ),
        ({"status": "rejected", "reason": "corrupt", "message": ""}, Reference("sharp", "png", None, (9, 9, 1)), False),
        ({"status": "rejected", "reason": "unsupported_format"}, Reference("sharp", "png", (9, 9)), True),
        ({"status": "rejected", "reason": "unsupported_format"}, Reference("sharp", "svg", (9, 9)), False),
        ({"status": "rejected", "reason": "corrupt", "message": ""}, Reference("sharp", "svg", (9, 9)), True),
        (
            {"status": "rejected", "reason": "too_many_pixels", "message": ""},
            Reference("sharp", "png", None, (9, 9, 1)),
            True,
        ),
        (
            {"status": "rejected", "reason": "too_many_pixels", "message": ""},
            Reference("sharp", "png", None, (9_000, 9_000, 1)),
            False,
        ),
        ({"status": "rejected", "reason": "unsupported_format"}, Reference("imagemagick", "heic", (9, 9)), True),
        ({"status": "rejected", "reason": "corrupt", "message": ""}, Reference("imagemagick", "heic", (9, 9)), True),
        ({"status": "complete", "source": {"width": 9, "height": 8}}, Reference("sharp", "png", (8, 9)), True),
        ({"status": "complete", "source": {"width": 9, "height": 8}}, Reference("sharp", "png", (9, 8)), False),
    ],
)
def test_verdicts_are_held_against_the_other_decoder(
    answer: dict[str, object], reference: Reference, *, wrong: bool
) -> None:
    """Refusing what another decoder reads is wrong, so is a bound that does not hold, or another size."""
    assert bool(_disagreement(Result("x", answer, reference))) is wrong


@pytest.mark.parametrize(
    ("fmt", "header", "transparent", "out"),
    [
        ("png", (10_000, 5_000, 1), True, False),
        ("png", (10_000, 5_001, 1), True, True),
        ("png", (10_000, 5_001, 1), False, False),
        ("gif", (5_000, 2_000, 2), False, False),
        ("gif", (5_000, 2_001, 2), False, True),
        ("gif", (5_000, 2_001, 1), False, False),
        ("webp", (1_000, DEFAULT_LIMITS.max_animation_pixels // 200_000, 200), True, False),
        ("webp", (1_000, DEFAULT_LIMITS.max_animation_pixels // 200_000 + 1, 200), True, True),
        ("tiff", (8_000, 9_000, 999), False, False),
        ("tiff", (10, 10, 1_001), False, True),
    ],
)
def test_bounds_by_the_other_decoders_header(
    fmt: str, header: tuple[int, int, int], *, transparent: bool, out: bool
) -> None:
    """A refusal for pixels or frames is right only where a limit for such a picture is really passed."""
    answer = {"status": "rejected", "reason": "too_many_pixels", "message": ""}
    reference = Reference("sharp", fmt, None, header, transparent=transparent)
    assert bool(_disagreement(Result("x", answer, reference))) is not out


@pytest.mark.parametrize(
    ("missing", "require", "write", "code"),
    [([], "docker", True, 0), (["sharp"], "", False, 0), (["sharp"], "docker", False, 1), (["sharp"], "", True, 1)],
)
def test_what_is_missing_is_not_published(
    missing: list[str], require: str, code: int, monkeypatch: pytest.MonkeyPatch, *, write: bool
) -> None:
    """Without a decoder or a corpus the table stays as it is, and where REQUIRE is set the run fails."""
    written: list[object] = []
    monkeypatch.setattr(report, "write_docs", lambda *arguments, **_options: written.append(arguments))
    monkeypatch.setenv("REQUIRE", require)
    options = argparse.Namespace(write_docs=write, only="")
    assert _verdict([Result("a/x", {"status": "complete"})], [], missing, options) == code
    assert bool(written) is (write and not missing)


def test_every_exception_names_a_corpus_and_a_reason() -> None:
    """The list of exceptions is readable, and each entry belongs to a corpus."""
    entries = _exceptions()
    assert entries, EXCEPTIONS
    assert {name.partition("/")[0] for name, _ in entries} <= {*PYPI, *DEBIAN, CORPUS}
    assert all(len(excuse.reason) > 20 for _, excuse in entries)


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    """The page's text around the table stays, and every corpus and verdict is counted."""
    page = tmp_path / "formats.md"
    page.write_text(
        "Prose.\n<!-- corpora: written by `make it`, do not edit -->\n<!-- end of corpora -->\nBetween.\n"
        "<!-- matrix: written by `make it`, do not edit -->\n<!-- end of matrix -->\nMore prose.\n"
    )
    results = [
        Result("a/x.png", {"status": "complete", "seconds": 1, "cpu": 1, "peak_mib": 9}),
        Result("a/y.png", {"status": "rejected", "reason": "corrupt"}),
        Result("matrix/png/a.png", {"status": "complete"}, agreed=("sharp", "imagemagick", "chromium")),
        Result("matrix/png/a~cut.png", {"status": "rejected", "reason": "corrupt"}, excused="because"),
        Result("matrix/gif/a.gif", {"status": "complete"}, agreed=("sharp",), problems=["differs"]),
    ]
    write_docs(page, results)
    text = page.read_text()
    assert text.startswith("Prose.\n")
    assert text.endswith("\nMore prose.\n")
    assert "| **all** | 2 | 1 | 1 | 0 |" in text
    assert "| png | 2 | 1 | 1 | 1 | 1 | 1 | 1 | 0 | 1 | 0 |" in text
    assert "| **all** | 3 | 1 | 2 | 1 | 2 | 1 | 1 | 0 | 1 | 1 |" in text
    assert "- Explained, 1 files: because" in text


def test_the_matrix_alone_leaves_the_corpora_as_they_are(tmp_path: Path) -> None:
    """A run of the matrix only publishes its own table."""
    page = tmp_path / "formats.md"
    corpora = "<!-- corpora: written by `make it`, do not edit -->\nas before\n<!-- end of corpora -->\n"
    page.write_text(corpora + "<!-- matrix: written by `make it`, do not edit -->\n<!-- end of matrix -->\n")
    write_docs(page, [Result("matrix/png/a.png", {"status": "complete"})], matrix_only=True)
    assert page.read_text().startswith(corpora)
    assert "| png | 1 |" in page.read_text()


def test_the_table_counts_by_reason() -> None:
    """A row for each corpus and one for all."""
    results = [Result("a/x", {"status": "rejected", "reason": "corrupt"}), Result("b/x", {"status": "complete"})]
    assert table(results).splitlines()[2:] == [
        "| a | 1 | 0 | 1 | 0 |",
        "| b | 1 | 1 | 0 | 0 |",
        "| **all** | 2 | 1 | 1 | 0 |",
    ]
