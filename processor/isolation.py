"""Runs `transcode` in a child process of its own for every picture, so that a dying decoder takes one picture with it.

A small parent of those children, the nursery, has Pillow loaded and does nothing but fork: a child costs milliseconds
and starts clean. Nothing here needs /dev/shm, a writable file system beyond the temporary folder, or threads. The why
and the measurements: docs/adr/0021-a-process-for-every-picture.md.
"""

import atexit
import contextlib
import io
import os
import pickle  # what comes back is read by an unpickler that makes nothing but our own value objects
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, Self

from processor.errors import Reason, Rejected, Transient
from processor.limits import Limits
from processor.recipe import Recipe

if TYPE_CHECKING:
    from types import TracebackType

    from processor.results import Transcoded

TRANSCODE = "processor.pipeline:transcode"

_MIB = 1024 * 1024
_MAX_ANSWER_BYTES = 1024 * _MIB
_NOISE_BYTES = 2_000
_STATUS = struct.Struct("iq")  # exit status as `wait` has it, KiB that were resident at most
_OUT_OF_MEMORY = 75
"""Exit code of a child that ran into its memory limit (EX_TEMPFAIL)."""

_UNABLE = 71
"""Exit code of a child that could not do its work, a full disk for instance, whatever the picture (EX_OSERR)."""

_NEARLY_ALL = 0.75
"""Of its memory: a child that died with that much in use probably died of it. C libraries seldom check malloc."""

_KEPT_VARIABLES = (
    *("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SVT_LOG", "TMPDIR"),
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",  # how many encoders it may run
)
"""Of the environment. Credentials, above all, are no business of a decoder."""

ALLOCATOR = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * _MIB),
    "MALLOC_TRIM_THRESHOLD_": str(1024 * _MIB),
}
"""For glibc, in the environment (`man mallopt`): the encoders of a picture share one heap, and what one has freed stays
for the next. Otherwise the kernel hands out the same memory again and again, which is 5 % of a picture's CPU, and more
memory at the peak. A child ends with its picture, so nothing is kept for long."""

_FORBIDDEN = (
    *("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty."),
    *("socket.", "urllib.", "ftplib.", "http.", "smtplib."),
)
"""Beginnings of audit events that end a child: no file makes a decoder start a program or open a connection."""


class OutOfMemory(Transient):
    """A picture within the limits needed more memory than there is: the function's memory or the limits are wrong.

    Not the picture's fault, so it is retried, ends in the dead-letter queue, and can be redriven after a change.
    """


class _Ending(StrEnum):
    """How a child's answer begins."""

    TRANSCODED = "transcoded"
    REJECTED = "rejected"
    RAISED = "raised"


