"""From the environment to settings, and every problem at once."""

import pytest

from processor.errors import InvalidConfiguration
from processor.recipe import Recipe
from processor.settings import Settings

ENVIRONMENT = {
    "RAW_BUCKET": "raw",
    "PROCESSED_BUCKET": "processed",
    "TABLE_NAME": "records",
    "EVENT_BUS_NAME": "bus",
    "QUEUE_URL": "https://queue.example/ingest",
    "CDN_DOMAIN": "cdn.example",
}


def test_complete_environment_is_read() -> None:
    """Every variable ends up in the settings, and what may be left out has its default."""
    settings = Settings.from_environment(ENVIRONMENT | {"LEASE_SECONDS": "90", "MAX_PIXELS": "1000"})
    assert settings.raw_bucket == "raw"
    assert settings.lease_seconds == 90
    assert settings.limits.max_pixels == 1000
    assert settings.recipe == Recipe.default()


def test_every_problem_is_named_at_once() -> None:
    """A start with several bad variables names each of them, not only the first."""
    bad = {"TABLE_NAME": "t", "LEASE_SECONDS": "soon", "MAX_PIXELS": "-1", "RECIPE": '{"sizes": [], "colour": 1}'}
    with pytest.raises(InvalidConfiguration) as failure:
        Settings.from_environment(bad)
    named = {problem.partition(":")[0] for problem in failure.value.problems}
    assert named == {
        "RAW_BUCKET",
        "PROCESSED_BUCKET",
        "EVENT_BUS_NAME",
        "QUEUE_URL",
        "CDN_DOMAIN",
        "LEASE_SECONDS",
        "MAX_PIXELS",
        "RECIPE",
    }
    assert sum(problem.startswith("RECIPE") for problem in failure.value.problems) == 2


def test_one_bucket_for_both_is_refused() -> None:
    """Raw and processed must be two buckets, or every rendition would be an upload."""
    with pytest.raises(InvalidConfiguration, match="PROCESSED_BUCKET: must not be RAW_BUCKET"):
        Settings.from_environment(ENVIRONMENT | {"PROCESSED_BUCKET": "raw"})


def test_no_invalidations_at_all_is_a_budget() -> None:
    """Zero paths a month is a choice; less than that is a mistake."""
    settings = Settings.from_environment(ENVIRONMENT | {"DISTRIBUTION_ID": "E1", "INVALIDATION_PATHS_PER_MONTH": "0"})
    assert (settings.distribution_id, settings.invalidation_paths_per_month) == ("E1", 0)
    assert Settings.from_environment(ENVIRONMENT).invalidation_paths_per_month == 1000
    with pytest.raises(InvalidConfiguration, match="INVALIDATION_PATHS_PER_MONTH"):
        Settings.from_environment(ENVIRONMENT | {"INVALIDATION_PATHS_PER_MONTH": "-1"})
