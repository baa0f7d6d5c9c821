"""The real Terraform and the real image, on an emulator that enforces IAM."""

import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from processor.commands.verify import TERRAFORMS_OWN
from scripts.demo import servers
from tests.base import base_image
from tests.registry import running_registry
from tests.requirements import need
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]

COPIED = ("terraform", "scripts", "processor", "docker", "requirements.txt", ".dockerignore", ".gitignore")
"""What a deployment is made from. Copied, so that a test leaves no state in the checkout."""

ENVIRONMENT = "local"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of the project, the emulator that its scripts deploy to, and its clients.

    Attributes:
        folder: of the copy.
        environment: in which Terraform, the SDK and the scripts find the emulator.
        port: of the emulator's gateway.
    """

    folder: Path
    environment: Mapping[str, str]
    port: int

    def client(self, service: str, region: str = servers.REGION) -> Any:
        """A boto3 client, as the emulator's root user."""
        session: Any = boto3.Session(
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=region,
        )
        return session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    def script(self, name: str, *arguments: str, **extra: str) -> str:
        """Run one of the project's scripts in the copy and answer what it printed."""
        return self.run(str(self.folder / "scripts" / name), *arguments, **extra)

    def run(self, *command: str, **extra: str) -> str:
        """Run a command in the copy; a failure shows the end of what it said."""
        done = self.attempt(*command, **extra)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-6000:]}"
        return done.stdout

    def attempt(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy, whatever comes of it."""
        environment = {
            **self.environment,
            "PYTHON": sys.executable,
            "NO_COLOR": "1",
            "TF_CLI_ARGS": "-no-color",
            **extra,
        }
        return subprocess.run(  # noqa: S603 - the project's own commands
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def http(self, host: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET through the emulator's gateway, unsigned."""
        connection = http.client.HTTPConnection(servers.HOST, self.port, timeout=30)
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


@dataclass(frozen=True, slots=True)
class Stack:
    """What was deployed.

    Attributes:
        checkout: where from and where to.
        image: the image that it was deployed with.
        outputs: of Terraform, by name.
        events: everything that was announced, as it is received.
    """

    checkout: Checkout
    image: str
    outputs: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)

    def upload(self, key: str, body: bytes) -> None:
        """Put a file into the raw bucket."""
        self.checkout.client("s3").put_object(Bucket=self.outputs["raw_bucket"], Key=key, Body=body)

    def record(self, key: str) -> dict[str, Any]:
        """The picture's `current` item in plain values, or an empty one."""
        item = self.checkout.client("dynamodb").get_item(
            TableName=self.outputs["table_name"],
            Key={"imageId": {"S": key}, "record": {"S": "current"}},
            ConsistentRead=True,
        )
        deserializer = TypeDeserializer()
        return {name: deserializer.deserialize(value) for name, value in item.get("Item", {}).items()}

    def settled(self, key: str, status: str) -> dict[str, Any]:
        """Wait until a picture is in a state, and answer its record."""
        return wait_for(
            lambda: record if (record := self.record(key)).get("status") == status else None,
            f"{key!r} to be {status}",
            lambda: f"its record is {self.record(key)}; the function's log: {self.log()}",
            seconds=90,
        )

    def event(self, key: str, kind: str) -> dict[str, Any]:
        """Wait until an event was announced."""
        return wait_for(lambda: self._look(key, kind), f"{kind} of {key!r}", lambda: f"announced were {self.events}")

    def _look(self, key: str, kind: str) -> dict[str, Any] | None:
        sqs = self.checkout.client("sqs")
        url = sqs.get_queue_url(QueueName="announced")["QueueUrl"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            self.events.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found = (each for each in self.events if each["detail-type"] == kind and each["detail"]["imageId"] == key)
        return next(found, None)

    def processed_keys(self) -> set[str]:
        """What pictures have in the processed bucket. Terraform keeps some objects there as well."""
        pages = (
            self.checkout.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self.outputs["processed_bucket"])
        )
        return {item["Key"] for page in pages for item in page.get("Contents", [])} - TERRAFORMS_OWN

    def cdn(self, path: str, accept: str | None = None, scheme: str = "https") -> Answer:
        """GET from the distribution."""
        headers = {"X-Forwarded-Proto": scheme} | ({"Accept": accept} if accept else {})
        return self.checkout.http(self.outputs["cdn_domain"], path, headers)

    def messages(self) -> int:
        """Messages in the ingest and the dead-letter queue, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.checkout.client("sqs")
        return sum(
            int(value)
            for queue in ("queue_url", "dead_letter_queue_url")
            for value in sqs.get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)[
                "Attributes"
            ].values()
        )

    def function(self) -> dict[str, Any]:
        """The configuration and code that the alias `live` runs."""
        answer: dict[str, Any] = self.checkout.client("lambda").get_function(
            FunctionName=self.outputs["function_name"], Qualifier="live"
        )
        return answer

    def log(self) -> list[str]:
        """The newest lines of the function's log, for failures."""
        events = self.checkout.client("logs").filter_log_events(logGroupName=self.outputs["log_group_name"])["events"]
        return [event["message"] for event in events[-20:]]


