"""The commands of docs/runbook.md, as written there, on the applied stack with a worker in the function's place."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from processor import keys
from processor.aws.dynamodb import DynamoDBRecords
from processor.recipe import Recipe
from scripts.demo import servers
from tests import helpers
from tests.requirements import need
from tests.stack.conftest import ROOT, Stack
from tests.waiting import wait_for

KEY = "folder/photo.jpg"
OTHER = "2019/a b+ü.jpg"
RESCUED = "rescued/photo.jpg"
OLDEST_VERSION_2 = (2, 13)
"""Of the aws command, that heeds AWS_ENDPOINT_URL."""


@dataclass
class Bench:
    """A stack with two published pictures, and a shell in which the runbook's variables are set.

    Attributes:
        stack: without its function.
        environment: of the shell.
        prelude: the page's first block.
        printed: by the last block.
        lost: items that the table had when it was lost.
        renditions: of both pictures.
    """

    stack: Stack
    environment: dict[str, str]
    prelude: str
    printed: str = ""
    lost: int = 0
    renditions: set[str] = field(default_factory=set)

    def paste(self, block: str) -> None:
        """Run a block as a person would who pasted it; only `verify` may end with 3, which means it found something."""
        done = subprocess.run(  # noqa: S603
            ["bash", "-uo", "pipefail", "-c", f"set -e\n{self.prelude}\n{block}"],  # noqa: S607
            cwd=self.stack.checkout.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.printed = done.stdout
        allowed = (0, 3) if block.strip().splitlines()[-1].startswith("img-pipeline verify") else (0,)
        assert done.returncode in allowed, f"{block}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"

    def client(self, service: str) -> Any:
        """A client as the stack's owner."""
        return self.stack.checkout.client(service)

    def versions(self, kind: str) -> list[dict[str, Any]]:
        """Versions or DeleteMarkers of the picture in question, the newest first."""
        answer = self.client("s3").list_object_versions(Bucket=self.stack.outputs["raw_bucket"], Prefix=KEY)
        found: list[dict[str, Any]] = answer.get(kind, [])
        return found

    def clean(self) -> None:
        """Wait until verify finds nothing."""

        def look() -> bool | None:
            self.paste('img-pipeline verify --stack "$STACK"')
            return "nothing differs" in self.printed or None

        wait_for(look, "verify to find nothing", lambda: self.printed)

    def wipe_table(self) -> int:
        """Lose every record. Answers how many there were."""
        dynamodb, table = self.client("dynamodb"), self.stack.outputs["table_name"]
        items = dynamodb.scan(TableName=table)["Items"]
        for item in items:
            dynamodb.delete_item(TableName=table, Key={"imageId": item["imageId"], "record": item["record"]})
        return len(items)

    def wipe_renditions(self) -> None:
        """Lose every rendition."""
        for key in self.stack.processed_keys():
            self.client("s3").delete_object(Bucket=self.stack.outputs["processed_bucket"], Key=key)


def blocks() -> list[tuple[str, str]]:
    """The title of its section and the text of every fenced block, in order; those in lists are indented."""
    page = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    found = []
    for section in re.split(r"^## ", page, flags=re.MULTILINE):
        title = section.partition("\n")[0]
        found += [
            (title, block) for _, block in re.findall(r"^( *)```\n(.*?)^\1```$", section, re.MULTILINE | re.DOTALL)
        ]
    return found


