"""Curved: a study of trials that have reported given curves."""

from danlu.space import Float, Space
from danlu.strategies.random import Random
from danlu.study import Study

SPACE = Space({"x": Float(0.0, 1.0)})


def curved(*curves, **objectives):
    """A study whose trials reported these losses, at steps 1, 2, 3, ..."""
    study = Study(SPACE, strategy=Random(), steps=9, **(objectives or {"minimize": "loss"}))
    for curve in curves:
        trial = study.ask()
        for step, loss in enumerate(curve, 1):
            if loss is not None:
                study.report(trial, step, **(loss if isinstance(loss, dict) else {"loss": loss}))
    return study
