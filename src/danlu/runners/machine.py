"""The machine: how many cores and how much main memory this process may use, containers and job systems included."""

import math
import os
import re
from pathlib import Path

_COUNTERS = Path("/proc/vmstat")  # Linux counts here whom it has killed for want of memory, in containers too
_GROUP = Path("/sys/fs/cgroup")  # what a container sees of its own limits (control groups, version 2)


def cores() -> int:
    """Cores that this process may run on; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(allowed, _quota(_read("cpu.max")))))


def memory() -> int:
    """Bytes of main memory that there are for all trials together."""
    import psutil

    limit = _read("memory.max")
    total = int(psutil.virtual_memory().total)
    return min(total, int(limit)) if limit.isdecimal() else total


def oom_kills() -> int:
    """How many processes the system has killed since it began, for want of memory; 0 where it doesn't say."""
    try:
        found = re.search(r"^oom_kill (\d+)$", _COUNTERS.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _quota(text: str) -> float:
    """Cores by a group's "quota period" in µs; infinitely many where it says "max", or nothing."""
    quota, _, period = text.partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else math.inf


def _read(name: str) -> str:
    try:
        return (_GROUP / name).read_text().strip()
    except OSError:
        return ""
