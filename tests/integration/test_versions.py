"""Retiring content-addressed copies, on a real S3 API."""

import pytest

from processor import service
from processor.aws.s3 import S3Renditions
from processor.service import StoredObject
from scripts.demo import resources
from tests.emulator import Pipeline


@pytest.mark.usefixtures("pipeline")
def test_a_retired_copy_is_the_same_object_with_a_tag_and_a_new_age(pipeline: Pipeline) -> None:
    """Bytes, type and caching stay; the tag is what the lifecycle rule looks for."""
    bucket, key = resources.PROCESSED_BUCKET, "v/0123456789abcdef/full/a b+ü.jpg"
    copy = StoredObject(key, b"bytes", "image/jpeg", service.IMMUTABLE, "hash")
    renditions = S3Renditions(pipeline.s3, bucket)
    renditions.store([copy], lambda: None)
    before = pipeline.s3.head_object(Bucket=bucket, Key=key)
    renditions.retire([copy, StoredObject("v/none", b"", "image/jpeg", service.IMMUTABLE, "hash")], lambda: None)
    after = pipeline.s3.get_object(Bucket=bucket, Key=key)
    with after["Body"] as body:
        assert body.read() == b"bytes"
    for name in ("ContentType", "CacheControl", "Metadata", "ETag"):
        assert after[name] == before[name], name
    assert after["LastModified"] >= before["LastModified"]
    tags = pipeline.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    assert tags == [{"Key": "state", "Value": "replaced"}]
