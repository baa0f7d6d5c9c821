"""A pipeline on an emulator of its own with a worker, and the command line that talks to it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from processor.recipe import Recipe
from scripts.demo import resources, servers
from tests.emulator import Pipeline, ministack, pipeline_on
from tests.helpers import small_recipe

RECIPE_TEXT = (
    '{"sizes": [{"name": "small", "width": 64, "height": 64, "formats": {"jpeg": {"key": "s/{stem}.jpg"},'
    ' "webp": {"key": "s/{stem}.webp"}, "avif": {"key": "s/{stem}.avif"}}}]}'
)


@dataclass(frozen=True)
class Deployed:
    """A pipeline with a worker, and the file that names it to the command line."""

    pipeline: Pipeline
    stack: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own."""
        command = [sys.executable, "-m", "processor", *arguments, "--stack", str(self.stack)]
        environment = dict(self.pipeline.environment)
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603

    def dead_letters(self) -> str:
        """URL of the dead-letter queue."""
        return self.pipeline.sqs.get_queue_url(QueueName=resources.DEAD_LETTER_QUEUE)["QueueUrl"]

    def wipe_table(self) -> None:
        """Lose the whole table."""
        for page in self.pipeline.dynamodb.get_paginator("scan").paginate(TableName=resources.TABLE):
            for item in page["Items"]:
                key = {"imageId": item["imageId"], "record": item["record"]}
                self.pipeline.dynamodb.delete_item(TableName=resources.TABLE, Key=key)

    def wipe(self) -> None:
        """Lose the whole table and the whole processed bucket."""
        self.wipe_table()
        for rendition in self.pipeline.published(""):
            self.pipeline.s3.delete_object(Bucket=resources.PROCESSED_BUCKET, Key=rendition)


@contextmanager
def deployed_in(folder: Path, **settings: str) -> Iterator[Deployed]:
    """An empty one. The worker has a distribution to invalidate only if it is given settings of its own."""
    with ministack(folder) as environment:
        pipeline = pipeline_on(environment)
        identity = distribution(environment)
        outputs = {
            "table_name": resources.TABLE,
            "raw_bucket": resources.RAW_BUCKET,
            "processed_bucket": resources.PROCESSED_BUCKET,
            "queue_url": pipeline.queue_url,
            "dead_letter_queue_url": pipeline.sqs.get_queue_url(QueueName=resources.DEAD_LETTER_QUEUE)["QueueUrl"],
            "recipe": RECIPE_TEXT,
            "cdn_domain": "cdn.example",
            "region": servers.REGION,
            "distribution_id": identity,
        }
        stack = folder / "stack.json"
        stack.write_text(json.dumps({name: {"value": value} for name, value in outputs.items()}))
        assert Recipe.from_json(RECIPE_TEXT) == small_recipe()
        worker_environment = {
            **environment,
            **resources.worker_environment(pipeline.queue_url, "cdn.example"),
            "RECIPE": RECIPE_TEXT,
            **({"DISTRIBUTION_ID": identity} if settings else {}),
            **settings,
        }
        with servers.worker(folder / "worker.log", worker_environment):
            yield Deployed(pipeline, stack)


def cloudfront(environment: Mapping[str, str]) -> Any:
    """A client on the emulator."""
    session: Any = boto3.Session("test", "test", region_name=servers.REGION)
    return session.client("cloudfront", endpoint_url=environment["AWS_ENDPOINT_URL"])


def distribution(environment: Mapping[str, str]) -> str:
    """Id of a new distribution."""
    origin = {"Id": "o", "DomainName": "origin.example", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "-"}
    configuration = {
        "CallerReference": "repair",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behaviour,
    }
    answer = cloudfront(environment).create_distribution(DistributionConfig=configuration)
    return str(answer["Distribution"]["Id"])


def invalidated(deployed: Deployed) -> list[list[str]]:
    """The paths of every invalidation."""
    client = cloudfront(deployed.pipeline.environment)
    identity = json.loads(deployed.stack.read_text())["distribution_id"]["value"]
    found = client.list_invalidations(DistributionId=identity)["InvalidationList"].get("Items", [])
    batches = [client.get_invalidation(DistributionId=identity, Id=each["Id"])["Invalidation"] for each in found]
    return [each["InvalidationBatch"]["Paths"]["Items"] for each in batches]
