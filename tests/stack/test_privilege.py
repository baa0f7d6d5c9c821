"""Least privilege, both ways: every action of the function's role is needed, and nothing else is allowed.

The stack is the real one, applied to an emulator that enforces IAM. Nothing runs in it: what the function would do is
done here, by the same code, as a role that has the deployed policy, or that policy without one action.
"""

import copy
import importlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from processor.aws import connected as wiring
from processor.aws.connected import Connected
from processor.errors import Transient
from processor.events import Hint, hint_body
from processor.isolation import IsolatedTranscoder
from processor.settings import Settings
from processor.worker import _Context
from tests import helpers
from tests.stack.conftest import ROOT, Stack, planned

OTHER = "somebody-elses"
"""Name of a bucket, a table, a queue, an event bus and a log group that are not the stack's."""

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}
"""Each service has a word of its own; the last is that of a HEAD request, which has no body."""

UNPROVABLE = {
    "s3:ListBucket": "without it S3 answers 403 for a missing key instead of 404; the emulator answers 404 either way",
    "sqs:GetQueueAttributes": "Lambda's own poller asks for the queue's attributes, the function's code never does",
    "logs:CreateLogStream": "Lambda writes the log, not the code, and the emulator's Lambda does not ask the role",
    "logs:PutLogEvents": "Lambda writes the log, not the code, and the emulator's Lambda does not ask the role",
    "s3:PutObjectTagging": "to retire renditions; the emulator does not ask for it where a copy is given a tag",
    "xray:PutTraceSegments": "only with `tracing`; Lambda's daemon sends traces, which the emulator has not",
    "xray:PutTelemetryRecords": "only with `tracing`; Lambda's daemon sends traces, which the emulator has not",
}
"""Deployed actions whose absence nothing here would notice, and why. A plan assertion pins each of them instead."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The applied stack, seen by its owner.

    Attributes:
        stack: with clients of the emulator's root user.
        policy: the whole of what the function's role may do.
        variables: the function's environment.
        transcoder: shared, for a process of its own takes a while to start.
    """

    stack: Stack
    policy: dict[str, Any]
    variables: Mapping[str, str]
    transcoder: IsolatedTranscoder

    def client(self, service: str) -> Any:
        """A client that may do everything."""
        return self.stack.checkout.client(service)

    def role(self, policy: dict[str, Any]) -> str:
        """ARN of a new role with this policy and no other, which whoever may assume roles in the account may assume."""
        iam = self.client("iam")
        name = f"probe-{len(iam.list_roles(MaxItems=1000)['Roles'])}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
        trusting = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="probe", PolicyDocument=json.dumps(policy))
        return arn

    def credentials(self, policy: dict[str, Any]) -> dict[str, str]:
        """A role with this policy and no other, assumed: as environment variables."""
        given = self.client("sts").assume_role(RoleArn=self.role(policy), RoleSessionName="probe")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    @contextmanager
    def acting(self, policy: dict[str, Any] | None = None) -> Iterator[Connected]:
        """The processor, wired as in Lambda, as a role with a policy; the deployed one unless another is given."""
        environment = {**self.stack.checkout.environment, **self.variables, **self.credentials(policy or self.policy)}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(boto3, "DEFAULT_SESSION", None)  # it would remember earlier credentials
            patch.setattr(wiring, "IsolatedTranscoder", lambda **_: self.transcoder)
            yield Connected.from_settings(Settings.from_environment(os.environ))

    def without(self, action: str, resource: str = "") -> dict[str, Any]:
        """The deployed policy without one action, wherever it is or on a resource that ends so."""
        policy = copy.deepcopy(self.policy)
        for statement in policy["Statement"]:
            if not resource or str(statement["Resource"]).endswith(resource):
                statement["Action"] = [each for each in actions_of(statement) if each != action]
        policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
        return policy

    def queue(self, key: str) -> None:
        """Put a message of a key on the ingest queue."""
        body = hint_body(Hint(self.stack.outputs["raw_bucket"], key))
        self.client("sqs").send_message(QueueUrl=self.stack.outputs["queue_url"], MessageBody=body)


