"""The whole product, deployed: from an upload to the CDN, a new image, an empty plan, and away again.

The tests are in the order of a stack's life; the last one ends it.
"""

import io
import json
import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from processor import keys
from processor.recipe import CONTENT_TYPES, Recipe
from scripts.demo import servers
from tests import helpers
from tests.stack.conftest import ENVIRONMENT, Checkout, Stack, stop_listening
from tests.waiting import wait_for

KEY = "my photos/ü b+c (1).jpg"

REPLICA_REGION = "eu-west-1"

REGIONS = (servers.REGION, REPLICA_REGION)
"""Where a stack has alarms: its own, which here is CloudFront's as well, and that of the copies."""

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"

NOT_RETURNED_BY_EMULATOR = {
    "module.observability.aws_cloudwatch_metric_alarm.": {
        "actions_enabled", "alarm_actions", "alarm_description", "dimensions", "ok_actions", "period", "statistic",
        "treat_missing_data",
    }
}  # fmt: skip
"""By the address's beginning. MiniStack returns an alarm to the provider without these; nothing else is exempt."""


def url_path(key: str) -> str:
    """The path of a rendition's URL."""
    return urlsplit(keys.url("cdn", key)).path


@pytest.fixture(scope="module")
def published(stack: Stack) -> dict[str, Any]:
    """The record of a photo with an awkward name, once it is published."""
    stack.upload(KEY, helpers.saved(helpers.photo(1200, 900), "JPEG", quality=90))
    return stack.settled(KEY, "COMPLETE")


def test_an_upload_becomes_every_rendition(stack: Stack, published: dict[str, Any]) -> None:
    """All nine renditions of the default recipe are in the bucket, in the record, and nothing else is."""
    expected = set(keys.rendition_keys(Recipe.default(), KEY))
    assert {entry["key"] for entry in published["formats"]} == expected
    assert stack.processed_keys() == expected


def test_an_upload_is_announced(stack: Stack, published: dict[str, Any]) -> None:
    """One ImageProcessed event names the picture and its renditions."""
    event = stack.event(KEY, "ImageProcessed")
    assert event["source"] == "img-pipeline"
    assert {entry["key"] for entry in event["detail"]["formats"]} == {entry["key"] for entry in published["formats"]}


def test_the_cdn_serves_every_rendition(stack: Stack, published: dict[str, Any]) -> None:
    """Each URL answers a picture of the recorded size and type, with the headers that the policy sets."""
    for entry in published["formats"]:
        answer = stack.cdn(url_path(entry["key"]))
        assert answer.status == 200, (entry, answer)
        assert answer.headers["content-type"] == entry["contentType"] == CONTENT_TYPES[entry["format"]]
        assert Image.open(io.BytesIO(answer.body)).size == (entry["width"], entry["height"])
        assert answer.headers["cache-control"] == "public, max-age=300, s-maxage=86400"
        assert answer.headers["vary"] == "Accept"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert not [name for name in answer.headers if name.startswith("x-amz-meta-")]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [(CHROME, "image/avif"), ("image/webp,*/*;q=0.5", "image/webp"), ("*/*", "image/jpeg"), (None, "image/jpeg")],
)
@pytest.mark.usefixtures("published")
def test_one_url_answers_what_the_browser_accepts(stack: Stack, accept: str | None, content_type: str) -> None:
    """The canonical URL of each size is negotiated by the edge function."""
    for size in Recipe.default().sizes:
        answer = stack.cdn(url_path(keys.rendition_key(size.formats[0], KEY)), accept)
        assert (answer.status, answer.headers["content-type"]) == (200, content_type)


@pytest.mark.usefixtures("published")
def test_http_is_redirected_to_https(stack: Stack) -> None:
    """The same URL, over TLS."""
    path = url_path(keys.rendition_keys(Recipe.default(), KEY)[0])
    answer = stack.cdn(path, scheme="http")
    assert answer.status == 301
    assert answer.headers["location"] == f"https://{stack.outputs['cdn_domain']}{path}"


