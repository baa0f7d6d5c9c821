"""Programs from npm, by the locks in this repository."""

import shutil
import subprocess
from pathlib import Path

TIMEOUT_SECONDS = 600
_LOCK = "package-lock.json"


class NpmError(Exception):
    """A program cannot be had. The message says why and what to do."""


def installed(package: Path, folder: Path) -> str:
    """Install what the lock of a package says, unless it is there.

    Args:
        package: with `package.json` and `package-lock.json`, perhaps `.npmrc`.
        folder: where `node_modules` goes.

    Returns:
        The path of node.

    Raises:
        NpmError: if node or npm is missing, or npm fails, which then leaves nothing behind.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing = " and ".join(name for name, found in (("node", node), ("npm", npm)) if found is None)
        raise NpmError(f"no {missing} here; install Node 20 or newer")
    if not _is_installed(package, folder):
        _install(npm, package, folder)
    return node


def _is_installed(package: Path, folder: Path) -> bool:
    ended = folder / "node_modules/.package-lock.json"  # which npm writes last
    lock = folder / _LOCK
    return ended.exists() and lock.exists() and lock.read_bytes() == (package / _LOCK).read_bytes()


def _install(npm: str, package: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", _LOCK, ".npmrc"):
        if (package / name).exists():
            shutil.copyfile(package / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        raise NpmError(f"npm was not done within {exc.timeout:.0f} s; try again") from exc
    if done.returncode:
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        last = "\n".join(f"    {line}" for line in done.stderr.strip().splitlines()[-5:])
        raise NpmError(f"npm failed:\n{last}")
