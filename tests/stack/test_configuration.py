"""The Terraform code by itself: its form, its lock files, and its own tests with a mocked provider."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
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
    # a file each, side by side: within one run Terraform does one thing after another, and keeps every provider alive
    files = [f"-filter={path.relative_to(copy / root)}" for path in (copy / root / "tests").glob("*.tftest.hcl")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for tests in pool.map(lambda file: terraform(copy / root, "test", file), sorted(files, reverse=True)):
            assert tests.returncode == 0, tests.stdout + tests.stderr
            assert " 0 failed" in tests.stdout, tests.stdout
            assert "Success! 0 passed" not in tests.stdout, tests.stdout


def graph(copy: Path) -> dict[str, set[str]]:
    """What every resource of the stack comes after, and is destroyed before, directly: by address."""
    folder = copy / "terraform"
    init = terraform(folder, "init", "-input=false", "-lockfile=readonly")
    assert init.returncode == 0, init.stderr
    drawn = terraform(folder, "graph")
    assert drawn.returncode == 0, drawn.stderr
    edges: dict[str, set[str]] = {}
    for later, earlier in re.findall(r'^\s*"([^"]+)" -> "([^"]+)";$', drawn.stdout, re.MULTILINE):
        edges.setdefault(later, set()).add(earlier)
    return edges


def before(edges: dict[str, set[str]], address: str) -> set[str]:
    """Everything that a resource comes after, however indirectly."""
    found: set[str] = set()
    waiting = [address]
    while waiting:
        for earlier in edges.get(waiting.pop(), set()) - found:
            found.add(earlier)
            waiting.append(earlier)
    return found


STORAGE = ("aws_s3_bucket_public_access_block.this", "aws_s3_bucket_ownership_controls.this")
LOGS = ("aws_s3_bucket_public_access_block.logs", "aws_s3_bucket_ownership_controls.logs")
ORDER = {
    "module.storage.aws_s3_bucket_policy.raw": [f"module.storage.{name}" for name in STORAGE],
    "module.delivery.aws_s3_bucket_policy.processed": [f"module.storage.{name}" for name in STORAGE],
    "module.delivery.aws_s3_object.missing": [f"module.storage.{name}" for name in STORAGE],
    "module.replica.aws_s3_bucket_policy.raw": [f"module.replica.{name}" for name in STORAGE],
    "module.replication.aws_s3_bucket_policy.processed": [f"module.replica.{name}" for name in STORAGE],
    "module.delivery.aws_s3_bucket_policy.logs": [f"module.delivery.{name}" for name in LOGS],
    "module.delivery.aws_cloudwatch_log_delivery.access": ["module.delivery.aws_s3_bucket_policy.logs"],
    "module.ingest.aws_s3_bucket_notification.raw": [
        *(f"module.storage.{name}" for name in STORAGE),
        "module.storage.aws_s3_bucket_versioning.raw",
        "module.storage.aws_s3_bucket_policy.raw",
        "module.ingest.aws_sqs_queue_policy.ingest",
    ],
    "module.replication.aws_s3_bucket_replication_configuration.this": [
        *(f"module.{module}.{name}" for module in ("storage", "replica") for name in STORAGE),
        *(f"module.{module}.aws_s3_bucket_versioning.raw" for module in ("storage", "replica")),
        *(f"module.{module}.aws_s3_bucket_policy.raw" for module in ("storage", "replica")),
    ],
}
"""What must be in force before something is set on a bucket, and until that is gone. Terraform destroys in reverse."""


def test_what_is_set_on_a_bucket_has_its_order(copy: Path) -> None:
    """No bucket has a policy, an object, an event or a copy of anything before nobody can make it public."""
    edges = graph(copy)
    missing = {later: lacking for later, earlier in ORDER.items() if (lacking := set(earlier) - before(edges, later))}
    assert missing == {}
    policies = {later for later in edges if later.rpartition(".")[0].endswith("aws_s3_bucket_policy")}
    assert policies - set(ORDER) == set(), "every bucket policy must be in ORDER"