@pytest.mark.parametrize(
    "path", ["/", "/?list-type=2", "/?prefix=full", "/full/", "/full/nothing.jpg", "/full/%zz.jpg"]
)
@pytest.mark.usefixtures("published")
def test_what_is_not_there_shows_nothing(stack: Stack, path: str) -> None:
    """A missing picture is refused, and no URL lists the bucket."""
    answer = stack.cdn(path)
    assert (answer.status, answer.body) == (404, b"Not found\n")


def test_neither_bucket_can_be_read_directly(stack: Stack, published: dict[str, Any]) -> None:
    """Unsigned reads of objects and listings are refused, though both are there."""
    rendition = published["formats"][0]["key"]
    for path in (
        f"/{stack.outputs['raw_bucket']}{url_path(KEY)}",
        f"/{stack.outputs['processed_bucket']}{url_path(rendition)}",
        f"/{stack.outputs['raw_bucket']}?list-type=2",
        f"/{stack.outputs['processed_bucket']}?list-type=2",
    ):
        answer = stack.checkout.http(f"{servers.HOST}:{stack.checkout.port}", path)
        assert (answer.status, b"AccessDenied" in answer.body) == (403, True), (path, answer)


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [("bad/empty.jpg", b"", "empty"), ("bad/notes.jpg", b"not a picture at all\n" * 50, "unsupported_format")],
)
def test_bad_input_is_rejected_and_acknowledged(stack: Stack, key: str, body: bytes, reason: str) -> None:
    """The reason is recorded and announced, the message gone, and nothing published."""
    stack.upload(key, body)
    assert stack.settled(key, "REJECTED")["reason"] == reason
    assert stack.event(key, "ImageRejected")["detail"]["reason"] == reason
    wait_for(lambda: stack.messages() == 0 or None, "the queues to be empty", lambda: f"{stack.messages()} messages")
    assert not [name for name in stack.processed_keys() if "bad/" in name]


def test_the_alias_runs_the_image_with_exactly_the_settings(stack: Stack) -> None:
    """A published version, the local tag, and the derived timeouts."""
    function = stack.function()
    assert function["Code"]["ImageUri"] == stack.image
    assert function["Configuration"]["Version"].isdigit()
    variables = function["Configuration"]["Environment"]["Variables"]
    assert variables["CDN_DOMAIN"] == stack.outputs["cdn_domain"]
    assert json.loads(variables["RECIPE"]) == json.loads(stack.outputs["recipe"])
    attributes = stack.checkout.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["queue_url"], AttributeNames=["VisibilityTimeout"]
    )["Attributes"]
    timeout = function["Configuration"]["Timeout"]
    assert timeout < int(variables["LEASE_SECONDS"]) < int(attributes["VisibilityTimeout"]) == 6 * timeout


