"""Runs one worker at a time through the proxy, heals, and audits what is left."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from PIL import Image

from processor import keys, pyramid
from processor.recipe import Recipe
from scripts.chaos.proxy import Fault, Plan, Proxy
from scripts.chaos.report import Result
from scripts.demo import resources, servers

RECIPE = (
    '{"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"},'
    ' "webp": {"key": "webp/{stem}.webp"}}}]}'
)
"""Of the stream."""

WHOLE_RECIPE = RECIPE[:-1] + (
    ', "manifest": "manifest/{stem}.json", "tiles": {"key": "tiles/{stem}", "min_side": 1}, "retain_days": 1}'
)
"""Whatever a recipe can ask for, so that every kind of call is made."""

PATHS_PER_MONTH = 1_000_000
"""Of invalidations: more than any run needs."""

LEASE_SECONDS = 3
VISIBILITY_SECONDS = 4
HELD_BACK_SECONDS = 3600
"""What failed is delivered again when all faults are over, and not in the midst of another picture's run."""

EXPECTED = {
    "upload": "COMPLETE",
    "replace": "COMPLETE",
    "bad replacement": "REJECTED",
    "remove": "REMOVED",
    "hand over": "REMOVED",
}
SCENARIOS = tuple(EXPECTED)
"""What happens to a picture. Handed over is a stem: its owner is removed while another picture waits for it."""

BROKEN = {"announce": Fault.NONE, "delete": Fault.NONE, "order": Fault.KILLED_BEFORE}
"""Steps that are broken on purpose, and the fault under which that must show."""

MOST_CALLS = 60
DEADLINE_SECONDS = 900
HEALING_SECONDS = 60
"""A batch is invisible for so long while nothing goes wrong any more: nothing dies of a slow machine."""


@dataclass
class Case:
    """One picture, one fault at one call."""

    scenario: str
    fault: Fault
    at: int
    key: str
    call: str = ""
    calls: Sequence[str] = ()
    version_id: str | None = None
    before: dict[str, bytes] = field(default_factory=dict)

    @property
    def claimant(self) -> str:
        """Another picture of the same stem."""
        return f"{keys.stem(self.key)}.jpg"

    @property
    def removes(self) -> bool:
        """Whether the picture is gone in the end."""
        return EXPECTED[self.scenario] == "REMOVED"


class Subject:
    """The process that forks workers."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.chaos.subject"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def handle(self, event: dict[str, Any], arm: Any = None) -> dict[str, Any] | None:
        """Have an event handled by a fresh worker. None: it was killed."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the subject has no pipes")
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if arm is not None:
            arm(lambda: _kill(child))
        _wait_until_stopped(child)
        os.kill(child, signal.SIGCONT)
        done = json.loads(self._process.stdout.readline())
        answer: dict[str, Any] | None = None if done["killed"] else done["answer"]
        return answer

    def close(self) -> None:
        """End it."""
        if self._process.stdin is None:
            return
        self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


def _kill(child: int) -> None:
    """End a worker; a second call of its that was under way at the same time finds it gone."""
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _wait_until_stopped(child: int) -> None:
    """Until the worker has stopped itself."""
    while Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


