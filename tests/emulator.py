"""The emulators that integration tests run on, and a view of the pipeline's resources on them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer
from localstack_client.session import Session as LocalStackSession

from scripts.demo import resources, servers
from tests.requirements import need
from tests.waiting import wait_for

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LOCALSTACK_IMAGE = "localstack/localstack:4.14.0"  # the last that needs no account
EVENTS_QUEUE = "img-pipeline-test-events"


@contextmanager
def ministack(directory: Path) -> Iterator[dict[str, str]]:
    """MiniStack from PyPI, in a process of its own. Yields the environment in which the SDK finds it."""
    port = servers.choose_port(None)
    environment = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
    with servers.emulator(port, directory / "emulator.log", environment):
        yield environment


@contextmanager
def localstack(_directory: Path) -> Iterator[dict[str, str]]:
    """LocalStack in a container, where its image can be had."""
    docker = shutil.which("docker")
    present = docker is not None and any(
        subprocess.run([docker, *command, LOCALSTACK_IMAGE], capture_output=True, check=False).returncode == 0  # noqa: S603
        for command in (("image", "inspect"), ("pull",))
    )
    need("docker", present=present, how=f"Start Docker on a machine that can pull {LOCALSTACK_IMAGE}.")
    from testcontainers.community.localstack import LocalStackContainer  # noqa: PLC0415  # it looks for Docker at once

    with LocalStackContainer(image=LOCALSTACK_IMAGE, region_name=servers.REGION) as container:
        yield servers.isolated_environment(os.environ, container.get_url())


@contextmanager
def external(_directory: Path) -> Iterator[dict[str, str]]:
    """Whatever answers at AWS_ENDPOINT_URL, and at AWS_ENDPOINT_URL_<SERVICE> where that is set."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        pytest.fail("EMULATOR=external needs AWS_ENDPOINT_URL to point at a running emulator")
    own = {name: value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL_")}
    yield servers.isolated_environment(os.environ, endpoint) | own


EMULATORS = {"ministack": ministack, "localstack": localstack, "external": external}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The pipeline's resources on an emulator, and what a test asks of them.

    Attributes:
        environment: in which the SDK finds the emulator.
        s3: a client.
        sqs: a client.
        dynamodb: a client.
        queue_url: of the ingest queue.
        events_queue_url: of a queue that receives everything announced on the bus.
        seen: the events received so far.
    """

    environment: Mapping[str, str]
    s3: "S3Client"
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    queue_url: str
    events_queue_url: str
    seen: list[dict[str, Any]] = field(default_factory=list)

    def upload(self, key: str, body: bytes) -> None:
        """Put a picture into the raw bucket."""
        self.s3.put_object(Bucket=resources.RAW_BUCKET, Key=key, Body=body)

    def remove(self, key: str) -> None:
        """Put a delete marker on a picture in the raw bucket."""
        self.s3.delete_object(Bucket=resources.RAW_BUCKET, Key=key)

    def record(self, key: str) -> dict[str, Any] | None:
        """The `current` item of a picture, in plain values."""
        wanted = {"imageId": {"S": key}, "record": {"S": "current"}}
        item = self.dynamodb.get_item(TableName=resources.TABLE, Key=wanted, ConsistentRead=True).get("Item")
        return _plain(item) if item else None

    def history(self, key: str) -> list[dict[str, Any]]:
        """The `run#` items of a picture, oldest first."""
        answer = self.dynamodb.query(
            TableName=resources.TABLE,
            KeyConditionExpression="imageId = :key AND begins_with(#record, :run)",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":key": {"S": key}, ":run": {"S": "run#"}},
        )
        return [_plain(item) for item in answer["Items"]]

    def settled(self, key: str, status: str, version_id: str | None = None) -> dict[str, Any]:
        """Wait until a picture's record is announced and in this state, of this version if one is named."""

        def look() -> dict[str, Any] | None:
            record = self.record(key)
            if not record or record["status"] != status or "announcedAt" not in record:
                return None
            return record if version_id in (None, record.get("versionId")) else None

        return wait_for(look, f"{key!r} to be {status}", lambda: f"its record is {self.record(key)}")

    def published(self, text: str) -> set[str]:
        """Keys in the processed bucket that hold this text."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=resources.PROCESSED_BUCKET)
        return {entry["Key"] for page in pages for entry in page.get("Contents", []) if text in entry["Key"]}

    def event(self, key: str, detail_type: str) -> dict[str, Any]:
        """Wait for an event to be announced of a key."""

        def look() -> dict[str, Any] | None:
            answer = self.sqs.receive_message(QueueUrl=self.events_queue_url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self.seen.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.events_queue_url, ReceiptHandle=message["ReceiptHandle"])
            found = (
                event
                for event in self.seen
                if event["detail-type"] == detail_type and event["detail"]["imageId"] == key
            )
            return next(found, None)

        return wait_for(look, f"{detail_type} of {key!r}", lambda: f"events so far: {self.seen}")

    def messages_left(self) -> int:
        """Messages in the ingest queue, those in flight and delayed included."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return sum(int(value) for name, value in attributes.items() if name.startswith("ApproximateNumberOfMessages"))


def pipeline_on(environment: Mapping[str, str]) -> Pipeline:
    """Make the demo's resources on an emulator, and a queue that listens to the event bus."""
    endpoint = environment["AWS_ENDPOINT_URL"]
    access_key, secret_key = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    # localstack-client addresses every service at one host and port, which MiniStack's gateway answers just as well
    local = LocalStackSession(
        access_key, secret_key, region_name=servers.REGION, localstack_host=urlsplit(endpoint).netloc
    )
    elsewhere = boto3.Session(access_key, secret_key, region_name=servers.REGION)
    clients = resources.Clients(
        s3=local.client("s3"),
        sqs=local.client("sqs"),
        dynamodb=elsewhere.client("dynamodb", endpoint_url=environment.get("AWS_ENDPOINT_URL_DYNAMODB", endpoint)),
        events=local.client("events"),
    )
    queue_url = resources.create(clients)
    events_queue_url = clients.sqs.create_queue(QueueName=EVENTS_QUEUE)["QueueUrl"]
    attributes = clients.sqs.get_queue_attributes(QueueUrl=events_queue_url, AttributeNames=["QueueArn"])["Attributes"]
    clients.events.put_rule(
        Name="everything", EventBusName=resources.EVENT_BUS, EventPattern=json.dumps({"source": ["img-pipeline"]})
    )
    clients.events.put_targets(
        Rule="everything",
        EventBusName=resources.EVENT_BUS,
        Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}],
    )
    return Pipeline(environment, clients.s3, clients.sqs, clients.dynamodb, queue_url, events_queue_url)


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    deserializer = TypeDeserializer()
    return {name: deserializer.deserialize(value) for name, value in item.items()}