def test_another_environments_variables_do_not_touch_this_state(stack: Stack) -> None:
    """The workspace and the variables must name one environment."""
    done = stack.checkout.attempt(
        "terraform", "-chdir=terraform", "plan", "-input=false", "-var-file=environments/dev.tfvars",
        f"-var=image_uri=repository@sha256:{'0' * 64}", TF_WORKSPACE=ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 1
    assert "terraform workspace select -or-create dev" in " ".join(done.stderr.split())


def test_a_pushed_image_is_rolled_out_by_its_digest(stack: Stack, registry: str) -> None:
    """`make push-image`: pushed, its digest recorded, the function on it, and working."""
    repository = f"{registry}/img-pipeline"
    stack.checkout.script("push-image", ENVIRONMENT, REGISTRY=repository)

    image = (stack.checkout.folder / "build" / ENVIRONMENT / "image").read_text().strip()
    assert re.fullmatch(rf"{re.escape(repository)}@sha256:[0-9a-f]{{64}}", image)
    assert stack.function()["Code"]["ImageUri"] == image

    stack.upload("second.png", helpers.saved(helpers.corners(), "PNG"))
    assert len(stack.settled("second.png", "COMPLETE")["formats"]) == 9


def deployed_image(stack: Stack) -> str:
    """The image, as the stack itself says it."""
    parameter = stack.checkout.client("ssm").get_parameter(Name=f"/{stack.outputs['stack_name']}/image")["Parameter"]
    return str(json.loads(parameter["Value"])["image"])


def outputs_asked_for(stack: Stack, region: str) -> dict[str, Any]:
    """What the stack itself says of its outputs in a region."""
    name = f"ssm:{stack.outputs['stack_name']}"
    printed = stack.checkout.run(sys.executable, "-m", "processor", "outputs", "--stack", name, AWS_REGION=region)
    return {name: output["value"] for name, output in json.loads(printed).items()}


def test_another_machine_knows_what_is_deployed(stack: Stack) -> None:
    """Without any file of the deploy: the outputs by the command, and the image for a plan."""
    shutil.move(stack.checkout.folder / "build", stack.checkout.folder / "elsewhere")
    asked = outputs_asked_for(stack, servers.REGION)
    plan = stack.checkout.attempt(str(stack.checkout.folder / "scripts" / "deploy"), ENVIRONMENT, "--plan")
    shutil.rmtree(stack.checkout.folder / "build")  # of the plan
    shutil.move(stack.checkout.folder / "elsewhere", stack.checkout.folder / "build")
    assert plan.returncode in (0, 2), plan.stderr
    assert f"-var=image_uri={asked['image_uri']}" in plan.stderr
    kept = json.loads((stack.checkout.folder / "build" / ENVIRONMENT / "stack.json").read_text())
    assert asked == {name: output["value"] for name, output in kept.items()}
    assert asked["image_uri"] == deployed_image(stack) == stack.function()["Code"]["ImageUri"]


def test_an_image_is_promoted_by_its_digest(stack: Stack, registry: str) -> None:
    """What another environment runs is copied to this one's registry, rolled out, and works; nothing is built."""
    source, repository = deployed_image(stack), f"{registry}/promoted"
    ssm = stack.checkout.client("ssm")
    value = json.dumps({"image": source, "architecture": "x86_64"})
    ssm.put_parameter(Name="/img-pipeline-dev/image", Value=value, Type="String")
    stack.checkout.script("promote", ENVIRONMENT, "--from", "dev", REGISTRY=repository)
    ssm.delete_parameter(Name="/img-pipeline-dev/image")

    promoted = f"{repository}@{source.rpartition('@')[2]}"
    assert stack.function()["Code"]["ImageUri"] == deployed_image(stack) == promoted
    with urllib.request.urlopen(f"http://{registry}/v2/promoted/manifests/{promoted.rpartition('@')[2]}") as answer:
        assert answer.status == 200
    stack.upload("third.png", helpers.saved(helpers.corners(), "PNG"))
    assert len(stack.settled("third.png", "COMPLETE")["formats"]) == 9


def test_a_rollback_cut_off_before_the_function_was_published_is_completed(stack: Stack, registry: str) -> None:
    """The image before runs, by its digest, though Terraform alone would find nothing to change; old versions go."""
    aws, name = stack.checkout.client("lambda"), stack.outputs["function_name"]
    for number in range(6):
        aws.update_function_configuration(FunctionName=name, Description=f"somebody tried {number}")
        aws.publish_version(FunctionName=name)
    before = next(image for image in history(stack) if image.startswith(f"{registry}/img-pipeline@"))
    aws.update_function_code(FunctionName=name, ImageUri=before)  # where the power went

    stack.checkout.script("rollback", ENVIRONMENT)
    assert stack.function()["Code"]["ImageUri"] == deployed_image(stack) == before
    live = int(stack.function()["Configuration"]["Version"])
    listed = aws.list_versions_by_function(FunctionName=name)["Versions"]
    versions = [int(each["Version"]) for each in listed if each["Version"].isdigit()]
    assert versions == list(range(live - 4, live + 1)), "the newest five"


def history(stack: Stack) -> list[str]:
    """Every image that was rolled out, oldest first."""
    answer = stack.checkout.client("ssm").get_parameter_history(Name=f"/{stack.outputs['stack_name']}/image")
    return [json.loads(each["Value"])["image"] for each in answer["Parameters"]]


def test_a_plan_after_an_apply_is_empty(stack: Stack, tmp_path: Path) -> None:
    """Nothing would change but what the emulator is known not to return, attribute by attribute."""
    assert_nothing_to_change(stack, tmp_path / "plan", NOT_RETURNED_BY_EMULATOR)


def assert_nothing_to_change(stack: Stack, plan: Path, exempt: dict[str, set[str]]) -> None:
    """Plan with the image that runs, and find no change except of the exempt attributes, by address."""
    image = (stack.checkout.folder / "build" / ENVIRONMENT / "image").read_text().strip()
    stack.checkout.run(
        "terraform", "-chdir=terraform", "plan", "-input=false", f"-out={plan}",
        f"-var-file=environments/{ENVIRONMENT}.tfvars", f"-var=image_uri={image}", TF_WORKSPACE=ENVIRONMENT,
    )  # fmt: skip
    shown = json.loads(stack.checkout.run("terraform", "-chdir=terraform", "show", "-json", str(plan)))
    assert len(shown["planned_values"]["root_module"]["child_modules"]) >= 7
    assert not {name for name, change in shown["output_changes"].items() if change["actions"] != ["no-op"]}
    for resource in shown["resource_changes"]:
        change = resource["change"]
        if change["actions"] == ["no-op"]:
            continue
        assert change["actions"] == ["update"], resource["address"]
        changed = {name for name, value in change["after"].items() if change["before"].get(name) != value}
        address = resource["address"]
        unread = {name for start, names in exempt.items() if address.startswith(start) for name in names}
        assert changed <= unread, (address, changed)


@pytest.mark.usefixtures("published")
def test_a_removed_upload_is_unpublished(stack: Stack) -> None:
    """Renditions, and with them the URLs, go with their source."""
    stack.checkout.client("s3").delete_object(Bucket=stack.outputs["raw_bucket"], Key=KEY)
    stack.settled(KEY, "REMOVED")
    stack.event(KEY, "ImageRemoved")
    assert not stack.processed_keys() & set(keys.rendition_keys(Recipe.default(), KEY))
    assert stack.cdn(url_path(keys.rendition_keys(Recipe.default(), KEY)[0])).status == 404
    assert sorted(invalidated_paths(stack)[-1]) == sorted(
        keys.url_path(key) for key in keys.rendition_keys(Recipe.default(), KEY)
    )


def invalidated_paths(stack: Stack) -> list[list[str]]:
    """The paths of every invalidation, oldest first."""
    cloudfront, distribution = stack.checkout.client("cloudfront"), stack.outputs["distribution_id"]
    summaries = items(cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"])
    batches = [
        cloudfront.get_invalidation(DistributionId=distribution, Id=each["Id"])["Invalidation"] for each in summaries
    ]
    return [
        each["InvalidationBatch"]["Paths"]["Items"] for each in sorted(batches, key=lambda each: each["CreateTime"])
    ]


@pytest.fixture(scope="module")
def copied(stack: Stack) -> Stack:
    """The same stack with copies in another region and a canary: two variables more, and a deploy."""
    variables = stack.checkout.folder / "terraform" / "environments" / f"{ENVIRONMENT}.tfvars"
    variables.write_text(variables.read_text() + f'replica_region = "{REPLICA_REGION}"\ncanary_minutes = 5\n')
    image = (stack.checkout.folder / "build" / ENVIRONMENT / "image").read_text().strip()
    stack.checkout.script("deploy", ENVIRONMENT, "--image", image)
    outputs = json.loads((stack.checkout.folder / "build" / ENVIRONMENT / "stack.json").read_text())
    return replace(stack, outputs={name: output["value"] for name, output in outputs.items()})


def copies(copied: Stack, bucket: str) -> set[str]:
    """Keys in one of the buckets in the other region, without those of the canary."""
    listed = copied.checkout.client("s3", REPLICA_REGION).list_objects_v2(Bucket=copied.outputs[bucket])
    return {item["Key"] for item in listed.get("Contents", []) if "_canary/" not in item["Key"]}


def test_the_canary_comes_through_as_its_schedule_uploads_it(copied: Stack) -> None:
    """Published once, it is found unchanged whenever it is uploaded again, which leaves one metric and no history.

    The emulator's scheduler cannot call S3, so the call is made here: with its input, and no more than its role may do.
    """
    copied.settled(CANARY, "COMPLETE")
    schedule = copied.checkout.client("scheduler").get_schedule(Name=f"img-pipeline-{ENVIRONMENT}-canary")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    before = canaries(copied)
    with allowed_as(copied, schedule["Target"]["RoleArn"].rpartition("/")[2]) as s3:
        s3.copy_object(**json.loads(schedule["Target"]["Input"]))
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=copied.outputs["raw_bucket"], Key="other.png", Body=b"-")
    wait_for(lambda: canaries(copied) > before or None, "the canary", lambda: str(copied.log()))
    history = copied.checkout.client("dynamodb").query(
        TableName=copied.outputs["table_name"],
        KeyConditionExpression="imageId = :canary AND begins_with(#record, :run)",
        ExpressionAttributeNames={"#record": "record"},
        ExpressionAttributeValues={":canary": {"S": CANARY}, ":run": {"S": "run#"}},
    )
    assert history["Count"] == 1


CANARY = "_canary/canary.png"


def canaries(copied: Stack) -> int:
    """How often the function has written, as this stack's metric, that the canary came through."""
    events = copied.checkout.client("logs").filter_log_events(logGroupName=copied.outputs["log_group_name"])["events"]
    written = [json.loads(event["message"]) for event in events if '"CanaryEnded"' in event["message"]]
    assert {line["service"] for line in written} <= {f"img-pipeline-{ENVIRONMENT}"}
    return len(written)


@contextmanager
def allowed_as(stack: Stack, role: str) -> Iterator[Any]:
    """An S3 client that may do what a role may, which nobody but AWS may assume itself."""
    iam, sts = stack.checkout.client("iam"), stack.checkout.client("sts")
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName="probe", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="probe", PolicyName="probe", PolicyDocument=json.dumps(policy))
    given = sts.assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    session: Any = boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=servers.REGION,
    )
    yield session.client("s3", endpoint_url=stack.checkout.environment["AWS_ENDPOINT_URL"])
    iam.delete_role_policy(RoleName="probe", PolicyName="probe")
    iam.delete_role(RoleName="probe")


