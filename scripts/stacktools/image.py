"""The container image: built, pushed, and remembered by its digest."""

import base64
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from scripts.stacktools import tfvars
from scripts.stacktools.aws import OWN, Account, explained
from scripts.stacktools.shell import ROOT, Shell, fail

ARCHITECTURES = ("x86_64", "arm64")

_ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def architecture(environment: str) -> str:
    """What the environment's variables file says; ARCH where it says nothing, x86_64 where neither does.

    Raises:
        SystemExit: if the two contradict each other, or one is unknown.
    """
    asked = os.environ.get("ARCH") or ""
    stated = tfvars.text(environment, "architecture")
    for where, name in (("ARCH", asked), (f"architecture in terraform/environments/{environment}.tfvars", stated)):
        if name and name not in ARCHITECTURES:
            fail(f"{where} must be one of {', '.join(ARCHITECTURES)}, not {name!r}")
    if asked and stated and asked != stated:
        fail(
            f"ARCH is {asked}, and terraform/environments/{environment}.tfvars says architecture = {stated!r}: "
            "leave ARCH out, or change the file"
        )
    return stated or asked or ARCHITECTURES[0]


def build(shell: Shell, environment: str) -> str:
    """Build the image and answer its local name, whose tag says what is in it."""
    variables = {"ARCH": architecture(environment)}
    return shell.read("scripts/image", otherwise="img-pipeline:TAG", extra_environment=variables).splitlines()[-1]


def push(shell: Shell, repository: str, local: str) -> str:
    """Push a local image, unless its tag is there already, and answer its name by digest.

    Args:
        shell: what runs docker.
        repository: HOST[:PORT]/NAME. In ECR the script logs in by itself.
        local: NAME:TAG, see `build`.
    """
    tag = local.rpartition(":")[2]
    registry = None if shell.dry_run else _Ecr.of(repository)
    if registry:
        # Tags cannot be moved there, so what has this tag is this image.
        digest = registry.digest(imageTag=tag)
        if digest:
            print(f"{tag} is in the registry already", file=sys.stderr)
            return f"{repository}@{digest}"
        registry.log_in(shell)
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


def copy(shell: Shell, source: str, repository: str, account: Account) -> str:
    """Copy an image to another repository, unless it is there already, and return its name there by the same digest.

    Args:
        shell: what runs docker.
        source: REPOSITORY@sha256:….
        repository: HOST[:PORT]/NAME to copy it to. In ECR the script logs in to both by itself.
        account: with which ECR is asked for the source.

    Raises:
        SystemExit: if what has arrived is not what was sent.
    """
    digest = source.rpartition("@")[2]
    copied = f"{repository}@{digest}"
    if source == copied:
        return copied
    target = None if shell.dry_run else _Ecr.of(repository)
    if target and target.digest(imageDigest=digest):
        print(f"{digest} is in {repository} already", file=sys.stderr)
        return copied
    for registry in (None if shell.dry_run else _Ecr.of(source.partition("@")[0], account), target):
        if registry:
            registry.log_in(shell)
    # a tag of its own: what has none is deleted after a week
    remote = f"{repository}:{digest.replace(':', '-')}"
    if shutil.which("skopeo"):  # copies every byte as it is
        shell.run(
            "skopeo",
            "copy",
            "--preserve-digests",
            *_plain_http(source, repository),
            *(f"docker://{name}" for name in (source, remote)),
        )
        return copied
    # another one: should this not be the same image, its tag must not be in the way of the right one for ever
    remote += "-pushed"
    shell.run("docker", "pull", "--quiet", source)
    shell.run("docker", "tag", source, remote)
    shell.run("docker", "push", "--quiet", remote)
    if not shell.dry_run and _pushed_name(shell, repository, remote) != copied:
        fail(
            f"{repository} has another digest for {remote} than {digest}: this Docker has packed the layers again. "
            "Nothing was rolled out. Install skopeo, which copies them as they are, and repeat this"
        )
    return copied


def _plain_http(source: str, target: str) -> list[str]:
    """Registries on this machine have no certificate; docker knows that by itself."""
    return [
        f"--{side}-tls-verify=false"
        for side, name in (("src", source), ("dest", target))
        if re.match(r"(localhost|127\.0\.0\.1):", name)
    ]


def in_registry(image: str) -> bool:
    """Whether an image can still be had. Only ECR is asked; elsewhere the roll-out itself will tell."""
    repository, _, digest = image.rpartition("@")
    registry = _Ecr.of(repository) if repository else None
    return registry is None or registry.digest(imageDigest=digest) is not None


class _Ecr:
    """A repository in Amazon ECR."""

    def __init__(self, host: str, region: str, owner: str, name: str, account: Account) -> None:
        self.host = host
        self.owner = owner
        self.name = name
        self.client: Any = account.session().client("ecr", region_name=region)

    @classmethod
    def of(cls, repository: str, account: Account = OWN) -> "_Ecr | None":
        host, _, name = repository.partition("/")
        match = _ECR_HOST.fullmatch(host)
        return cls(host, match["region"], match["account"], name, account) if match else None

    def digest(self, **image: str) -> str | None:
        """The digest of an image by `imageTag` or `imageDigest`; None: it is not there."""
        none = (self.client.exceptions.ImageNotFoundException, self.client.exceptions.RepositoryNotFoundException)
        with explained(f"the registry {self.host}/{self.name} cannot be asked"):
            try:
                answer = self.client.describe_images(registryId=self.owner, repositoryName=self.name, imageIds=[image])
            except none:
                return None
        return str(answer["imageDetails"][0]["imageDigest"])

    def log_in(self, shell: Shell) -> None:
        """Have docker know the registry's password."""
        with explained(f"the registry {self.host} lets nobody in"):
            token = self.client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        shell.pipe(password, "docker", "login", "--username", "AWS", "--password-stdin", self.host)


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


def recorded(environment: str) -> str | None:
    """The image noted last; None: there is none."""
    path = record_file(environment)
    return path.read_text().strip() if path.is_file() else None
