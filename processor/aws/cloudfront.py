"""The CDN: it is told to forget what was replaced or removed, as far as the month's budget goes."""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Protocol

from botocore.exceptions import ClientError

from processor import keys
from processor.aws.translate import code_of, transient_errors
from processor.errors import Transient

EVERYTHING = "/*"
"""The one path that stands for all. It counts as a single path."""

_TOO_MANY = "TooManyInvalidationsInProgress"


class Budget(Protocol):
    """How many paths may still be invalidated."""

    def take(self, paths: int) -> bool:
        """Take so many, or none and answer False."""

    def give_back(self, paths: int) -> None:
        """Give back so many that were taken and not used."""


class CloudFrontInvalidations:
    """The invalidations of one distribution."""

    def __init__(self, make_client: Callable[[], Any], distribution_id: str, budget: Budget) -> None:
        self._make_client = make_client
        self._distribution_id = distribution_id
        self._budget = budget

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def invalidate(self, object_keys: frozenset[str], reference: str) -> bool:
        """Have the CDN forget some objects, all in one batch.

        What would take too many paths one by one is named by version. Not from the start: only 15 invalidations with
        wildcards may be under way at a time, of 3,000 paths.

        Returns:
            False: the budget does not allow it, or too many are under way.
        """
        one_by_one = {keys.invalidation_path(key) for key in object_keys}
        by_version = {keys.whole_version_path(key) or keys.invalidation_path(key) for key in object_keys}
        # a reference may not come again with other paths
        if self._paid_for(sorted(one_by_one), reference):
            return True
        return len(by_version) < len(one_by_one) and self._paid_for(sorted(by_version), f"{reference}-versions")

    def _paid_for(self, paths: list[str], reference: str) -> bool:
        """Whether paths are invalidated. What fails is not paid for, not even where only the answer was lost."""
        if not self._budget.take(len(paths)):
            return False
        try:
            _create(self._client, self._distribution_id, paths, reference)
        except Transient as exc:
            with suppress(Transient):
                self._budget.give_back(len(paths))
            if isinstance(exc.__cause__, ClientError) and code_of(exc.__cause__) == _TOO_MANY:
                return False
            raise
        return True


def invalidate_everything(client: Any, distribution_id: str, reference: str) -> None:
    """Have the CDN forget all objects, whatever the budget: it is a single path."""
    _create(client, distribution_id, [EVERYTHING], reference)


def _create(client: Any, distribution_id: str, paths: list[str], reference: str) -> None:
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    with transient_errors(f"invalidating {len(paths)} paths"):
        client.create_invalidation(DistributionId=distribution_id, InvalidationBatch=batch)


class NoDistribution:
    """Where nothing is cached, nothing needs to be forgotten."""

    def invalidate(self, object_keys: frozenset[str], reference: str) -> bool:  # noqa: ARG002 - as the protocol says
        """Nothing to do."""
        return True