@dataclass
class Harness:
    """An emulator, a proxy, a subject, and clients that go round the proxy.

    `direct` is the environment of a processor that goes round it as well.
    """

    clients: resources.Clients
    proxy: Proxy
    subject: Subject
    queue_url: str
    dead_letter_url: str
    events_url: str
    direct: dict[str, str]
    cloudfront: Any
    distribution_id: str
    announced: list[dict[str, Any]] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    invalidated: set[str] = field(default_factory=set)
    count: int = 0

    # -- running -----------------------------------------------------------------------------------------------------

    def run(self, faults: list[Fault], every: int) -> list[Result]:
        """Every fault at every call of every scenario; then let everything heal, and audit."""
        cases = [case for scenario in SCENARIOS for fault in faults for case in self._cases(scenario, fault, every)]
        self.heal()
        self.listen()
        self.invalidated = self._invalidated_paths()
        problems = {case.key: list(self._problems(case)) for case in cases}
        orphans = self.orphans()
        dead = self.waiting(self.dead_letter_url)
        if dead:
            raise RuntimeError(f"{dead} messages in the dead-letter queue, though every fault has ended")
        results = []
        for scenario in SCENARIOS:
            for fault in faults:
                hit = [case for case in cases if (case.scenario, case.fault) == (scenario, fault)]
                texts = [
                    f"{case.key} at {case.call}: {'; '.join(found)}" for case in hit if (found := problems[case.key])
                ]
                texts += [f"orphan {key}" for key in orphans if any(_belongs(key, case.key) for case in hit)]
                twice = sum(len(self._events_of(case)) > 1 for case in hit)
                kinds = frozenset(call for case in hit for call in case.calls)
                results.append(Result(scenario, fault, EXPECTED[scenario], len(hit), twice, texts, kinds))
        return results

    def _cases(self, scenario: str, fault: Fault, every: int) -> Iterator[Case]:
        for at in range(0, MOST_CALLS, every):
            case = self._prepared(scenario, fault, at)
            case.calls = calls = self._deliver(case)
            if fault is Fault.NONE:
                yield case
                return
            if at >= len(calls):
                return  # the path has no such call: the run was healthy
            case.call = calls[at]
            yield case

    def _prepared(self, scenario: str, fault: Fault, at: int) -> Case:
        self.count += 1
        case = Case(scenario, fault, at, f"chaos/{scenario.replace(' ', '-')}-{self.count}.png")
        if scenario != "upload":
            self._put(case, "red")
            self._deliver(Case(scenario, Fault.NONE, 0, case.key))
            case.before = self.stored(case.key)
        if scenario == "hand over":
            waiting = Case(scenario, Fault.NONE, 0, case.claimant)
            self._put(waiting, "green")
            self._deliver(waiting)
        if case.removes:
            self.clients.s3.delete_object(Bucket=resources.RAW_BUCKET, Key=case.key)
        else:
            self._put(case, "bad" if scenario == "bad replacement" else "blue")
        return case

    def _put(self, case: Case, what: str) -> None:
        body = b"no picture at all" if what == "bad" else picture(what)
        answer = self.clients.s3.put_object(Bucket=resources.RAW_BUCKET, Key=case.key, Body=body)
        case.version_id = answer["VersionId"]

    def _deliver(self, case: Case) -> list[str]:
        """Hand the message of a case to a worker, with its fault armed. Answers the calls that were made."""
        message = self._message_of(case.key)
        plan = Plan(case.fault, case.at, lambda: None, [])

        def arm(kill: Any) -> None:
            plan.kill = kill
            self.proxy.plan = plan

        answer = self.subject.handle(_event(message), arm)
        self._acknowledge(message, answer)
        self.proxy.plan = Plan(Fault.NONE, 0, lambda: None, [])
        return plan.calls

    def _message_of(self, key: str) -> dict[str, Any]:
        for _ in range(200):
            answer = self.clients.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=1, VisibilityTimeout=VISIBILITY_SECONDS
            )
            for message in answer.get("Messages", []):
                if _names(message, key):
                    return dict(message)
                self._hold_back(message["ReceiptHandle"])
            time.sleep(0.01)
        raise RuntimeError(f"no message of {key} came")

    def _acknowledge(self, message: dict[str, Any], answer: dict[str, Any] | None) -> None:
        if answer is not None and not answer["batchItemFailures"]:
            self.clients.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        else:
            self._hold_back(message["ReceiptHandle"])

    def _hold_back(self, handle: str) -> None:
        self.held_back.append(handle)
        self._show_after(handle, HELD_BACK_SECONDS)

    def _show_after(self, handle: str, seconds: int) -> None:
        self.clients.sqs.change_message_visibility(
            QueueUrl=self.queue_url, ReceiptHandle=handle, VisibilityTimeout=seconds
        )

    def heal(self) -> None:
        """Deliver until the queue is empty, with nothing going wrong any more."""
        for handle in self.held_back:
            self._show_after(handle, 0)
        self.held_back.clear()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            answer = self.clients.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=HEALING_SECONDS
            )
            messages = answer.get("Messages", [])
            if messages:
                event = {"Records": [record for message in messages for record in _event(dict(message))["Records"]]}
                done = self.subject.handle(event) or {"batchItemFailures": [{"itemIdentifier": "all"}]}
                failed = {each["itemIdentifier"] for each in done["batchItemFailures"]}
                for message in messages:
                    if message["MessageId"] not in failed:
                        self.clients.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
            elif self.waiting(self.queue_url) == 0:
                return
            else:
                time.sleep(0.1)
        raise RuntimeError("the queue did not become empty")

    def waiting(self, url: str) -> int:
        """Messages in a queue, those in flight and delayed included."""
        attributes = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(value) for name, value in attributes.items() if name.startswith("ApproximateNumberOfMessages"))

    # -- auditing ----------------------------------------------------------------------------------------------------

    def _problems(self, case: Case) -> Iterator[str]:
        record = self.record(case.key)
        if record is None:
            yield "no record"
            return
        if record["status"] != EXPECTED[case.scenario]:
            yield f"is {record['status']}"
        if case.removes:
            yield from self._left(case)
        else:
            yield from self._misplaced(case, record)
        if case.scenario == "replace" or case.removes:
            stable = keys.object_keys(Recipe.from_json(WHOLE_RECIPE), case.key)
            yield from (f"{key} was never invalidated" for key in stable if keys.url_path(key) not in self.invalidated)
        endings = [run for run in self.runs(case.key) if self._concerns(case, run)]
        if len(endings) != 1:
            yield f"ended {len(endings)} times"
        if not self._events_of(case):
            yield "was never announced"
        if "leaseToken" in record:
            yield "is still leased"

    def _left(self, case: Case) -> Iterator[str]:
        """What is wrong with the objects of a picture that is gone."""
        if case.scenario == "remove":
            if stored := self.stored(case.key):
                yield f"{sorted(stored)} are left"
            return
        heir = self.record(case.claimant)
        if heir is None or heir["status"] != "COMPLETE" or "announcedAt" not in heir:
            yield f"the record of the picture that waited is {heir}"
            return
        yield from self._misplaced(replace(case, key=case.claimant), heir)
        made = [run for run in self.runs(case.claimant) if run["status"] == "COMPLETE"]
        if len(made) != 1:
            yield f"the picture that waited ended {len(made)} times"

    def _misplaced(self, case: Case, record: dict[str, Any]) -> Iterator[str]:
        """What is wrong with the objects of a picture."""
        stored = self.stored(case.key)
        stable = _stable_keys(case.key)
        if not stable <= set(stored) or set(stored) != pyramid.expanded(record["objects"]):
            yield f"a partial set: {sorted(stored)}"
        if case.scenario == "bad replacement" and stored != case.before:
            yield "the earlier version is not what is served"
        if case.scenario == "replace":
            yield from self._overtaken(case, stored)
        sizes = {key: int(fmt["bytes"]) for fmt in record.get("formats", []) for key in _both(fmt["key"], record)}
        sizes[keys.manifest_key(Recipe.from_json(WHOLE_RECIPE), case.key) or ""] = int(record.get("manifestBytes", 0))
        if any(len(stored.get(key, b"")) != size for key, size in sizes.items()):
            yield "the record and the objects differ"

    def _overtaken(self, case: Case, stored: dict[str, bytes]) -> Iterator[str]:
        """What is served of the version before, but for its retired copies."""
        for key, body in case.before.items():
            if keys.version_of(key) is None:
                # all pictures have the same size, and so the same descriptor
                if stored.get(key) == body and not key.endswith(".dzi"):
                    yield f"an older version is served: {key}"
            elif stored.get(key) != body:
                yield f"{key} went at once"
            elif not self.clients.s3.get_object_tagging(Bucket=resources.PROCESSED_BUCKET, Key=key)["TagSet"]:
                yield f"{key} will never go"

    def _concerns(self, case: Case, run: dict[str, Any]) -> bool:
        return run["status"] == "REMOVED" if case.removes else run.get("versionId") == case.version_id

    def _events_of(self, case: Case) -> list[dict[str, Any]]:
        return [
            event
            for event in self.announced
            if event["imageId"] == case.key
            and event["status"] == EXPECTED[case.scenario]
            and (case.removes or event["versionId"] == case.version_id)
        ]

    def _invalidated_paths(self) -> set[str]:
        """Every path of every invalidation."""
        found: set[str] = set()
        pages = self.cloudfront.get_paginator("list_invalidations").paginate(DistributionId=self.distribution_id)
        for page in pages:
            for each in page["InvalidationList"].get("Items", []):
                answer = self.cloudfront.get_invalidation(DistributionId=self.distribution_id, Id=each["Id"])
                found.update(answer["Invalidation"]["InvalidationBatch"]["Paths"]["Items"])
        return found

    def listen(self) -> None:
        """Take up what was announced since."""
        while messages := self.clients.sqs.receive_message(QueueUrl=self.events_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self.announced.append(json.loads(message["Body"])["detail"])
                self.clients.sqs.delete_message(QueueUrl=self.events_url, ReceiptHandle=message["ReceiptHandle"])

    def record(self, key: str) -> dict[str, Any] | None:
        """The current record in plain values."""
        wanted = {"imageId": {"S": key}, "record": {"S": "current"}}
        item = self.clients.dynamodb.get_item(TableName=resources.TABLE, Key=wanted, ConsistentRead=True).get("Item")
        return _plain(item) if item else None

    def runs(self, key: str) -> list[dict[str, Any]]:
        """The history of a picture."""
        answer = self.clients.dynamodb.query(
            TableName=resources.TABLE,
            KeyConditionExpression="imageId = :key AND begins_with(#record, :run)",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":key": {"S": key}, ":run": {"S": "run#"}},
        )
        return [_plain(item) for item in answer["Items"]]

    def stored(self, key: str) -> dict[str, bytes]:
        """What is in the processed bucket of a picture. What no record lists is for `orphans` to find."""
        found = {}
        for each in _stable_keys(key) | pyramid.expanded((self.record(key) or {}).get("objects", ())):
            with suppress(self.clients.s3.exceptions.NoSuchKey):
                answer = self.clients.s3.get_object(Bucket=resources.PROCESSED_BUCKET, Key=each)
                found[each] = answer["Body"].read()
        return found

    def orphans(self) -> list[str]:
        """Objects that no record lists."""
        listed: set[str] = set()
        for page in self.clients.dynamodb.get_paginator("scan").paginate(TableName=resources.TABLE):
            for item in page["Items"]:
                listed |= pyramid.expanded(_plain(item).get("objects", ()))
        pages = self.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=resources.PROCESSED_BUCKET)
        return [entry["Key"] for page in pages for entry in page.get("Contents", []) if entry["Key"] not in listed]