def actions_of(statement: Mapping[str, Any]) -> list[str]:
    """A statement's actions; one alone is written as text."""
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


@pytest.fixture(scope="module")
def deployed(bare_stack: Stack) -> Iterator[Deployed]:
    """The applied stack and what is beside it."""
    make_neighbours(bare_stack)
    name = bare_stack.outputs["function_name"]
    configuration = bare_stack.checkout.client("lambda").get_function_configuration(FunctionName=name)
    policy = policy_of(bare_stack, configuration["Role"].rpartition("/")[2])
    with IsolatedTranscoder() as transcoder:
        yield Deployed(bare_stack, policy, configuration["Environment"]["Variables"], transcoder)


@pytest.fixture(scope="module")
def versioned(deployed: Deployed) -> Deployed:
    """The same stack with the policy and the environment that Terraform plans where copies of versions are kept."""
    recipe = json.loads((ROOT / "processor" / "default_recipe.json").read_text()) | {"retain_days": 1}
    after = planned(deployed.stack.checkout, f"-var=recipe={json.dumps(recipe)}")
    policy = json.loads(after["module.processor.aws_iam_role_policy.processor"]["policy"])
    [environment] = after["module.processor.aws_lambda_function.processor"]["environment"]
    return replaced(deployed, policy=policy, variables=environment["variables"])


def make_neighbours(stack: Stack) -> None:
    """Resources like the stack's own, that are none of its business."""
    client, outputs = stack.checkout.client, stack.outputs
    client("s3").create_bucket(Bucket=OTHER)
    client("s3").put_object(Bucket=OTHER, Key="there.jpg", Body=b"-")
    table = client("dynamodb").describe_table(TableName=outputs["table_name"])["Table"]
    client("dynamodb").create_table(
        TableName=OTHER,
        KeySchema=table["KeySchema"],
        AttributeDefinitions=[each for each in table["AttributeDefinitions"] if each["AttributeName"] in KEY_NAMES],
        BillingMode="PAY_PER_REQUEST",
    )
    client("sqs").create_queue(QueueName=OTHER)
    client("events").create_event_bus(Name=OTHER)
    client("logs").create_log_group(logGroupName=OTHER)
    distribution = client("cloudfront").get_distribution_config(Id=outputs["distribution_id"])["DistributionConfig"]
    client("cloudfront").create_distribution(DistributionConfig=distribution | {"CallerReference": OTHER})


KEY_NAMES = {"imageId", "record"}


def policy_of(stack: Stack, role: str) -> dict[str, Any]:
    """What a role may do, which must all be in its one inline policy."""
    iam = stack.checkout.client("iam")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document: dict[str, Any] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    return document


# -- needed ----------------------------------------------------------------------------------------------------------


def picture(colour: str = "red") -> bytes:
    """A small JPEG, each colour another version."""
    return helpers.saved(Image.new("RGB", (16, 12), colour), "JPEG")


def upload(deployed: Deployed, key: str) -> None:
    """A picture has been uploaded."""
    deployed.stack.upload(key, picture())


def publish(deployed: Deployed, key: str) -> None:
    """A picture has been uploaded and published."""
    upload(deployed, key)
    with deployed.acting() as processor:
        processor.reconciler.reconcile(key)


def replace(deployed: Deployed, key: str) -> None:
    """A published picture has been replaced."""
    publish(deployed, key)
    deployed.stack.upload(key, picture("blue"))


def replace_badly_after_a_crash(deployed: Deployed, key: str) -> None:
    """A worker died while it stored a replacement, and what came after it is no picture."""
    replace(deployed, key)
    deployed.client("dynamodb").update_item(
        TableName=deployed.stack.outputs["table_name"],
        Key={"imageId": {"S": key}, "record": {"S": "current"}},
        UpdateExpression="SET #status = :dead",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":dead": {"S": "PROCESSING"}},
    )
    deployed.stack.upload(key, b"no picture at all")


