"""The CDN: it is told to forget what was replaced, as far as the month's budget goes, and what was removed always."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from processor import keys
from processor.aws.translate import code_of, transient_errors
from processor.errors import Transient
from processor.service import Waiting

EVERYTHING = "/*"
"""The one path that stands for all. It counts as a single path."""

SWEEP_SECONDS = 900
"""The CDN forgets everything at most this often: every picture is fetched from S3 again after it."""

RETRY_SECONDS = 120
"""How long a sweep may be under way before another one is tried: CloudFront may have refused it, its worker died."""

_TOO_MANY = "TooManyInvalidationsInProgress"


class Budget(Protocol):
    """How many paths may still be invalidated."""

    def take(self, paths: int) -> bool:
        """Take so many, or none and answer False."""

    def give_back(self, paths: int) -> None:
        """Give back so many that were taken and not used."""


@dataclass(frozen=True, slots=True)
class SweepState:
    """How far the invalidations of everything are.

    Attributes:
        begun: number of the last one that began; 0: none has.
        ended: number of the last one that the CDN has taken.
        begun_at: when the last one began, in seconds since the epoch.
    """

    begun: int = 0
    ended: int = 0
    begun_at: float = 0.0

    def wait_seconds(self, now: float) -> float:
        """How long no further one may begin."""
        pause = RETRY_SECONDS if self.ended < self.begun else SWEEP_SECONDS
        return self.begun_at + pause - now


class Sweeps(Protocol):
    """Who counts the invalidations of everything."""

    def state(self) -> SweepState:
        """What has begun and ended so far."""

    def begin(self, state: SweepState) -> int | None:
        """Begin one, if none has begun since that state was read. Returns its number, or None."""

    def end(self, number: int) -> None:
        """Note that the CDN has taken one."""


@dataclass(slots=True)
class CloudFrontInvalidations:
    """The invalidations of one distribution.

    Attributes:
        make_client: makes the client, once there is something to invalidate.
        distribution_id: the distribution's.
        replacements: how many paths replacements may take.
        removals: how many paths removals may take. Beyond them, everything is invalidated.
        sweeps: counts that.
        now: the time, in seconds since the epoch.
    """

    make_client: Callable[[], Any]
    distribution_id: str
    replacements: Budget
    removals: Budget
    sweeps: Sweeps
    now: Callable[[], float] = time.time
    _client: Any = None

    def invalidate(self, object_keys: frozenset[str], reference: str) -> bool:
        """Have the CDN forget replaced objects, all in one batch.

        Returns:
            False: the budget does not allow it, or too many are under way.
        """
        return self._by_path(object_keys, reference, self.replacements)

    def forget(self, object_keys: frozenset[str], reference: str, sweep: int | None) -> Waiting | None:
        """Have the CDN forget removed objects: by their paths, or where that is not possible with everything else.

        Args:
            object_keys: what was removed, before this call.
            reference: the same for every try.
            sweep: which one it waits for; None: this is the first try.

        Returns:
            None: it was told. Else what it waits for.
        """
        if sweep is None and self._by_path(object_keys, reference, self.removals):
            return None
        state = self.sweeps.state()
        awaited = state.begun + 1 if sweep is None else sweep
        if state.ended >= awaited:
            return None
        wait = state.wait_seconds(self.now())
        if wait <= 0:
            number = self.sweeps.begin(state)
            if number is not None and self._sweep(number) and number >= awaited:
                return None
            wait = RETRY_SECONDS
        return Waiting(awaited, int(wait) + 1)

    def _sweep(self, number: int) -> bool:
        """Invalidate everything. False: too many are under way."""
        reference = f"sweep-{number}-{uuid.uuid4().hex}"  # one that came before would do nothing
        if not self._create([EVERYTHING], reference):
            return False
        self.sweeps.end(number)
        return True

    def _by_path(self, object_keys: frozenset[str], reference: str, budget: Budget) -> bool:
        """Invalidate one path an object. What would take too many is named by version.

        Not from the start: only 15 invalidations with wildcards may be under way at a time, of 3,000 paths.
        """
        one_by_one = {keys.invalidation_path(key) for key in object_keys}
        by_version = {keys.whole_version_path(key) or keys.invalidation_path(key) for key in object_keys}
        # a reference may not come again with other paths
        if self._paid_for(sorted(one_by_one), reference, budget):
            return True
        return len(by_version) < len(one_by_one) and self._paid_for(sorted(by_version), f"{reference}-versions", budget)

    def _paid_for(self, paths: list[str], reference: str, budget: Budget) -> bool:
        """Whether paths are invalidated. What fails is not paid for, not even where only the answer was lost."""
        if not budget.take(len(paths)):
            return False
        try:
            done = self._create(paths, reference)
        except Transient:
            with suppress(Transient):
                budget.give_back(len(paths))
            raise
        if not done:
            with suppress(Transient):
                budget.give_back(len(paths))
        return done

    def _create(self, paths: list[str], reference: str) -> bool:
        """False: too many are under way."""
        if self._client is None:
            self._client = self.make_client()
        try:
            _create(self._client, self.distribution_id, paths, reference)
        except Transient as exc:
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

    def forget(self, object_keys: frozenset[str], reference: str, sweep: int | None) -> Waiting | None:  # noqa: ARG002
        """Nothing to do."""
        return None
