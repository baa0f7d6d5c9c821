"""Taking a stack down, cut off after every command: the same command goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TERRAFORM = f"""#!{sys.executable} -SE
import json, os, signal, sys
from pathlib import Path
world = Path(os.environ["WORLD"])
folder, command = sys.argv[1].removeprefix("-chdir=").replace("/", "-"), sys.argv[2]
state, workspace = world / f"{{folder}}.json", world / f"{{folder}}.workspace"
with (world / "calls").open("a") as calls:
    calls.write(f"{{folder}} {{' '.join(sys.argv[2:4])}}\\n")
if command == "workspace" and sys.argv[3] == "select":
    workspace.touch()
elif command == "workspace":
    assert not state.exists(), "a workspace with something in it is not deleted"
    workspace.unlink(missing_ok=True)
elif command == "state" and state.exists():
    print(state.read_text())
elif command == "destroy":
    state.unlink(missing_ok=True)
if len((world / "calls").read_text().splitlines()) == int(os.environ["CUT_OFF_AT"]):
    os.killpg(0, signal.SIGKILL)
"""
"""Knows which root has resources and which has a workspace, and kills everybody after a call."""

RESOURCES = {"resources": [{"mode": "managed", "type": "aws_sns_topic", "name": "alarms", "instances": []}]}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script needs."""
    ignore = shutil.ignore_patterns(".terraform", "terraform.tfstate*", "__pycache__", "backend_override.tf", "modules")
    for name in ("scripts/stacktools", "terraform"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    shutil.copy2(ROOT / "scripts" / "destroy", tmp_path / "scripts")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "terraform").write_text(TERRAFORM)
    (tmp_path / "bin" / "terraform").chmod(0o755)
    return tmp_path


def deployed(checkout: Path) -> Path:
    """A world in which registry and stack are there."""
    world = checkout / "world"
    shutil.rmtree(world, ignore_errors=True)
    world.mkdir()
    for name in ("terraform", "terraform-bootstrap"):
        (world / f"{name}.json").write_text(json.dumps(RESOURCES))
    (checkout / "build" / "dev").mkdir(parents=True, exist_ok=True)
    return world


def destroy(checkout: Path, world: Path, cut_off_at: int = 0) -> tuple[int, list[str]]:
    """Run the command. Returns its exit code and what it had Terraform do."""
    (world / "calls").unlink(missing_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    for name in ("REGISTRY", "STATE_BUCKET"):
        kept.pop(name, None)
    own = {"PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", "PYTHON": sys.executable, "AWS_REGION": "eu-central-1"}
    done = subprocess.run(  # noqa: S603 - our own script
        [checkout / "scripts" / "destroy", "dev", "--yes"],
        env={**kept, **own, "WORLD": str(world), "CUT_OFF_AT": str(cut_off_at)},
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    return done.returncode, (world / "calls").read_text().splitlines()


def test_destroy_cut_off_after_any_command_goes_on(checkout: Path) -> None:
    """In the end both roots are empty, the stack before its registry, and neither workspaces nor notes are left."""
    world = deployed(checkout)
    code, calls = destroy(checkout, world)
    assert code == 0
    assert calls.index("terraform destroy -input=false") < calls.index("terraform-bootstrap destroy -input=false")
    changing = [number for number, call in enumerate(calls, 1) if call.split()[1] in ("workspace", "destroy")]
    assert len(changing) >= 8
    for number in changing:
        world = deployed(checkout)
        assert destroy(checkout, world, cut_off_at=number)[0] == -signal.SIGKILL
        assert (world / "terraform-bootstrap.json").exists() or not (world / "terraform.json").exists()
        assert destroy(checkout, world)[0] == 0
        assert sorted(path.name for path in world.iterdir()) == ["calls"]
        assert not (checkout / "build" / "dev").exists()
