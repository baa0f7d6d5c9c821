"""A short, always equal run of the fuzzer, and hypothesis on the parsers of our own.

What longer runs find is tested beside the step that it is about.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.errors import Rejected
from processor.steps import bounds, inspect
from tests.fuzzing import LIMITS, mutated, seeds, verdict
from tests.helpers import small_recipe

ROUNDS = 5
SEEDS = seeds()


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_are_whole(name: str) -> None:
    """Every seed is a picture that comes out complete, or mutations of it would prove little."""
    assert verdict(SEEDS[name]) == "complete"


@pytest.mark.parametrize("name", SEEDS)
def test_mutated_pictures_are_whole_or_rejected(name: str) -> None:
    """A few mutations of every seed, the same ones every time: never anything but complete or a reason."""
    rng = random.Random(name)  # noqa: S311
    recipe = small_recipe()
    others = list(SEEDS.values())
    for _ in range(ROUNDS):
        verdict(mutated(SEEDS[name], rng, others), recipe)


def test_mutations_are_neither_all_harmless_nor_all_fatal() -> None:
    """The mutator gets past the readers' front doors and does damage behind them."""
    rng = random.Random(1)  # noqa: S311
    verdicts = [verdict(mutated(SEEDS["png"], rng, list(SEEDS.values()))) for _ in range(60)]
    assert {"complete", "corrupt"} <= set(verdicts)


@given(st.sampled_from(sorted(SEEDS)), st.data())
@settings(max_examples=60, derandomize=True)
def test_walking_any_bytes_ends_in_a_verdict(name: str, data: st.DataObject) -> None:
    """Whatever follows the first bytes of a format, our own walk over it ends, with a verdict or without."""
    start = data.draw(st.integers(4, 64))
    body = SEEDS[name][:start] + data.draw(st.binary(max_size=400))
    try:
        bounds.check_structure(inspect.sniffed(body), body, LIMITS)
    except Rejected as rejected:
        assert rejected.message  # noqa: PT017 - most bytes pass


@given(st.binary(max_size=300))
@settings(max_examples=60, derandomize=True)
def test_directories_of_any_bytes(block: bytes) -> None:
    """The same for the directories of EXIF and TIFF, which may point anywhere, themselves included."""
    for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"):
        try:
            bounds.check_directories(head + block)
        except Rejected as rejected:
            assert rejected.reason.value == "metadata_too_large"  # noqa: PT017 - most blocks pass
