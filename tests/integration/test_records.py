"""The table's conditions, on a real DynamoDB API: leases, ownership, and what a record reads back as."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from processor.aws.cloudfront import SweepState
from processor.aws.dynamodb import DynamoDBRecords, MonthlyBudget, Sweeps
from processor.errors import LeaseHeld, LeaseLost, Reason
from processor.pyramid import Pyramid
from processor.records import Published, PublishedFormat, PublishedTiles, Record, Status
from scripts.demo import resources
from tests.emulator import Pipeline

AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
RUN = {
    "record": "run#2026-01-01T12:00:00+00:00#abc",
    "status": Status.COMPLETE,
    "compressionSavings": 12.5,
    "reason": None,
}


class Clock:
    """A time that moves only when told to."""

    def __init__(self) -> None:
        self.seconds = AT.timestamp()

    def __call__(self) -> float:
        """The time, in seconds of the epoch."""
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """Noon."""
    return Clock()


@pytest.fixture
def records(pipeline: Pipeline, clock: Clock) -> DynamoDBRecords:
    """The adapter on the emulator's table."""
    return DynamoDBRecords(pipeline.dynamodb, resources.TABLE, clock)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A source key of this test's own."""
    return f"records/{request.node.name}.jpg"


def complete(key: str) -> Record:
    """A record with every field set."""
    fmt = PublishedFormat("full", "webp", 640, 480, 1234, "webp/a.webp", "image/webp")
    source = {"format": "jpeg", "width": 640, "height": 480, "frames": 1}
    tiles = PublishedTiles("tiles/a.jpg", Pyramid(640, 480, 254, 1, "jpg"))
    published = Published("v1", 5000, source, (fmt,), 75.32, 48, "manifest/a.json", "0123456789abcdef", tiles, 321)
    return Record(
        image_id=key,
        status=Status.COMPLETE,
        updated_at=AT,
        version_id="v1",
        etag="e1",
        fingerprint="f1",
        function_version="7",
        reason=Reason.CORRUPT,
        message="a message",
        published=published,
        objects=frozenset({"webp/a.webp"}),
        announced_at=AT,
        hindrance="no bus",
        stale=frozenset({"webp/a.webp"}),
        aging=frozenset({"webp/old.webp"}),
        aged_at=AT,
        sweep=3,
        retained={"fedcba9876543210": AT},
    )


def test_what_is_planned_late_is_noted_while_the_lease_lasts(records: DynamoDBRecords, key: str, clock: Clock) -> None:
    """In the record and in the lease; not by a worker whose lease has gone to another."""
    lease = records.acquire(key, frozenset({"a"}), 60)
    records.plan(lease, frozenset({"b"}))
    found = records.get(key)
    assert found is not None
    assert found.objects == lease.objects == {"a", "b"}
    clock.seconds += 61
    other = records.acquire(key, frozenset({"c"}), 60)
    assert other.objects == {"a", "b", "c"}
    with pytest.raises(LeaseLost):
        records.plan(lease, frozenset({"d"}))
    found = records.get(key)
    assert found is not None
    assert found.objects == {"a", "b", "c"}


def test_record_reads_back_as_written(records: DynamoDBRecords, key: str) -> None:
    """Every field of a record survives the table, numbers as the int or float they were."""
    lease = records.acquire(key, frozenset(), 60)
    record = replace(complete(key), removed=frozenset({"webp/gone.webp"}))
    records.release(lease, record)
    assert records.get(key) == record


def test_unseen_key_has_no_record(records: DynamoDBRecords, key: str) -> None:
    """A key that was never seen reads as None, and its first lease knows of nothing before."""
    assert records.get(key) is None
    lease = records.acquire(key, frozenset({"a"}), 60)
    assert (lease.before, lease.objects) == (None, frozenset({"a"}))


def test_lease_shows_processing_and_the_planned_objects(records: DynamoDBRecords, key: str) -> None:
    """Taking the lease is visible in the record, which remembers old and newly planned objects."""
    records.release(records.acquire(key, frozenset(), 60), complete(key))
    lease = records.acquire(key, frozenset({"new"}), 60)
    assert lease.before == complete(key)
    assert lease.objects == {"webp/a.webp", "new"}
    record = records.get(key)
    assert record is not None
    assert record.status is Status.PROCESSING
    assert record.objects == lease.objects


