import math
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.core.event import Attached, Noted, Reported, Saved, Started
from danlu.core.runner import Ended, Failed, Job, Signal
from danlu.core.stopping import Trials
from danlu.core.trial import Decision, Status
from danlu.errors import ObjectiveError, StudyError
from danlu.loop import run
from danlu.runners import mailbox
from danlu.runners.mailbox import Box, Letter, Order, Reply, outgoing
from danlu.runners.queues import Queue, Standing
from danlu.runners.slurm import Slurm
from danlu.space import Config, Float, Space
from danlu.study import Study

SPACE = Space({"x": Float(0.0, 1.0)})
SIGNALS: list[Signal] = [
    Started(3, 2, 5, "job 7 on n1"),
    Reported(3, 6, {"loss": 0.1, "other": "nan"}),
    Saved(3, 6, "trials/0003/checkpoints/step_000006.ckpt", 12),
    Attached(3, "a.png", "trials/0003/a.png", 5),
    Noted("a note", 3),
    Ended(3, {"loss": 1e-300, "other": -math.inf}),
    Failed(3, "died", "its worker died: 'ä\n'"),
]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path / "0")
    box.create()
    return box


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: type(signal).__name__)
def test_every_kind_of_signal_arrives_as_it_was_sent(box: Box, signal: Signal) -> None:
    box.post(Letter(1, (outgoing(signal, 2),)))
    letter = box.read(Letter, 1)
    assert letter is not None
    assert [mailbox.incoming(sent) for sent in letter.sent] == [signal]
    assert letter.sent[0].attempt == 2


def test_an_order_is_the_job_that_it_was_made_of(box: Box) -> None:
    job = Job(4, Config({"x": 0.5, "n": 3, "which": "adam", "on": True}), 7, 2, "/study", 9, "trials/0004/c.ckpt", 3)
    box.post(mailbox.order_of(1, job))
    order = box.read(Order, 1)
    assert order is not None
    assert mailbox.job_of(order) == job


@pytest.mark.parametrize("answer", [Decision.STOP, Decision.CONTINUE, StudyError("late"), ObjectiveError("loss?")])
def test_answers_arrive_as_they_were_sent(box: Box, answer: Decision | StudyError | ObjectiveError) -> None:
    box.post(Reply(1, (mailbox.verdict(answer),)))
    reply = box.read(Reply, 1)
    assert reply is not None
    [back] = map(mailbox.answer_in, reply.verdicts)
    assert (type(back), str(back)) == (type(answer), str(answer))


def test_what_has_not_come_is_none_and_what_is_torn_as_well(box: Box) -> None:
    assert box.read(Letter, 1) is None
    (box.folder / "letter-1.json").write_bytes(b'{"number":1,"se')
    assert box.read(Letter, 1) is None


def test_nothing_can_be_posted_into_a_box_that_was_closed(box: Box) -> None:
    box.folder.rmdir()
    assert not box.is_open
    with pytest.raises(FileNotFoundError):
        box.post(Letter(1))
    assert not box.folder.exists()


# a coordinator that is killed, with workers on paper -----------------------------------------------------------------


class Killed(BaseException):
    """What kill -9 is in this test: nothing of the coordinator runs after it."""


class Moments:
    """The moments at which a coordinator may be killed, counted; it dies at some."""

    def __init__(self, deadly: Iterable[int]) -> None:
        self._deadly, self._count, self.is_dead = set(deadly), 0, False

    def go_by(self) -> None:
        self._count += 1
        if self._count in self._deadly:
            self.is_dead = True
            raise Killed


