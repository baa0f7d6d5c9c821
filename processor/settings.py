"""From environment variables to frozen settings. Every bad variable is reported at once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Self

from processor.errors import InvalidConfiguration
from processor.limits import Limits
from processor.recipe import Recipe

_REQUIRED = "not set; the Terraform module `processor` and `make demo` set it, see docs/architecture.md"

REST_MB = 300
"""Of the function's memory, for all but the process that decodes: Python, the SDK, the source, the renditions."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a running processor needs to know.

    Attributes:
        raw_bucket: where pictures are uploaded. Only read.
        processed_bucket: where renditions are published.
        table_name: the records.
        event_bus_name: where results are announced.
        queue_url: the ingest queue.
        cdn_domain: host of the public URLs, with a port where it has one.
        distribution_id: the CDN's, for invalidations; empty: there is none.
        invalidation_paths_per_month: how many paths replacements may have invalidated in a calendar month.
        removal_paths_per_month: the same of removals. Beyond it everything is invalidated, once in a while.
        lease_seconds: how long one attempt may hold a picture: longer than the function may run, shorter than the
            queue's visibility timeout.
        recipe: the renditions to make.
        recipe_grace_days: for how long what a recipe dropped goes on being served.
        limits: the bounds on what is accepted.
        decoder_memory_bytes: what the process that decodes may allocate: on Lambda the function's memory without what
            the rest needs; None: no bound of ours.
        tracing: whether each step is noted for X-Ray.
        canary_key: of a picture that is uploaded to see whether it comes through; empty: there is none.
        function_version: which Lambda sets: another one for other code, bounds or memory.
    """

    raw_bucket: str
    processed_bucket: str
    table_name: str
    event_bus_name: str
    queue_url: str
    cdn_domain: str
    distribution_id: str
    invalidation_paths_per_month: int
    removal_paths_per_month: int
    lease_seconds: int
    recipe: Recipe
    limits: Limits
    decoder_memory_bytes: int | None = None
    tracing: bool = False
    canary_key: str = ""
    function_version: str = ""
    recipe_grace_days: int = 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables named like the attributes, in capitals.

        Raises:
            InvalidConfiguration: naming every variable that is missing or wrong.
        """
        reader = _Reader(environment)
        raw_bucket = reader.text("RAW_BUCKET")
        processed_bucket = reader.text("PROCESSED_BUCKET")
        if raw_bucket and raw_bucket == processed_bucket:
            reader.problems.append("PROCESSED_BUCKET: must not be RAW_BUCKET, or every rendition would trigger itself")
        settings = cls(
            raw_bucket=raw_bucket,
            processed_bucket=processed_bucket,
            table_name=reader.text("TABLE_NAME"),
            event_bus_name=reader.text("EVENT_BUS_NAME"),
            queue_url=reader.text("QUEUE_URL"),
            cdn_domain=reader.text("CDN_DOMAIN"),
            distribution_id=environment.get("DISTRIBUTION_ID", "").strip(),
            invalidation_paths_per_month=reader.whole_number("INVALIDATION_PATHS_PER_MONTH", default=1000, least=0),
            removal_paths_per_month=reader.whole_number("REMOVAL_PATHS_PER_MONTH", default=1000, least=0),
            lease_seconds=reader.whole_number("LEASE_SECONDS", default=330),
            recipe=reader.recipe("RECIPE"),
            limits=reader.limits(),
            decoder_memory_bytes=reader.decoder_memory("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            tracing=reader.tracing("TRACING"),
            canary_key=environment.get("CANARY_KEY", "").strip(),
            recipe_grace_days=reader.whole_number("RECIPE_GRACE_DAYS", default=30),
            function_version=environment.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        )
        if reader.problems:
            raise InvalidConfiguration(reader.problems)
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them on the way."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        value = self.environment.get(name, "").strip()
        if not value:
            self.problems.append(f"{name}: {_REQUIRED}")
        return value

    def whole_number(self, name: str, default: int, least: int = 1) -> int:
        value = self.environment.get(name, "").strip()
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and int(value) >= least):
            self.problems.append(f"{name}: must be a whole number from {least} up, got {value!r}")
            return default
        return int(value)

    def decoder_memory(self, name: str) -> int | None:
        """From the function's memory in MB, which Lambda itself sets."""
        megabytes = self.whole_number(name, default=0)
        return max(megabytes - REST_MB, megabytes // 2) * 1024 * 1024 if megabytes else None

    def tracing(self, name: str) -> bool:
        """`true`, or nothing for false; the SDK that it needs must be there."""
        value = self.environment.get(name, "").strip()
        if value not in ("", "true", "false"):
            self.problems.append(f"{name}: must be true or false, got {value!r}")
        if value == "true" and find_spec("aws_xray_sdk") is None:
            self.problems.append(f"{name}: the image has no aws-xray-sdk; build it with `tracing` in IMAGE_EXTRAS")
        return value == "true"

    def limits(self) -> Limits:
        """Every bound by its own name."""
        defaults = asdict(Limits())
        return Limits(**{name: self.whole_number(name.upper(), default) for name, default in defaults.items()})

    def recipe(self, name: str) -> Recipe:
        text = self.environment.get(name, "").strip()
        if not text:
            return Recipe.default()
        try:
            recipe = Recipe.from_json(text)
        except InvalidConfiguration as exc:
            self.problems.extend(f"{name}: {problem}" for problem in exc.problems)
            return Recipe.default()
        self.problems.extend(f"{name}: {problem}" for problem in recipe.missing_encoders())
        return recipe
