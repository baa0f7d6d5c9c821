"""Limits: the defaults are what the documentation and the stack's variables say."""

import dataclasses
import re
from pathlib import Path

import pytest

from processor.limits import DEFAULT_LIMITS, Limits

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"


def test_defaults() -> None:
    """The defaults are contract: changing one changes which pictures users get rejected."""
    assert dataclasses.asdict(Limits()) == {
        "max_object_bytes": 67_108_864,
        "max_pixels": 80_000_000,
        "max_side": 65_535,
        "max_alpha_pixels": 50_000_000,
        "max_frames": 1_000,
        "max_total_pixels": 1_000_000_000,
        "max_animation_pixels": 200_000_000,
        "max_frame_pixels": 10_000_000,
        "max_duration_seconds": 600,
        "max_icc_bytes": 8_388_608,
        "max_metadata_bytes": 16_777_216,
        "max_decode_seconds": 120,
    }
    assert Limits() == DEFAULT_LIMITS


def test_terraform_knows_the_defaults() -> None:
    """What it leaves out of the function's environment is what applies without it, and what its variables document."""
    module = (TERRAFORM / "modules" / "processor" / "main.tf").read_text("utf-8")
    variables = (TERRAFORM / "variables.tf").read_text("utf-8")
    for name, value in dataclasses.asdict(Limits()).items():
        assert re.search(rf"^    {name.upper()} += {value}$", module, re.MULTILINE), name
        assert re.search(rf'^variable "{name}" \{{[^}}]*?^  default += {value}$', variables, re.MULTILINE), name


def test_frozen() -> None:
    """Limits are shared by everyone, so nobody can change them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT_LIMITS.max_frames = 2  # type: ignore[misc]
