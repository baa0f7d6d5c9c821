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


def test_the_target_is_judged_by_the_best_round() -> None:
    """The verdict goes by the least disturbed round, and the table shows the median beside it."""
    assert "target ≤ 400: met) | 399" in markdown(Imports(520, 380, 399, {"botocore": 90.0}), None)
    missed = markdown(Imports(520, 380, 401, {}), Image(300, 40, 900, 5))
    assert "missed" in missed
    assert "| 520 |" in missed
    assert "300 MB unpacked, 40 MB of them ours" in missed