def terraform_present() -> None:
    """Skip or fail without Terraform."""
    need("terraform", present=shutil.which("terraform") is not None, how="Install Terraform 1.10 or newer.")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of the project, and an emulator that enforces IAM."""
    terraform_present()
    answers = shutil.which("docker") is not None and (
        subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0  # noqa: S607
    )
    need("docker", present=answers, how="Install Docker Engine or Docker Desktop and start it.")
    folder = tmp_path_factory.mktemp("checkout")
    copy_project(folder)
    port = servers.choose_port(None)
    environment = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
    enforcing = {**servers.FOR_CONTAINERS, "AUTH": "true"}
    with servers.emulator(port, folder / "emulator.log", environment, enforcing):
        yield Checkout(folder, environment | base_image(), port)


@pytest.fixture(scope="session")
def bare_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack with all permissions that variables can add, on an emulator without Docker: nothing runs."""
    terraform_present()
    folder = tmp_path_factory.mktemp("bare")
    copy_project(folder)
    port = servers.choose_port(None)
    environment = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
    with servers.emulator(port, folder / "emulator.log", environment, {**servers.LOOPBACK_ONLY, "AUTH": "true"}):
        yield applied(Checkout(folder, environment, port))


TERRAFORM = ("terraform", "-chdir=terraform")
VARIABLES = (
    "-input=false", f"-var-file=environments/{ENVIRONMENT}.tfvars", "-var=image_uri=img-pipeline:none",
    "-var=processing_enabled=false", '-var=alarm_receivers=["on-call@example.org"]',
)  # fmt: skip
"""With an image that does not exist, so stopped: the queue calls nobody."""


def applied(checkout: Checkout) -> Stack:
    """Terraform's own apply."""
    checkout.run(*TERRAFORM, "init", "-input=false")
    checkout.run(*TERRAFORM, "workspace", "select", "-or-create", ENVIRONMENT)
    checkout.run(*TERRAFORM, "apply", "-auto-approve", "-parallelism=30", *VARIABLES, "-var=tracing=true")
    text = checkout.run(*TERRAFORM, "output", "-json")
    (checkout.folder / "stack.json").write_text(text)
    return Stack(checkout, "img-pipeline:none", {name: output["value"] for name, output in json.loads(text).items()})


def planned(checkout: Checkout, *variables: str) -> dict[str, dict[str, Any]]:
    """What another apply with other variables would make of every resource, by its address."""
    checkout.run(*TERRAFORM, "plan", "-out=other.plan", *VARIABLES, "-var=tracing=true", *variables)
    plan = json.loads(checkout.run(*TERRAFORM, "show", "-json", "other.plan"))
    return {each["address"]: each["change"]["after"] for each in plan["resource_changes"]}


def copy_project(folder: Path) -> None:
    """Copy what a deployment is made from. scripts/image asks git which files those are."""
    ignore = shutil.ignore_patterns(".terraform", "terraform.tfstate*", "__pycache__", "backend_override.tf")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)  # noqa: S603, S607


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine: HOST:PORT."""
    with running_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def stack(checkout: Checkout) -> Stack:
    """The whole stack, deployed by the project's own scripts, with the image by its local tag."""
    image = checkout.script("image").splitlines()[-1]
    checkout.script("deploy", ENVIRONMENT, "--image", image)
    outputs = json.loads((checkout.folder / "build" / ENVIRONMENT / "stack.json").read_text())
    stack = Stack(checkout, image, {name: output["value"] for name, output in outputs.items()})
    listen(stack)
    return stack


def listen(stack: Stack) -> None:
    """Have everything that the pipeline announces sent to a queue of the test's own."""
    sqs, events = stack.checkout.client("sqs"), stack.checkout.client("events")
    url = sqs.create_queue(QueueName="announced")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    bus = stack.outputs["event_bus_name"]
    events.put_rule(Name="everything", EventBusName=bus, EventPattern=json.dumps({"source": ["img-pipeline"]}))
    events.put_targets(Rule="everything", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])


def stop_listening(stack: Stack) -> None:
    """Take back what `listen` made."""
    sqs, events = stack.checkout.client("sqs"), stack.checkout.client("events")
    bus = stack.outputs["event_bus_name"]
    events.remove_targets(Rule="everything", EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name="everything", EventBusName=bus)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="announced")["QueueUrl"])