def test_live_lease_keeps_others_out_until_it_ends(records: DynamoDBRecords, clock: Clock, key: str) -> None:
    """A second worker hears how long to wait, and gets the lease right after it has run out, never before."""
    records.acquire(key, frozenset(), 60)
    clock.seconds += 59
    with pytest.raises(LeaseHeld) as held:
        records.acquire(key, frozenset(), 60)
    assert held.value.retry_after_seconds == pytest.approx(1, abs=0.01)
    clock.seconds += 1.5
    assert records.acquire(key, frozenset(), 60).before is not None


def test_flip_is_whole_and_keeps_the_lease(records: DynamoDBRecords, pipeline: Pipeline, key: str) -> None:
    """The flip writes record and history row together, and nobody else gets in before the announcement."""
    lease = records.acquire(key, frozenset(), 60)
    records.finish(lease, complete(key), RUN)
    assert records.get(key) == complete(key)
    [run] = pipeline.history(key)
    assert run["status"] == "COMPLETE"
    assert float(run["compressionSavings"]) == 12.5
    assert "reason" not in run
    with pytest.raises(LeaseHeld):
        records.acquire(key, frozenset(), 60)


@pytest.mark.parametrize("ending", ["finish", "release", "discard"])
def test_lost_lease_writes_nothing(
    records: DynamoDBRecords, pipeline: Pipeline, clock: Clock, key: str, ending: str
) -> None:
    """A worker whose lease was taken over can neither flip, release nor discard, and leaves no history row."""
    stale = records.acquire(key, frozenset(), 60)
    clock.seconds += 61
    current = records.acquire(key, frozenset(), 60)
    arguments = {"finish": (stale, complete(key), RUN), "release": (stale, complete(key)), "discard": (stale,)}[ending]
    with pytest.raises(LeaseLost):
        getattr(records, ending)(*arguments)
    assert pipeline.history(key) == []
    records.release(current, complete(key))  # the newer lease is unharmed
    assert records.get(key) == complete(key)


def test_discarded_picture_leaves_no_item(records: DynamoDBRecords, key: str) -> None:
    """A key that turned out never to have existed leaves nothing in the table."""
    records.discard(records.acquire(key, frozenset(), 60))
    assert records.get(key) is None


def test_stem_has_one_owner_and_remembers_who_waits(records: DynamoDBRecords, key: str) -> None:
    """The first claim wins, repeats are harmless, and the losers are named when the owner leaves."""
    assert records.claim(key, "a.jpg") == "a.jpg"
    assert records.claim(key, "a.jpg") == "a.jpg"
    assert records.claim(key, "b.jpg") == "a.jpg"
    assert records.claim(key, "c.jpg") == "a.jpg"
    assert records.disown(key, "b.jpg") == frozenset()
    assert records.claim(key, "b.jpg") == "a.jpg"
    assert records.disown(key, "a.jpg") == {"b.jpg", "c.jpg"}


def test_interrupted_handover_forgets_nobody(records: DynamoDBRecords, key: str) -> None:
    """If the owner's worker dies before the waiting are queued, giving up again names them again."""
    records.claim(key, "a.jpg")
    records.claim(key, "b.jpg")
    assert records.disown(key, "a.jpg") == {"b.jpg"}
    assert records.disown(key, "a.jpg") == {"b.jpg"}
    records.settle_claims(key)
    assert records.disown(key, "a.jpg") == frozenset()


def test_quicker_claimant_keeps_the_stem(records: DynamoDBRecords, key: str) -> None:
    """A claimant that takes the stem between its release and the clean-up is not thrown out by the clean-up."""
    records.claim(key, "a.jpg")
    records.claim(key, "b.jpg")
    records.disown(key, "a.jpg")
    assert records.claim(key, "b.jpg") == "b.jpg"
    records.settle_claims(key)
    assert records.claim(key, "c.jpg") == "b.jpg"


