"""Promotion and rollback: which image, refused when, and what becomes of them where they are killed at any step."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.parameters import Parameters, served

ROOT = Path(__file__).resolve().parents[2]
PROD = "registry.example/prod"
A, B, C = (f"{PROD}@sha256:{letter * 64}" for letter in "abc")
DEV = "registry.example/dev@sha256:" + "d" * 64
PROMOTED = f"{PROD}@sha256:" + "d" * 64

ECR = "dkr.ecr.eu-central-1.amazonaws.com"
PROD_ECR, DEV_ECR = f"222222222222.{ECR}/prod", f"111111111111.{ECR}/dev"

TOOL = f"""#!{sys.executable} -SE
import http.client, json, os, sys
url = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
step = 0
while True:
    connection = http.client.HTTPConnection(url)
    connection.request("POST", "/tool", json.dumps([os.path.basename(sys.argv[0]), step, *sys.argv[1:]]))
    answer = json.loads(connection.getresponse().read())
    if answer["printed"]:
        print(answer["printed"])
    if answer["done"]:
        sys.exit(answer["code"])
    step += 1
"""
"""A program that does what the cloud says, a request a step."""

ANSWERS = {
    "output": {"function_name": {"value": "function"}, "edge_parameters": {"value": "/img-pipeline-prod/edge"}},
    "show": {"resource_changes": []},
    "state": {"resources": [{"mode": "managed", "type": "aws_sns_topic", "name": "alarms", "instances": []}]},
}
"""What Terraform prints."""


@dataclass
class Cloud(Parameters):
    """What docker, Terraform and the scripts see of the world, with a count of their calls.

    Attributes:
        latest: image of the function as it was changed last.
        versions: image of each published version.
        live: the version that the alias names.
        registry: what is in prod's repository.
        calls: what was asked, in order.
        killed_at: the number of the call that is done, and after which the process group of the script is killed.
        group: that process group.
        planned: the image of the saved plan.
        publishing: whether Terraform has changed the function and will publish it.
        ran_live: what the alias ran after each call.
    """

    latest: str = C
    versions: dict[int, str] = field(default_factory=lambda: dict(enumerate((A, B, C), 1)))
    live: int = 3
    registry: set[str] = field(default_factory=lambda: {A, B, C})
    calls: list[str] = field(default_factory=list)
    killed_at: int | None = None
    group: int = 0
    publishing: bool = False
    planned: str = ""
    ran_live: list[str] = field(default_factory=list)

    def respond(self, method: str, path: str, target: str, asked: Any) -> tuple[int, dict[str, Any]]:
        """Answer, or kill whoever asked."""
        if path == "/tool":
            status, answer = 200, self.tool(asked[0], *asked[2:])
        elif "/functions/" in path:
            status, answer = self._lambda(method, path)
        elif target.endswith(".DescribeImages"):
            status, answer = self._describe_image(asked)
        elif target.endswith(".GetAuthorizationToken"):
            token = base64.b64encode(b"AWS:secret").decode()
            status, answer = 200, {"authorizationData": [{"authorizationToken": token}]}
        else:
            status, answer = super().respond(method, path, target, asked)
        self.calls.append(path if path != "/tool" else " ".join(str(word) for word in asked[:4]))
        self.ran_live.append(self.versions[self.live])
        if len(self.calls) == self.killed_at:
            os.killpg(self.group, signal.SIGKILL)
        return status, answer

    def tool(self, name: str, *arguments: str) -> dict[str, Any]:
        """One step of docker or Terraform."""
        printed, done = "", True
        if name == "docker":
            printed = self.docker(arguments[0])
        elif arguments[1] == "plan":
            self.planned = next(word for word in arguments if word.startswith("-var=image_uri=")).rpartition("uri=")[2]
            return {"printed": "", "done": True, "code": 2 if self.differs(self.planned) else 0}
        elif arguments[1] == "apply":
            done = not self.change(self.planned)
        elif arguments[1] in ANSWERS:
            printed = json.dumps(ANSWERS[arguments[1]])
        return {"printed": printed, "done": done, "code": 0}

    def differs(self, image: str) -> bool:
        """Whether a plan with this image shows a change."""
        parameter = {"image": image, "architecture": "x86_64"}
        noted = json.loads(self.history["/img-pipeline-prod/image"][-1])
        return self.latest != image or self.live != max(self.versions) or noted != parameter

    def docker(self, command: str) -> str:
        """What docker prints."""
        assert command != "build"
        if command == "push":
            self.registry.add(f"{PROD}@{DEV.rpartition('@')[2]}")
        return json.dumps(sorted(self.registry - {A, B, C})) if command == "image" else ""

    def change(self, image: str) -> bool:
        """One step of an apply, as Terraform's provider goes about it: what has changed is published, nothing else."""
        newest = max(self.versions)
        parameter = {"image": image, "architecture": "x86_64"}
        if self.latest != image:
            assert image in self.registry
            self.latest = image
            self.publishing = True
        elif self.publishing:
            self.versions[newest + 1] = self.latest
            self.publishing = False
        elif self.live != newest:
            self.live = newest
        elif json.loads(self.history["/img-pipeline-prod/image"][-1]) != parameter:
            self.history["/img-pipeline-prod/image"].append(json.dumps(parameter))
        else:
            return False
        return True

    def _describe_image(self, asked: Any) -> tuple[int, dict[str, Any]]:
        digest = asked["imageIds"][0]["imageDigest"]
        if f"{asked['registryId']}.{ECR}/{asked['repositoryName']}@{digest}" in self.registry:
            return 200, {"imageDetails": [{"imageDigest": digest}]}
        return 400, {"__type": "ImageNotFoundException", "message": "gone"}

    def _lambda(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        assert method != "DELETE", path
        if method == "POST":
            if self.versions[max(self.versions)] != self.latest:
                self.versions[max(self.versions) + 1] = self.latest
            return 201, {"Version": str(max(self.versions))}
        if path.endswith("/aliases/live"):
            return 200, {"FunctionVersion": str(self.live)}
        if "/aliases" in path:
            return 200, {"Aliases": [{"FunctionVersion": str(self.live)}]}
        return 200, {"Versions": [{"Version": str(number)} for number in self.versions]}


@dataclass(frozen=True)
class World:
    """A checkout whose scripts see a cloud."""

    folder: Path
    cloud: Cloud

    def run(self, script: str, *arguments: str, killed_at: int | None = None, **extra: str) -> tuple[int, str]:
        """Run a script. Returns its exit code and what it said."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        for name in ("ARCH", "STATE_BUCKET"):
            kept.pop(name, None)
        path = f"{self.folder / 'bin'}"
        environment = (
            kept | self.cloud.environment() | {"PATH": path, "PYTHON": sys.executable, "REGISTRY": PROD} | extra
        )
        self.cloud.calls.clear()
        self.cloud.publishing = False  # a new Terraform knows nothing of what the last one was about to do
        self.cloud.killed_at = killed_at
        with subprocess.Popen(  # noqa: S603 - our own scripts
            [self.folder / "scripts" / script, *arguments, "--yes"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            self.cloud.group = process.pid
            said, _ = process.communicate()
        return process.returncode, said


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Prod ran A, then B, and runs C; dev runs an image of its own. Terraform and docker only pretend."""
    ignore = shutil.ignore_patterns(".terraform", "terraform.tfstate*", "__pycache__", "backend_override.tf", "modules")
    for name in ("scripts/stacktools", "terraform"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    for name in ("promote", "rollback", "deploy"):
        shutil.copy2(ROOT / "scripts" / name, tmp_path / "scripts")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "env"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    for name in ("terraform", "docker"):
        (tools / name).write_text(TOOL)
        (tools / name).chmod(0o755)
    with served(Cloud()) as cloud:
        assert isinstance(cloud, Cloud)
        for environment, image in (("prod", A), ("prod", B), ("prod", C), ("dev", DEV)):
            value = json.dumps({"image": image, "architecture": "x86_64"})
            cloud.history[f"/img-pipeline-{environment}/image"].append(value)
        recipe = {"recipe": "r", "recipe_hash": "h", "grace_days": 30, "settle_seconds": 0}
        cloud.history["/img-pipeline-prod/edge/current"].append(json.dumps(recipe))
        yield World(tmp_path, cloud)


def ran(world: World) -> list[str]:
    """What the stack says that prod ran."""
    return [json.loads(value)["image"] for value in world.cloud.history["/img-pipeline-prod/image"]]


def assert_runs(world: World, image: str) -> None:
    """Everything agrees on the image, and another apply of it would change nothing."""
    assert world.cloud.versions[world.cloud.live] == image
    assert ran(world)[-1] == image
    assert not world.cloud.change(image)
    assert (world.folder / "build/prod/image").read_text().strip() == image


# -- promotion -------------------------------------------------------------------------------------------------------


def test_promotion_copies_the_image_by_its_digest_and_rolls_it_out(world: World) -> None:
    """What dev runs is pulled, pushed to prod's registry and applied; nothing is built."""
    code, said = world.run("promote", "prod", "--from", "dev")
    assert code == 0, said
    assert_runs(world, PROMOTED)
    docker = [call.split()[2] for call in world.cloud.calls if call.startswith("docker")]
    assert [word for word in docker if word in ("pull", "tag", "push", "build")] == ["pull", "tag", "push"]
    assert f"docker tag {DEV} {PROD}:sha256-{'d' * 64}-pushed" in said
    assert "prod runs what dev runs: sha256:ddd" in said


def test_skopeo_copies_where_it_is_installed(world: World) -> None:
    """It leaves every byte as it is, on which docker does not insist."""
    world.cloud.registry.add(PROMOTED)
    shutil.copy2(world.folder / "bin" / "docker", world.folder / "bin" / "skopeo")
    code, said = world.run("promote", "prod", "--from", "dev")
    assert code == 0, said
    assert_runs(world, PROMOTED)
    assert f"skopeo copy --preserve-digests docker://{DEV} docker://{PROD}:sha256-{'d' * 64}\n" in said
    assert "+ docker" not in said


def test_promotion_killed_after_any_step_is_completed_by_the_same_command(world: World) -> None:
    """Prod runs the old image or the new one, never another; repeated, the command ends as if nothing had happened."""
    code, said = world.run("promote", "prod", "--from", "dev")
    assert code == 0, said
    steps = changing(world)
    assert len(steps) >= 8
    for number in steps:
        reset(world)
        code, _ = world.run("promote", "prod", "--from", "dev", killed_at=number)
        assert code == -signal.SIGKILL
        code, said = world.run("promote", "prod", "--from", "dev")
        assert code == 0, said
        assert_runs(world, PROMOTED)
        assert set(world.cloud.ran_live) <= {C, PROMOTED}
        assert ran(world) == [A, B, C, PROMOTED]


def changing(world: World) -> list[int]:
    """The numbers of the calls that change something, and of the last one."""
    told = re.compile(r"docker 0 (push|tag)|terraform \d+ \S+ (apply|output)|/2015-03-31/functions/function/versions")
    calls = world.cloud.calls
    return [number for number, call in enumerate(calls, 1) if told.match(call) or number == len(calls)]


def reset(world: World) -> None:
    """Prod is as it was before."""
    fresh = Cloud()
    for name in ("latest", "versions", "live", "registry", "ran_live"):
        setattr(world.cloud, name, getattr(fresh, name))
    del world.cloud.history["/img-pipeline-prod/image"][3:]
    shutil.rmtree(world.folder / "build", ignore_errors=True)


def test_accounts_of_their_own_are_asked_with_their_own_credentials(world: World) -> None:
    """FROM_PROFILE and FROM_REGION are dev's; what is in prod's registry already is not copied again."""
    source, copied = f"{DEV_ECR}@sha256:{'d' * 64}", f"{PROD_ECR}@sha256:{'d' * 64}"
    world.cloud.history["/img-pipeline-dev/image"] = [json.dumps({"image": source, "architecture": "x86_64"})]
    world.cloud.docker = lambda command: json.dumps([copied]) if command == "image" else ""  # type: ignore[method-assign]
    profiles = world.folder / "profiles"
    profiles.write_text("[profile dev]\naws_access_key_id = devs\naws_secret_access_key = secret\nregion = eu-west-3\n")
    arguments = ("promote", "prod", "--from", "dev")
    extra: dict[str, Any] = {
        "AWS_CONFIG_FILE": str(profiles),
        "FROM_PROFILE": "dev",
        "FROM_REGION": "eu-west-1",
        "REGISTRY": PROD_ECR,
    }

    world.cloud.change = lambda image: image not in copied  # type: ignore[method-assign]
    code, said = world.run(*arguments, **extra)
    assert code == 0, said
    assert [word for word in said.splitlines() if "docker login" in word] == [
        f"+ docker login --username AWS --password-stdin {host}.{ECR}" for host in ("111111111111", "222222222222")
    ]
    asked = list(zip(world.cloud.keys, world.cloud.regions, strict=True))
    assert asked[:4] == [
        ("devs", "eu-west-1"), ("test", "eu-central-1"), ("devs", "eu-central-1"), ("test", "eu-central-1"),
    ]  # fmt: skip
    assert f"image_uri={copied}" in said

    world.cloud.registry.add(copied)
    code, said = world.run(*arguments, **extra)
    assert code == 0, said
    assert "is in 222222222222" in said
    assert "+ docker" not in said


def test_an_image_that_arrives_with_another_digest_is_not_rolled_out(world: World) -> None:
    """Docker may pack layers again when it pushes them: that is another image."""
    world.cloud.docker = lambda command: json.dumps([f"{PROD}@sha256:{'e' * 64}"]) if command == "image" else ""  # type: ignore[method-assign]
    code, said = world.run("promote", "prod", "--from", "dev")
    assert code == 1
    assert "has another digest" in said
    assert "Nothing was rolled out" in said
    assert world.cloud.ran_live[-1] == C
    assert "apply" not in said


@pytest.mark.parametrize(
    ("image", "arguments", "architecture", "said"),
    [
        (None, ("prod", "--from", "dev"), "", "no image is known for dev"),
        (DEV, ("prod", "--from", "prod"), "", "prod runs its own image already"),
        (DEV, ("prod", "--from", "qa"), "", "there is no terraform/environments/qa.tfvars"),
        (DEV, ("prod", "--from", ""), "", "For example: make promote FROM=dev ENV=prod"),
        (DEV, ("prod", "--from", "dev"), "arm64", "dev runs an image for x86_64, and prod is arm64"),
        ("img-pipeline:local", ("prod", "--from", "dev"), "", "is in no registry"),
    ],
)
def test_promotion_that_cannot_be_is_refused(
    world: World, image: str | None, arguments: tuple[str, ...], architecture: str, said: str
) -> None:
    """With a sentence, before anything is copied or applied."""
    world.cloud.history["/img-pipeline-dev/image"] = (
        [json.dumps({"image": image, "architecture": "x86_64"})] if image else []
    )
    code, output = world.run("promote", *arguments, ARCH=architecture)
    assert code == 1
    assert said in output
    assert not [call for call in world.cloud.calls if call.startswith(("docker 0 p", "terraform"))]


# -- rollback --------------------------------------------------------------------------------------------------------


def test_rollback_runs_the_image_before_without_a_build_or_docker(world: World) -> None:
    """The next one goes further back, not forth again; at the first image there is nothing before."""
    for image in (B, A):
        code, said = world.run("rollback", "prod")
        assert code == 0, said
        assert_runs(world, image)
        assert not [call for call in world.cloud.calls if call.startswith("docker")]
    code, said = world.run("rollback", "prod")
    assert code == 1
    assert "is the first image on record" in said
    assert ran(world) == [A, B, C, B, A]


@pytest.mark.parametrize("to", [A, A.rpartition("@")[2], "sha256:aaaa", "previous"])
def test_rollback_to_an_image_that_is_named(world: World, to: str) -> None:
    """By its name, its digest, or the beginning of it."""
    code, said = world.run("rollback", "prod", "--to", to)
    assert code == 0, said
    assert_runs(world, B if to == "previous" else A)


@pytest.mark.parametrize("to", ["sha256:", "sha256:eeee", "", "latest", f"{PROD}@sha256:{'f' * 64}"])
def test_rollback_to_what_never_ran_is_refused(world: World, to: str) -> None:
    """Nothing is applied."""
    code, said = world.run("rollback", "prod", "--to", to)
    assert code == 1
    assert "of the images that ran here; --list shows them" in said
    assert ran(world) == [A, B, C]


def test_rollback_across_architectures_is_refused(world: World) -> None:
    """The old image would not start."""
    code, said = world.run("rollback", "prod", ARCH="arm64")
    assert code == 1
    assert "was built for x86_64, and prod is arm64" in said


def test_rollback_lists_what_there_is(world: World) -> None:
    """Each image once, newest first, with who deployed it when."""
    code, said = world.run("rollback", "prod", "--list")
    assert code == 0, said
    lines = said.splitlines()
    assert [re.search(r"sha256:(.)", line)[1] for line in lines] == ["c", "b", "a"]  # type: ignore[index]
    assert lines[0].endswith("user/number-3  runs now")
    assert lines[1].endswith("user/number-2  previous")


def test_an_image_that_has_gone_from_the_registry_is_marked_and_refused(world: World) -> None:
    """ECR keeps the newest only; anything else would fail in the middle of an apply."""
    gone, there = (f"{PROD_ECR}@sha256:{letter * 64}" for letter in "ab")
    world.cloud.registry = {there}
    world.cloud.history["/img-pipeline-prod/image"] = [
        json.dumps({"image": image, "architecture": "x86_64"}) for image in (gone, there)
    ]
    code, said = world.run("rollback", "prod", "--list")
    assert code == 0, said
    assert said.splitlines()[0].endswith("runs now")
    assert said.splitlines()[1].endswith("previous, not in the registry any more")
    code, said = world.run("rollback", "prod")
    assert code == 1
    assert "is in the registry no longer" in said
    assert "terraform" not in said


def test_rollback_killed_after_any_step_is_completed_by_the_same_command(world: World) -> None:
    """It never goes further back than the first command would have, wherever that was killed."""
    code, said = world.run("rollback", "prod")
    assert code == 0, said
    steps = changing(world)
    assert len(steps) >= 7
    for number in steps:
        reset(world)
        code, _ = world.run("rollback", "prod", killed_at=number)
        assert code == -signal.SIGKILL
        code, said = world.run("rollback", "prod")
        assert code == 0, said
        assert_runs(world, B)
        assert set(world.cloud.ran_live) <= {C, B}
        assert ran(world) == [A, B, C, B]


def test_a_stack_that_does_not_know_what_it_ran_says_so(world: World) -> None:
    """One that an older version deployed has no history yet."""
    world.cloud.history["/img-pipeline-prod/image"].clear()
    code, said = world.run("rollback", "prod")
    assert code == 1
    assert "does not say what it ran before: roll out one more image" in said


# -- deploy ----------------------------------------------------------------------------------------------------------


def test_a_plan_on_another_machine_takes_the_image_from_the_stack(world: World) -> None:
    """Though nothing was pushed from there; an old note of this machine does not count against the stack."""
    note = world.folder / "build/prod/image"
    note.parent.mkdir(parents=True)
    note.write_text(A)
    code, said = world.run("deploy", "prod", "--plan")
    assert code == 0, said
    assert f"-var=image_uri={C}" in said


def test_a_stack_that_cannot_be_asked_is_no_stack_without_an_image(world: World) -> None:
    """An old note must not become a rollback that nobody wanted."""
    note = world.folder / "build/prod/image"
    note.parent.mkdir(parents=True)
    note.write_text(A)
    code, said = world.run("deploy", "prod", "--skip-push", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert code == 1
    assert "/img-pipeline-prod/image cannot be read" in said
    assert "terraform" not in said
