"""The scripts that put a stack up and take it down: what they would run, and what they say when they cannot."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.stacktools import stack

ROOT = Path(__file__).resolve().parents[2]

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts need, so that a test cannot touch real state."""
    ignore = shutil.ignore_patterns(".terraform", "terraform.tfstate*", "__pycache__", "backend_override.tf")
    for name in ("scripts", "terraform"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    return tmp_path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH on which terraform, docker and git exist and do nothing; what else scripts need is there as it is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("terraform", "docker", "git"):
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
        (folder / name).chmod(0o755)
    for name in ("bash", "dirname", "env", "sh"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def run(checkout: Path, tools: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing on its PATH but the tools given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    for name in ("ARCH", "REGISTRY", "STATE_BUCKET"):
        kept.pop(name, None)
    region = {"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    environment = {**kept, **region, "PATH": str(tools), "PYTHON": sys.executable, **variables}
    script, *arguments = command
    return subprocess.run(  # noqa: S603 - our own scripts
        [checkout / "scripts" / script, *arguments],
        env=environment,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )


def commands(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The first words of each command that a dry run printed: the program, Terraform's folder, what it does."""
    assert done.returncode == 0, done.stderr
    lines = [shlex.split(line[2:]) for line in done.stderr.splitlines() if line.startswith("+ ")]
    return [" ".join(word.removeprefix("-chdir=") for word in line[:3]) for line in lines]


@pytest.mark.parametrize("script", ["deploy", "push-image", "destroy", "migrate-state"])
def test_help_says_what_a_script_does(checkout: Path, tools: Path, script: str) -> None:
    """Each script has --help, names itself, and says which environment variables count."""
    done = run(checkout, tools, script, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {script} ")
    assert "dry-run" in done.stdout
    assert "scripts/deploy" in done.stdout


def test_an_environment_of_ones_own_needs_both_files_and_deploy_names_the_missing_one(
    checkout: Path, tools: Path
) -> None:
    """Who copies the stack's variables alone is told of the registry's, before anything is made."""
    files = checkout / "terraform/environments"
    shutil.copy(files / "dev.tfvars", files / "qa.tfvars")
    done = run(checkout, tools, "deploy", "qa", "--dry-run")
    assert done.returncode != 0
    assert "there is no terraform/bootstrap/environments/qa.tfvars" in done.stderr
    assert "+ terraform" not in done.stderr


def test_deploy_makes_registry_image_and_stack_in_this_order(checkout: Path, tools: Path) -> None:
    """Nothing is applied before what it needs is there, and no step targets a part."""
    done = run(checkout, tools, "deploy", "dev", "--dry-run")
    order = commands(done)
    steps = ["terraform terraform/bootstrap apply", "scripts/image", "docker push --quiet", "terraform terraform apply"]
    assert [step for step in order if step in steps] == steps
    assert "-target" not in done.stderr
    assert "image_uri=REPOSITORY@sha256:" in done.stderr


def test_deploy_with_a_local_image_neither_builds_nor_pushes(checkout: Path, tools: Path) -> None:
    """An emulator runs the image by its local tag."""
    done = run(checkout, tools, "deploy", "local", "--image", "img-pipeline:1", "--dry-run")
    *steps, last = commands(done)
    assert {step.split()[0] for step in steps} == {"terraform"}
    assert last.endswith(" -m processor")
    assert " -m processor rollout --repair --stack build/local/stack.json\n" in done.stderr
    assert "terraform terraform/bootstrap" not in " ".join(commands(done))
    assert "-var=image_uri=img-pipeline:1" in done.stderr


def test_push_image_ends_in_an_apply_of_the_stack(checkout: Path, tools: Path) -> None:
    """Terraform stays the owner of the function's image."""
    order = commands(run(checkout, tools, "push-image", "dev", "--dry-run"))
    assert order.index("docker push --quiet") < order.index("terraform terraform apply")
    assert "terraform terraform/bootstrap apply" not in order


def test_push_image_to_a_registry_of_ones_own_asks_no_other(checkout: Path, tools: Path) -> None:
    """REGISTRY replaces ECR, and logging in is then not the script's business."""
    done = run(checkout, tools, "push-image", "dev", "--dry-run", "--no-roll-out", REGISTRY="127.0.0.1:5000/pictures")
    assert not [step for step in commands(done) if step.startswith(("terraform", "docker login"))]
    assert "docker push --quiet 127.0.0.1:5000/pictures:TAG" in done.stderr


def test_destroy_takes_the_stack_down_before_its_registry(checkout: Path, tools: Path) -> None:
    """The function runs from the registry to the end."""
    order = commands(run(checkout, tools, "destroy", "dev", "--dry-run"))
    assert order.index("terraform terraform destroy") < order.index("terraform terraform/bootstrap destroy")


def test_destroy_does_nothing_unless_the_name_is_typed(checkout: Path, tools: Path) -> None:
    """An empty answer is no."""
    done = run(checkout, tools, "destroy", "prod")
    assert done.returncode == 1
    assert "nothing was deleted" in done.stderr
    assert " destroy " not in done.stderr


def test_every_environment_keeps_its_state_in_a_workspace_of_its_own(checkout: Path, tools: Path) -> None:
    """The workspace is chosen before anything is applied."""
    done = run(checkout, tools, "deploy", "prod", "--image", f"repository@{DIGEST}", "--dry-run")
    lines = done.stderr.splitlines()
    chosen = next(index for index, line in enumerate(lines) if "workspace select -or-create prod" in line)
    applied = next(index for index, line in enumerate(lines) if " apply " in line)
    planned = next(index for index, line in enumerate(lines) if " plan " in line)
    assert chosen < planned < applied
    assert "-var-file=environments/prod.tfvars" in lines[planned]


def test_state_goes_to_a_bucket_only_where_one_is_named(checkout: Path, tools: Path) -> None:
    """With native locking, and a forgotten STATE_BUCKET later is an error rather than a second stack."""
    arguments = ("deploy", "dev", "--image", f"repository@{DIGEST}")
    override = checkout / "terraform" / "backend_override.tf"

    assert "backend-config" not in run(checkout, tools, *arguments, "--dry-run").stderr
    named = run(checkout, tools, *arguments, "--dry-run", STATE_BUCKET="states")
    assert "-backend-config=bucket=states" in named.stderr
    assert "-backend-config=use_lockfile=true" in named.stderr
    assert not override.exists()

    override.write_text("terraform {}\n")
    forgotten = run(checkout, tools, *arguments, "--dry-run")
    assert forgotten.returncode == 1
    assert "set STATE_BUCKET=NAME" in forgotten.stderr


@pytest.mark.parametrize(("missing", "remedy"), [("terraform", "install Terraform"), ("docker", "install Docker")])
def test_a_missing_program_is_named_with_how_to_get_it(checkout: Path, tools: Path, missing: str, remedy: str) -> None:
    """One line, and nothing has been changed yet."""
    (tools / missing).unlink()
    done = run(checkout, tools, "deploy", "dev")
    assert done.returncode == 1
    assert f"{missing} is missing: {remedy}" in done.stderr
    assert "+ " not in done.stderr


def test_a_docker_daemon_that_is_not_running_is_named(checkout: Path, tools: Path) -> None:
    """An installed client is not enough."""
    (tools / "docker").write_text("#!/bin/sh\nexit 1\n")
    done = run(checkout, tools, "push-image", "dev")
    assert done.returncode == 1
    assert "daemon does not answer" in done.stderr


@pytest.mark.parametrize("name", ["", "staging", "../dev"])
def test_an_unknown_environment_is_refused(checkout: Path, tools: Path, name: str) -> None:
    """The message says which there are, or that one must be named."""
    done = run(checkout, tools, "deploy", name, "--dry-run")
    assert done.returncode == 1
    assert "ENV=dev" in done.stderr or "use one of dev, local, prod" in done.stderr


def test_an_unknown_architecture_is_refused(checkout: Path, tools: Path) -> None:
    """Before anything runs."""
    done = run(checkout, tools, "deploy", "dev", "--image", f"repository@{DIGEST}", ARCH="riscv")
    assert done.returncode == 1
    assert "ARCH must be one of x86_64, arm64" in done.stderr
    assert " apply " not in done.stderr


@pytest.mark.parametrize("asked", ["", "arm64"])
def test_the_environments_architecture_is_built_and_applied(checkout: Path, tools: Path, asked: str) -> None:
    """Its file decides; an ARCH that says the same, or nothing, changes nothing."""
    state_architecture(checkout, "arm64")
    (checkout / "scripts/image").write_text('#!/bin/sh\necho "img-pipeline:$ARCH"\n')
    local = run(checkout, tools, "stack", "up", "--dry-run", ARCH=asked)
    done = run(checkout, tools, "deploy", "dev", "--dry-run", ARCH=asked)
    assert "-var=architecture=arm64" in done.stderr
    assert "-var=architecture=x86_64" not in done.stderr
    assert f"-var=architecture={asked or 'x86_64'}" in local.stderr, "another environment's file does not count"


def test_an_architecture_that_contradicts_the_environments_is_refused(checkout: Path, tools: Path) -> None:
    """Neither wins silently, and nothing has been done yet."""
    state_architecture(checkout, "arm64")
    for script in ("deploy", "push-image"):
        done = run(checkout, tools, script, "dev", "--dry-run", ARCH="x86_64")
        assert done.returncode == 1
        assert "ARCH is x86_64, and terraform/environments/dev.tfvars says architecture = 'arm64'" in done.stderr
        assert "+ " not in done.stderr


def test_make_leaves_the_architecture_to_the_scripts() -> None:
    """A default of its own would count as an ARCH that somebody has set."""
    assert "ARCH ?=\n" in (ROOT / "Makefile").read_text()


def state_architecture(checkout: Path, name: str) -> None:
    """Have dev's file say an architecture; what is commented out does not count."""
    file = checkout / "terraform/environments/dev.tfvars"
    file.write_text(file.read_text() + f'# architecture = "x86_64"\narchitecture   =   "{name}" # Graviton\n')


def test_stack_down_leaves_no_file_that_looks_like_a_stack(checkout: Path, tools: Path) -> None:
    """`img-pipeline --stack build/local/stack.json` then says that the stack is down."""
    file = checkout / "build/local/stack.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert run(checkout, tools, "stack", "down").returncode == 0
    assert not file.exists()


def test_a_plan_needs_an_image_that_was_pushed_from_here(checkout: Path, tools: Path) -> None:
    """Otherwise it would show a change that nobody wants."""
    done = run(checkout, tools, "deploy", "dev", "--plan", "--dry-run")
    assert done.returncode == 1
    assert "run `make deploy ENV=dev`" in done.stderr

    record = checkout / "build" / "dev" / "image"
    record.parent.mkdir(parents=True)
    record.write_text(f"repository@{DIGEST}\n")
    done = run(checkout, tools, "deploy", "dev", "--plan", "--dry-run")
    assert f"-var=image_uri=repository@{DIGEST}" in done.stderr
    assert commands(done)[-1] == "terraform terraform plan"


def test_the_guard_stands_before_every_module() -> None:
    """A module that the root module's guard does not name would be deleted before it refuses."""
    text = "".join(path.read_text() for path in sorted((ROOT / "terraform").glob("*.tf")))
    modules = set(re.findall(r'^module "(\w+)"', text, re.MULTILINE)) - {"guard"}
    guard = text[text.index('module "guard"') :]
    named = set(re.findall(r"module\.(\w+)", guard[guard.index("depends_on") : guard.index("\n}")]))
    assert modules == named


@pytest.mark.parametrize(
    ("outputs", "told"),
    [({}, {}), ({"recipe": "{}"}, {"previous_recipe": "{}"}), ({"recipe": "{}", "edge_parameters": "/stack/edge"}, {})],
    ids=["new", "of a version that kept no recipes", "that keeps them"],
)
def test_terraform_is_told_the_recipe_that_a_stack_has_not_kept(outputs: dict[str, str], told: dict[str, str]) -> None:
    """Or a recipe that changes with the upgrade would take pictures off the air; a stack that keeps it knows better."""
    assert stack.recipe_before({name: {"value": value} for name, value in outputs.items()}) == told
