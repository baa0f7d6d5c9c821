"""Keeps SVT-AV1 from turning the program that calls it into a real-time one, which it does wherever that runs as root.

It asks for SCHED_FIFO at priority 99, for the calling thread and for its own, and leaves it at that: from then on the
program, and all that it starts, comes before everything else on the machine. Under that policy nothing interrupts a
busy thread but one of a higher priority, so Go programs, which wait for one another's threads by spinning, keep a core
for ever: Terraform, started by a test after it had encoded an AVIF, took all of them. Asking takes CAP_SYS_NICE.
"""

import ctypes
import os
import sys

_VERSION_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, and CAP_SYS_NICE below, of linux/capability.h
_SYS_NICE = 1 << 23


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def give_up() -> None:
    """Give up the right to a higher priority, for this thread and those that it will start. Programs it starts keep it.

    Does nothing unless the program runs as root on Linux, and never fails: pictures are the same at any priority.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None)
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()  # capabilities 0 to 31, and the others
    if libc.capget(ctypes.byref(header), sets) == 0:
        sets[0].effective &= ~_SYS_NICE
        libc.capset(ctypes.byref(header), sets)
