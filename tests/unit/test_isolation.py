"""Isolation: a decoder that crashes, hangs or grows takes one picture with it, and nothing else."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from processor.errors import Reason, Rejected, Transient
from processor.isolation import IsolatedTranscoder, OutOfMemory
from processor.limits import Limits
from processor.pipeline import transcode
from tests.helpers import photo, saved, small_recipe

if TYPE_CHECKING:
    from processor.results import Transcoded

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system lacks")

RECIPE = small_recipe()
LIMITS = Limits()
PICTURE = saved(photo(64, 48), "PNG")


@pytest.fixture(scope="module")
def broken() -> Iterator[IsolatedTranscoder]:
    """A transcoder whose decoder does what the first bytes of a file say."""
    with IsolatedTranscoder(memory_bytes=600 * 1024 * 1024, target="tests.misbehaving:transcode") as transcoder:
        yield transcoder


def test_the_result_is_the_same() -> None:
    """What comes back from the child equals what the pipeline makes here, rejections included."""
    with IsolatedTranscoder() as transcoder:
        assert transcoder(PICTURE, RECIPE, LIMITS) == transcode(PICTURE, RECIPE)
        with pytest.raises(Rejected) as caught:
            transcoder(PICTURE[:100], RECIPE, LIMITS)
        with pytest.raises(Rejected) as expected:
            transcode(PICTURE[:100], RECIPE)
        assert (caught.value.reason, caught.value.message) == (expected.value.reason, expected.value.message)


@pytest.mark.parametrize("how", ["segfault", "abort", "exit", "bus"])
def test_a_crash_is_the_pictures_fault_and_the_next_one_works(broken: IsolatedTranscoder, how: str) -> None:
    """A decoder that dies makes its picture `decoder_crashed`, and the picture after it complete."""
    with pytest.raises(Rejected) as caught:
        broken(how.encode(), RECIPE, LIMITS)
    assert caught.value.reason == Reason.DECODER_CRASHED
    assert broken(PICTURE, RECIPE, LIMITS).renditions


def test_a_crash_says_what_the_library_said(broken: IsolatedTranscoder) -> None:
    """The last line on standard error is part of the message, and does not reach our own standard error."""
    with pytest.raises(Rejected, match="free\\(\\): invalid pointer"):
        broken(b"noisy-abort", RECIPE, LIMITS)


def test_noise_is_swallowed(capfd: pytest.CaptureFixture[str]) -> None:
    """What a library prints about a picture that works reaches nobody."""
    with IsolatedTranscoder(target="tests.misbehaving:transcode") as transcoder:
        assert transcoder(b"noise" + PICTURE, RECIPE, LIMITS).renditions
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how", ["sleep", "spin", "stopped"])
def test_a_runaway_ends_in_time(broken: IsolatedTranscoder, how: str) -> None:
    """A decoder that never ends is killed at the limit, `decode_timeout`, and the next picture is complete."""
    started = time.monotonic()
    with pytest.raises(Rejected) as caught:
        broken(how.encode(), RECIPE, replace(LIMITS, max_decode_seconds=1))
    assert caught.value.reason == Reason.DECODE_TIMEOUT
    assert time.monotonic() - started < 10
    assert broken(PICTURE, RECIPE, LIMITS).renditions


def test_the_invocations_end_is_not_the_pictures_fault() -> None:
    """A picture that is cut off because the caller's own time is up is tried again, not rejected."""
    with IsolatedTranscoder(target="tests.misbehaving:transcode") as transcoder:
        transcoder.start()
        transcoder.ends_at = time.monotonic() + 1
        with pytest.raises(Transient, match="time was up"):
            transcoder(b"sleep", RECIPE, LIMITS)
        with pytest.raises(Transient, match="no time is left"):
            transcoder(PICTURE, RECIPE, LIMITS)


@pytest.mark.parametrize("how", ["memory", "malloc", "killed"])
def test_out_of_memory_is_told_apart(broken: IsolatedTranscoder, how: str) -> None:
    """Too little memory, be it noticed by Python, by C or by the kernel, is transient: the picture may be fine."""
    with pytest.raises(OutOfMemory):
        broken(how.encode(), RECIPE, LIMITS)
    assert broken(PICTURE, RECIPE, LIMITS).renditions


@pytest.mark.parametrize("how", ["program", "shell", "connect", "fork"])
def test_no_program_is_started(broken: IsolatedTranscoder, how: str, tmp_path: Path) -> None:
    """A decoder that tries to start a program or open a connection is ended before it can, even where it catches."""
    proof = tmp_path / "proof"
    with pytest.raises(Rejected, match="is forbidden") as caught:
        broken(f"{how}:{proof}".encode(), RECIPE, LIMITS)
    assert caught.value.reason == Reason.DECODER_CRASHED
    assert not proof.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has seccomp")