def remove(deployed: Deployed, key: str) -> None:
    """A published picture has been removed."""
    publish(deployed, key)
    deployed.client("s3").delete_object(Bucket=deployed.stack.outputs["raw_bucket"], Key=key)


def remove_with_a_claimant(deployed: Deployed, key: str) -> None:
    """A published picture has been removed, and another one of the same stem waits for that."""
    publish(deployed, key)
    claimant = key.replace(".jpg", ".png")
    publish(deployed, claimant)
    assert deployed.stack.record(claimant)["reason"] == "key_conflict"
    deployed.client("s3").delete_object(Bucket=deployed.stack.outputs["raw_bucket"], Key=key)


def nothing(_deployed: Deployed, _key: str) -> None:
    """An event came of a key that is not there and never was."""


def reconcile(processor: Connected, key: str) -> str:
    """The whole path for one key."""
    return processor.reconciler.reconcile(key).action


def receive(processor: Connected, _key: str) -> str:
    """Take a batch off the queue."""
    return "nothing" if processor.poller.receive() is None else "received"


def acknowledge(processor: Connected, _key: str) -> str:
    """Take a batch off the queue for good."""
    event = processor.poller.receive()
    assert event is not None
    processor.poller.acknowledge(event, None)
    return "acknowledged"


def show_again(processor: Connected, _key: str) -> str:
    """Have a message that failed come back soon."""
    event = processor.poller.receive()
    assert event is not None
    processor.queue.show_again(event["Records"][0]["receiptHandle"], 0)
    return "shown again"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What cannot be done without an action.

    Attributes:
        prepare: what has happened before, with everything allowed.
        act: what the processor then does.
        answer: what comes of that with the deployed policy.
    """

    prepare: Callable[[Deployed, str], None]
    act: Callable[[Connected, str], str]
    answer: str


NEEDED = {
    "s3:GetObject": Scenario(upload, reconcile, "published"),
    "s3:GetObjectVersion": Scenario(replace_badly_after_a_crash, reconcile, "rejected"),
    "s3:PutObject": Scenario(upload, reconcile, "published"),
    "s3:DeleteObject": Scenario(remove, reconcile, "removed"),
    "dynamodb:GetItem": Scenario(upload, reconcile, "published"),
    "dynamodb:PutItem": Scenario(upload, reconcile, "published"),
    "dynamodb:UpdateItem": Scenario(upload, reconcile, "published"),
    "dynamodb:DeleteItem": Scenario(nothing, reconcile, "unchanged"),
    "events:PutEvents": Scenario(upload, reconcile, "published"),
    "cloudfront:CreateInvalidation": Scenario(replace, reconcile, "published"),
    "sqs:SendMessage": Scenario(remove_with_a_claimant, reconcile, "removed"),
    "sqs:ReceiveMessage": Scenario(Deployed.queue, receive, "received"),
    "sqs:DeleteMessage": Scenario(Deployed.queue, acknowledge, "acknowledged"),
    "sqs:ChangeMessageVisibility": Scenario(Deployed.queue, show_again, "shown again"),
}
"""Every action of the policy that can be missed. The queue's are used by the worker as they are by Lambda's poller."""


@pytest.mark.parametrize("action", NEEDED)
def test_without_any_one_action_something_fails(deployed: Deployed, action: str) -> None:
    """With the deployed policy it is done; without one action the same is denied, for want of just that action."""
    scenario, name = NEEDED[action], action.replace(":", "/")
    scenario.prepare(deployed, f"whole/{name}.jpg")
    with deployed.acting() as processor:
        assert scenario.act(processor, f"whole/{name}.jpg") == scenario.answer
    scenario.prepare(deployed, f"less/{name}.jpg")
    with deployed.acting(deployed.without(action)) as processor, pytest.raises(Transient) as denied:
        scenario.act(processor, f"less/{name}.jpg")
    assert any(f": {code}" in str(denied.value) for code in DENIED), denied.value
    if "to perform: " in str(denied.value):
        assert f"to perform: {action} " in str(denied.value)


def test_whole_path_passes_with_the_deployed_policy(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload, replacement, a bad one and removal, from the queue through the handler and off the queue again."""
    raw, queue = deployed.stack.outputs["raw_bucket"], deployed.stack.outputs["queue_url"]
    deployed.client("sqs").purge_queue(QueueUrl=queue)
    with deployed.acting() as processor:
        handler = importlib.reload(importlib.import_module("processor.handler"))
        monkeypatch.setattr(handler, "connected", processor)
        for body, status in ((picture(), "COMPLETE"), (picture("blue"), "COMPLETE"), (b"bad", "REJECTED")):
            deployed.stack.upload("path/one.jpg", body)
            assert work_off(handler) == [{"batchItemFailures": []}]
            assert deployed.stack.record("path/one.jpg")["status"] == status
        deployed.client("s3").delete_object(Bucket=raw, Key="path/one.jpg")
        assert work_off(handler) == [{"batchItemFailures": []}]
        assert deployed.stack.record("path/one.jpg")["status"] == "REMOVED"
    assert not [key for key in deployed.stack.processed_keys() if "path/one" in key]
    assert deployed.stack.messages() == 0


