"""What stands in the way of destroying a stack, and what would be lost: looked at before anything is deleted."""

from collections.abc import Iterator
from typing import Any

from scripts.stacktools.ownership import instances
from scripts.stacktools.state_bucket import aws_errors, client, code_of

GONE = {
    "404",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "RepositoryNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
}
"""Codes of an error that says that there is nothing: a destroy that was cut off got so far."""

COUNTED = 1000
"""Objects that are counted at most."""

OWN_KEY = "_missing/picture"
"""The one object that Terraform itself put into a bucket, and deletes."""


def obstacles(state: dict[str, Any]) -> list[str]:
    """What refuses to be deleted, a sentence each. What cannot be looked at counts as one."""
    return [*_guards(state), *_tables(state), *_buckets(state), *_registries(state)]


def is_filled(bucket: str, region: str) -> bool:
    """Whether a bucket holds anything, or cannot be looked at."""
    return bool(_objects({"bucket": bucket, "region": region}))


def losses(state: dict[str, Any]) -> list[str]:
    """What will be gone for good, a line each."""
    return list(_losses(state))


def _losses(state: dict[str, Any]) -> Iterator[str]:
    for bucket in instances(state, "aws_s3_bucket"):
        yield f"bucket {bucket['bucket']}: {_objects(bucket) or 'empty'}"
    for table in instances(state, "aws_dynamodb_table"):
        yield f"table {table['name']}, with every record and its backups"
    for queue in instances(state, "aws_sqs_queue"):
        yield f"queue {queue['name']}: {_messages(queue)}"
    for distribution in instances(state, "aws_cloudfront_distribution"):
        names = [distribution["domain_name"], *(distribution.get("aliases") or [])]
        yield f"{' and '.join(names)}: no longer served"
    for repository in instances(state, "aws_ecr_repository"):
        yield f"registry {repository['name']}: {_images(repository) or 'empty'}"


def _guards(state: dict[str, Any]) -> Iterator[str]:
    """What Terraform itself will not go past."""
    for resource in state.get("resources", []):
        if resource["type"] == "terraform_data" and resource.get("module") == "module.guard":
            for instance in resource["instances"]:
                if not instance["attributes"]["output"]["value"]["allowed"]:
                    yield "the stack was deployed with force_destroy = false"


def _tables(state: dict[str, Any]) -> Iterator[str]:
    for table in instances(state, "aws_dynamodb_table"):
        region = table["arn"].split(":")[3]
        try:
            found = client("dynamodb", region).describe_table(TableName=table["name"])["Table"]
        except aws_errors() as exc:
            if code_of(exc) not in GONE:
                yield f"the table {table['name']} cannot be looked at ({code_of(exc)})"
            continue
        if found.get("DeletionProtectionEnabled"):
            yield f"the table {table['name']} is protected from being deleted"


def _buckets(state: dict[str, Any]) -> Iterator[str]:
    for bucket in instances(state, "aws_s3_bucket"):
        held = "" if bucket["force_destroy"] else _objects(bucket)
        if held:
            yield f"the bucket {bucket['bucket']} holds {held}"


def _registries(state: dict[str, Any]) -> Iterator[str]:
    for repository in instances(state, "aws_ecr_repository"):
        held = "" if repository["force_delete"] else _images(repository)
        if held:
            yield f"the registry {repository['name']} holds {held}"


def _objects(bucket: dict[str, Any]) -> str:
    """How much is in a bucket, in words; empty if it is empty or gone."""
    count = 0
    try:
        pages = client("s3", bucket["region"]).get_paginator("list_object_versions").paginate(Bucket=bucket["bucket"])
        for page in pages:
            versions = page.get("Versions", []) + page.get("DeleteMarkers", [])
            count += sum(version["Key"] != OWN_KEY for version in versions)
            if count >= COUNTED:
                return f"{COUNTED:,} objects or more"
    except aws_errors() as exc:
        return "" if code_of(exc) in GONE else f"what cannot be looked at ({code_of(exc)})"
    return f"{count} object{'s' if count > 1 else ''}, old versions included" if count else ""


def _messages(queue: dict[str, Any]) -> str:
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    region = queue["arn"].split(":")[3]
    try:
        answer = client("sqs", region).get_queue_attributes(QueueUrl=queue["url"], AttributeNames=names)["Attributes"]
    except aws_errors() as exc:
        return f"cannot be looked at ({code_of(exc)})"
    return f"{sum(int(value) for value in answer.values())} messages"


def _images(repository: dict[str, Any]) -> str:
    region = repository["arn"].split(":")[3]
    try:
        answer = client("ecr", region).describe_images(repositoryName=repository["name"])["imageDetails"]
    except aws_errors() as exc:
        return "" if code_of(exc) in GONE else f"what cannot be looked at ({code_of(exc)})"
    return f"{len(answer)} images or more" if answer else ""
