"""Pulse: when a trial was heard of last. A sign of life is a signal, or output: its log has changed."""

from dataclasses import dataclass, field
from pathlib import Path

_LONG = 600.0  # seconds of silence that are nothing to speak of, whatever the pauses so far
_UNUSUAL = 10  # times the longest pause so far are worth a note


@dataclass
class Pulse:
    """Of one attempt at a trial; times are seconds of a monotonic clock.

    Attributes:
        log: the file that its output goes to.
        heard: when it was heard of last.
        longest: its longest pause so far.
        is_noted: whether somebody was told of its silence.
    """

    log: Path
    heard: float
    longest: float = 0.0
    is_noted: bool = False
    _state: tuple[int, int] = field(default=(-1, 0))

    def beat(self, now: float) -> None:
        """It was heard of."""
        self.longest = max(self.longest, now - self.heard)
        self.heard = now

    def quiet(self, now: float) -> float:
        """Seconds since it was heard of, its log included."""
        try:
            found = self.log.stat()
            state = (found.st_size, found.st_mtime_ns)  # a progress bar is written anew where it was
        except OSError:
            state = (-1, 0)
        if state != self._state:
            self._state = state
            self.beat(now)
        return now - self.heard


def is_unusual(quiet: float, longest: float) -> bool:
    """Whether a silence is worth a note, given the longest pause of the trials so far; 0 if nothing is known."""
    return longest > 0 and quiet > max(_LONG, _UNUSUAL * longest)


def clock(seconds: float) -> str:
    """A time span in words: "40 s", "12 min", "3.5 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
