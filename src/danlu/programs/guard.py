"""Guard: a tiny process between a trial and its program. Whatever happens to the trial's process, the program ends.

    python -I -S guard.py GRACE STATUS COMMAND...

Standard input is the lifeline: it ends when the trial lets go of it, or when the trial's process dies, be it by
kill -9. Then the program and all its descendants get SIGTERM, GRACE seconds, and SIGKILL. The same befalls what is left
when the program itself has ended. On the file descriptor STATUS the guard says, a line each:

    began PID
    failed ERRNO            the command can't be executed
    ended STATUS [memory]   negative: the signal that ended it; `memory` if the system killed for want of memory

Runs as a script of its own with nothing but the standard library, so that it is there in 20 ms and small.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

_TICK = 0.02  # seconds between looks at who has ended
_SUBREAPER, _PDEATHSIG = 36, 1  # linux/prctl.h
_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def main(arguments: Sequence[str]) -> None:
    """Guards one command from its start to its end."""
    grace, status, command = float(arguments[0]), int(arguments[1]), arguments[2:]
    os.set_inheritable(status, False)
    woken = _woken_by_signals()
    prctl = _prctl()
    prctl(_SUBREAPER, 1)  # orphans among the descendants become children of the guard, so that it finds them
    kills = _memory_kills()
    program = _spawn(command, status, prctl)
    _say(status, f"began {program}")
    _let_go_of_output()
    code = _watch(program, woken)
    code = _end_all(program, grace, code)
    starved = code == -signal.SIGKILL and _memory_kills() > kills
    _say(status, f"ended {code}{' memory' if starved else ''}")


def _woken_by_signals() -> int:
    """A file descriptor that can be read when a child has ended, or somebody wants the guard to end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    for number in (signal.SIGCHLD, *_ENDING):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _prctl() -> Callable[..., object]:
    """The system call; one that does nothing where there is none."""
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            return ctypes.CDLL(None).prctl
    return lambda *_: None


def _spawn(command: Sequence[str], status: int, prctl: Callable[..., object]) -> int:
    """Starts the program in a process group of its own, with nothing to read."""
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and that would be inherited
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        prctl(_PDEATHSIG, signal.SIGKILL)  # if the guard itself is killed
        if os.getppid() == guard:
            os.execvp(command[0], list(command))
    except OSError as error:
        _say(status, f"failed {error.errno}")
    finally:
        os._exit(127)


def _say(status: int, line: str) -> None:
    with suppress(OSError):  # nobody may be left to hear it
        os.write(status, line.encode() + b"\n")


def _let_go_of_output() -> None:
    """So that the program's output ends when the program's own processes have closed it."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)


def _watch(program: int, woken: int) -> int | None:
    """Waits for the end of the program or of the lifeline; the exit status of the program if it has ended."""
    while True:
        code = _reap(program)
        if code is not None:
            return code
        ready = select.select([0, woken], [], [])[0]
        if 0 in ready and not os.read(0, 1024):
            return None
        if woken in ready and _ENDING & set(os.read(woken, 1024)):
            return None


def _end_all(program: int, grace: float, code: int | None) -> int:
    """Ends the program and all its descendants; returns the program's exit status."""
    deadline = time.monotonic() + grace
    told: set[int] = set()
    while True:
        left = _left(program)
        found = _reap(program)  # after the look: what has ended since is known by now
        code = found if code is None else code
        if not left:
            return -signal.SIGKILL if code is None else code
        is_over = time.monotonic() > deadline
        for target in left if is_over else left - told:  # a second SIGTERM could be taken for impatience
            with suppress(OSError):
                os.kill(target, signal.SIGKILL if is_over else signal.SIGTERM)
        told |= left
        time.sleep(_TICK)


def _reap(program: int) -> int | None:
    """Takes note of children that have ended; the exit status of the program if it is among them."""
    code = None
    with suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                break
            if child == program:
                code = os.waitstatus_to_exitcode(status)
    return code


def _left(program: int) -> set[int]:
    """Descendants that live, as `os.kill` takes them: processes, or the program's group where none are listed."""
    try:
        parents = _parents()
    except OSError:
        try:
            os.killpg(program, 0)
        except OSError:
            return set()
        return {-program}
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {process for process, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _parents() -> dict[int, int]:
    """The parent of every process that lives."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # PID (NAME) STATE PPID ...; the name may hold anything
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state != b"Z":
                    parents[int(name)] = int(parent)
    if not parents:
        raise OSError("no processes are listed in /proc")
    return parents


def _memory_kills() -> int:
    """How many processes of this control group the system has killed for want of memory."""
    with suppress(OSError, ValueError):
        with open("/proc/self/cgroup") as file:
            group = next(line for line in file if line.startswith("0::"))[3:].strip()
        with open(f"/sys/fs/cgroup{group}/memory.events") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    return 0


if __name__ == "__main__":
    main(sys.argv[1:])
