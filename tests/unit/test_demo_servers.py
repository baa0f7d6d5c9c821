"""The demo's processes: reached by nobody else, ended whatever happens, and quoted when they die."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import botocore.session
import pytest

from scripts.demo import ministack, servers
from scripts.demo.errors import DemoError

FOREVER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def test_the_environment_knows_the_emulator_only() -> None:
    """Profiles, keys, endpoints of single services and proxies of the user's do not reach the demo's SDK."""
    users = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "t",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere.example",
        "HTTP_PROXY": "http://proxy.example",
        "no_proxy": "intranet",
        "HOME": "/home/me",
    }
    made = servers.isolated_environment(users, "http://127.0.0.1:1234")
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & set(made)
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1234"
    assert made["AWS_SHARED_CREDENTIALS_FILE"] == made["AWS_CONFIG_FILE"] == os.devnull
    assert made["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert made["HOME"] == "/home/me"


def test_a_taken_port_is_an_error_that_says_so() -> None:
    """A wanted port that somebody listens on is refused with what to do; without a wish, a free one is found."""
    with socket.create_server((servers.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=rf"port {port} cannot be used.*Leave --port out"):
            servers.choose_port(port)
        assert servers.choose_port(None) != port


@pytest.mark.parametrize("command", [FOREVER, STUBBORN], ids=["obedient", "stubborn"])
def test_a_process_ends_with_its_block(tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However the block ends, the process is gone, even one that ignores being asked."""
    monkeypatch.setattr(servers, "STOP_TIMEOUT_SECONDS", 0.5)
    started: list[servers.Server] = []

    def interrupted() -> None:
        with servers.running("it", command, os.environ, tmp_path / "log") as server:
            started.append(server)
            while "up" not in (tmp_path / "log").read_text():
                server.check_alive()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert started[0].process.poll() is not None


def test_a_process_that_died_is_quoted(tmp_path: Path) -> None:
    """Its name, exit code and last lines are in the error, the older ones are not."""
    command = [sys.executable, "-c", "print(*range(100), sep='\\n'); raise SystemExit(7)"]
    with servers.running("the worker", command, os.environ, tmp_path / "log") as server:
        server.process.wait(30)
        with pytest.raises(DemoError, match=r"the worker ended with exit code 7(?s:.)*\n    99$") as raised:
            server.check_alive()
    assert "\n    80\n" in str(raised.value)
    assert "\n    79\n" not in str(raised.value)


def test_an_emulator_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    """MiniStack ending at once, here for want of a port, stops the demo with what it said."""
    with socket.create_server((servers.HOST, 0)) as taken:
        environment = servers.isolated_environment(os.environ, "http://unused")
        starting = servers.emulator(taken.getsockname()[1], tmp_path / "log", environment)
        with pytest.raises(DemoError, match=r"the emulator ended(?s:.)*already in use"), starting:
            pytest.fail("it started")


def test_a_missing_emulator_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the demo says how to get it."""
    monkeypatch.setattr(servers, "find_spec", lambda _name: None)
    with (
        pytest.raises(DemoError, match=r"not installed(?s:.)*requirements-demo\.txt"),
        servers.emulator(1, tmp_path, {}),
    ):
        pytest.fail("it started")


def test_an_empty_log_is_said_to_be_empty(tmp_path: Path) -> None:
    """No lines are not shown as nothing."""
    assert servers.tail(tmp_path / "none") == "    (it is empty)"


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("PUT", "/2020-05-31/function/pictures-negotiate", ["ETag", "ettag"]),
        ("PUT", "/2020-05-31/function/pictures-negotiate/publish", ["ETag"]),
        ("GET", "/2020-05-31/function/pictures-negotiate", ["ETag"]),
        ("PUT", "/bucket/key", ["ETag"]),
    ],
)
def test_the_emulator_spells_a_header_as_aws_does(method: str, path: str, names: list[str]) -> None:
    """UpdateFunction's new ETag is sent as `ETtag` too, which AWS's model calls it; no other answer is changed."""

    async def emulator(_scope: ministack.Message, _receive: ministack.Receive, send: ministack.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"ETag", b"two")]})
        await send({"type": "http.response.body", "body": b"<FunctionSummary/>"})

    async def receive() -> ministack.Message:
        raise AssertionError("nothing to receive")

    sent: list[ministack.Message] = []

    async def send(message: ministack.Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path}
    asyncio.run(ministack.spelled_as_by_aws(emulator)(scope, receive, send))
    assert sent[0]["headers"] == [(name.encode(), b"two") for name in names]
    assert sent[1]["body"] == b"<FunctionSummary/>"


def test_aws_calls_that_header_so() -> None:
    """The name is taken from AWS's own model of CloudFront: the day it is mended there, the wrapper can go."""
    model = botocore.session.get_session().get_service_model("cloudfront")
    shape = model.operation_model("UpdateFunction").output_shape
    assert shape is not None
    assert shape.members["ETag"].serialization["name"] == "ETtag"
