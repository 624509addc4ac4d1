import io

import pytest
from rich.console import Console

from danlu import Float, Space, Study
from danlu.core.stopping import Target
from danlu.progress import screen, watching
from danlu.space import Choice
from danlu.strategies.fidelity.asha import ASHA
from danlu.strategies.random import Random


def test_lines_tell_what_was_noted_once_and_not_what_was_noted_before():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="random")
    study.note("an old note")
    out = io.StringIO()
    with watching(None, file=out) as watch:
        watch(study.history)
        study.note("the disk is [nearly] full")
        watch(study.history)
        study.tell(study.ask(), loss=1.0)
        watch(study.history)
    first, second = out.getvalue().splitlines()
    assert first == "note: the disk is [nearly] full"
    assert second.startswith("1 · trial 0 complete: loss 1")


def test_a_fallback_is_told_on_the_screen():
    study = Study(Space({"only": Choice("a")}), minimize="loss", strategy="cmaes")
    study.tell(study.ask(), loss=1.0)
    rows = [str(row) for row in screen(study.history, None, 1.0, 0).renderables]
    assert any(
        row.startswith("note  the search had to fall back: cmaes: random, nothing can be varied") for row in rows
    )


def test_paused_trials_and_a_budget_in_steps_are_on_the_screen():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy=ASHA(Random(), pauses=True), steps=9)
    for _ in range(4):
        trial = study.ask()
        study.report(trial, 1, loss=1.0 + trial.number)
    console = Console(width=120, file=io.StringIO())
    console.print(screen(study.history, None, 1.0, 0, total_steps=20))
    shown = console.file.getvalue()
    assert "4/20 steps" in shown
    assert "2 running" in shown
    assert "2 paused" in shown


def test_at_its_end_it_says_what_was_saved_and_what_is_kept():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy=ASHA(Random()), steps=9)
    out = io.StringIO()
    with watching(None, file=out, judges=True) as watch:
        trial = study.ask()
        trial.report(1, loss=1.0)
        trial.save(bytes(1000))
        study.tell(trial)
        watch(study.history)
    saved, kept = out.getvalue().splitlines()[-2:]
    assert saved == "early stopping saved nothing (0 trials stopped or paused)"
    assert kept.startswith("1 checkpoint kept, ")


def test_silence_is_silence():
    out = io.StringIO()
    with watching(None, False, out, judges=True) as watch:
        watch(Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="random").history)
    assert out.getvalue() == ""


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("out", [io.StringIO(), Screen()], ids=["lines", "live"])
def test_a_run_that_is_to_end_says_why_and_what_it_waits_for(out):
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="random")
    with watching(None, file=out, until=Target(0.5), price=3600.0) as watch:
        _running, done = study.ask(), study.ask()
        watch(study.history)
        study.tell(done, loss=0.4)
        watch(study.history)
    said = out.getvalue()
    assert "trial 1 reached the target of loss 0.5; 1 running trial is let end" in said
    assert "stopped: trial 1 reached the target of loss 0.5" in said
    assert "hours of trials at 3600 each" in said
