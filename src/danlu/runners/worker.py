"""Worker: a process that does one job after another. `python -m danlu.runners.worker`, started by `Processes`.

Its standard input and output are the line to the coordinator. What the training function prints, at any level down to
C, goes to the trial's log. When the coordinator dies, the line breaks, and the worker ends itself at once: nobody
would record what it does.
"""

import faulthandler
import os
import queue
import sys
import threading
from pathlib import Path
from typing import IO, Any

import cloudpickle

from danlu.core.runner import Failed, Job, Signal
from danlu.core.trial import Decision
from danlu.errors import StoreError
from danlu.records.folder import Folder
from danlu.runners.pipe import read_message, write_message
from danlu.runners.work import work


class Line:
    """The worker's end of the line: a thread reads, so that the end of the coordinator is noticed at any moment."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def receive(self) -> Any:
        """The next message of the coordinator."""
        return self._messages.get()

    def send(self, signal: Signal) -> Decision:
        """Carries a signal to the study; raises what the study refuses."""
        write_message(self._outgoing, signal)
        reply = self.receive()
        if isinstance(reply, Exception):
            raise reply
        return reply  # type: ignore[no-any-return]

    def _read(self) -> None:
        try:
            while True:
                self._messages.put(read_message(self._incoming))
        except (EOFError, OSError):
            os._exit(1)


def main() -> None:
    """Takes the line over from standard input and output, then does jobs until the line ends."""
    line = Line(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    _redirect(os.devnull, 0, os.O_RDONLY)
    os.dup2(2, 1)  # until the first trial has a log, what is printed goes where errors go
    faulthandler.enable()
    path, train, metric, name = line.receive()
    sys.path[:] = path
    train = cloudpickle.loads(train)
    while True:
        job = line.receive()
        _log_to(job)
        try:
            work(train, job, line.send, name, metric)
        except StoreError as error:
            line.send(Failed(job.trial, "storage", str(error)))


def _log_to(job: Job) -> None:
    log = Folder(Path(job.folder)).trial(job.trial) / "log.txt"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        for stream in (1, 2):
            _redirect(str(log), stream, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError:
        pass  # `work` meets the same trouble at its first file and says what it is


def _redirect(path: str, stream: int, flags: int) -> None:
    (sys.stdout if stream == 1 else sys.stderr).flush()
    handle = os.open(path, flags, 0o666)
    os.dup2(handle, stream)
    os.close(handle)


if __name__ == "__main__":
    main()
