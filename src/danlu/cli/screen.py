"""What the commands print on: two consoles, and how values, times and configs are written."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

from danlu.core.history import History
from danlu.core.trial import Status, Trial
from danlu.study import Study
from danlu.terminal import Terminal

STATUS_STYLE = {
    Status.COMPLETE: "green",
    Status.STOPPED: "yellow",
    Status.FAILED: "red",
    Status.RUNNING: "cyan",
    Status.PAUSED: "cyan",
    Status.PENDING: "dim",
}


def screen() -> Terminal:
    """Where results go: standard output."""
    return Terminal(highlight=False)


def errors() -> Terminal:
    """Where errors and remarks go: standard error."""
    return Terminal(stderr=True, highlight=False)


def json_text(value: Any) -> str:
    """JSON for people and programs; what a terminal could take for an order is written as \\u...."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub("[\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]", lambda found: f"\\u{ord(found[0]):04x}", text)


def value_text(value: Any) -> str:
    """A value as people write it: 1e-3, 0.0123, relu; "–" for none."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def config_text(config: Mapping[str, Any]) -> str:
    """A config in one line: "lr=0.001 depth=4"."""
    return " ".join(f"{name}={value_text(value)}" for name, value in config.items())


def status_text(status: Status) -> Text:
    """A status in its colour."""
    return Text(str(status), STATUS_STYLE[status])


def seconds_text(seconds: float | None) -> str:
    """A span of time: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min"."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def moment_text(seconds: float) -> str:
    """A moment in the reader's own time: "2026-03-01 14:05"."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def counts_text(history: History) -> str:
    """How many trials there are of each status: "24 complete · 1 failed"."""
    order = (Status.COMPLETE, Status.STOPPED, Status.FAILED, Status.PAUSED, Status.RUNNING, Status.PENDING)
    return " · ".join(f"{count} {s}" for s in order if (count := history.count(s))) or "no trial yet"


def best_of(history: History) -> Trial | None:
    """The incumbent; of several objectives, the trial of the front that is best in the first."""
    if len(history.goals) == 1:
        return history.best
    return min(history.front, key=lambda trial: trial.loss, default=None)


def recommended_of(study: Study) -> Trial | None:
    """The trial whose config to ship; None of several objectives, or where nothing is complete."""
    history = study.history
    return None if len(history.goals) > 1 or history.best is None else study.recommended


def mean_text(history: History, trial: Trial) -> str:
    """The value of a trial, and of all trials of its config their mean: "0.31", "0.32, the mean of 3 trials"."""
    values = [t.value for t in history.completed if t.config == trial.config and t.value is not None]
    mean = value_text(sum(values) / len(values))
    return mean if len(values) == 1 else f"{mean}, the mean of {len(values)} trials"
