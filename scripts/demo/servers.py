"""The two processes that the demo starts, and that it stops whatever happens."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from scripts.demo.errors import DemoError

HOST = "127.0.0.1"
REGION = "us-east-1"
START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 2.0
"""Until a server is killed. Both hold nothing worth saving, and the worker would finish its 20 s wait for messages."""
LOG_LINES_SHOWN = 20

_ROOT = Path(__file__).resolve().parents[2]
_REFUSED_ENVIRONMENT = ("AWS_", "BOTO_", "MINISTACK_", "LOCALSTACK_")


@dataclass(frozen=True, slots=True)
class Server:
    """A running child process.

    Attributes:
        name: for people.
        process: its handle.
        log: where its output goes.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check_alive(self) -> None:
        """Pass if it runs.

        Raises:
            DemoError: if it ended, with its last words.
        """
        code = self.process.poll()
        if code is not None:
            raise DemoError(f"{self.name} ended with exit code {code}. The end of {self.log}:\n{tail(self.log)}")


def isolated_environment(environment: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """An environment in which the AWS SDK knows the emulator and nothing else: no profile, no account, no proxy."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_REFUSED_ENVIRONMENT)}
    no_proxy = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), HOST, "localhost")))
    return kept | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # what the emulator takes for its own account; opens nothing elsewhere
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def choose_port(wanted: int | None) -> int:
    """A port on the loopback interface that nobody listens on.

    Raises:
        DemoError: if a wanted one is taken.
    """
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # as the emulator will: a port whose last connections are still closing is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError as exc:
            raise DemoError(
                f"port {wanted} cannot be used ({exc.strerror}). Leave --port out and a free one is chosen."
            ) from exc
        port: int = probe.getsockname()[1]
        return port


LOOPBACK_ONLY: Mapping[str, str] = {
    "BIND_HOST": HOST,
    # it would look for containers of earlier runs to remove, and where nothing runs in containers there are none
    "DOCKER_HOST": "unix:///nonexistent/docker.sock",
}
"""Settings of an emulator whose clients are processes on this machine."""

FOR_CONTAINERS: Mapping[str, str] = {"BIND_HOST": "0.0.0.0"}  # noqa: S104 - so that they reach it
"""Settings of an emulator whose clients run in containers."""


@contextmanager
def emulator(
    port: int, log: Path, environment: Mapping[str, str], settings: Mapping[str, str] = LOOPBACK_ONLY
) -> Iterator[Server]:
    """MiniStack on a port, from when it answers until the block ends.

    Raises:
        DemoError: if it is not installed, ends, or does not answer in time.
    """
    if find_spec("ministack") is None:
        raise DemoError(
            f"the emulator is not installed for {sys.executable}. `make demo` installs it; by hand: "
            "pip install --require-hashes -r requirements-demo.txt"
        )
    command, variables = emulator_command(port, environment, settings)
    with running("the emulator", command, variables, log) as server:
        wait_until_healthy(server, port)
        yield server


def emulator_command(
    port: int, environment: Mapping[str, str], settings: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command that starts MiniStack, and the environment that it wants."""
    own = {"GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
    # with this variable it would tell containers 127.0.0.1, where they would find themselves
    inherited = {name: value for name, value in environment.items() if name != "AWS_ENDPOINT_URL"}
    return [sys.executable, "-m", "scripts.demo.ministack"], {**inherited, **own, **settings}


@contextmanager
def worker(log: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """The processor, polling the ingest queue until the block ends."""
    with running("the worker", [sys.executable, "-m", "processor.worker"], environment, log) as server:
        yield server


@contextmanager
def running(name: str, command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """A child process in a group of its own, so that Ctrl-C reaches the demo alone and the demo ends it in order."""
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - the commands are ours
            command,
            env=dict(environment),
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(name, process, log)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process started by `running` and everything in its group: asked first, then told."""
    if process.poll() is not None:
        return
    for wish in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, wish)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_SECONDS)
            return


def tail(log: Path, lines: int = LOG_LINES_SHOWN) -> str:
    """The last lines of a log, indented, or a word that there are none."""
    text = log.read_text("utf-8", errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (it is empty)"


def wait_until_healthy(server: Server, port: int) -> None:
    """Return once the emulator answers.

    Raises:
        DemoError: if it ends, or does not answer in time.
    """
    url = f"http://{HOST}:{port}/_ministack/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    last: Exception | None = None
    while time.monotonic() < deadline:
        server.check_alive()
        try:
            with opener.open(url, timeout=2):
                return
        except (urllib.error.URLError, OSError) as exc:
            last = exc
        time.sleep(0.1)
    raise DemoError(
        f"{server.name} did not answer within {START_TIMEOUT_SECONDS:.0f} s ({last}). "
        f"The end of {server.log}:\n{tail(server.log)}"
    )
