"""Limits: the defaults are what the documentation and the stack's variables say."""

import dataclasses

import pytest

from processor.limits import DEFAULT_LIMITS, Limits


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


def test_frozen() -> None:
    """Limits are shared by everyone, so nobody can change them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT_LIMITS.max_frames = 2  # type: ignore[misc]
