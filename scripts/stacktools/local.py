"""The whole stack on this machine: an emulator that enforces IAM, the real Terraform, the real container image."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from scripts.demo import servers
from scripts.demo.errors import DemoError
from scripts.stacktools import image, stack
from scripts.stacktools.consent import Consent
from scripts.stacktools.shell import ROOT, Shell, fail, need

ENVIRONMENT = "local"
PORT = 4566
FOLDER = ROOT / "build" / ENVIRONMENT
PID_FILE = FOLDER / "emulator.pid"
LOG = FOLDER / "emulator.log"
EPILOG = f"""\
environment variables:
  STACK_PORT           the emulator's port on this machine, {PORT} unless set
  ARCH                 x86_64 (default) or arm64
  DOCKER_BUILD_FLAGS   more flags for `docker build`
"""


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="stack", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("up", "down"), help="put it up, or change what is up; take it down")
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()
    shell = Shell(dry_run=arguments.dry_run)
    up(shell) if arguments.action == "up" else down(shell)


def up(shell: Shell) -> None:
    """Emulator, image, Terraform; then say what one can do with it."""
    need("terraform", "docker")
    port = int(os.environ.get("STACK_PORT") or PORT)
    endpoint = f"http://{servers.HOST}:{port}"
    # from here on no command, and no Terraform, may know the user's account
    environment = servers.isolated_environment(os.environ, endpoint)
    os.environ.clear()
    os.environ.update(environment)
    if not shell.dry_run:
        _start_emulator(port, environment)
    stack.roll_out(shell, ENVIRONMENT, image.build(shell, ENVIRONMENT), Consent())
    if not shell.dry_run:
        _explain(endpoint, port)


def down(shell: Shell) -> None:
    """Stop the emulator, and forget the state of what was in it."""
    pid = _running_emulator()
    if pid is None:
        print("no emulator of ours is running", file=sys.stderr)
    else:
        shell.say(("kill", str(pid)))
    if shell.dry_run:
        return
    if pid is not None:
        _stop(pid)
    PID_FILE.unlink(missing_ok=True)
    (FOLDER / "stack.json").unlink(missing_ok=True)  # so that nobody takes it for a stack that is up
    shutil.rmtree(ROOT / "terraform" / "terraform.tfstate.d" / ENVIRONMENT, ignore_errors=True)
    (ROOT / "terraform" / ".terraform" / "environment").unlink(missing_ok=True)


def _start_emulator(port: int, environment: Mapping[str, str]) -> None:
    """Start MiniStack in the background, unless ours runs already."""
    if _running_emulator() is not None:
        return
    try:
        servers.choose_port(port)
    except DemoError:
        fail(f"port {port} is taken: stop what listens there, or choose another with STACK_PORT")
    # what was in an emulator is gone with it, and a state that remembers it would only confuse
    shutil.rmtree(ROOT / "terraform" / "terraform.tfstate.d" / ENVIRONMENT, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    command, variables = servers.emulator_command(port, environment, {**servers.FOR_CONTAINERS, "AUTH": "true"})
    with LOG.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    PID_FILE.write_text(str(process.pid))
    try:
        servers.wait_until_healthy(servers.Server("the emulator", process, LOG), port)
    except DemoError as exc:
        fail(str(exc))


def _running_emulator() -> int | None:
    """The process id of the emulator that `up` started, if it is still that."""
    try:
        pid = int(PID_FILE.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists() and b"ministack" not in command.read_bytes():
        return None  # the number has been given to another process
    return pid


def _stop(pid: int) -> None:
    for wish, patience in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.killpg(pid, wish)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if _running_emulator() is None:
                return
            time.sleep(0.1)


def _explain(endpoint: str, port: int) -> None:
    outputs = json.loads((FOLDER / "stack.json").read_text())
    bucket, domain = outputs["raw_bucket"]["value"], outputs["cdn_domain"]["value"]
    print(f"""
The stack is up. To use it, with the aws command or any SDK:

  export AWS_ENDPOINT_URL={endpoint} AWS_REGION={servers.REGION} AWS_DEFAULT_REGION={servers.REGION}
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  aws s3 cp photo.jpg s3://{bucket}/
  {sys.executable} -m processor status --stack build/{ENVIRONMENT}/stack.json photo.jpg
  curl -H 'Host: {domain}' -H 'X-Forwarded-Proto: https' -H 'Accept: image/avif' -o photo.avif \\
    http://{servers.HOST}:{port}/medium/photo_medium.jpg

make stack-down takes it down again. Its log is {LOG.relative_to(ROOT)}.""")


if __name__ == "__main__":
    main()
