"""The S3 bucket that holds Terraform's state: where in it, and what holds it locked."""

import json
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from scripts.stacktools.aws import OWN
from scripts.stacktools.shell import fail
from scripts.stacktools.target import Target
from scripts.stacktools.tfvars import DEFAULT_PROJECT

MOVING, MOVED = "being moved by migrate-state", "moved by migrate-state"
"""A lock's operation. The old key stays locked: an old checkout must not deploy from there."""


@cache
def client(service: str, region: str) -> Any:
    """A boto3 client."""
    return OWN.session().client(service, region_name=region)


def aws_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3

    return (BotoCoreError, ClientError)


def code_of(error: Exception) -> str:
    """The code of an error of AWS, such as NoSuchKey."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__))


@dataclass(frozen=True, slots=True)
class StateBucket:
    """Where one root of one stack has its state.

    Attributes:
        name: of the bucket.
        folder: of the root module.
        target: project, environment and region, which are all in the path.
    """

    name: str
    folder: str
    target: Target

    @property
    def key(self) -> str:
        """As the S3 backend takes it, which puts the workspace before it."""
        return f"{self.target.project}/{self.target.region}/{Path(self.folder).name}.tfstate"

    @property
    def path(self) -> str:
        """The object."""
        return f"env:/{self.target.environment}/{self.key}"

    @property
    def old_path(self) -> str:
        """The object where versions before kept the state of every project and region."""
        return f"env:/{self.target.environment}/{DEFAULT_PROJECT}/{Path(self.folder).name}.tfstate"

    def settings(self, *, ask: bool) -> dict[str, str]:
        """For `terraform init`. The bucket need not be in the stack's region, so it is asked for its own."""
        own = {"bucket": self.name, "key": self.key, "use_lockfile": "true", "encrypt": "true"}
        if os.environ.get("AWS_ENDPOINT_URL"):
            own["use_path_style"] = "true"
        return own | ({"region": self._region()} if ask else {})

    def lock(self) -> dict[str, Any] | None:
        """Who holds the state; None: nobody."""
        return self._lock(self.path)

    def state(self) -> dict[str, Any]:
        """The state; empty if there is none."""
        return self._state(self.path)

    def old_state(self) -> dict[str, Any]:
        """What is under the old key and has not been moved; empty if nothing is."""
        lock = self._lock(self.old_path) or {}
        return {} if lock.get("Operation") == MOVED else self._state(self.old_path)

    def take(self, path: str) -> None:
        """Lock a state as Terraform does, so that every Terraform stops at it. Taken by an earlier try, it is ours.

        Raises:
            SystemExit: if somebody is at work there.
        """
        held = self._lock(path)
        if held and held.get("Operation") != MOVING:
            fail(
                f"the state {path} is locked by {held.get('Who')} since {held.get('Created')} "
                f"({held.get('Operation')}): wait for that, or, if it was killed, delete {path}.tflock in {self.name}"
            )
        if not held:
            self._put(f"{path}.tflock", _lock_of(MOVING, path, self.path), IfNoneMatch="*")

    def write(self, state: dict[str, Any]) -> None:
        """Put a state into its place, which has been taken."""
        self._put(self.path, state, ServerSideEncryption="AES256", ContentType="application/json")

    def retire_old(self) -> None:
        """Leave what is under the old key as it is, locked for good: a copy that no old checkout deploys from."""
        self._put(f"{self.old_path}.tflock", _lock_of(MOVED, self.old_path, self.path))

    def release(self) -> None:
        """Let Terraform use the state, if `take` has locked it."""
        if (self.lock() or {}).get("Operation") == MOVING:
            self._s3().delete_object(Bucket=self.name, Key=f"{self.path}.tflock")

    def _put(self, key: str, value: dict[str, Any], **options: str) -> None:
        try:
            self._s3().put_object(Bucket=self.name, Key=key, Body=json.dumps(value, indent=2).encode(), **options)
        except aws_errors() as exc:
            fail(f"{key} in the state bucket {self.name} cannot be written ({code_of(exc)}): try again")

    def _state(self, path: str) -> dict[str, Any]:
        text = self._read(path)
        state: dict[str, Any] = json.loads(text) if text else {}
        return state

    def _lock(self, path: str) -> dict[str, Any] | None:
        text = self._read(f"{path}.tflock")
        lock: dict[str, Any] | None = json.loads(text) if text else None
        return lock

    def _read(self, key: str) -> str:
        try:
            return str(self._s3().get_object(Bucket=self.name, Key=key)["Body"].read().decode())
        except aws_errors() as exc:
            if code_of(exc) in ("NoSuchKey", "404"):
                return ""
            fail(f"{key} in the state bucket {self.name} cannot be read ({code_of(exc)})")

    def _s3(self) -> Any:
        return client("s3", self._region())

    def _region(self) -> str:
        return _bucket_region(self.name, self.target.region)


def _lock_of(operation: str, path: str, now: str) -> dict[str, str]:
    """What Terraform shows to who meets this lock."""
    return {
        "ID": str(uuid.uuid4()), "Operation": operation, "Info": f"the state is now {now}",
        "Who": socket.gethostname(), "Version": "", "Created": datetime.now(UTC).isoformat(), "Path": path,
    }  # fmt: skip


@cache
def _bucket_region(bucket: str, region: str) -> str:
    try:
        answer = client("s3", region).get_bucket_location(Bucket=bucket)
    except aws_errors() as exc:
        fail(f"the state bucket {bucket} cannot be reached ({code_of(exc)}): check STATE_BUCKET and the credentials")
    return str(answer.get("LocationConstraint") or "us-east-1")
