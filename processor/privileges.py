"""Takes from a process that reads hostile files what a decoder does not need, and hides others from it. Linux only."""

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Sequence

_VERSION_3 = 0x20080522
_SET_DUMPABLE, _NO_NEW_PRIVILEGES = 4, 38
_FILTER, _KEEP_SPECULATION = 1, 4
"""Of seccomp(2). Without the second, kernels before 5.16 switch off speculation for whoever has a filter, which slows
encoders down."""

_KEPT = (1 << 1) | (1 << 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: modules that are loaded later may lie in folders of another user."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_ARCHITECTURE_AT, _NUMBER_AT = 4, 0
_X32 = 0x40000000
_FORBIDDEN = {
    "x86_64": (0xC000003E, 317, (59, 322, 41, 42, 101, 310, 311)),
    "aarch64": (0xC00000B7, 277, (221, 281, 198, 203, 117, 270, 271)),
}
"""AUDIT_ARCH, and the numbers of seccomp and of execve, execveat, socket, connect, ptrace, process_vm_readv and
process_vm_writev, as linux/audit.h and the kernel's syscall tables have them."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def conceal() -> None:
    """Keep this process's environment and memory, where the credentials are, from other processes of the same user."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def drop() -> None:
    """Give up root's capabilities, and the ways to start programs and to open connections, for this process for good.

    SVT-AV1, for one, makes its threads real-time ones at the highest priority wherever it may. As root, on a machine
    of two cores, one such process that spins keeps everything else from running.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        _drop_capabilities(libc)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot give up the way to new privileges")
    _filter_calls(libc)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "cannot read this process's capabilities")
    kept = sets[0].permitted & _KEPT
    sets[0], sets[1] = _Sets(kept, kept, 0), _Sets()
    if libc.capset(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "cannot give up this process's capabilities")


def _filter_calls(libc: ctypes.CDLL) -> None:
    """Have the kernel refuse some calls. Where it has no seccomp, Python's own calls alone are refused."""
    if platform.machine() not in _FORBIDDEN:
        return
    architecture, seccomp, numbers = _FORBIDDEN[platform.machine()]
    instructions = _instructions(architecture, numbers)
    program = _Program(len(instructions), (_Instruction * len(instructions))(*instructions))
    libc.syscall(seccomp, _FILTER, _KEEP_SPECULATION, ctypes.byref(program))


def _instructions(architecture: int, numbers: Sequence[int]) -> list[_Instruction]:
    """A program of classic BPF. Jumps count from the next instruction; the last refuses, the last but one allows."""
    refuse = len(numbers) + 1  # instructions between the number's first test and the refusal
    tests = [
        _Instruction(_IF_AT_LEAST, refuse, 0, _X32),
        *(_Instruction(_IF_EQUAL, refuse - at, 0, number) for at, number in enumerate(numbers, 1)),
    ]
    return [
        _Instruction(_LOAD, 0, 0, _ARCHITECTURE_AT),
        _Instruction(_IF_EQUAL, 0, refuse + 2, architecture),
        _Instruction(_LOAD, 0, 0, _NUMBER_AT),
        *tests,
        _Instruction(_RETURN, 0, 0, _ALLOW),
        _Instruction(_RETURN, 0, 0, _REFUSE),
    ]
