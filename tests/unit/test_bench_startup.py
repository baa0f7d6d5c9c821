"""The start-up benchmark: what it makes of Python's own report."""

from scripts.bench.startup import Image, Imports, by_package, markdown

REPORT = """\
import time: self [us] | cumulative | imported package
import time:      1500 |       1500 |   botocore.utils
import time:       250 |       1750 | botocore
import time:      4000 |       5750 | processor.handler
some program's own line on standard error
"""


def test_own_time_is_summed_by_package() -> None:
    """A module's own time counts once, for its package; other lines are left out; the dearest comes first."""
    assert by_package(REPORT) == {"processor": 4.0, "botocore": 1.75}
    assert list(by_package(REPORT)) == ["processor", "botocore"]


def test_the_target_is_judged_by_the_median() -> None:
    """One lucky round does not meet the target: the verdict goes by the median, with the best beside it."""
    assert "target ≤ 400: met) | 400" in markdown(Imports(400, 380, 399, {"botocore": 90.0}), None)
    missed = markdown(Imports(401, 380, 300, {}), Image(300, 40, (900, 5), (1100, 150)))
    assert "target ≤ 400: missed) | 401" in missed
    assert "best | 300 |" in missed
    assert "300 MB unpacked, 40 MB of them ours" in missed


def test_the_first_picture_has_a_row_of_its_own() -> None:
    """An event without a picture does not wait for the process that loads Pillow; the first picture does."""
    text = markdown(Imports(400, 380, 399, {}), Image(300, 40, (900, 5), (1100, 150)))
    assert "one without a picture | 900 |" in text
    assert "first picture published, of 0.3 megapixels | 1100 |" in text
    assert "the second picture | 150 |" in text
