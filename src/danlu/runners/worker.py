"""Worker: a process that does one job, or one after another. `python -m danlu.runners.worker`, started by `Processes`.

Its standard input and output are the line to the coordinator. What the training function prints, at any level down to
C, goes to the trial's log. When the coordinator dies, the line breaks, and the worker ends itself at once, with all
that it has started: nobody would record what it does.
"""

import faulthandler
import os
import queue
import sys
import threading
from typing import IO, Any

import cloudpickle

from danlu.core.runner import Failed, Signal
from danlu.core.trial import Decision
from danlu.errors import StoreError
from danlu.records.log import redirected
from danlu.runners.pipe import read_message, write_message
from danlu.runners.processtree import end_own
from danlu.runners.work import work
from danlu.runners.workerprocess import Hiring


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
            end_own()


def main() -> None:
    """Takes the line over from standard input and output, then does jobs until the line ends."""
    line = Line(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # while no trial runs, what is printed goes where errors go
    # the log is a file, so Python would keep what is printed until the end; a crash must not take it along
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    hiring = Hiring(*line.receive())
    sys.path[:] = hiring.path
    if hiring.nice and hasattr(os, "nice"):
        os.nice(hiring.nice)
    train = cloudpickle.loads(hiring.train)
    while True:
        job = line.receive()
        try:
            work(train, job, line.send, hiring.name, hiring.metric, redirected)
        except StoreError as error:
            line.send(Failed(job.trial, "storage", str(error)))
        if hiring.once:
            return


if __name__ == "__main__":
    main()
