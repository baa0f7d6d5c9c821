"""The Distributed Map, by the real Terraform module on an emulator: it queues every upload, however it is called."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from processor.events import Message
from scripts.demo import resources
from tests.emulator import ministack, pipeline_on
from tests.requirements import need
from tests.waiting import wait_for

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"old/a b+c.jpg", "old/ü (1).png", *(f"old/{number}.jpg" for number in range(30))}
MODULE = """
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
module "backfill" {
  source          = "./backfill"
  name            = "backfill"
  partition       = "aws"
  account_id      = "000000000000"
  region          = "us-east-1"
  raw_bucket_name = "%(bucket)s"
  raw_bucket_arn  = "arn:aws:s3:::%(bucket)s"
  queue_url       = "%(queue)s"
  queue_arn       = "arn:aws:sqs:us-east-1:000000000000:%(queue_name)s"
}
output "backfill_state_machine_arn" {
  value = module.backfill.state_machine_arn
}
"""


def test_distributed_map_queues_every_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each upload below the prefix gets exactly one message that names it, spaces and all; others get none."""
    need("terraform", present=shutil.which("terraform") is not None, how="Install Terraform 1.10 or newer.")
    with ministack(tmp_path) as environment:
        pipeline = pipeline_on(environment)
        for key in (*KEYS, "new/other.jpg"):
            pipeline.upload(key, b"-")
        drain(pipeline.sqs, pipeline.queue_url)
        shutil.copytree(ROOT / "terraform" / "modules" / "backfill", tmp_path / "backfill")
        shutil.copy2(ROOT / "terraform" / ".terraform.lock.hcl", tmp_path)
        values = {"bucket": resources.RAW_BUCKET, "queue": pipeline.queue_url, "queue_name": resources.QUEUE}
        (tmp_path / "main.tf").write_text(MODULE % values)
        for command in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
            run(["terraform", f"-chdir={tmp_path}", *command], environment)
        outputs = json.loads(run(["terraform", f"-chdir={tmp_path}", "output", "-json"], environment))
        for name in ("raw_bucket", "table_name", "queue_url", "recipe"):
            outputs[name] = {"value": resources.RAW_BUCKET if name == "raw_bucket" else "-"}
        (tmp_path / "stack.json").write_text(json.dumps(outputs))
        command = [sys.executable, "-m", "processor", "backfill", "--stack", str(tmp_path / "stack.json")]
        command += ["--distributed", "--run", f"s3://{resources.RAW_BUCKET}/old/"]
        started = run(command, environment)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        machines: Any = boto3.client("stepfunctions")
        execution = started.split()[1].rstrip(";")
        wait_for(
            lambda: machines.describe_execution(executionArn=execution)["status"] == "SUCCEEDED" or None,
            "the execution",
            lambda: str(machines.describe_execution(executionArn=execution)),
        )
        queued = [
            hint.key for body in drain(pipeline.sqs, pipeline.queue_url) for hint in Message("-", "-", body).hints()
        ]
    assert sorted(queued) == sorted(KEYS)


def drain(sqs: "SQSClient", url: str) -> list[str]:
    """Take everything off a queue."""
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints; a failure shows why."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
