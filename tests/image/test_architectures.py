"""The lock of the image, for both architectures that Lambda offers."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_locked_wheel_exists(machine: str, tmp_path: Path) -> None:
    """Each locked dependency, hash and all, has a wheel that AWS's Python 3.13 base image can install."""
    # Amazon Linux 2023 has glibc 2.34
    platforms = [f"--platform=manylinux_{tag}_{machine}" for tag in ("2_34", "2_28", "2_17")]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *(
            "--only-binary=:all:",
            "--python-version=3.13",
            "--implementation=cp",
            *platforms,
            f"--platform=manylinux2014_{machine}",
        ),
        *("--require-hashes", "--requirement", str(ROOT / "requirements.txt"), "--dest", str(tmp_path)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    wheels = {wheel.name.partition("-")[0] for wheel in tmp_path.glob("*.whl")}
    assert {"pillow", "pillow_avif_plugin", "boto3"} <= wheels
    compiled = [wheel.name for wheel in tmp_path.glob("*.whl") if not wheel.name.endswith("-any.whl")]
    assert compiled
    assert all(machine in name for name in compiled)
