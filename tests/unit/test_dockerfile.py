"""The Lambda image keeps what the code calls."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_image_keeps_the_services_that_are_called() -> None:
    """Every service that a client is made for is among the SDK descriptions that the image keeps."""
    code = "".join(path.read_text("utf-8") for path in (ROOT / "processor").rglob("*.py"))
    called = set(re.findall(r"""client\(\s*["']([a-z0-9-]+)["']""", code))
    kept = set(re.findall(r"! -name ([a-z0-9-]+)", (ROOT / "docker/Dockerfile").read_text("utf-8")))
    assert {"s3", "sqs", "dynamodb", "events"} <= called <= kept