def work_off(handler: Any) -> list[Any]:
    """Handle one batch as the worker does."""
    event = handler.connected.poller.receive()
    assert event is not None
    answer = handler.handler(event, _Context())
    handler.connected.poller.acknowledge(event, answer)
    return [answer]


def test_every_deployed_action_is_accounted_for(deployed: Deployed) -> None:
    """Each is either proven to be needed or listed, with a reason, as one that the emulator cannot prove."""
    allowed = [each for each in deployed.policy["Statement"] if each["Effect"] == "Allow"]
    granted = [action for statement in allowed for action in actions_of(statement)]
    assert sorted(granted) == sorted([*NEEDED, *UNPROVABLE, "s3:GetObject"])  # of uploads, and to retire renditions
    assert [actions_of(each) for each in deployed.policy["Statement"] if each not in allowed] == [["s3:*"]]


@pytest.mark.parametrize("action", UNPROVABLE)
def test_what_cannot_be_proven_is_pinned_by_a_plan_assertion(action: str) -> None:
    """Terraform's own tests name the action, and so does the page that tells readers."""
    assert f'"{action}"' in (ROOT / "terraform" / "tests" / "processor.tftest.hcl").read_text()
    assert f"`{action}`" in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize("action", [None, "s3:GetObject"])
def test_replaced_copies_are_retired_only_with_that_action(versioned: Deployed, action: str | None) -> None:
    """S3 answers the same of a missing copy and of a missing permission, so it is the tag that tells."""
    key = f"retired/{action}.jpg"
    with versioned.acting() as processor:
        versioned.stack.upload(key, picture())
        assert reconcile(processor, key) == "published"
    before = versioned.stack.record(key)
    versioned.stack.upload(key, picture("blue"))
    with versioned.acting(versioned.without(action, "-processed-000000000000/*") if action else None) as processor:
        assert reconcile(processor, key) == "published"
    assert versioned.stack.record(key)["version"] != before["version"]
    expected = [] if action else [{"Key": "state", "Value": "replaced"}]
    for fmt in before["formats"]:
        copied = f"v/{before['version']}/{fmt['key']}"
        found = versioned.client("s3").get_object_tagging(
            Bucket=versioned.stack.outputs["processed_bucket"], Key=copied
        )
        assert found["TagSet"] == expected


def test_recipe_with_retain_days_adds_nothing(deployed: Deployed, versioned: Deployed) -> None:
    """What retires the copies of replaced versions retires as well what a recipe drops."""
    assert versioned.policy == deployed.policy


