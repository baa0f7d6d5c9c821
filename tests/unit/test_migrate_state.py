"""Moving Terraform's state into a bucket: cut off anywhere, it is never lost and never twice."""

import io
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.stacktools import migrate_state, ownership, state_bucket, terraform
from scripts.stacktools.shell import Shell
from scripts.stacktools.state_bucket import MOVED, StateBucket
from scripts.stacktools.target import target
from scripts.stacktools.terraform import Root

ACCOUNT, REGION = "123456789012", "eu-central-1"
OLD = "env:/dev/img-pipeline/terraform.tfstate"
NEW = f"env:/dev/img-pipeline/{REGION}/terraform.tfstate"


def state_of(project: str = "img-pipeline", region: str = REGION, lineage: str = "one") -> dict[str, Any]:
    """A state as an earlier version wrote it: it does not say whose it is."""
    arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{project}-dev-records"
    table = {"attributes": {"arn": arn, "name": f"{project}-dev-records"}}
    resource = {"mode": "managed", "type": "aws_dynamodb_table", "name": "records", "instances": [table]}
    return {"version": 4, "serial": 7, "lineage": lineage, "outputs": {}, "resources": [resource]}


class CutOffError(BaseException):
    """The power went."""


@dataclass
class Bucket:
    """A fake S3 with one bucket, and the account that it is in.

    Attributes:
        objects: by key.
        calls: how often it was asked.
        cut_off_at: the number of the call that is done, and of whose answer nobody hears.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    calls: int = 0
    cut_off_at: int = 0

    def _called(self) -> None:
        self.calls += 1
        if self.calls == self.cut_off_at:
            raise CutOffError

    def get_caller_identity(self) -> dict[str, str]:
        """Of STS."""
        return {"Account": ACCOUNT}

    def get_bucket_location(self, Bucket: str) -> dict[str, str]:  # noqa: N803, ARG002 - boto3's names
        """Of S3, as all that follows."""
        return {"LocationConstraint": REGION}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803, ARG002
        """Read."""
        self._called()
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **options: str) -> None:  # noqa: N803, ARG002
        """Write."""
        if "IfNoneMatch" in options and Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Key] = Body
        self._called()

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803, ARG002
        """Delete."""
        self.objects.pop(Key, None)
        self._called()

    def read(self, key: str) -> dict[str, Any] | None:
        """An object, as JSON."""
        found: dict[str, Any] | None = json.loads(self.objects[key]) if key in self.objects else None
        return found


@dataclass
class Place:
    """A checkout and a bucket."""

    root: Root
    bucket: Bucket

    def migrate(self) -> None:
        """What the command does for the stack's root."""
        migrate_state.migrate(self.root)

    def states(self) -> list[dict[str, Any]]:
        """Every whole state, wherever it is."""
        file = self.root.local_state
        found = [self.bucket.read(OLD), self.bucket.read(NEW)]
        found += [json.loads(each.read_text()) for each in (file, file.with_suffix(".tfstate.moved")) if each.exists()]
        return [each for each in found if each]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Nothing deployed yet."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    monkeypatch.setenv("STATE_BUCKET", "states")
    bucket = Bucket()
    for module in (state_bucket, ownership):
        monkeypatch.setattr(module, "client", lambda _service, _region: bucket)
    for each in (terraform, migrate_state):
        monkeypatch.setattr(each, "ROOT", tmp_path)
    target.cache_clear()
    state_bucket._bucket_region.cache_clear()  # noqa: SLF001 - it would remember another test's
    yield Place(Root("terraform", "dev", Shell()), bucket)
    target.cache_clear()


def in_file(place: Place, state: dict[str, Any]) -> None:
    """The state is in a file."""
    place.root.local_state.parent.mkdir(parents=True, exist_ok=True)
    place.root.local_state.write_text(json.dumps(state))


def in_bucket(place: Place, state: dict[str, Any]) -> None:
    """The state is in the bucket, under the key of an earlier version."""
    place.bucket.objects[OLD] = json.dumps(state).encode()


