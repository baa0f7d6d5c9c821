"""What X-Ray's daemon is told of a picture."""

import io
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

import processor.aws.tracing
from processor.aws.tracing import STEPS, NoTracing, XRay
from processor.errors import Transient
from processor.recipe import Recipe
from tests.fakes import World

RECIPE = Recipe.from_json('{"sizes": [{"name": "full", "formats": {"webp": {"key": "webp/{stem}.webp"}}}]}')
TRACE, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"


class Daemon:
    """A socket on loopback in the daemon's place."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def heard(self) -> list[dict[str, Any]]:
        """Everything so far, up to and including the picture's own subsegment, which ends last."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["name"] != "picture":
            header, _, body = self.socket.recv(65_536).partition(b"\n")
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(body))
        return found


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon, and an invocation that is sampled."""
    daemon = Daemon()
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", daemon.address)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent={PARENT};Sampled=1")
    yield daemon
    daemon.socket.close()


@pytest.fixture
def tracing(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[XRay]:  # noqa: ARG001 - it is found by its address
    """Traces that the daemon hears."""
    from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - the module's own makes one, too
    from aws_xray_sdk.core.recorder import AWSXRayRecorder  # noqa: PLC0415 - as the code under test does

    own = AWSXRayRecorder()
    monkeypatch.setattr(processor.aws.tracing, "recorder", lambda: own)
    yield XRay()
    for each in (own, xray_recorder):
        each.emitter._socket.close()  # noqa: SLF001 - nothing else closes it


@pytest.fixture
def world() -> World:
    """A world with an upload."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), "teal").save(buffer, "PNG")
    world = World(RECIPE)
    world.sources.upload("a/ü.png", buffer.getvalue())
    return world


def reconcile(world: World, tracing: XRay | NoTracing) -> None:
    """As the handler does."""
    plain = world.reconciler
    reconciler = replace(
        plain,
        sources=tracing.steps(plain.sources),
        renditions=tracing.steps(plain.renditions),
        records=tracing.steps(plain.records),
        announcements=tracing.steps(plain.announcements),
        invalidations=tracing.steps(plain.invalidations),
        transcode=tracing.transcode(plain.transcode),
    )
    with tracing.picture("a/ü.png"):
        reconciler.reconcile("a/ü.png")


def test_every_step_of_a_picture_is_a_subsegment(daemon: Daemon, tracing: XRay, world: World) -> None:
    """Of the invocation's trace, below the picture's own, which is below the invocation and has the key."""
    reconcile(world, tracing)
    *steps, picture = daemon.heard()
    assert [step["name"] for step in steps] == [
        *("lease", "look", "fetch", "transcode", "store", "delete", "look", "record", "announce", "release")
    ]
    assert picture["parent_id"] == PARENT
    assert picture["annotations"] == {"key": "a/ü.png"}
    assert {step["parent_id"] for step in steps} == {picture["id"]}
    assert {each["trace_id"] for each in (*steps, picture)} == {TRACE}
    assert all(each["type"] == "subsegment" and each["end_time"] >= each["start_time"] for each in (*steps, picture))
    (stages,) = (step["metadata"]["milliseconds"] for step in steps if step["name"] == "transcode")
    assert set(stages) == {"prepare", "render", "tile"}
    assert all(milliseconds >= 0 for milliseconds in stages.values())
    assert len({each["id"] for each in (*steps, picture)}) == len(steps) + 1


def test_failed_step_is_a_fault(daemon: Daemon, tracing: XRay, world: World) -> None:
    """With what was raised, which goes on to be raised."""
    world.renditions.fail_at = 0
    with pytest.raises(Transient, match="SlowDown"):
        reconcile(world, tracing)
    faults = {each["name"]: each for each in daemon.heard() if each.get("fault")}
    assert set(faults) == {"store", "picture"}
    assert faults["store"]["cause"]["exceptions"][0]["message"] == "storing: SlowDown"


def test_next_invocation_is_another_trace(
    daemon: Daemon, tracing: XRay, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda names it in the environment, anew for each."""
    reconcile(world, tracing)
    assert daemon.heard()
    other = TRACE.replace("1-57", "1-58")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={other};Parent={PARENT};Sampled=1")
    world.sources.remove("a/ü.png")
    reconcile(world, tracing)
    assert {each["trace_id"] for each in daemon.heard()} == {other}


def test_invocation_that_is_not_sampled_sends_nothing(
    daemon: Daemon, tracing: XRay, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X-Ray is paid by the trace."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent={PARENT};Sampled=0")
    reconcile(world, tracing)
    daemon.socket.setblocking(False)  # noqa: FBT003
    with pytest.raises(BlockingIOError):
        daemon.heard()
    assert world.record("a/ü.png").published


def test_nothing_depends_on_the_daemon(daemon: Daemon, tracing: XRay, world: World) -> None:
    """Datagrams that nobody hears hold up nothing."""
    daemon.socket.close()
    reconcile(world, tracing)
    assert world.record("a/ü.png").published


def test_without_tracing_adapters_are_what_they_are(world: World) -> None:
    """Nothing stands in between."""
    tracing = NoTracing()
    assert tracing.steps(world.records) is world.records
    assert tracing.transcode(world.reconciler.transcode) is world.reconciler.transcode
    reconcile(world, tracing)
    assert world.record("a/ü.png").published


def test_steps_are_calls_that_there_are(world: World) -> None:
    """A method that is renamed would be missing in traces otherwise."""
    adapters = (world.sources, world.renditions, world.records, world.invalidations, world.announcements)
    assert all(any(hasattr(adapter, name) for adapter in adapters) for name in STEPS)


def test_a_process_has_one_recorder() -> None:
    """Each has a socket that nothing closes."""
    assert processor.aws.tracing.recorder() is processor.aws.tracing.recorder()