# -- denied ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who tries something on the stack or its neighbours.

    Attributes:
        deployed: the stack.
        client: makes a client with the caller's credentials.
    """

    deployed: Deployed
    client: Callable[[str], Any]

    def output(self, name: str) -> Any:
        """An output of the stack."""
        return self.deployed.stack.outputs[name]

    def other_queue(self) -> str:
        """URL of the neighbours' queue."""
        url: str = self.deployed.client("sqs").get_queue_url(QueueName=OTHER)["QueueUrl"]
        return url

    def other_distribution(self) -> str:
        """Id of the neighbours' distribution."""
        found = self.deployed.client("cloudfront").list_distributions()["DistributionList"]["Items"]
        own = self.output("distribution_id")
        return next(str(each["Id"]) for each in found if each["Id"] != own)

    def role(self) -> str:
        """Name of the function's role."""
        name = self.output("function_name")
        role = self.deployed.client("lambda").get_function_configuration(FunctionName=name)["Role"]
        return str(role.rpartition("/")[2])


ITEM = {"imageId": {"S": "x"}, "record": {"S": "current"}}
EVENT = {"Source": "img-pipeline", "DetailType": "-", "Detail": "{}"}
WIDER = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def invalidate(by: Caller, distribution: str) -> None:
    """Forget everything of a distribution."""
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": uuid.uuid4().hex}
    by.client("cloudfront").create_invalidation(DistributionId=distribution, InvalidationBatch=batch)


def put_event(by: Caller, bus: str) -> None:
    """Announce something; EventBridge answers some refusals with a 200."""
    by.client("events").put_events(Entries=[EVENT | {"EventBusName": bus}])


def delete_version(by: Caller) -> None:
    """Delete the upload for good."""
    raw = by.output("raw_bucket")
    versions = by.deployed.client("s3").list_object_versions(Bucket=raw, Prefix="there.jpg")["Versions"]
    by.client("s3").delete_object(Bucket=raw, Key="there.jpg", VersionId=versions[0]["VersionId"])


def set_notifications(by: Caller) -> None:
    """Say whom uploads are told to: what is set already."""
    raw = by.output("raw_bucket")
    present = by.deployed.client("s3").get_bucket_notification_configuration(Bucket=raw)
    del present["ResponseMetadata"]
    by.client("s3").put_bucket_notification_configuration(Bucket=raw, NotificationConfiguration=present)


def set_policy(by: Caller) -> None:
    """Say who may read the renditions: who may already."""
    processed = by.output("processed_bucket")
    present = by.deployed.client("s3").get_bucket_policy(Bucket=processed)["Policy"]
    by.client("s3").put_bucket_policy(Bucket=processed, Policy=present)


