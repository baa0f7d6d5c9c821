"""A decoder from hell: does to its process what the first bytes of a file ask for."""

import contextlib
import ctypes
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from processor import pipeline
from processor.limits import Limits
from processor.recipe import Recipe

_MIB = 1024 * 1024


class _Evil:
    """Unpickled without care, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def transcode(data: bytes, recipe: Recipe, limits: Limits) -> Any:
    """As asked, or as the real one."""
    what, _, argument = data[:200].partition(b":")
    if what in _DEEDS:
        return _DEEDS[what](argument.decode())
    if data.startswith(b"noise"):
        os.write(2, b"a library complains\n")
        os.write(1, b"at length\n")
        data = data.removeprefix(b"noise")
    return pipeline.transcode(data, recipe, limits)


def _noisy_abort(_: str) -> None:
    os.write(2, b"free(): invalid pointer\n")
    os.abort()


def _spin(_: str) -> None:
    while True:
        pass


def _memory(_: str) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(16 * _MIB))


def _malloc(_: str) -> None:
    """As a C library that does not look at what malloc answers."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while True:
        place = libc.malloc(ctypes.c_size_t(16 * _MIB))
        ctypes.memset(place or 0, 1, 16 * _MIB)


def _caught(deed: Callable[[str], Any]) -> Callable[[str], None]:
    """A decoder that will not be told by an exception."""

    def trying(proof: str) -> None:
        with contextlib.suppress(BaseException):
            deed(proof)

    return trying


def _environment(_: str) -> None:
    raise RuntimeError(f"environment: {sorted(os.environ)}")


def _in_c(call: str, *arguments: Any) -> None:
    """As code that took over a C library would, of which Python hears nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), f"{call} was refused")


def _execute(proof: str) -> None:
    words = [b"/bin/sh", b"-c", f"touch {proof}".encode(), None]
    _in_c("execv", words[0], (ctypes.c_char_p * len(words))(*words))


def _answered(body: bytes) -> None:
    """Write an answer past the code that should, as a hijacked process would."""
    for number in range(3, 40):
        try:
            if stat.S_ISREG(os.fstat(number).st_mode) and os.fstat(number).st_size == 0:
                os.write(number, body)
        except OSError:
            continue
    os._exit(0)


def _evil_pickle(proof: str) -> Any:
    return _Evil(f"touch {proof}")


_DEEDS: dict[bytes, Callable[[str], Any]] = {
    b"segfault": lambda _: ctypes.string_at(0),
    b"abort": lambda _: os.abort(),
    b"noisy-abort": _noisy_abort,
    b"exit": lambda _: os._exit(3),
    b"bus": lambda _: os.kill(os.getpid(), signal.SIGBUS),
    b"sleep": lambda _: time.sleep(3600),
    b"spin": _spin,
    b"stopped": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    b"memory": _memory,
    b"malloc": _malloc,
    b"killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    b"program": _caught(lambda proof: subprocess.run(["touch", proof], check=False)),  # noqa: S603, S607
    b"shell": _caught(lambda proof: os.system(f"touch {proof}")),  # noqa: S605
    b"connect": _caught(lambda _: socket.create_connection(("127.0.0.1", 9), 1)),
    b"fork": _caught(lambda _: os.fork()),
    b"c-program": _execute,
    b"c-connect": lambda _: _in_c("socket", socket.AF_INET, socket.SOCK_STREAM, 0),
    b"large": lambda _: "x" * 1_000_000,
    b"environment": _environment,
    b"evil-pickle": _evil_pickle,
    b"garbage": lambda _: _answered(b"garbage"),
    b"half": lambda _: _answered(b"\x80\x04"),
    b"real-time": lambda _: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    b"bug": lambda _: 1 // (len(sys.argv) * 0),
}