@pytest.fixture(scope="module")
def bench(bare_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Two pictures, published by a worker."""
    for tool, how in (("aws", "Install the AWS command line."), ("jq", "Install jq.")):
        need(tool, present=shutil.which(tool) is not None, how=how)
    folder = tmp_path_factory.mktemp("runbook")
    command = folder / "img-pipeline"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m processor \"$@\"\n")
    command.chmod(0o755)
    environment = {**bare_stack.checkout.environment, "PATH": f"{folder}:{os.environ['PATH']}", "AWS_PAGER": ""}
    (_, prelude), (_, for_version_1) = blocks()[:2]
    if aws_version() < OLDEST_VERSION_2:
        prelude += for_version_1
    ssm = bare_stack.checkout.client("ssm")
    for kept in ("stack", "recipe"):  # under the name that the page has
        value = ssm.get_parameter(Name=f"/{bare_stack.outputs['stack_name']}/{kept}")["Parameter"]["Value"]
        ssm.put_parameter(Name=f"/img-pipeline-prod/{kept}", Value=value, Type="String")
    empty(bare_stack)
    configuration = bare_stack.checkout.client("lambda").get_function_configuration(
        FunctionName=bare_stack.outputs["function_name"]
    )
    variables = configuration["Environment"]["Variables"] | {"LEASE_SECONDS": "20"}
    with servers.worker(folder / "worker.log", {**bare_stack.checkout.environment, **variables}):
        for key in (KEY, OTHER):
            bare_stack.upload(key, helpers.saved(helpers.corners(), "JPEG"))
        for key in (KEY, OTHER):
            bare_stack.settled(key, "COMPLETE")
        yield Bench(bare_stack, environment, prelude, renditions=bare_stack.processed_keys())


def aws_version() -> tuple[int, ...]:
    """Of the command on the path: a version that the page says to work, or the test fails."""
    said = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    match = re.match(r"aws-cli/(\d+)\.(\d+)", said)
    assert match, f"the aws command calls itself {said!r}"
    version = int(match[1]), int(match[2])
    if version[0] != 1 and version < OLDEST_VERSION_2:
        pytest.fail(f"aws {version} does not heed AWS_ENDPOINT_URL; install version 2.13 or later, as the runbook says")
    return version


def empty(stack: Stack) -> None:
    """Forget what other tests have left."""
    s3, sqs = stack.checkout.client("s3"), stack.checkout.client("sqs")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=stack.outputs["raw_bucket"]):
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=stack.outputs["raw_bucket"], Key=each["Key"], VersionId=each["VersionId"])
    bench = Bench(stack, {}, "")
    bench.wipe_table()
    bench.wipe_renditions()
    for queue in ("queue_url", "dead_letter_queue_url"):
        sqs.purge_queue(QueueUrl=stack.outputs[queue])


# -- what is arranged before a block, and looked at after it -----------------------------------------------------------


def nothing(_bench: Bench) -> None:
    """Nothing to arrange."""


def aws_reaches_the_stack(bench: Bench) -> None:
    """The service that version 1 would look for elsewhere is the emulator's."""
    bench.paste("aws sqs list-queues")
    assert bench.stack.outputs["queue_url"].rpartition("/")[2] in bench.printed


def shows_status(bench: Bench) -> None:
    """It says what was published, with its URLs, and by which run."""
    assert f"{KEY}: 1 run, newest first" in bench.printed
    assert f"{KEY}: COMPLETE" in bench.printed
    assert keys.url(bench.stack.outputs["cdn_domain"], keys.rendition_keys(Recipe.default(), KEY)[0]) in bench.printed


def is_removed(bench: Bench) -> None:
    """The picture goes."""
    bench.stack.settled(KEY, "REMOVED")


def still_served(bench: Bench) -> None:
    """A removal of which the CDN could not be told, as the processor records it."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    records = DynamoDBRecords(bench.stack.checkout.client("dynamodb"), bench.stack.outputs["table_name"])
    record = records.get(KEY)
    assert record is not None
    waiting = replace(
        record,
        removed=frozenset({f"full/{keys.stem(KEY)}.jpg"}),
        updated_at=datetime.now(UTC),
        aged_at=datetime.fromisoformat(tomorrow),
        sweep=1,
    )
    records.release(records.acquire(KEY, frozenset(), 60), waiting)


def waits_for_the_cdn(bench: Bench) -> None:
    """The picture is named."""
    assert "1 removed, and the CDN may still serve them" in bench.printed
    assert f"    {KEY}\n" in bench.printed


def cdn_was_told(bench: Bench) -> None:
    """The repair has everything forgotten, and nothing is served any more."""
    assert f"still_served   {KEY}" in bench.printed
    records = DynamoDBRecords(bench.stack.checkout.client("dynamodb"), bench.stack.outputs["table_name"])
    wait_for(lambda: ((found := records.get(KEY)) and not found.removed) or None, "the CDN to be told")


def is_published(bench: Bench) -> None:
    """The picture is there, whole."""
    bench.stack.settled(KEY, "COMPLETE")
    wait_for(lambda: bench.stack.processed_keys() == bench.renditions or None, "all renditions")


def undelete(bench: Bench) -> None:
    """The delete marker goes, of which there is no event."""
    marker = bench.versions("DeleteMarkers")[0]["VersionId"]
    bench.client("s3").delete_object(Bucket=bench.stack.outputs["raw_bucket"], Key=KEY, VersionId=marker)


def reject_by_an_older_function(bench: Bench) -> None:
    """One picture was rejected by another version of the function; this one accepts it."""
    bench.client("dynamodb").update_item(
        TableName=bench.stack.outputs["table_name"],
        Key={"imageId": {"S": KEY}, "record": {"S": "current"}},
        UpdateExpression="SET #status = :rejected, functionVersion = :older",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":rejected": {"S": "REJECTED"}, ":older": {"S": "0"}},
    )


def rejected_is_published(bench: Bench) -> None:
    """It alone was asked for, and judged anew."""
    assert "1 queued" in bench.printed
    is_published(bench)


def kill_messages(bench: Bench) -> None:
    """One message failed five times for want of a permission, one is no event."""
    bench.client("dynamodb").update_item(
        TableName=bench.stack.outputs["table_name"],
        Key={"imageId": {"S": KEY}, "record": {"S": "current"}},
        UpdateExpression="SET #status = :failed, message = :message",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":failed": {"S": "FAILED"}, ":message": {"S": "storing: AccessDenied"}},
    )
    event = {"Records": [{"s3": {"bucket": {"name": bench.stack.outputs["raw_bucket"]}, "object": {"key": KEY}}}]}
    for body in (json.dumps(event), "no event"):
        bench.client("sqs").send_message(QueueUrl=bench.stack.outputs["dead_letter_queue_url"], MessageBody=body)


def letters_are_gone(bench: Bench) -> None:
    """Both were listed; the one came back and ended, the other was deleted."""
    assert "2 found" in bench.printed
    assert "1 sent back: 1 failed" in bench.printed
    assert "1 deleted: 1 unreadable_event" in bench.printed
    is_published(bench)


def mapping_is_off(bench: Bench) -> None:
    """Lambda was told to stop."""
    assert json.loads(bench.printed)["State"] in ("Disabling", "Disabled")


def somebody_is_named(bench: Bench) -> None:
    """The one address of the stack, which has not confirmed."""
    assert bench.printed.split()[1:] == ["email", "on-call@example.org"]


def mapping_is_shown(bench: Bench) -> None:
    """It says that the function is not called."""
    assert "Disabled" in bench.printed.split() or "Disabling" in bench.printed.split()


def write_log(bench: Bench) -> None:
    """The function has written something, which it cannot here."""
    logs, group = bench.client("logs"), bench.stack.outputs["log_group_name"]
    logs.create_log_stream(logGroupName=group, logStreamName="said")
    event = {"timestamp": int(1000 * time.time()), "message": "will be retried"}
    logs.put_log_events(logGroupName=group, logStreamName="said", logEvents=[event])


def log_is_shown(bench: Bench) -> None:
    """What it wrote lately is there."""
    assert "will be retried" in bench.printed


def queue_is_told(bench: Bench) -> None:
    """The notification names the ingest queue and all three kinds of events."""
    [[queue, events]] = json.loads(bench.printed)
    assert queue.rpartition(":")[2] == bench.stack.outputs["queue_url"].rpartition("/")[2]
    assert len(events) == 3


def upload_canary(bench: Bench) -> None:
    """The schedule has run."""
    bench.stack.upload("_canary/canary.png", helpers.saved(helpers.corners(), "PNG"))
    bench.stack.settled("_canary/canary.png", "COMPLETE")


def canary_is_dated(bench: Bench) -> None:
    """This year. Then it is gone again, for the pictures of the blocks after this one are counted."""
    assert time.strftime("%Y", time.gmtime()) in bench.printed
    s3, raw = bench.client("s3"), bench.stack.outputs["raw_bucket"]
    s3.delete_object(Bucket=raw, Key="_canary/canary.png")
    bench.stack.settled("_canary/canary.png", "REMOVED")


def counts_are_shown(bench: Bench) -> None:
    """By status."""
    assert "COMPLETE" in bench.printed


def run_machine(bench: Bench) -> None:
    """A backfill was started."""
    bench.client("stepfunctions").start_execution(
        stateMachineArn=bench.stack.outputs["backfill_state_machine_arn"], input='{"prefix": "none/"}'
    )


def executions_are_listed(bench: Bench) -> None:
    """With how it ended."""
    assert "execution" in bench.printed


def everything_is_forgotten(bench: Bench) -> None:
    """CloudFront was asked to forget all paths."""
    assert json.loads(bench.printed)["Invalidation"]["InvalidationBatch"]["Paths"]["Items"] == ["/*"]


def nothing_differs(bench: Bench) -> None:
    """Two uploads, eighteen renditions."""
    assert "2 uploads, 18 renditions: nothing differs" in bench.printed


def make_stale(bench: Bench) -> None:
    """One picture lies below the prefix without a record, the other is an older recipe's."""
    dynamodb, table = bench.client("dynamodb"), bench.stack.outputs["table_name"]
    dynamodb.delete_item(TableName=table, Key={"imageId": {"S": OTHER}, "record": {"S": "current"}})
    dynamodb.update_item(
        TableName=table,
        Key={"imageId": {"S": KEY}, "record": {"S": "current"}},
        UpdateExpression="SET fingerprint = :older",
        ExpressionAttributeValues={":older": {"S": "older"}},
    )


def all_is_made_anew(bench: Bench) -> None:
    """Each command did its part, and the last one waited."""
    assert "nothing was queued" in bench.printed
    assert bench.printed.count("1 queued") == 2
    assert "1 made anew; the CDN forgets all older copies" in bench.printed
    bench.clean()


def all_is_queued_by_the_state_machine(bench: Bench) -> None:
    """The execution ends well as the state machine's own role, and what had no record is published."""
    execution = bench.printed.split()[1].rstrip(";")
    described = bench.client("stepfunctions").describe_execution
    wait_for(
        lambda: described(executionArn=execution)["status"] == "SUCCEEDED" or None,
        "the execution",
        lambda: str(described(executionArn=execution)),
    )
    bench.stack.settled(OTHER, "COMPLETE")
    assert "the CDN forgets all older copies" in bench.printed
    bench.clean()


def lose_everything(bench: Bench) -> None:
    """Table and renditions are lost."""
    bench.wipe_table()
    bench.wipe_renditions()


def all_is_back(bench: Bench) -> None:
    """Everything is made from the raw bucket alone."""
    assert "2 unprocessed, repair begun" in bench.printed
    bench.clean()
    assert bench.stack.processed_keys() == bench.renditions


def is_restored(bench: Bench) -> None:
    """The other table holds the records."""
    table = bench.stack.outputs["table_name"]
    count = bench.client("dynamodb").scan(TableName=f"{table}-restored")["Count"]
    assert count == bench.client("dynamodb").scan(TableName=table)["Count"] > 2


def lose_table(bench: Bench) -> None:
    """Only the table is lost, and there is a copy of it."""
    bench.lost = bench.wipe_table()


def items_are_back(bench: Bench) -> None:
    """Every item is there again, history included, and all were taken."""
    assert set(bench.printed.split()) <= {"{}"}
    table = bench.stack.outputs["table_name"]
    assert bench.client("dynamodb").scan(TableName=table)["Count"] == bench.lost


def nothing_had_to_be_made(bench: Bench) -> None:
    """The records are those of what is published, and the copy is gone."""
    assert "nothing differs" in bench.printed
    assert f"{bench.stack.outputs['table_name']}-restored" not in bench.client("dynamodb").list_tables()["TableNames"]


def overwrite(bench: Bench) -> None:
    """Somebody has put something else in its place."""
    bench.stack.upload(KEY, b"not a picture")
    bench.stack.settled(KEY, "REJECTED")


def earlier_version_is_back(bench: Bench) -> None:
    """The copy is the current version, and published."""
    is_published(bench)
    newest, _, oldest = bench.versions("Versions")
    assert (newest["ETag"], newest["IsLatest"]) == (oldest["ETag"], True)


def delete(bench: Bench) -> None:
    """Somebody has deleted it."""
    bench.client("s3").delete_object(Bucket=bench.stack.outputs["raw_bucket"], Key=KEY)
    bench.stack.settled(KEY, "REMOVED")


def marker_is_gone(bench: Bench) -> None:
    """The picture is in the raw bucket again."""
    assert bench.versions("DeleteMarkers") == []
    assert bench.versions("Versions")[0]["IsLatest"]


def lose_region(bench: Bench) -> None:
    """A picture that only a bucket of copies still has; the same stack stands in for the one in the other region."""
    folder = bench.stack.checkout.folder / "build"
    name = "/img-pipeline-prod/stack"
    outputs = json.loads(bench.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    (folder / "prodb").mkdir(parents=True)
    (folder / "prodb" / "stack.json").write_text(json.dumps(outputs), "utf-8")
    outputs["raw_replica_bucket"] = {"value": "copies-of-uploads"}
    bench.client("ssm").put_parameter(Name=name, Value=json.dumps(outputs), Overwrite=True)
    bench.environment["NEW"] = "build/prodb/stack.json"
    bench.client("s3").create_bucket(Bucket="copies-of-uploads")
    body = helpers.saved(helpers.corners(), "JPEG")
    bench.client("s3").put_object(Bucket="copies-of-uploads", Key=RESCUED, Body=body)


def copies_are_processed(bench: Bench) -> None:
    """What was copied is published by the new stack."""
    bench.stack.settled(RESCUED, "COMPLETE")


Look = Callable[[Bench], None]
STEPS: list[tuple[str, Look, Look]] = [
    ("Runbook", nothing, nothing),
    ("Runbook", nothing, aws_reaches_the_stack),
    ("Who is told", nothing, somebody_is_named),
    ("A picture does not appear", nothing, shows_status),
    ("Take a picture away", nothing, is_removed),
    ("Alarm: removals still served", still_served, waits_for_the_cdn),
    ("Alarm: removals still served", nothing, cdn_was_told),
    ("Ask for a picture again", undelete, is_published),
    ("Ask for a picture again", reject_by_an_older_function, rejected_is_published),
    ("Alarm: dead letters", kill_messages, letters_are_gone),
    ("Alarm: invocations per upload", nothing, mapping_is_off),
    ("Alarm: silence", nothing, mapping_is_shown),
    ("Alarm: silence", write_log, log_is_shown),
    ("Alarm: canary", nothing, queue_is_told),
    ("Alarm: canary", upload_canary, canary_is_dated),
    ("Alarm: rejected share", nothing, counts_are_shown),
    ("Alarm: backfill", run_machine, executions_are_listed),
    ("The CDN shows an old picture", nothing, everything_is_forgotten),
    ("Do the renditions match the uploads?", nothing, nothing_differs),
    ("Pictures from before the pipeline, or a new recipe", make_stale, all_is_made_anew),
    ("Pictures from before the pipeline, or a new recipe", make_stale, all_is_queued_by_the_state_machine),
    ("The table or the renditions are lost", lose_everything, all_is_back),
    ("The table or the renditions are lost", nothing, is_restored),
    ("The table or the renditions are lost", lose_table, items_are_back),
    ("The table or the renditions are lost", nothing, nothing_had_to_be_made),
    ("A picture was overwritten or deleted by mistake", overwrite, earlier_version_is_back),
    ("A picture was overwritten or deleted by mistake", delete, marker_is_gone),
    ("The region is down", lose_region, copies_are_processed),
]
"""For every block of the page, in its order."""


def test_every_block_of_the_runbook_is_tried() -> None:
    """A new block needs a step here."""
    titles = [title.removeprefix("# ") for title, _ in blocks()]
    assert titles == [title for title, _, _ in STEPS]


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{n}-{step[0]}" for n, step in enumerate(STEPS)])
def test_commands_do_what_the_runbook_says(bench: Bench, number: int) -> None:
    """Pasted as it is written, each block works, and what was to come of it came of it."""
    _, arrange, look = STEPS[number]
    arrange(bench)
    bench.paste(blocks()[number][1])
    look(bench)