@dataclass
class IsolatedTranscoder:
    """`transcode` with the same arguments and results, in a process of its own for every call.

    Attributes:
        memory_bytes: what a child may allocate; None: no limit of ours.
        target: what a child runs, as `module:name`. Tests put something worse in its place.
        ends_at: on `time.monotonic`'s clock, when every call must have ended because the caller has to; None: never.
    """

    memory_bytes: int | None = None
    target: str = TRANSCODE
    ends_at: float | None = None
    _nursery: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)
    _socket: socket.socket | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start the nursery, which loads Pillow while the caller does something else. Otherwise the first call does."""
        if self._nursery is not None and self._nursery.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        environment = ALLOCATOR | {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        with theirs:
            self._nursery = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", __name__, str(theirs.fileno()), self.target, str(self.memory_bytes or 0)],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,  # so that it can be killed with its children
            )
        self._socket = ours
        atexit.register(self.close)

    def __call__(self, data: bytes, recipe: Recipe, limits: Limits) -> "Transcoded":
        """As `processor.pipeline.transcode`.

        Raises:
            Rejected: as there, and `decode_timeout` or `decoder_crashed`.
            OutOfMemory: the child needed more than there is.
            Transient: the caller's own time was up first, or the nursery died.
        """
        now = time.monotonic()
        ends_at = min(now + limits.max_decode_seconds, self.ends_at or float("inf"))
        if ends_at <= now:
            raise Transient("no time is left in this invocation")
        self.start()
        with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as noise:
            pickle.dump((recipe, limits, len(data)), request)
            request.write(data)
            request.flush()
            status, resident_kib = self._run((request, answer, noise), ends_at, limits)
            if status == 0:
                return self._answered(answer, resident_kib * 1024)
            raise self._death(status, resident_kib * 1024, _tail(noise))

    def close(self) -> None:
        """End the nursery and whatever child it has."""
        if self._socket is not None:
            self._socket.close()
        if self._nursery is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._nursery.pid, signal.SIGKILL)
            self._nursery.wait()
        self._nursery = self._socket = None
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: "TracebackType | None") -> None:
        self.close()

    def _run(self, files: tuple[IO[bytes], ...], ends_at: float, limits: Limits) -> tuple[int, int]:
        """Have a child work on the files; its exit status and memory. Kills everything when the time is up."""
        if self._socket is None:
            raise AssertionError("started before")
        try:
            socket.send_fds(self._socket, [b"\0"], [handle.fileno() for handle in files])
            ready, _, _ = select.select([self._socket], [], [], max(0.0, ends_at - time.monotonic()))
            report = self._socket.recv(_STATUS.size) if ready else None
        except OSError:
            report = b""
        if report is None:
            self.close()
            if ends_at == self.ends_at:
                raise Transient("this invocation's time was up before the picture was done")
            raise Rejected(
                Reason.DECODE_TIMEOUT,
                f"the picture took longer than the {limits.max_decode_seconds} s allowed; make it smaller",
            )
        if len(report) != _STATUS.size:
            self.close()
            raise OutOfMemory("the process that decodes pictures was killed, most likely for lack of memory")
        status, resident_kib = _STATUS.unpack(report)
        return status, resident_kib

    def _answered(self, answer: IO[bytes], resident_bytes: int) -> "Transcoded":
        """The answer. An encoder that runs out of memory may only say that it failed."""
        try:
            return _answered(answer)
        except Transient as exc:
            if self._is_nearly_all(resident_bytes):
                raise _out_of_memory(resident_bytes) from exc
            raise

    def _is_nearly_all(self, resident_bytes: int) -> bool:
        return self.memory_bytes is not None and resident_bytes > self.memory_bytes * _NEARLY_ALL

    def _death(self, status: int, resident_bytes: int, noise: str) -> Exception:
        """What a child's end without an answer means."""
        code = os.waitstatus_to_exitcode(status)
        if code in (_OUT_OF_MEMORY, -signal.SIGKILL) or self._is_nearly_all(resident_bytes):
            return _out_of_memory(resident_bytes)
        if code == _UNABLE:
            return Transient(f"the process that decodes pictures could not work: {noise}")
        if code == -signal.SIGXCPU:
            return Rejected(Reason.DECODE_TIMEOUT, "the picture took too much computing; export it anew")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Rejected(
            Reason.DECODER_CRASHED,
            f"the program that decodes it crashed on the picture ({how}{noise and ': '}{noise}); export it anew",
        )


def _out_of_memory(resident_bytes: int) -> OutOfMemory:
    return OutOfMemory(
        f"the picture needs more memory than there is ({resident_bytes // _MIB} MiB were in use): raise the function's "
        "memory, or lower its limits"
    )


def _tail(noise: IO[bytes]) -> str:
    """The last line that a dying child wrote, as plain text."""
    size = noise.seek(0, io.SEEK_END)
    noise.seek(max(0, size - _NOISE_BYTES))
    lines = noise.read().decode(errors="replace").strip().splitlines()
    return "".join(character for character in lines[-1] if character.isprintable())[:120] if lines else ""


