"""Gives up, in a process that reads hostile files, what root may do and a decoder need not."""

import ctypes
import os
import sys

_VERSION_3 = 0x20080522
_NO_NEW_PRIVILEGES = 38
_KEPT = (1 << 1) | (1 << 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: modules that are loaded later may lie in folders of another user."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop() -> None:
    """Give up root's capabilities, and the way to new ones, for this thread and what it starts.

    Nothing outside Linux, and nothing for other users, as on Lambda, who have none.

    SVT-AV1, for one, makes its threads real-time ones at the highest priority wherever it may. As root, on a machine
    of two cores, one such process that spins keeps everything else from running.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "cannot read this process's capabilities")
    kept = sets[0].permitted & _KEPT
    sets[0], sets[1] = _Sets(kept, kept, 0), _Sets()
    if libc.capset(ctypes.byref(header), sets) or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot give up this process's capabilities")