def test_pictures_and_records_are_copied_and_their_removal_too(copied: Stack) -> None:
    """Upload, renditions and record are in the other region, and hidden or removed there when the upload goes."""
    key = "copies/photo.png"
    expected = set(keys.rendition_keys(Recipe.default(), key))
    copied.upload(key, helpers.saved(helpers.corners(), "PNG"))
    record = copied.settled(key, "COMPLETE")
    assert copies(copied, "raw_replica_bucket") == {key}
    assert copies(copied, "processed_replica_bucket") >= expected
    assert record_there(copied, key)["status"] == {"S": record["status"]}

    copied.checkout.client("s3").delete_object(Bucket=copied.outputs["raw_bucket"], Key=key)
    copied.settled(key, "REMOVED")
    assert copied.processed_keys() & expected == set()
    assert copies(copied, "raw_replica_bucket") == set()
    assert copies(copied, "processed_replica_bucket") & expected == set()
    assert record_there(copied, key)["status"] == {"S": "REMOVED"}


def record_there(copied: Stack, key: str) -> dict[str, Any]:
    """A picture's `current` item in the other region, with DynamoDB's types."""
    item: dict[str, Any] = copied.checkout.client("dynamodb", REPLICA_REGION).get_item(
        TableName=copied.outputs["table_name"], Key={"imageId": {"S": key}, "record": {"S": "current"}}
    )["Item"]
    return item


