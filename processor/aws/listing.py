"""Listing both buckets and removing uploads: with the permissions of whoever is at the keyboard."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from processor.aws.translate import transient_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    size: int
    etag: str
    modified: datetime


def objects(client: "S3Client", bucket: str, prefix: str = "", after: str = "") -> Iterator[Listed]:
    """Every current object below a prefix and after a key, in the order of keys (UTF-8)."""
    with transient_errors(f"listing {bucket}"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
        for page in pages:
            for entry in page.get("Contents", []):
                yield Listed(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])


def mark_deleted(client: "S3Client", bucket: str, key: str) -> None:
    """Put a delete marker on an object; its versions stay until they expire."""
    with transient_errors(f"removing {key!r}"):
        client.delete_object(Bucket=bucket, Key=key)


def versions(client: "S3Client", bucket: str, key: str) -> Iterator[str]:
    """The ids of an object's versions, delete markers included."""
    with transient_errors(f"listing the versions of {key!r}"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if entry["Key"] == key:
                    yield entry["VersionId"]


def delete_all_versions(client: "S3Client", bucket: str, key: str) -> int:
    """Delete an object for good, every version and marker. Answers how many those were."""
    count = 0
    for version_id in versions(client, bucket, key):
        with transient_errors(f"deleting all versions of {key!r}"):
            client.delete_object(Bucket=bucket, Key=key, VersionId=version_id)
        count += 1
    return count