FORBIDDEN: dict[str, Callable[[Caller], Any]] = {
    "put on raw": lambda by: by.client("s3").put_object(Bucket=by.output("raw_bucket"), Key="x.jpg", Body=b"-"),
    "copy onto raw": lambda by: by.client("s3").copy_object(
        Bucket=by.output("raw_bucket"), Key="y.jpg", CopySource=f"{by.output('raw_bucket')}/there.jpg"
    ),
    "delete on raw": lambda by: by.client("s3").delete_object(Bucket=by.output("raw_bucket"), Key="other.jpg"),
    "delete a version on raw": delete_version,
    "list versions of raw": lambda by: by.client("s3").list_object_versions(Bucket=by.output("raw_bucket")),
    "set raw's notifications": set_notifications,
    "list processed": lambda by: by.client("s3").list_objects_v2(Bucket=by.output("processed_bucket")),
    "read processed": lambda by: (
        by.client("s3").get_object(Bucket=by.output("processed_bucket"), Key="_missing/picture")["Body"].read()
    ),
    "set processed's policy": set_policy,
    "list another bucket": lambda by: by.client("s3").list_objects_v2(Bucket=OTHER),
    "read another bucket": lambda by: by.client("s3").get_object(Bucket=OTHER, Key="there.jpg"),
    "put on another bucket": lambda by: by.client("s3").put_object(Bucket=OTHER, Key="x.jpg", Body=b"-"),
    "delete on another bucket": lambda by: by.client("s3").delete_object(Bucket=OTHER, Key="x.jpg"),
    "scan the table": lambda by: by.client("dynamodb").scan(TableName=by.output("table_name")),
    "query the index": lambda by: by.client("dynamodb").query(
        TableName=by.output("table_name"),
        IndexName="status",
        KeyConditionExpression="statusDayShard = :shard",
        ExpressionAttributeValues={":shard": {"S": "x"}},
    ),
    "read another table": lambda by: by.client("dynamodb").get_item(TableName=OTHER, Key=ITEM),
    "write another table": lambda by: by.client("dynamodb").put_item(TableName=OTHER, Item=ITEM),
    "write another table in a transaction": lambda by: by.client("dynamodb").transact_write_items(
        TransactItems=[{"Put": {"TableName": OTHER, "Item": ITEM}}]
    ),
    "update another table": lambda by: by.client("dynamodb").update_item(TableName=OTHER, Key=ITEM),
    "delete from another table": lambda by: by.client("dynamodb").delete_item(TableName=OTHER, Key=ITEM),
    "send to another queue": lambda by: by.client("sqs").send_message(QueueUrl=by.other_queue(), MessageBody="-"),
    "receive from another queue": lambda by: by.client("sqs").receive_message(QueueUrl=by.other_queue()),
    "receive from the dead-letter queue": lambda by: by.client("sqs").receive_message(
        QueueUrl=by.output("dead_letter_queue_url")
    ),
    "purge a queue": lambda by: by.client("sqs").purge_queue(QueueUrl=by.output("dead_letter_queue_url")),
    "change the queue": lambda by: by.client("sqs").set_queue_attributes(
        QueueUrl=by.output("queue_url"), Attributes={"DelaySeconds": "0"}
    ),
    "announce on another bus": lambda by: put_event(by, OTHER),
    "announce on the default bus": lambda by: put_event(by, "default"),
    "forget another distribution": lambda by: invalidate(by, by.other_distribution()),
    "read the distribution": lambda by: by.client("cloudfront").get_distribution_config(
        Id=by.output("distribution_id")
    ),
    "read the function": lambda by: by.client("lambda").get_function(FunctionName=by.output("function_name")),
    "widen the role": lambda by: by.client("iam").put_role_policy(
        RoleName=by.role(), PolicyName="more", PolicyDocument=WIDER
    ),
    "write another log": lambda by: by.client("logs").create_log_stream(
        logGroupName=OTHER, logStreamName=uuid.uuid4().hex
    ),
    "ring the alarm": lambda by: by.client("sns").publish(TopicArn=by.output("alarm_topic_arn"), Message="-"),
    "start a backfill": lambda by: by.client("stepfunctions").start_execution(
        stateMachineArn=by.output("backfill_state_machine_arn"), input='{"prefix": "nothing/"}'
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_everything_else_is_denied(deployed: Deployed, name: str) -> None:
    """The role is refused, and the same call by the stack's owner succeeds: it is the permission that is missing."""
    deployed.stack.upload("there.jpg", b"-")
    with deployed.acting(), pytest.raises(ClientError) as refused:
        FORBIDDEN[name](Caller(deployed, lambda service: boto3.client(service)))  # type: ignore[call-overload]  # noqa: PLW0108
    assert refused.value.response["Error"]["Code"] in DENIED
    FORBIDDEN[name](Caller(deployed, deployed.client))


def test_only_lambda_takes_the_role(deployed: Deployed) -> None:
    """Somebody who may assume every role of the account is refused this one, and gets another."""
    name = deployed.stack.outputs["function_name"]
    role = deployed.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    anybody = {"Version": "2012-10-17", "Statement": [statement]}
    with deployed.acting(anybody):
        sts = boto3.client("sts")
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=role, RoleSessionName="probe")
        assert sts.assume_role(RoleArn=deployed.role(anybody), RoleSessionName="probe")["Credentials"]