def test_index_lists_current_records_by_status_and_day(records: DynamoDBRecords, pipeline: Pipeline, key: str) -> None:
    """The status index finds a picture under its present status and day, and under no earlier one."""
    records.release(records.acquire(key, frozenset(), 60), complete(key))

    def listed(status: str) -> set[str]:
        found = set()
        for shard in range(8):
            answer = pipeline.dynamodb.query(
                TableName=resources.TABLE,
                IndexName="status",
                KeyConditionExpression="statusDayShard = :shard",
                ExpressionAttributeValues={":shard": {"S": f"{status}#2026-01-01#{shard}"}},
            )
            found |= {item["imageId"]["S"] for item in answer["Items"]}
        return found

    assert key in listed("COMPLETE")
    assert key not in listed("PROCESSING")
    waiting = replace(complete(key), removed=frozenset({"webp/a.webp"}))
    records.release(records.acquire(key, frozenset(), 60), waiting)
    assert key in listed("STILL_SERVED")
    assert key not in listed("COMPLETE")


def test_budget_ends_at_its_limit_and_comes_back_next_month(pipeline: Pipeline, clock: Clock) -> None:
    """What would pass the limit takes nothing, what just fits is taken, and a new month counts anew."""
    clock.seconds = datetime(2031, 5, 31, 23, 59, tzinfo=UTC).timestamp()
    budget = MonthlyBudget(pipeline.dynamodb, resources.TABLE, 20, clock)
    assert [budget.take(paths) for paths in (9, 9, 9, 2, 1)] == [True, True, False, True, False]
    clock.seconds += 60
    assert budget.take(20)
    assert not budget.take(21)


def test_paths_given_back_can_be_taken_again(pipeline: Pipeline, clock: Clock) -> None:
    """As many as were taken; those of a month that has ended are not added to the next."""
    clock.seconds = datetime(2031, 9, 30, 23, 59, tzinfo=UTC).timestamp()
    budget = MonthlyBudget(pipeline.dynamodb, resources.TABLE, 20, clock)
    assert budget.take(20)
    budget.give_back(15)
    assert [budget.take(paths) for paths in (16, 15)] == [False, True]
    clock.seconds += 60
    budget.give_back(20)
    assert [budget.take(paths) for paths in (20, 1)] == [True, False]


def test_removals_have_a_budget_of_their_own(pipeline: Pipeline, clock: Clock) -> None:
    """What replacements have used up is not taken from them, in the same month and item."""
    clock.seconds = datetime(2031, 8, 1, tzinfo=UTC).timestamp()
    replacements = MonthlyBudget(pipeline.dynamodb, resources.TABLE, 5, clock)
    removals = MonthlyBudget(pipeline.dynamodb, resources.TABLE, 7, clock, "removedPaths")
    assert [replacements.take(5), removals.take(7), replacements.take(1), removals.take(1)] == [
        True,
        True,
        False,
        False,
    ]


def test_one_of_many_begins_a_sweep(pipeline: Pipeline, clock: Clock) -> None:
    """Of those who have read the same state one begins the next sweep; what ends late takes nothing back."""
    many = [Sweeps(pipeline.dynamodb, resources.TABLE, clock) for _ in range(8)]
    assert many[0].state() == SweepState()
    for expected in (1, 2):
        states = [sweeps.state() for sweeps in many]
        with ThreadPoolExecutor(8) as pool:
            begun = list(pool.map(lambda pair: pair[0].begin(pair[1]), zip(many, states, strict=True)))
        assert [number for number in begun if number is not None] == [expected]
    assert many[1].state() == SweepState(begun=2, ended=0, begun_at=clock.seconds)
    for number in (2, 1):
        many[2].end(number)
        assert many[3].state().ended == 2


def test_budget_is_one_for_all_who_count(pipeline: Pipeline, clock: Clock) -> None:
    """Many workers at once take no more than there is."""
    clock.seconds = datetime(2031, 7, 1, tzinfo=UTC).timestamp()
    budgets = [MonthlyBudget(pipeline.dynamodb, resources.TABLE, 50, clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda budget: sum(budget.take(3) for _ in range(4)), budgets))
    assert sum(taken) == 50 // 3
