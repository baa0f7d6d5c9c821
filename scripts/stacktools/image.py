"""The container image: built, pushed, and remembered by its digest."""

import base64
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from scripts.stacktools.shell import ROOT, Shell, fail

ARCHITECTURES = ("x86_64", "arm64")

_ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def architecture() -> str:
    """ARCH: x86_64 unless set."""
    name = os.environ.get("ARCH") or "x86_64"
    if name not in ARCHITECTURES:
        fail(f"ARCH must be one of {', '.join(ARCHITECTURES)}, not {name!r}")
    return name


def build(shell: Shell) -> str:
    """Build the image and answer its local name, whose tag says what is in it."""
    return shell.read("scripts/image", otherwise="img-pipeline:TAG").splitlines()[-1]


def push(shell: Shell, repository: str, local: str) -> str:
    """Push a local image, unless its tag is there already, and answer its name by digest.

    Args:
        shell: what runs docker.
        repository: HOST[:PORT]/NAME. In ECR the script logs in by itself.
        local: NAME:TAG, see `build`.
    """
    tag = local.rpartition(":")[2]
    registry = _Ecr.of(repository)
    if registry and not shell.dry_run:
        # Tags cannot be moved there, so what has this tag is this image.
        digest = registry.digest(tag)
        if digest:
            print(f"{tag} is in the registry already", file=sys.stderr)
            return f"{repository}@{digest}"
        shell.pipe(registry.password(), "docker", "login", "--username", "AWS", "--password-stdin", registry.host)
    remote = f"{repository}:{tag}"
    shell.run("docker", "tag", local, remote)
    shell.run("docker", "push", "--quiet", remote)
    return _pushed_name(shell, repository, remote)


def _pushed_name(shell: Shell, repository: str, remote: str) -> str:
    if shell.dry_run:
        return f"{repository}@sha256:…"
    names = json.loads(
        shell.read("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", remote, otherwise="[]")
    )
    pushed = [str(name) for name in names if name.startswith(f"{repository}@")]
    if not pushed:
        fail(f"docker pushed {remote} but does not know its digest")
    return pushed[0]


class _Ecr:
    """A repository in Amazon ECR, by way of boto3: the aws command is not needed."""

    def __init__(self, host: str, region: str, account: str, name: str) -> None:
        self.host = host
        self.account = account
        self.name = name
        try:
            import boto3  # noqa: PLC0415 - only pushing to ECR needs it
        except ImportError:
            fail("boto3 is missing, which logs in to ECR: run `make test` once, or pip install boto3")
        self.client: Any = boto3.client("ecr", region_name=region)

    @classmethod
    def of(cls, repository: str) -> "_Ecr | None":
        host, _, name = repository.partition("/")
        match = _ECR_HOST.fullmatch(host)
        return cls(host, match["region"], match["account"], name) if match else None

    def digest(self, tag: str) -> str | None:
        try:
            details = self.client.describe_images(
                registryId=self.account, repositoryName=self.name, imageIds=[{"imageTag": tag}]
            )["imageDetails"]
        except self.client.exceptions.ImageNotFoundException:
            return None
        return str(details[0]["imageDigest"])

    def password(self) -> str:
        token = self.client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode().partition(":")[2]


def record_file(environment: str) -> Path:
    """Where the image of an environment is noted, for the next plan."""
    return ROOT / "build" / environment / "image"


def record(shell: Shell, environment: str, image: str) -> None:
    """Note which image an environment runs."""
    if shell.dry_run:
        return
    path = record_file(environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(image + "\n")


def recorded(environment: str) -> str:
    """The image noted last.

    Raises:
        SystemExit: if there is none.
    """
    path = record_file(environment)
    if not path.is_file():
        fail(f"no image was pushed from here for {environment} yet: run `make deploy ENV={environment}`")
    return path.read_text().strip()
