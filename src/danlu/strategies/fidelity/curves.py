"""Curves: one model of all learning curves says who goes on, who waits, and what to try next.

On every rung a trial is weighed against all that could be done with its worker instead: go on with a trial that waits,
or begin a new one. Each is worth the improvement that its training to the end is expected to bring, by the steps that
this still takes (`outlook`). How well early values tell the last ones is learned (`model`), and where they mislead,
trials are trained longer before they are given up. Where the first that were trained to the end rank otherwise there
than they did early, one trial of the design, of middling early value, is finished too, to learn it in time.

Source: Swersky, Snoek & Adams (2014), "Freeze-thaw Bayesian optimization", arXiv 1406.3896. Theirs has a basket of
candidates and an information gain; here it is expected improvement at the end of training, over the same candidates as
those of `gp`.
"""

from dataclasses import dataclass, replace

import numpy as np

from danlu.core.history import History
from danlu.core.origin import fallback, misled
from danlu.core.seeds import suggestion_rng
from danlu.core.strategy import EXHAUSTED, WAIT, Resume, Start, Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StrategyError
from danlu.numerics.threads import one_thread
from danlu.strategies.fidelity.outlook import Outlook, outlook_of
from danlu.strategies.fidelity.record import Record, how_far, record_of
from danlu.strategies.fidelity.rungs import check_rungs, full_training, highest, reached, rungs, values_at
from danlu.strategies.fresh import is_exhausted, start_fresh
from danlu.strategies.gp.gp import GP
from danlu.strategies.gp.surrogate import IllConditioned
from danlu.strategies.layout import Layout, layout_of

_FIRST = 1 / 9  # of a full training, to the lowest rung: the first steps say next to nothing
_HOPELESS = np.log(0.05)  # ln of the probability of winning below which a trial is stopped for good
_FEW, _SOME = 3, 6  # trials whose early and last ranks give rise to a doubt, and to a statement
_UNSAVED = 3  # paused trials, none with a checkpoint, after which trials are stopped instead
_MISLEADING = 0.2  # rank correlation of first and last values below which a person is told


