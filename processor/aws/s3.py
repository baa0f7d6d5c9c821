"""The two buckets: sources are read from one, renditions are written to the other."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from processor import keys
from processor.aws.translate import code_of, transient_errors
from processor.errors import Transient
from processor.limits import Limits, check_size
from processor.records import UNVERSIONED, SourceVersion
from processor.service import Guard, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, HeadObjectOutputTypeDef

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})
_NOT_TO_BE_SEEN = _MISSING | {"403", "AccessDenied"}
"""What a missing object answers to whoever may not list its bucket."""

_log = logging.getLogger("img-pipeline.s3")
"""Below the handler's own logger, which formats what comes of it."""

_PARALLEL_WRITES = 8
_DELETE_BATCH = 1000  # DeleteObjects takes no more

REPLACED_TAG, DROPPED_TAG = "state=replaced", "state=dropped"
"""On copies of replaced versions, and on what a recipe dropped. Terraform's module `storage` has a rule for each."""


class S3Sources:
    """The raw bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def head(self, key: str) -> SourceVersion | None:
        """The current version, or None where there is none (a delete marker included)."""
        with transient_errors(f"looking at {key!r} in {self._bucket}"):
            try:
                return _version(self._client.head_object(Bucket=self._bucket, Key=key))
            except ClientError as exc:
                if code_of(exc) in _MISSING:
                    return None
                raise

    def fetch(self, key: str, limits: Limits, version_id: str | None = None) -> tuple[SourceVersion, bytes] | None:
        """The current version, or the one named, with its bytes; None if there is none.

        Raises:
            Rejected: `too_large`, before more than the limit is read.
        """
        with transient_errors(f"fetching {key!r} from {self._bucket}"):
            try:
                answer = self._get(key, version_id)
            except ClientError as exc:
                if code_of(exc) in _MISSING:
                    return None
                raise
            version = _version(answer)
            with answer["Body"] as body:
                check_size(version.size, limits)
                data = body.read(limits.max_object_bytes + 1)
            check_size(len(data), limits)
        if len(data) != version.size:
            raise Transient(f"fetching {key!r}: {len(data)} of {version.size} bytes arrived")
        return version, data

    def _get(self, key: str, version_id: str | None) -> "GetObjectOutputTypeDef":
        if version_id is None:
            return self._client.get_object(Bucket=self._bucket, Key=key)
        return self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)


class S3Renditions:
    """The processed bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def store(self, objects: Sequence[StoredObject], guard: Guard) -> None:
        """Write every object, several at once, replacing what is there."""
        with (
            transient_errors(f"storing renditions in {self._bucket}"),
            ThreadPoolExecutor(_PARALLEL_WRITES, thread_name_prefix="store") as pool,
        ):
            for _ in pool.map(lambda stored: self._put(stored, guard), objects):
                pass

    def _put(self, stored: StoredObject, guard: Guard) -> None:
        guard()
        self._client.put_object(
            Bucket=self._bucket,
            Key=stored.key,
            Body=stored.body,
            ContentType=stored.content_type,
            CacheControl=stored.cache_control,
            Metadata={"source": stored.source_hash},
        )

    def retire(self, objects: Sequence[StoredObject], guard: Guard) -> None:
        """Have objects expire a time from now, by the bucket's lifecycle rule on this tag; missing ones are no error.

        The rule counts from when an object was made, so each is copied onto itself.
        """
        with (
            transient_errors(f"retiring renditions in {self._bucket}"),
            ThreadPoolExecutor(_PARALLEL_WRITES, thread_name_prefix="retire") as pool,
        ):
            for _ in pool.map(lambda stored: self._retire(stored, guard), objects):
                pass

    def _retire(self, stored: StoredObject, guard: Guard) -> None:
        guard()
        try:
            self._client.copy_object(
                Bucket=self._bucket,
                Key=stored.key,
                CopySource={"Bucket": self._bucket, "Key": stored.key},
                # S3 refuses a copy onto itself that changes tags alone
                MetadataDirective="REPLACE",
                ContentType=stored.content_type,
                CacheControl=stored.cache_control,
                Metadata={"source": stored.source_hash},
                TaggingDirective="REPLACE",
                Tagging=DROPPED_TAG if keys.version_of(stored.key) is None else REPLACED_TAG,
            )
        except ClientError as exc:
            if code_of(exc) not in _NOT_TO_BE_SEEN:
                raise
            if code_of(exc) not in _MISSING:
                _log.warning(
                    "what is retired is missing, or the permission to do it: %s",
                    stored.key,
                    extra={"key": stored.key},
                )

    def delete(self, object_keys: Iterable[str], guard: Guard) -> None:
        """Delete objects; a missing one is no error."""
        pending = sorted(object_keys)
        for start in range(0, len(pending), _DELETE_BATCH):
            batch = pending[start : start + _DELETE_BATCH]
            guard()
            with transient_errors(f"deleting renditions from {self._bucket}"):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
            if errors := answer.get("Errors"):
                raise Transient(f"deleting {errors[0].get('Key')!r}: {errors[0].get('Code')} ({len(errors)} in all)")


def _version(answer: "HeadObjectOutputTypeDef | GetObjectOutputTypeDef") -> SourceVersion:
    return SourceVersion(
        version_id=answer.get("VersionId") or UNVERSIONED,
        etag=answer["ETag"].strip('"'),
        size=answer["ContentLength"],
    )
