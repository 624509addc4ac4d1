"""Station: a process somewhere in a cluster that does one job and ends; the line to it carries one message at a time.

The coordinator asks `begin`, then for each message `answer` or, where there was nothing to answer, `listen`. Each call
comes back with the next message. The training function runs in a thread of its own, so that the process can say that it
is alive while the function is busy.
"""

import os
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import cloudpickle
import msgspec
import psutil

from danlu.core.runner import Ended, Failed, Job, Signal
from danlu.core.trial import Decision
from danlu.errors import DanluError, StoreError
from danlu.records.log import redirected
from danlu.runners.processtree import descendants, memory_of
from danlu.runners.transfer import Bag, Moving
from danlu.runners.work import work

_WATCH = 0.5  # seconds between looks at how much memory is used


class Message(msgspec.Struct, frozen=True):
    """What a station says.

    Attributes:
        content: a signal, something about files, or None for a mere sign of life.
        output: what the training function has printed since, where its log doesn't lie in the study's folder.
        size: of the log so far, in bytes; a log that grows is a sign of life of the training function.
    """

    content: Signal | Moving | None
    output: bytes = b""
    size: int = 0


class Station:
    """One trial's process.

    Args:
        node: name of the node that it is on.
        train: the packed training function.
        metric: what a bare number means that it returns.
        patience: seconds after which a call comes back with a mere sign of life.
        nice: how far the process steps back for others.
        memory: bytes of main memory that it may use with all that it starts; None for no limit.
    """

    def __init__(
        self, node: str, train: bytes, metric: str, patience: float, nice: int = 0, memory: float | None = None
    ) -> None:
        os.nice(max(0, nice - os.nice(0)))  # Ray's own workers step back by 15 already
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # the log is a file; a crash must not take along what was printed
                stream.reconfigure(line_buffering=True)
        self._memory, self._weighed = memory, 0.0
        self._name = f"ray {os.getpid()} on {node}"
        self._train, self._metric, self._patience = cloudpickle.loads(train), metric, patience
        self._outgoing: queue.SimpleQueue[Signal | Moving | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._bag: Bag | None = None
        self._number: int | None = None
        self._flushed = 0.0

    def begin(self, job: Job, nonce: str, storage: str | None) -> Message:
        """Begins a job; gives the first message."""
        self._number = job.trial
        threading.Thread(target=self._run, args=(job, nonce, storage), name="trial", daemon=True).start()
        return self.listen()

    def answer(self, reply: Any) -> Message:
        """Hands over the reply to the last message; gives the next one."""
        self._replies.put(reply)
        return self.listen()

    def listen(self) -> Message:
        """The next message, or a sign of life."""
        try:
            content = self._outgoing.get(timeout=self._patience if self._memory is None else _WATCH)
        except queue.Empty:
            content = None
        return self._message(self._too_large() or content)

    def end(self) -> None:
        """Ends all that the trial has started; the process itself is killed next."""
        end = time.monotonic() + 2  # a busy machine takes its time even to kill
        while (left := descendants(os.getpid())) and time.monotonic() < end:  # the trial may start others meanwhile
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=0.5)

    def _too_large(self) -> Failed | None:
        now = time.monotonic()
        if self._memory is None or self._number is None or now < self._weighed + _WATCH:
            return None
        self._weighed = now
        used = memory_of([os.getpid()], self._memory).get(os.getpid(), 0.0)
        if used <= self._memory:
            return None
        error = f"its processes took {used / 1e9:.3g} GB, more than the {self._memory / 1e9:g} GB of each trial"
        return Failed(self._number, "out of memory", f"{error}; they were killed")

    def _message(self, content: Signal | Moving | None) -> Message:
        bag, now = self._bag, time.monotonic()
        if bag is None:
            return Message(content)
        is_due = now > self._flushed + self._patience
        self._flushed = now if is_due else self._flushed
        return Message(content, bag.output() if is_due else b"", bag.log.stat().st_size if bag.log.exists() else 0)

    def _run(self, job: Job, nonce: str, storage: str | None) -> None:
        try:
            self._bag = Bag(job, nonce, storage, self._say)
            self._bag.fetch()
            work(self._train, self._bag.job, self._send, self._name, self._metric, redirected)
        except StoreError as error:
            self._say(Failed(job.trial, "storage", f"{self._name}: {error}"))
        except DanluError as error:
            self._say(Failed(job.trial, "artifact", str(error)))
        except BaseException as error:  # what is not the training function's: it must not end in silence
            self._say(Failed(job.trial, "died", f"its worker failed: {type(error).__name__}: {error}"))

    def _send(self, signal: Signal) -> Decision:
        """Carries a signal to the study, after what it speaks of; raises what the study refuses."""
        assert self._bag is not None
        self._bag.before(signal)
        if isinstance(signal, (Ended, Failed)):
            self.end()
            self._bag.finish()
        return self._say(signal)  # type: ignore[no-any-return]

    def _say(self, content: Signal | Moving) -> Any:
        self._outgoing.put(content)
        reply = self._replies.get()
        if isinstance(reply, Exception):
            raise reply
        return reply
