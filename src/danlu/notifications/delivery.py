"""Delivery: news go out in the background, one after another; a study neither waits for them nor fails with them."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from danlu.notifications.news import News

_MOST = 50  # news that wait; of more, the oldest are dropped
_PAUSE = 1.0  # seconds between two: what chats allow
_LAST = 15.0  # seconds that the end of a study waits for what is still to be delivered


class Receiver(Protocol):
    """Somebody who takes news."""

    name: str
    tries: int

    @property
    def doubt(self) -> str | None: ...

    def send(self, news: News) -> None: ...


class Delivery:
    """The way to one receiver. A slow one holds up no other.

    Args:
        receiver: of the news.
        complain: is called, once, if something can't be delivered; from another thread.
        pause: seconds between two deliveries, and before a second try.
    """

    def __init__(self, receiver: Receiver, complain: Callable[[str], None], pause: float | None = None) -> None:
        self.receiver, self._complain, self._pause = receiver, complain, _PAUSE if pause is None else pause
        self._waiting: deque[News] = deque()
        self._change = threading.Condition()
        self._is_closing, self._has_complained = False, False
        self._thread = threading.Thread(target=self._run, name=f"danlu news to {receiver.name}", daemon=True)
        self._thread.start()

    def put(self, news: News) -> None:
        """Hands news over, and returns at once. A new best takes the place of one that still waits."""
        with self._change:
            if news.on == "best":
                self._waiting = deque(other for other in self._waiting if other.on != "best")
            if len(self._waiting) >= _MOST:
                self._waiting.popleft()
            self._waiting.append(news)
            self._change.notify_all()

    def close(self, wait: float = _LAST) -> None:
        """Waits until all is delivered, but so many seconds at most."""
        with self._change:
            self._is_closing = True
            self._change.notify_all()
        self._thread.join(wait)
        if self._thread.is_alive():
            self._say(f"not everything was delivered within {wait:g} s")

    def _run(self) -> None:
        while (news := self._next()) is not None:
            self._deliver(news)
            self._rest()

    def _next(self) -> News | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._is_closing)
            return self._waiting.popleft() if self._waiting else None

    def _rest(self) -> None:
        """Lets some time pass, unless the study ends: what is left then goes out without delay."""
        with self._change:
            self._change.wait_for(lambda: self._is_closing, self._pause)

    def _deliver(self, news: News) -> None:
        for left in reversed(range(self.receiver.tries)):
            try:
                self.receiver.send(news)
                return
            except Exception as error:  # whatever it is, the study goes on
                if left == 0:
                    self._say(str(error) or type(error).__name__)
                else:
                    time.sleep(self._pause)

    def _say(self, why: str) -> None:
        if not self._has_complained:
            self._has_complained = True
            self._complain(f"notify: {self.receiver.name} could not be told: {why}. The study goes on.")
