"""From the environment to settings, and every problem at once."""

from dataclasses import fields

import pytest

from processor.errors import InvalidConfiguration
from processor.limits import Limits
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


def test_every_limit_can_be_set() -> None:
    """Each bound is read from the variable of its name, so that none can be set only in the code."""
    names = [field.name for field in fields(Limits)]
    environment = ENVIRONMENT | {name.upper(): str(1000 + index) for index, name in enumerate(names)}
    limits = Settings.from_environment(environment).limits
    assert [getattr(limits, name) for name in names] == [1000 + index for index in range(len(names))]
    assert Settings.from_environment(ENVIRONMENT).limits == Limits()


def test_no_invalidations_at_all_is_a_budget() -> None:
    """Zero paths a month is a choice; less than that is a mistake. Removals have a budget of their own."""
    settings = Settings.from_environment(
        ENVIRONMENT | {"DISTRIBUTION_ID": "E1", "INVALIDATION_PATHS_PER_MONTH": "0", "REMOVAL_PATHS_PER_MONTH": "7"}
    )
    assert settings.distribution_id == "E1"
    assert (settings.invalidation_paths_per_month, settings.removal_paths_per_month) == (0, 7)
    default = Settings.from_environment(ENVIRONMENT)
    assert (default.invalidation_paths_per_month, default.removal_paths_per_month) == (1000, 1000)
    with pytest.raises(InvalidConfiguration, match=r"INVALIDATION_PATHS_PER_MONTH.*\n.*REMOVAL_PATHS_PER_MONTH"):
        Settings.from_environment(
            ENVIRONMENT | {"INVALIDATION_PATHS_PER_MONTH": "-1", "REMOVAL_PATHS_PER_MONTH": "many"}
        )


def test_tracing_needs_what_the_image_may_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is off unless asked for; a misspelled wish and a missing SDK stop the start."""
    assert not Settings.from_environment(ENVIRONMENT).tracing
    assert Settings.from_environment(ENVIRONMENT | {"TRACING": "true"}).tracing
    with pytest.raises(InvalidConfiguration, match="TRACING: must be true or false, got 'yes'"):
        Settings.from_environment(ENVIRONMENT | {"TRACING": "yes"})
    monkeypatch.setattr("processor.settings.find_spec", lambda _: None)
    with pytest.raises(InvalidConfiguration, match="TRACING: the image has no aws-xray-sdk"):
        Settings.from_environment(ENVIRONMENT | {"TRACING": "true"})
