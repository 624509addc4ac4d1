"""A strategy that forks, where a journal can find it."""

from danlu.core.strategy import Start, Strategy
from danlu.core.trial import Fork
from danlu.strategies.random import Random


class Forks(Strategy):
    """Every new trial is forked from the one that was saved last, where there is one."""

    def suggest(self, history, rng):
        saved = [trial for trial in history.trials if trial.checkpoint and trial.checkpoint.step < 40]
        if not saved:
            return Random().suggest(history, rng)
        parent = saved[-1]
        fork = Fork(parent.number, parent.checkpoint.step, parent.checkpoint.path)
        return Start(history.space.sample(rng), "fork", parent=fork)