def test_copies_are_deleted_for_good_with_their_original(copied: Stack) -> None:
    """`remove --all-versions` leaves no version in either region, though S3 copies no such deletion."""
    key = "copies/private.png"
    copied.upload(key, helpers.saved(helpers.corners(), "PNG"))
    copied.settled(key, "COMPLETE")
    assert versions(copied, "raw_replica_bucket", REPLICA_REGION, key) == 1
    copied.checkout.run(
        sys.executable, "-m", "processor", "remove", "--all-versions",
        "--stack", str(copied.checkout.folder / "build" / ENVIRONMENT / "stack.json"), key,
    )  # fmt: skip
    copied.settled(key, "REMOVED")
    assert versions(copied, "raw_bucket", servers.REGION, key) == 0
    assert versions(copied, "raw_replica_bucket", REPLICA_REGION, key) == 0


def versions(copied: Stack, bucket: str, region: str, key: str) -> int:
    """How many versions and delete markers of a key a bucket has."""
    listed = copied.checkout.client("s3", region).list_object_versions(Bucket=copied.outputs[bucket], Prefix=key)
    return len(listed.get("Versions", [])) + len(listed.get("DeleteMarkers", []))


def test_copies_are_as_private_as_the_originals(copied: Stack) -> None:
    """No public access, encryption, versions that expire, a role that only its bucket may use, recoverable records."""
    s3, iam = copied.checkout.client("s3", REPLICA_REGION), copied.checkout.client("iam")
    for name in ("raw", "processed"):
        bucket = copied.outputs[f"{name}_replica_bucket"]
        assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REPLICA_REGION
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        original = s3.get_bucket_lifecycle_configuration(Bucket=copied.outputs[f"{name}_bucket"])["Rules"]
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == original
        assert any("NoncurrentVersionExpiration" in rule for rule in original)
        role = f"img-pipeline-{ENVIRONMENT}-replication-{name}"
        (trust,) = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert (
            trust["Condition"]["ArnEqualsIfExists"]["aws:SourceArn"]
            == f"arn:aws:s3:::{copied.outputs[f'{name}_bucket']}"
        )
        path = f"/{bucket}?list-type=2"
        assert copied.checkout.http(f"{servers.HOST}:{copied.checkout.port}", path).status == 403
    table = copied.checkout.client("dynamodb", REPLICA_REGION)
    backups = table.describe_continuous_backups(TableName=copied.outputs["table_name"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert table.describe_table(TableName=copied.outputs["table_name"])["Table"]["SSEDescription"]["SSEType"] == "KMS"


def test_the_cdn_knows_where_else_to_ask(copied: Stack) -> None:
    """The distribution has the group, and may read the copies. The emulator stores groups but serves none."""
    configuration = copied.checkout.client("cloudfront").get_distribution_config(Id=copied.outputs["distribution_id"])
    (group,) = configuration["DistributionConfig"]["OriginGroups"]["Items"]
    assert sorted(group["FailoverCriteria"]["StatusCodes"]["Items"]) == [500, 502, 503, 504]
    assert [member["OriginId"] for member in group["Members"]["Items"]] == ["processed", "replica"]
    assert configuration["DistributionConfig"]["DefaultCacheBehavior"]["TargetOriginId"] == group["Id"]
    s3 = copied.checkout.client("s3", REPLICA_REGION)
    policy = json.loads(s3.get_bucket_policy(Bucket=copied.outputs["processed_replica_bucket"])["Policy"])
    arns = {statement["Condition"]["StringEquals"]["aws:SourceArn"] for statement in policy["Statement"]}
    assert {arn.rpartition("/")[2] for arn in arns} == {copied.outputs["distribution_id"]}


def test_the_other_region_knows_what_is_deployed(copied: Stack) -> None:
    """The stack can be found from there while its own region is down."""
    assert outputs_asked_for(copied, REPLICA_REGION) == copied.outputs


def test_a_plan_with_copies_is_empty(copied: Stack, tmp_path: Path) -> None:
    """The second deploy, too, left nothing to do."""
    assert_nothing_to_change(copied, tmp_path / "plan", NOT_RETURNED_BY_EMULATOR)


def test_destroy_leaves_nothing(copied: Stack) -> None:
    """Pictures in the buckets and copies in the other region included; this is the end of the stack."""
    copied.upload("copies/kept.png", helpers.saved(helpers.corners(), "PNG"))
    copied.settled("copies/kept.png", "COMPLETE")
    stop_listening(copied)
    forget_awkward_keys(copied)
    assert copied.processed_keys(), "there must be something that only force_destroy can delete"
    assert copies(copied, "processed_replica_bucket"), "and in the other region, too"
    copied.checkout.script("destroy", ENVIRONMENT, "--yes")
    assert remains(copied.checkout) == {}
    assert not (copied.checkout.folder / "build" / ENVIRONMENT).exists()
    workspaces = copied.checkout.run("terraform", "-chdir=terraform", "workspace", "list").split()
    assert workspaces == ["*", "default"]


def forget_awkward_keys(copied: Stack) -> None:
    """Delete what has a plus in its key, the delete markers that the pipeline and replication put there included.

    MiniStack ignores `encoding-type=url` when it lists versions, so the provider reads the plus as a space and tries
    for ever to delete what is not there.
    """
    s3 = copied.checkout.client("s3")
    for name in ("raw_bucket", "raw_replica_bucket", "processed_bucket", "processed_replica_bucket"):
        bucket = copied.outputs[name]
        listed = s3.list_object_versions(Bucket=bucket)
        for version in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
            if "+" in version["Key"]:
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        wait_for(lambda: copied.messages() == 0 or None, "what follows", lambda: f"{copied.messages()} messages")


def remains(checkout: Checkout) -> dict[str, list[Any]]:
    """What is left on the emulator, by kind; what AWS itself brings along is not counted."""
    aws = {
        name: checkout.client(name)
        for name in (
            "s3", "sqs", "dynamodb", "lambda", "iam", "logs", "cloudwatch", "events", "cloudfront", "ssm", "scheduler"
        )
    }  # fmt: skip
    cdn, custom = aws["cloudfront"], {"Type": "custom"}
    left: dict[str, list[Any]] = {
        "buckets": aws["s3"].list_buckets()["Buckets"],
        "queues": aws["sqs"].list_queues().get("QueueUrls", []),
        "tables": aws["dynamodb"].list_tables()["TableNames"],
        "copied tables": checkout.client("dynamodb", REPLICA_REGION).list_tables()["TableNames"],
        "parameters": aws["ssm"].describe_parameters()["Parameters"],
        "copied parameters": checkout.client("ssm", REPLICA_REGION).describe_parameters()["Parameters"],
        "functions": aws["lambda"].list_functions()["Functions"],
        "mappings": aws["lambda"].list_event_source_mappings()["EventSourceMappings"],
        "roles": aws["iam"].list_roles()["Roles"],
        "log groups": aws["logs"].describe_log_groups()["logGroups"],
        "topics": [each for region in REGIONS for each in checkout.client("sns", region).list_topics()["Topics"]],
        "alarms": [
            each
            for region in REGIONS
            for each in checkout.client("cloudwatch", region).describe_alarms()["MetricAlarms"]
        ],
        "schedules": aws["scheduler"].list_schedules()["Schedules"],
        "dashboards": aws["cloudwatch"].list_dashboards()["DashboardEntries"],
        "buses": [bus for bus in aws["events"].list_event_buses()["EventBuses"] if bus["Name"] != "default"],
        "distributions": items(cdn.list_distributions()["DistributionList"]),
        "edge functions": items(cdn.list_functions()["FunctionList"]),
        "access controls": items(cdn.list_origin_access_controls()["OriginAccessControlList"]),
        "cache policies": items(cdn.list_cache_policies(**custom)["CachePolicyList"]),
        "headers policies": items(cdn.list_response_headers_policies(**custom)["ResponseHeadersPolicyList"]),
    }
    return {kind: found for kind, found in left.items() if found}


def items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """CloudFront leaves an empty list out."""
    found: list[dict[str, Any]] = answer.get("Items", [])
    return found