@dataclass(frozen=True)
class Curves(Strategy):
    """Freeze-thaw: pauses, resumes and begins trials by what is expected of them at the end.

    Attributes:
        first: step of the lowest rung; a ninth of a full training if not given.
        last: steps of a full training; the study's if not given.
        eta: each rung is so many times as far as the one before.
        pauses: whether trials wait for their turn, from a checkpoint; else, and where a training saves none, they are
            stopped where they are nearly sure not to win.
    """

    first: int | None = None
    last: int | None = None
    eta: float = 3
    pauses: bool = True

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        layout, steps = layout_of(history.space), self._steps(history)
        record = record_of(history, layout, steps)
        if _is_early(history, layout, record):
            return self._designed(history, steps, GP().suggest(history, rng))
        audited = _audited(history, layout, steps, record) if self.pauses else None
        if audited is not None:
            return Resume(audited, steps[-1])
        try:
            with one_thread():
                outlook = outlook_of(history, layout, record, steps[-1], GP().design_of(layout), None)
                agreement = record.agreement(how_far(steps[0], steps[-1]), _SOME)
                return self._most_worth(history, steps, outlook, agreement, rng)
        except IllConditioned:
            return start_fresh(history, fallback("curves", "ill-conditioned"), lambda _: history.space.sample(rng))

    def decide(self, history: History, trial: Trial) -> Decision:
        steps = self._steps(history)
        if trial.origin == "default" or reached(trial, steps[:-1]) is None:
            return Decision.CONTINUE
        if trial.budget is not None:  # it was resumed up to there, perhaps from the beginning again
            is_due = trial.budget in steps[:-1] and trial.arrival(trial.budget) is not None
            return Decision.PAUSE if is_due else Decision.CONTINUE
        layout = layout_of(history.space)
        record = record_of(history, layout, steps)
        if _is_early(history, layout, record):
            return Decision.PAUSE if self._pays_to_pause(history) else Decision.CONTINUE
        try:
            with one_thread():
                outlook = outlook_of(history, layout, record, steps[-1], GP().design_of(layout), trial)
                return self._verdict(history, trial, outlook)
        except IllConditioned:
            return Decision.CONTINUE

    def check(self, history: History) -> None:
        last = full_training(history, self.last, "curves")
        check_rungs("curves", self.first or max(1, round(last * _FIRST)), last, self.eta)
        if len(history.objectives) > 1:
            raise StrategyError("curves: expects one objective and no constraints. Use asha, which ranks by fronts.")

    def without_pauses(self) -> Strategy:
        return replace(self, pauses=False)

    def _pays_to_pause(self, history: History) -> bool:
        """Whether what is paused can go on where it was; of a training that saves nothing, the first few tell."""
        paused = history.paused
        return self.pauses and not (len(paused) >= _UNSAVED and all(trial.checkpoint is None for trial in paused))

    def _steps(self, history: History) -> tuple[int, ...]:
        """The rungs, and the end."""
        last = full_training(history, self.last, "curves")
        return (*rungs(self.first or max(1, round(last * _FIRST)), last, self.eta), last)

    def _designed(self, history: History, steps: tuple[int, ...], suggestion: Suggestion) -> Suggestion:
        """A suggestion of the design; where there is none any more, what waits goes on."""
        if isinstance(suggestion, Start):
            return suggestion
        if self.pauses and history.paused:
            return _next_leg(history.paused[0], steps)
        return WAIT if history.pending and suggestion is EXHAUSTED else suggestion

    def _most_worth(
        self,
        history: History,
        steps: tuple[int, ...],
        outlook: Outlook,
        agreement: float | None,
        rng: np.random.Generator,
    ) -> Suggestion:
        waiting = history.paused if self.pauses else []
        worth = outlook.worth_of(waiting)
        is_over = is_exhausted(history)
        new, value = (None, -np.inf) if is_over else outlook.best_new(rng)
        if waiting and float(worth.max()) >= value:
            return _next_leg(waiting[int(np.argmax(worth))], steps)
        if new is not None:
            return Start(new, _origin(outlook, steps[0], agreement))
        if is_over:
            return WAIT if history.pending else EXHAUSTED
        return start_fresh(history, fallback("curves", "all candidates tried"), lambda _: history.space.sample(rng))

    def _verdict(self, history: History, trial: Trial, outlook: Outlook) -> Decision:
        if not self._pays_to_pause(history):
            return Decision.STOP if outlook.log_chance(trial) < _HOPELESS else Decision.CONTINUE
        mine = float(outlook.worth_of([trial])[0])
        if history.paused and float(outlook.worth_of(history.paused).max()) > mine:
            return Decision.PAUSE
        rng = suggestion_rng(history.seed, history.asks)  # candidates are those of the suggestion that would be next
        return Decision.PAUSE if outlook.best_new(rng)[1] > mine else Decision.CONTINUE


def _is_early(history: History, layout: Layout, record: Record) -> bool:
    """Whether there is too little for a model."""
    return len(record) < 2 or len(history.trials) < GP().design_of(layout)


def _next_leg(trial: Trial, steps: tuple[int, ...]) -> Resume:
    """Lets a trial go on to the next rung."""
    return Resume(trial.number, steps[highest(trial, steps[:-1]) + 1])


def _audited(history: History, layout: Layout, steps: tuple[int, ...], record: Record) -> int | None:
    """The trial of the design that is to be trained to the end now, if it still waits on its first rung.

    Rungs that agree with each other say nothing of the end. A model that has seen few ends, all of them of what was
    good early, may stay sure for long that only such trials are good.
    """
    agreement = record.agreement(how_far(steps[0], steps[-1]), _FEW)
    if agreement is None or agreement > 0.0:
        return None
    early = [
        (value[0], trial.number)
        for trial in history.trials[: GP().design_of(layout)]
        if trial.origin != "default" and (value := values_at(trial, steps[0], history.goals)) is not None
    ]
    if not early:
        return None
    _, middle = sorted(early)[len(early) // 2]
    trial = history.trials[middle]
    return middle if trial.status is Status.PAUSED and trial.budget is None else None


def _origin(outlook: Outlook, step: int, agreement: float | None) -> str:
    words = f"step {step} tells the end by {outlook.told(step):.2f}{outlook.tilt.words}"
    if agreement is not None and agreement < _MISLEADING:
        return misled("curves", f"rank correlation of step {step} and the end {agreement:.2f}, {words}")
    return f"curves: expected improvement, {words}"
