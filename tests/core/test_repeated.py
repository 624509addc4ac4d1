import pytest

from danlu.core.event import Attached, Noted, Reported, Saved, Started
from danlu.core.runner import Ended, Failed, Signal
from danlu.core.stopping import Never
from danlu.core.trial import Decision
from danlu.space import Float, Space
from danlu.study import Study

ALL: list[Signal] = [
    Started(0, 1),
    Reported(0, 1, {"loss": 1.0}),
    Saved(0, 1, "trials/0000/checkpoints/1", 4),
    Attached(0, "a.txt", "trials/0000/a.txt", 3),
    Ended(0, {"loss": 1.0}),
]


def begun() -> Study:
    """A study in memory whose first trial was suggested."""
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="random")
    study.next_job(Never())
    return study


def test_what_was_told_is_known_and_what_comes_next_is_news() -> None:
    study = begun()
    for signal in ALL:
        assert study.known(signal, 1) is None
        study.answer([signal])
        assert study.known(signal, 1) is (Decision.STOP if isinstance(signal, Ended) else Decision.CONTINUE)


def test_other_reports_and_files_of_the_same_attempt_are_news() -> None:
    study = begun()
    study.answer(ALL[:4])
    assert study.known(Reported(0, 2, {"loss": 1.0}), 1) is None
    assert study.known(Saved(0, 2, "trials/0000/checkpoints/2", 4), 1) is None
    assert study.known(Attached(0, "a.txt", "trials/0000/a.txt", 9), 1) is None
    assert study.known(Ended(0), 1) is None


@pytest.mark.parametrize("signal", ALL[1:])
def test_nothing_of_an_attempt_that_is_over_is_news(signal: Signal) -> None:
    study = begun()
    lost = Failed(0, "lost", "its node is gone")
    study.answer([ALL[0]])
    assert study.known(lost, 1) is None
    study.answer([lost])
    assert study.known(lost, 1) is Decision.STOP
    assert study.known(signal, 1) is Decision.STOP
    study.answer([Started(0, 2)])
    assert study.known(signal, 1) is Decision.STOP
    assert study.known(signal, 2) is None


def test_a_note_is_known_by_its_text() -> None:
    study = begun()
    assert study.known(Noted("trials wait"), 0) is None
    study.answer([Noted("trials wait")])
    assert study.known(Noted("trials wait"), 0) is Decision.CONTINUE
