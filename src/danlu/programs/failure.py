"""Failure: what to say of a program that ended badly, or never gave the metric that is looked for."""

import errno
import os
import re
import signal
from collections.abc import Sequence

from danlu.errors import ProgramFailed, ProgramKilled, ProgramMute, ProgramOutOfMemory
from danlu.programs.guarded import Exit
from danlu.programs.naming import find, normal

_SHOWN = 5  # last lines of the output in a message
_STARVED = re.compile(
    r"out of memory|OutOfMemory|\bMemoryError\b|ALLOC_FAILED|RESOURCE_EXHAUSTED|can't allocate memory"
    r"|Cannot allocate memory|std::bad_alloc|\boom-kill",
)
_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # hardly a program's own doing
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def failure(name: str, end: Exit, lines: Sequence[str], python: str = "") -> ProgramFailed:
    """What to raise for a program that did not end well.

    Args:
        name: of the program, for the message.
        end: how it ended.
        lines: of its output, the last ones.
        python: that runs it; "" if none does.
    """
    if end.errno:
        return ProgramFailed(f"{name!r} {why_not_run(end.errno)}")
    how = f"ended with exit status {end.status}"
    if end.status < 0:
        how = f"was killed by {signal.Signals(-end.status).name}"
        if end.status == -signal.SIGKILL and not end.starved:
            how += ", which the system does when memory runs out"
    text = "\n".join(lines)
    if "ModuleNotFoundError" in text:
        how += f" (its Python is {python})" if python else ""
    kind: type[ProgramFailed] = ProgramKilled if -end.status in _OUTSIDE else ProgramFailed
    if end.starved or _STARVED.search(text):
        kind = ProgramOutOfMemory
    return kind(f"{name!r} {how}{_shown(lines)}")


def why_not_run(number: int) -> str:
    """Why a program can't be executed, and what to do, in words."""
    match number:
        case errno.ENOENT:
            return "is not found. Give its path, or put an interpreter in front: -- python train.py."
        case errno.EACCES:
            return "is not executable. Put its interpreter in front (-- python train.py), or chmod +x it."
        case errno.ENOEXEC:
            return "can't be executed: it has no #! line. Put its interpreter in front: -- python train.py"
    return f"can't be executed: {os.strerror(number)}."


def mute(goal: str, seen: Sequence[str], lines: Sequence[str], where: str) -> ProgramMute:
    """What to raise for a program that ended well but never gave the objective.

    Args:
        goal: the metric that is looked for.
        seen: the metrics that were found.
        lines: of its output, the last ones.
        where: the places that were looked at, in words.
    """
    if seen:
        near = _nearest(goal, seen)
        hint = f" Did you mean {near!r}?" if near else ""
        return ProgramMute(f"the program never gave {goal!r}; seen in {where}: {', '.join(sorted(seen))}.{hint}")
    remedy = (
        f"Print it ('epoch 3 {normal(goal)} 0.25'), say where it is (--csv, --tensorboard, --pattern), or report it"
    )
    return ProgramMute(f"no metric was found in {where}. {remedy} (danlu.report). Its last line{_shown(lines)}")


def _nearest(goal: str, seen: Sequence[str]) -> str | None:
    import difflib

    # who asks for no metric of the training means none
    others = seen if "train" in goal else [name for name in seen if "train" not in name]
    return find(goal, seen) or next(iter(difflib.get_close_matches(goal, others or seen, n=1, cutoff=0.4)), None)


def _shown(lines: Sequence[str]) -> str:
    """The last line, which mostly says what is wrong, and below it those before."""
    last = [_COLOUR.sub("", line).rstrip()[:300] for line in lines if line.strip()][-_SHOWN:]
    if not last:
        return "; it printed nothing"
    before = "".join(f"\n  {line}" for line in last[:-1])
    return f": {last[-1].strip()}{before}"