def _stable_keys(key: str) -> set[str]:
    """Of a picture that is published by the recipe of the faults, but for its tiles."""
    recipe = Recipe.from_json(WHOLE_RECIPE)
    return {*keys.object_keys(recipe, key), pyramid.descriptor_key(keys.tiles_base(recipe, key) or "")}


def _both(key: str, record: dict[str, Any]) -> tuple[str, str]:
    """A rendition, and the copy of it that never changes."""
    return key, keys.versioned_key(record["version"], key)


def _belongs(object_key: str, key: str) -> bool:
    """Whether an object is one of a picture's, or of another one of its stem."""
    return re.search(rf"/{re.escape(keys.stem(key))}(\.|_files/)", object_key) is not None


def picture(colour: str) -> bytes:
    """A tiny PNG: its pyramid has three tiles."""
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), colour).save(buffer, "PNG")
    return buffer.getvalue()


def _plain(item: Any) -> dict[str, Any]:
    deserializer = TypeDeserializer()
    return {name: deserializer.deserialize(value) for name, value in item.items()}


def _names(message: Any, key: str) -> bool:
    return any(record["s3"]["object"]["key"] == key for record in json.loads(message["Body"]).get("Records", []))


def _event(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventSource": "aws:sqs",
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
            }
        ]
    }