class Puppet:
    """A worker that plays its trials: three steps, each with a report and a checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.box = Box(folder / "0")
        self.box.create()
        self.gone = False
        self._number = self._taken = 0
        self._script: list[Signal] = []
        self._order: Order | None = None
        self._post()

    def step(self) -> None:
        if self.gone or (reply := self.box.read(Reply, self._number)) is None:
            return
        self.box.remove(Letter, self._number - 1)
        self.box.remove(Reply, self._number - 1)
        assert all(not verdict.error for verdict in reply.verdicts), reply
        if self._order is not None and not self._script:
            self.box.remove(Order, self._order.number)
            self._order = None
        if self._order is None:
            self._take()
        if self._script:
            self._post(self._script.pop(0))

    def _take(self) -> None:
        order = self.box.read(Order, self._taken + 1)
        if order is None:
            return None
        self._taken += 1
        if order.trial is None:
            self.gone = True
            return self._post()
        self._order, number = order, order.trial
        checkpoints = Path(order.folder) / f"trials/{number:04d}/checkpoints"
        checkpoints.mkdir(parents=True, exist_ok=True)
        self._script = [Started(number, order.attempt, order.step, "job")]
        for step in range(order.step + 1, 4):
            (checkpoints / str(step)).write_text("state")
            self._script += [
                Reported(number, step, {"loss": float(step)}),
                Saved(number, step, f"trials/{number:04d}/checkpoints/{step}", 5),
            ]
        self._script.append(Ended(number, {}))
        return None

    def _post(self, *signals: Signal) -> None:
        self._number += 1
        attempt = self._order.attempt if self._order else 0
        sent = tuple(outgoing(signal, attempt) for signal in signals)
        self.box.post(Letter(self._number, sent, self._taken, "n1", "1", "told to" * self.gone, gone=self.gone))


class Paper:
    """A queue whose jobs are puppets; it outlives coordinators."""

    def __init__(self) -> None:
        self.puppets: dict[str, Puppet] = {}

    def submit(self, name: str, command: list[str], exclude: Iterable[str]) -> str:
        self.puppets[name] = Puppet(Path(command[-1]))
        return name

    def standings(self) -> dict[str, Standing]:
        return {
            name: Standing(name, "COMPLETED" if puppet.gone else "RUNNING") for name, puppet in self.puppets.items()
        }

    def cancel(self, numbers: Iterable[str]) -> None:
        for number in numbers:
            self.puppets[number].gone = True

    def last_words(self, number: str) -> str:
        return ""


class OnPaper(Slurm):
    def __init__(self, paper: Paper, moments: Moments) -> None:
        super().__init__(len, "loss", workers=2, cluster="local", look=1e-6)
        self._paper, self._moments = paper, moments

    def _queue(self, logs: Path) -> Queue:
        return self._paper

    def _look(self) -> None:
        for puppet in self._paper.puppets.values():
            puppet.step()
        super()._look()

    def close(self) -> None:
        if not self._moments.is_dead:
            with patch("danlu.runners.slurm._LEAVE", 0.0):
                super().close()


def coordinate(folder: Path, paper: Paper, moments: Moments) -> Study:
    study = Study(SPACE, minimize="loss", strategy="random", folder=folder)
    answer, post = study.answer, Box.post

    def deadly_answer(signals: list[Signal], *more: Any) -> list[Decision]:
        moments.go_by()
        replies = answer(signals, *more)
        moments.go_by()
        return replies

    def deadly_post(box: Box, message: Letter | Reply | Order) -> None:
        post(box, message)
        if not isinstance(message, Letter):
            moments.go_by()

    with patch.object(study, "answer", deadly_answer), patch.object(Box, "post", deadly_post):
        run(study, OnPaper(paper, moments), Trials(3))
    return study


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=5))
def test_whenever_coordinators_are_killed_each_signal_is_in_the_journal_once(deaths: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, paper = Path(name), Paper()
        for death in deaths:
            try:
                coordinate(folder, paper, Moments([death])).close()
            except Killed:
                continue
        with coordinate(folder, paper, Moments([])) as study:
            assert [trial.status for trial in study.trials] == [Status.COMPLETE] * 3
            assert [trial.attempt for trial in study.trials] == [1, 1, 1]
            events = [event for entry in study.entries() for event in entry.events]
            for trial in study.trials:
                own = [event for event in events if getattr(event, "trial", None) == trial.number]
                assert [e.step for e in own if isinstance(e, Reported)] == [1, 2, 3]
                assert [e.step for e in own if isinstance(e, Saved)] == [1, 2, 3]
                assert len([e for e in own if isinstance(e, Started)]) == 1
            assert study.verify() == []