SOURCES = pytest.mark.parametrize("put", [in_file, in_bucket])


@SOURCES
def test_a_state_is_moved(place: Place, put: Callable[[Place, dict[str, Any]], None]) -> None:
    """It is under project and region, unlocked; where it was, no Terraform uses it any more; again changes nothing."""
    put(place, state_of())
    for _ in range(2):
        place.migrate()
        assert place.bucket.read(NEW) == state_of()
        assert f"{NEW}.tflock" not in place.bucket.objects
        assert not place.root.local_state.exists()
        lock = place.bucket.read(f"{OLD}.tflock")
        assert (lock or {}).get("Operation") == (MOVED if put is in_bucket else None)
        assert place.states() == [state_of(), state_of()]


@SOURCES
def test_cut_off_after_any_step_the_same_command_goes_on(
    place: Place, put: Callable[[Place, dict[str, Any]], None]
) -> None:
    """Nothing is lost at any moment; what is half moved is locked for every Terraform, in both places."""
    put(place, state_of())
    before = deepcopy(place.bucket.objects)
    place.migrate()
    steps, after = place.bucket.calls, deepcopy(place.bucket.objects)
    assert steps >= 8
    for number in range(1, steps + 1):
        place.bucket.objects = deepcopy(before)
        place.root.local_state.with_suffix(".tfstate.moved").unlink(missing_ok=True)
        put(place, state_of())
        place.bucket.calls, place.bucket.cut_off_at = 0, number
        with pytest.raises(CutOffError):
            place.migrate()
        assert state_of() in place.states()
        if place.bucket.read(NEW) and StateBucket("states", "terraform", place.root.target).old_state():
            assert f"{NEW}.tflock" in place.bucket.objects
        place.bucket.cut_off_at = 0
        place.migrate()
        assert place.bucket.objects.keys() == after.keys()
        assert place.bucket.read(NEW) == state_of()
        assert not place.root.local_state.exists()


@SOURCES
@pytest.mark.parametrize("other", [state_of(project="other"), state_of(region="eu-west-1")])
def test_another_stacks_state_stays_where_it_is(
    place: Place, put: Callable[[Place, dict[str, Any]], None], other: dict[str, Any]
) -> None:
    """It would be in the place of this one's."""
    put(place, other)
    with pytest.raises(SystemExit, match="this state belongs to project"):
        place.migrate()
    assert place.bucket.read(NEW) is None
    assert place.states() == [other]


@SOURCES
def test_a_state_that_is_in_the_bucket_already_is_not_overwritten(
    place: Place, put: Callable[[Place, dict[str, Any]], None]
) -> None:
    """Another one of the same name, which is then not left locked."""
    put(place, state_of())
    place.bucket.objects[NEW] = json.dumps(state_of(lineage="two")).encode()
    with pytest.raises(SystemExit, match="another state is in"):
        place.migrate()
    assert place.bucket.read(NEW) == state_of(lineage="two")
    assert f"{NEW}.tflock" not in place.bucket.objects


def test_two_states_are_not_chosen_between(place: Place) -> None:
    """The person knows which one is deployed from."""
    in_file(place, state_of())
    in_bucket(place, state_of(lineage="two"))
    with pytest.raises(SystemExit, match="is twice"):
        place.migrate()
    assert place.bucket.read(NEW) is None


@pytest.mark.parametrize("key", [OLD, NEW])
def test_a_state_that_somebody_works_on_is_not_moved(place: Place, key: str) -> None:
    """A Terraform that runs holds it; its lock is named and stays."""
    in_bucket(place, state_of())
    place.bucket.objects[f"{key}.tflock"] = b'{"Who": "ann@laptop", "Operation": "OperationTypeApply"}'
    with pytest.raises(SystemExit, match="locked by ann@laptop"):
        place.migrate()
    assert place.bucket.read(NEW) is None
    assert (place.bucket.read(f"{key}.tflock") or {})["Who"] == "ann@laptop"
