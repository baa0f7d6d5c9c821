"""A worker as Linux shows it in /proc: its own process, its nursery, and the process of the picture at work."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.load.statistics import Reading


@dataclass(frozen=True, slots=True)
class _Process:
    """One process; `cpu_seconds` are its own and those of the children that it has waited for."""

    resident_mib: float
    most_mib: float
    threads: int
    descriptors: int
    cpu_seconds: float


def reading(pid: int, seconds: float) -> Reading:
    """What a worker takes at this moment.

    Args:
        pid: of the worker. Its children are nurseries, theirs are pictures at work (`processor/isolation.py`).
        seconds: since the burst began.

    Raises:
        OSError: if there is no such process, or no /proc.
    """
    # parents first: what ends between two looks is missed once, and never counted twice
    worker = _process(pid)
    nurseries = children(pid)
    lasting = [worker, *_existing(nurseries)]
    pictures = list(_existing([each for nursery in nurseries for each in children(nursery)]))
    return Reading(
        seconds=seconds,
        resident_mib=sum(each.resident_mib for each in lasting),
        threads=sum(each.threads for each in lasting),
        descriptors=sum(each.descriptors for each in lasting),
        cpu_seconds=sum(each.cpu_seconds for each in (*lasting, *pictures)),
        picture_mib=sum(each.most_mib for each in pictures),
    )


def children(pid: int) -> list[int]:
    """The processes that any thread of a process has started, and not yet waited for."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text("ascii").split())
    return found


def _existing(pids: list[int]) -> Iterator[_Process]:
    for pid in pids:
        with suppress(OSError):
            yield _process(pid)


def _process(pid: int) -> _Process:
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text("ascii").splitlines())
    times = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()[11:15]
    return _Process(
        _mebibytes(status, "VmRSS"),
        _mebibytes(status, "VmHWM"),
        int(status["Threads"]),
        len(list((folder / "fd").iterdir())),
        sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
    )


def _mebibytes(status: dict[str, str], name: str) -> float:
    """0 for a process that has ended and is not yet waited for."""
    return int(status.get(name, "0 kB").split()[0]) / 1024
