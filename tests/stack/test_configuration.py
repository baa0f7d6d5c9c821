"""The Terraform code by itself: its form, its lock files, and its own tests with a mocked provider."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.requirements import need

ROOT = Path(__file__).resolve().parents[2]
ROOTS = ("terraform", "terraform/bootstrap", "terraform/bootstrap/state")


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a folder."""
    path = shutil.which("terraform")
    need("terraform", present=path is not None, how="Install Terraform 1.10 or newer.")
    assert path is not None
    environment = {**os.environ, "NO_COLOR": "1", "TF_IN_AUTOMATION": "1"}
    return subprocess.run(  # noqa: S603
        [path, f"-chdir={folder}", *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the Terraform code and of the recipe that it reads, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("configuration")
    shutil.copytree(
        ROOT / "terraform",
        folder / "terraform",
        ignore=shutil.ignore_patterns(".terraform", "terraform.tfstate*", "backend_override.tf"),
    )
    (folder / "processor").mkdir()
    shutil.copy2(ROOT / "processor" / "default_recipe.json", folder / "processor")
    return folder


def test_code_is_formatted() -> None:
    """`make fmt` has been run."""
    done = terraform(ROOT / "terraform", "fmt", "-check", "-diff", "-recursive")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("root", ROOTS)
def test_root_passes_its_own_tests(copy: Path, root: str) -> None:
    """The lock file fits, the code is valid, and every variable and module does what its tests say."""
    init = terraform(copy / root, "init", "-input=false", "-lockfile=readonly")
    assert init.returncode == 0, (
        f"terraform init failed; without a network, TF_CLI_CONFIG_FILE names a mirror: {init.stderr}"
    )
    # without the tests: validating one by itself fails where its module takes a provider alias, running it does not
    validate = terraform(copy / root, "validate", "-no-tests")
    assert validate.returncode == 0, validate.stderr
    tests = terraform(copy / root, "test")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert " 0 failed" in tests.stdout, tests.stdout