@contextmanager
def laboratory(folder: Path, broken: str = "") -> Iterator[Harness]:
    """Emulator, proxy and subject, with the demo's resources."""
    port = servers.choose_port(None)
    direct = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{port}")
    with servers.emulator(port, folder / "emulator.log", direct), Proxy(port) as proxy:
        session = boto3.Session("test", "test", region_name=servers.REGION)
        url = f"http://{servers.HOST}:{port}"
        clients = resources.Clients(
            s3=session.client("s3", endpoint_url=url),
            sqs=session.client("sqs", endpoint_url=url),
            dynamodb=session.client("dynamodb", endpoint_url=url),
            events=session.client("events", endpoint_url=url),
        )
        queue_url = resources.create(clients)
        clients.sqs.set_queue_attributes(
            QueueUrl=queue_url,
            Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS), "ReceiveMessageWaitTimeSeconds": "0"},
        )
        through = servers.isolated_environment(os.environ, f"http://{servers.HOST}:{proxy.port}")
        environment = through | resources.worker_environment(queue_url, "cdn.example")
        cloudfront = session.client("cloudfront", endpoint_url=url)
        distribution_id = _distribution(cloudfront)
        environment |= {
            "LEASE_SECONDS": str(LEASE_SECONDS), "RECIPE": WHOLE_RECIPE, "CHAOS_BREAK": broken,
            "DISTRIBUTION_ID": distribution_id, "INVALIDATION_PATHS_PER_MONTH": str(PATHS_PER_MONTH),
            "REMOVAL_PATHS_PER_MONTH": str(PATHS_PER_MONTH),
        }  # fmt: skip
        subject = Subject(environment, folder / "subject.log")
        try:
            dead_letter_url = clients.sqs.get_queue_url(QueueName=resources.DEAD_LETTER_QUEUE)["QueueUrl"]
            direct |= resources.worker_environment(queue_url, "cdn.example")
            events_url = _events_queue(clients)
            yield Harness(
                clients, proxy, subject, queue_url, dead_letter_url, events_url, direct, cloudfront, distribution_id
            )
        finally:
            subject.close()


def _distribution(cloudfront: Any) -> str:
    origin = {"Id": "o", "DomainName": "origin.example", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "-"}
    configuration = {
        "CallerReference": "chaos",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behaviour,
    }
    return str(cloudfront.create_distribution(DistributionConfig=configuration)["Distribution"]["Id"])


def _events_queue(clients: resources.Clients) -> str:
    url = clients.sqs.create_queue(QueueName="chaos-events")["QueueUrl"]
    arn = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["img-pipeline"]})
    clients.events.put_rule(Name="everything", EventBusName=resources.EVENT_BUS, EventPattern=pattern)
    clients.events.put_targets(
        Rule="everything", EventBusName=resources.EVENT_BUS, Targets=[{"Id": "queue", "Arn": arn}]
    )
    return url