class _ValuesOnly(pickle.Unpickler):
    """Makes the pipeline's frozen value objects and nothing else, whatever a child taken over by a file may send."""

    def find_class(self, module: str, name: str) -> Any:
        """A dataclass or enumeration of ours."""
        if module.partition(".")[0] == "processor" and module != __name__:
            found = getattr(import_module(module), name, None)
            frozen = getattr(found, "__dataclass_params__", None)
            if isinstance(found, type) and (issubclass(found, StrEnum) or (frozen is not None and frozen.frozen)):
                return found
        if (module, name) in _PLAIN_TYPES:
            return getattr(import_module(module), name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an answer")


_PLAIN_TYPES = {("datetime", "datetime"), ("datetime", "date"), ("datetime", "timedelta"), ("datetime", "timezone")}


def _answered(answer: IO[bytes]) -> "Transcoded":
    """The child's answer, read with care.

    Raises:
        Rejected: what the child said, or `decoder_crashed` for an answer that makes no sense.
    """
    answer.seek(0)
    try:
        ending, value = _ValuesOnly(answer).load()
        ending = _Ending(ending)
        if ending is _Ending.REJECTED:
            value = Rejected(Reason(value[0]), str(value[1]))
    except Exception as exc:  # an answer made by a file can be anything
        raise Rejected(Reason.DECODER_CRASHED, "the program that decodes it gave no sensible answer") from exc
    if ending is _Ending.REJECTED:
        raise value
    if ending is _Ending.RAISED:
        raise Transient(f"unforeseen while transcoding: {value}")
    result: Transcoded = value
    return result


# ---- in the nursery and its children --------------------------------------------------------------------------------


def _nursery(fileno: int, target: str, memory_bytes: int) -> None:
    """Fork a child for every set of files that arrives, until the other end of the socket is closed."""
    module, _, name = target.partition(":")
    work: Callable[..., Any] = getattr(import_module(module), name)
    import_module("processor.privileges")  # here, so that the children need not
    with socket.socket(fileno=fileno) as ours:
        os.set_inheritable(fileno, False)  # noqa: FBT003
        while True:
            message, files, _, _ = socket.recv_fds(ours, 1, 3)
            if not message:
                return
            child = os.fork()
            if child == 0:
                ours.close()
                _child(work, files, memory_bytes)
            for handle in files:
                os.close(handle)
            _, status, usage = os.wait4(child, 0)
            scale = 1 if sys.platform != "darwin" else 1024  # macOS counts bytes
            ours.sendall(_STATUS.pack(status, usage.ru_maxrss // scale))


def _child(work: Callable[..., Any], files: list[int], memory_bytes: int) -> None:
    """Do one picture and exit, without any of the interpreter's clearing up."""
    code = 1
    try:
        request, answer, noise = files
        os.dup2(noise, 1)
        os.dup2(noise, 2)
        with os.fdopen(request, "rb") as asked:
            asked.seek(0)
            recipe, limits, size = pickle.load(asked)  # noqa: S301 - from the process that started us
            data = asked.read(size)
        _confine(memory_bytes, limits)
        result = _worked(work, data, recipe, limits)
        with os.fdopen(answer, "wb") as told:
            pickle.dump(result, told)
        code = 0
    except MemoryError:
        code = _OUT_OF_MEMORY
    except (OSError, ValueError) as exc:
        os.write(2, f"{type(exc).__name__}: {exc}\n".encode(errors="replace"))
        code = _UNABLE
    finally:
        os._exit(code)


def _worked(work: Callable[..., Any], data: bytes, recipe: Recipe, limits: Limits) -> tuple[str, Any]:
    try:
        return _Ending.TRANSCODED.value, work(data, recipe, limits)
    except Rejected as exc:
        return _Ending.REJECTED.value, (exc.reason.value, exc.message)
    except MemoryError:
        raise
    except Exception as exc:  # noqa: BLE001 - told to the parent, which counts it as transient
        return _Ending.RAISED.value, f"{type(exc).__name__}: {exc}"[:500]


def _confine(memory_bytes: int, limits: Limits) -> None:
    """Take from this process what decoding does not need."""
    import resource  # noqa: PLC0415 - there is none on Windows, where nothing forks

    from processor import privileges  # noqa: PLC0415 - loads ctypes, which the parent need not wait for

    privileges.drop()
    bounds = {resource.RLIMIT_CORE: (0, 0), resource.RLIMIT_FSIZE: (_MAX_ANSWER_BYTES, _MAX_ANSWER_BYTES)}
    # Should the parent die first, nobody is left to kill a runaway. Several threads may each use all of the time.
    seconds = limits.max_decode_seconds * ((os.cpu_count() or 1) + 1)
    bounds[resource.RLIMIT_CPU] = (seconds, seconds + 5)
    if memory_bytes and sys.platform == "linux":
        bounds[resource.RLIMIT_DATA] = (memory_bytes, memory_bytes)
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or hard >= bound[1]:
            resource.setrlimit(kind, bound)
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    """End a child that is about to do something no decoder has to."""
    if event.startswith(_FORBIDDEN):
        os.write(2, f"{event} is forbidden\n".encode())
        os._exit(1)


@contextlib.contextmanager
def quiet() -> Iterator[IO[bytes]]:
    """Divert what C libraries write to standard output and error, as a child does, for code without one."""
    with tempfile.TemporaryFile() as noise:
        kept = os.dup(1), os.dup(2)
        os.dup2(noise.fileno(), 1)
        os.dup2(noise.fileno(), 2)
        try:
            yield noise
        finally:
            for saved, number in zip(kept, (1, 2), strict=True):
                os.dup2(saved, number)
                os.close(saved)


if __name__ == "__main__":
    _nursery(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
