"""Queues: where jobs wait for a machine. Slurm's own, by submitit; or none at all, which starts them here at once.

A job is a command. It is known by its name, which a coordinator chooses before it is submitted, so that a job is found
again even if the coordinator died before it learned the job's number.
"""

import importlib.util
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from danlu.errors import RunnerError

_OPTION = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_FORMAT = "%i|%j|%T|%r|%N"
WORKER = "danlu.runners.slurm_worker"
_PATIENCE = 60  # seconds that Slurm may take for an answer
OVER = frozenset(
    "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED TIMEOUT".split()  # noqa: SIM905
)
"""States of jobs that have ended, for good."""
WAITING = frozenset(["PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"])
"""States of jobs that have no machine, or lost it and will have another."""


class Standing(msgspec.Struct, frozen=True):
    """How a job stands.

    Attributes:
        number: of the job, as the queue counts.
        state: as Slurm calls it: "PENDING", "RUNNING", ...
        reason: why it waits, or has ended.
        node: where it runs.
    """

    number: str
    state: str
    reason: str = ""
    node: str = ""


class Queue(Protocol):
    """Where jobs wait for a machine."""

    def submit(self, name: str, command: list[str], exclude: Iterable[str]) -> str:
        """Submits a job under a name of its own, not for the nodes to exclude; returns its number."""

    def standings(self) -> dict[str, Standing] | None:
        """How this user's jobs stand, by name; None if that can't be learned now."""

    def cancel(self, numbers: Iterable[str]) -> None:
        """Ends jobs, and takes those that wait out of the queue."""

    def last_words(self, number: str) -> str:
        """The end of what a job wrote to its standard error."""


class SlurmQueue:
    """The queue of a Slurm cluster.

    Args:
        folder: for scripts and output of jobs.
        parameters: of sbatch, in submitit's words.
        options: further ones of sbatch, by name; True for those without a value.

    Raises:
        RunnerError: Slurm or submitit is not there, or an option's name is none.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        check_slurm(options)
        # of a coordinator that is a job itself; jobs would inherit it, and count it as theirs
        os.environ.pop("SLURM_RESTART_COUNT", None)
        import submitit

        self._executor, self._folder = submitit.SlurmExecutor(folder), folder
        plain = {name.replace("_", "-"): value for name, value in options.items()}
        self._executor.update_parameters(**parameters, additional_parameters=plain)

    def submit(self, name: str, command: list[str], exclude: Iterable[str]) -> str:
        nodes = ",".join(sorted(exclude)) or None
        self._executor.update_parameters(job_name=name, exclude=nodes)
        # exec: the batch script's process becomes the worker, so that the warning before the end reaches it alone
        return _submitted(self._executor, "exec " + shlex.join(command))

    def standings(self) -> dict[str, Standing] | None:
        try:
            lines = _told("squeue", "--noheader", "--states=all", f"--user={os.geteuid()}", f"--format={_FORMAT}")
        except (OSError, subprocess.SubprocessError):
            return None  # a controller that is restarted; the next look may be luckier
        rows = (line.split("|") for line in lines.splitlines())
        return {row[1]: Standing(row[0], row[2], row[3], row[4]) for row in rows if len(row) == 5}

    def cancel(self, numbers: Iterable[str]) -> None:
        if numbers := list(numbers):
            try:
                _told("scancel", "--quiet", *numbers)
            except (OSError, subprocess.SubprocessError) as error:
                raise RunnerError(
                    f"scancel failed: {_said(error)}. Jobs may still be in the queue: scancel {' '.join(numbers)}"
                ) from error

    def last_words(self, number: str) -> str:
        return _tail(self._folder / f"{number}_0_log.err")


class LocalQueue:
    """No queue: jobs are processes of this machine, and start at once. For trying out what will go to a cluster.

    Args:
        folder: for output of jobs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def submit(self, name: str, command: list[str], exclude: Iterable[str]) -> str:
        with open(self._log(name), "ab") as log:
            process = subprocess.Popen(
                [*command, name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._started.append(process)
        return name

    def standings(self) -> dict[str, Standing] | None:
        # of earlier coordinators as well, whose processes are no children of ours
        self._started = [process for process in self._started if process.poll() is None]
        return {name: Standing(name, "RUNNING") for name in self._processes()}

    def cancel(self, numbers: Iterable[str]) -> None:
        running = self._processes()
        for number in numbers:
            if number in running:
                with suppress(ProcessLookupError):
                    os.kill(running[number], signal.SIGKILL)

    def last_words(self, number: str) -> str:
        return _tail(self._log(number))

    def _processes(self) -> dict[str, int]:
        """Workers that run, by name."""
        lines = (line.split() for line in _told("ps", "-A", "-ww", "-o", "pid=,args=").splitlines())
        return {words[-1]: int(words[0]) for words in lines if WORKER in words}

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def check_slurm(options: Mapping[str, Any]) -> None:
    """Raises if no job can be submitted from here, or an option of sbatch has no possible name."""
    for name in options:
        if not _OPTION.fullmatch(name):
            raise RunnerError(f"{name!r} is no option of sbatch. Expected a name such as 'mail-user'.")
    if missing := [tool for tool in ("sbatch", "squeue", "scancel", "srun") if not shutil.which(tool)]:
        raise RunnerError(
            f"{missing[0]} was not found: this machine is not part of a Slurm cluster. Start Danlu where you would "
            f"call sbatch, on a login node; or try it out here with the runner's setting cluster = 'local'."
        )
    if importlib.util.find_spec("submitit") is None:
        raise RunnerError("the slurm runner needs submitit: pip install 'danlu[slurm]'")


def _submitted(executor: Any, command: str) -> str:
    # not `submit`, which would send a pickle: a command is all that a job is
    try:
        with redirect_stderr(io.StringIO()):  # what sbatch says stands in the error as well
            return str(executor._submit_command(command).job_id)
    except Exception as error:
        raise RunnerError(f"sbatch refused the job: {_said(error)}") from error


def _told(*command: str) -> str:
    """What a command says; a failure carries what it said instead."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    return done.stdout


def _said(error: Exception) -> str:
    text = str(getattr(error, "stderr", None) or error)
    return " ".join(text.replace("sbatch: error: ", "").split())


def _tail(path: Path) -> str:
    try:
        text = path.read_bytes()[-4000:].decode(errors="replace").strip()
    except OSError:
        return ""
    return text.splitlines()[-1] if text else ""
