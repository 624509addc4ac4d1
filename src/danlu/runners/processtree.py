"""Process trees: what a process has started, and all of that: how much memory they use, and how they are ended."""

import os
import signal
import time
import warnings
from contextlib import suppress
from typing import Any

_LONGEST = 10.0  # seconds that a process waits to be ended by its copy


def descendants(root: int) -> list[Any]:
    """The processes that a process has started, directly or not, those in sessions of their own included."""
    import psutil

    with suppress(psutil.Error):
        return psutil.Process(root).children(recursive=True)  # type: ignore[no-any-return]
    return []


def memory_of(roots: list[int], limit: float) -> dict[int, float]:
    """Bytes of main memory that each process uses with all that it has started; one look at all processes for all.

    What processes share is counted once for each of them at first. Only where that comes to more than the limit, the
    slower account is made up, in which they divide what they share (Linux), or don't count it.
    """
    import psutil

    children: dict[int, list[Any]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
    used: dict[int, float] = {}
    for root in roots:
        with suppress(psutil.Error):
            tree = [psutil.Process(root), *_below(root, children)]
            used[root] = sum(_resident(process) for process in tree)
            if used[root] > limit:
                used[root] = sum(_own(process) for process in tree)
    return used


def end(root: int) -> None:
    """Kills a living process with its group and all that it has started.

    All are stopped before one is killed: a process could start another between our look and its end, and what an ended
    one has started has no parent to be found by. What is in a session of its own is found as long as those between the
    two are alive.
    """
    import psutil

    stopped: set[Any] = set()
    quiet = 0
    while quiet < 2:  # a stop takes effect a moment after it was sent
        new = set(_tree(root)) - stopped
        quiet = 0 if new else quiet + 1
        stopped |= new
        for process in new:
            with suppress(psutil.Error):
                process.suspend()
    for process in stopped:
        with suppress(psutil.Error):
            process.kill()
    end_group(root)


def end_own() -> None:
    """Kills this process with its group and all that it has started; a copy of it does that, where copies can be."""
    if hasattr(os, "fork"):
        import psutil  # noqa: F401 - here, for the copy must not wait for an import that another thread has begun

        own = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of locks that other threads hold; the copy takes none
            copy = os.fork()
        if copy == 0:
            try:
                os.setsid()
                end(own)
            finally:
                os._exit(1)
        deadline = time.monotonic() + _LONGEST
        while os.waitpid(copy, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.01)
    os._exit(1)


def end_group(leader: int) -> None:
    """Kills what is left of the group that a process leads or led; where there are no groups, nothing."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def _tree(root: int) -> list[Any]:
    """A process and all that it has started, but not ourselves."""
    import psutil

    with suppress(psutil.Error):
        top = psutil.Process(root)
        return [process for process in (top, *top.children(recursive=True)) if process.pid != os.getpid()]
    return []


def _below(root: int, children: dict[int, list[Any]]) -> list[Any]:
    found: list[Any] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += [process.pid for process in below]
    return found


def _resident(process: Any) -> float:
    import psutil

    with suppress(psutil.Error):
        return float(process.memory_info().rss)
    return 0.0


def _own(process: Any) -> float:
    import psutil

    with suppress(psutil.Error):
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.uss))
    return _resident(process)