@pytest.mark.parametrize("how", ["c-program", "c-connect"])
def test_no_program_is_started_past_python(broken: IsolatedTranscoder, how: str, tmp_path: Path) -> None:
    """Code that took over a C library is refused by the kernel what Python's own calls are refused before."""
    proof = tmp_path / "proof"
    with pytest.raises(Transient, match="was refused"):
        broken(f"{how}:{proof}".encode(), RECIPE, LIMITS)
    assert not proof.exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can become two other processes")
@pytest.mark.parametrize("hidden", [False, True])
def test_the_functions_environment_is_hidden_from_its_children(hidden: bool) -> None:  # noqa: FBT001
    """A process of the same user, as Lambda's children are, reads the credentials only where nothing hides them."""
    code = (
        "import ctypes, os, sys; from processor import privileges\n"
        "os.setuid(65534); ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as a program that was started by this user\n"
        f"{hidden} and privileges.conceal()\n"
        "child = os.fork()\n"
        "if child: sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "try: open(f'/proc/{os.getppid()}/environ').read(); os._exit(7)\n"
        "except PermissionError: os._exit(8)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)  # noqa: S603 - ours
    assert done.returncode == (8 if hidden else 7)


def test_a_fault_of_the_machine_is_not_the_pictures() -> None:
    """Where the child may write no answer, as with a full disk, its picture is tried again and not rejected."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from processor.errors import Transient; from processor.isolation import IsolatedTranscoder\n"
        "from tests.unit.test_isolation import LIMITS, RECIPE\n"
        "try: IsolatedTranscoder(target='tests.misbehaving:transcode')(b'large', RECIPE, LIMITS)\n"
        "except Transient as exc: print(exc)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    assert "could not work: OSError" in done.stdout


def test_the_child_has_no_credentials(broken: IsolatedTranscoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment that could be a secret is in the child's."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    broken.close()
    with pytest.raises(Transient, match=r"environment: \[.*'PYTHONPATH'.*\]") as caught:
        broken(b"environment", RECIPE, LIMITS)
    assert "AWS" not in str(caught.value)


def test_a_childs_encoders_share_one_heap(broken: IsolatedTranscoder) -> None:
    """The settings of the allocator arrive where the encoders run."""
    with pytest.raises(Transient, match=r"environment: \[.*'MALLOC_ARENA_MAX', 'MALLOC_MMAP_THRESHOLD_'"):
        broken(b"environment", RECIPE, LIMITS)


@pytest.mark.parametrize("how", ["evil-pickle", "garbage", "half"])
def test_an_answer_is_only_data(broken: IsolatedTranscoder, how: str, tmp_path: Path) -> None:
    """A child taken over by a file can make this process neither run code nor fail."""
    proof = tmp_path / "proof"
    with pytest.raises(Rejected) as caught:
        broken(f"{how}:{proof}".encode(), RECIPE, LIMITS)
    assert caught.value.reason == Reason.DECODER_CRASHED
    assert not proof.exists()


def test_an_unforeseen_exception_is_transient(broken: IsolatedTranscoder) -> None:
    """An exception that is no verdict comes out as transient, with its text, so that it is seen."""
    with pytest.raises(Transient, match="ZeroDivisionError"):
        broken(b"bug", RECIPE, LIMITS)


def test_nothing_is_left_behind() -> None:
    """After `close`, and after a parent that died without it, no process remains."""
    code = (
        "import os, sys; from processor.isolation import IsolatedTranscoder\n"
        "t = IsolatedTranscoder(); t.start(); print(t._nursery.pid, flush=True); os._exit(0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    assert _gone(int(run.stdout))
    transcoder = IsolatedTranscoder()
    transcoder.start()
    assert transcoder._nursery is not None  # noqa: SLF001
    pid = transcoder._nursery.pid  # noqa: SLF001
    transcoder.close()
    assert _gone(pid)


def test_without_shared_memory_and_a_writable_file_system() -> None:
    """Nothing here uses what Lambda lacks: semaphores, /dev/shm, threads in the process that forks."""
    source = Path(sys.modules[IsolatedTranscoder.__module__].__file__ or "").read_text()
    assert "multiprocessing" not in source
    assert "import threading" not in source


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_result_is_whole() -> None:
    """All renditions arrive, in order, also large ones."""
    with IsolatedTranscoder() as transcoder:
        result: Transcoded = transcoder(saved(photo(900, 700), "PNG"), RECIPE, LIMITS)
    assert [rendition.format for rendition in result.renditions] == ["jpeg", "webp", "avif"]
    assert json.dumps(result.source.width) == "900"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has these scheduling policies")
def test_a_child_of_root_is_as_weak_as_anybodys(broken: IsolatedTranscoder) -> None:
    """A decoder's process may not put itself before all others, not even where root runs it."""
    with pytest.raises(Transient, match="PermissionError"):
        broken(b"real-time", RECIPE, LIMITS)
