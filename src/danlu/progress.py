"""What the terminal shows while a study runs: a live bar, or a line per trial where there is no terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from danlu.analysis.closing import closing
from danlu.core.history import History
from danlu.core.stopping import Never, StopRule, ending
from danlu.core.trial import Status, Trial
from danlu.loop import Watch
from danlu.terminal import Terminal


@contextmanager
def watching(
    trials: int | None,
    shown: bool | None = None,
    file: IO[str] | None = None,
    judges: bool = False,
    total_steps: int | None = None,
    until: StopRule | None = None,
    price: float | None = None,
) -> Iterator[Watch]:
    """A `Watch` that draws on standard error while the context lasts, and says at its end why and what was found.

    Args:
        trials: how many there are to be in all; None if something else limits them.
        shown: False for nothing at all; None for a live bar on a terminal and lines elsewhere.
        file: where to draw.
        judges: whether the strategy ends trials early.
        total_steps: how many all trials together may do; None if something else limits them.
        until: the rule that ends the run; it is told which part of it did.
        price: of one hour of one trial, if what trials cost is to be told.
    """
    console = Terminal(file=file or sys.stderr)
    if shown is False:
        yield lambda history: None
        return
    last: list[History] = []

    def keeping(watch: Watch) -> Watch:
        def kept(history: History) -> None:
            last[:] = [history]
            watch(history)

        return kept

    if console.is_terminal:
        with _live(console, trials, total_steps, until or Never()) as watch:
            yield keeping(watch)
    else:
        yield keeping(_lines(console, trials, until or Never()))
    for history in last:
        why = [f"stopped: {ending(until, history)}"] if until else []
        for text in [*why, *closing(history, judges, price)]:
            console.print(text, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def _live(console: Console, trials: int | None, total_steps: int | None, until: StopRule) -> Iterator[Watch]:
    begun, known = time.monotonic(), [-1]
    done_of = _steps if total_steps else _ended
    with Live(console=console, refresh_per_second=4, transient=False) as live:

        def watch(history: History) -> None:
            if known[0] < 0:
                known[0] = done_of(history)
            shown = screen(history, trials, time.monotonic() - begun, known[0], total_steps)
            waits = _waits(until, history)
            live.update(Group(shown, Text(waits, "dim")) if waits else shown)

        yield watch


def _waits(until: StopRule, history: History) -> str:
    """What a run that is to end still waits for; nothing while it starts more trials."""
    why, running = until.over(history), len(history.pending)
    return f"{why}; {running} running trial{'s are' if running > 1 else ' is'} let end" if why and running else ""


def _lines(console: Console, trials: int | None, until: StopRule) -> Watch:
    known: list[int] = []
    waited: list[str] = [""]
    noted: list[int] = []

    def watch(history: History) -> None:
        if not known:
            known.append(_ended(history))
            noted.append(len(history.notes))
        for text in history.notes[noted[0] :]:
            console.print(f"note: {text}", highlight=False, soft_wrap=True, markup=False)
        noted[0] = len(history.notes)
        for trial in history.finished[known[0] :]:
            console.print(line(trial, history, trials), highlight=False, soft_wrap=True, markup=False)
        known[0] = _ended(history)
        waits = _waits(until, history)
        if waits and not waited[0]:
            console.print(waits, highlight=False, soft_wrap=True, markup=False)
        waited[0] = waits

    return watch


def screen(
    history: History, trials: int | None, seconds: float, known: int, total_steps: int | None = None
) -> RenderableType:
    """The live display.

    Args:
        history: as it stands.
        trials: how many there are to be in all.
        seconds: since this run began.
        known: trials that had ended when this run began; steps that were done, where these are limited.
        total_steps: how many all trials together may do.
    """
    ended, paused = _ended(history), history.count(Status.PAUSED)
    done, total = ended, trials or max(len(history.trials), 1)
    if total_steps:
        done, total = _steps(history), total_steps
    head = Table.grid(padding=(0, 2))
    counts = Text.assemble(
        (f"{ended}", "bold"), f"/{trials} trials" if trials else " trials", "   ",
        (f"{_steps(history)}/{total_steps} steps   " if total_steps else ""),
        (f"{len(history.pending)} running", "cyan"), "   ",
        (f"{paused} paused   " if paused else "", "cyan"),
        (f"{history.count(Status.FAILED)} failed", "red" if history.count(Status.FAILED) else "dim"),
    )  # fmt: skip
    head.add_row(
        ProgressBar(total=total, completed=done, width=30), counts, Text(_left(done, known, total, seconds), "dim")
    )
    rows: list[RenderableType] = [head]
    incumbent = _incumbent(history)
    if incumbent is not None:
        rows.append(
            Text.assemble(
                "best  ",
                (_values(incumbent), "bold green"),
                f"  trial {incumbent.number}  ",
                (_config(incumbent), "dim"),
            )
        )
    rows += [Text(f"note  {text}", "yellow") for text in history.notes[-2:]]
    return Group(*rows)


def line(trial: Trial, history: History, trials: int | None) -> str:
    """One line on a trial that has ended."""
    ended = f"{_ended(history)}/{trials}" if trials else f"{_ended(history)}"
    outcome = _values(trial)
    if trial.status is Status.FAILED:
        outcome = f"{trial.reason}: {next(iter(trial.error.splitlines()), '')}"
    incumbent = _incumbent(history)
    best = "" if incumbent is None else f" · best {_values(incumbent)} (trial {incumbent.number})"
    return f"{ended} · trial {trial.number} {trial.status}: {outcome} · {_config(trial)}{best}"


def _ended(history: History) -> int:
    return sum(history.count(status) for status in (Status.COMPLETE, Status.STOPPED, Status.FAILED))


def _steps(history: History) -> int:
    return history.steps_done


def _incumbent(history: History) -> Trial | None:
    if len(history.goals) == 1:
        return history.best
    return next(iter(history.front), None)


def _values(trial: Trial) -> str:
    goals = [o for o in trial.objectives if o.bound is None]
    return ", ".join(f"{o.metric} {v:.5g}" for o in goals if (v := trial.metric(o)) is not None) or "no value yet"


def _config(trial: Trial) -> str:
    return ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in trial.config.items())


def _left(done: int, known: int, total: int, seconds: float) -> str:
    """How long it will take, as long as it took so far per trial."""
    if done <= known or done >= total:
        return ""
    left = (total - done) * seconds / (done - known)
    minutes, rest = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"about {clock} left"
