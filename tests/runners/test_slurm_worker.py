import os
import signal
import threading
import time
from collections import deque
from pathlib import Path

import pytest

from danlu.core.event import Reported, Saved, Started
from danlu.core.runner import Answer, Ended, Failed, Job, Signal
from danlu.core.trial import Decision
from danlu.runners.mailbox import Box, Letter, Order, Reply, Verdict, delays, incoming, order_of
from danlu.runners.plan import Plan
from danlu.runners.slurm_worker import Closed, Heart, Worker
from danlu.space import Config

JOB = Job(5, Config({"x": 0.5}), 1, 1, "/study")
PLAN = Plan("", "loss", (), patience=0.2, idle=0.3)


class Played:
    """A runner that plays one trial: four steps, and a checkpoint at the end, be it early."""

    can_pause = True

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.ended = 0
        self._script: deque[Signal] = deque()

    def free(self) -> int:
        return 1

    def submit(self, job: Job) -> None:
        number = job.trial
        self._script.append(Started(number, job.attempt, 0, "process 1"))
        self._script.extend(Reported(number, step, {"loss": 1.0}) for step in range(1, 5))
        self._script += [Saved(number, 4, "c", 1), Ended(number)]

    def poll(self, answer: Answer, timeout: float | None) -> None:
        [decision] = answer([self._script.popleft()])
        assert isinstance(decision, Decision)
        self.decisions.append(decision)
        while decision is not Decision.CONTINUE and isinstance(self._script[0], Reported):
            self._script.popleft()

    def cancel(self) -> None:
        self.ended += 1

    def close(self) -> None:
        self.cancel()


class Post:
    """The coordinator's side: a worker that runs in a thread, its box and its heart."""

    def __init__(self, folder: Path, plan: Plan = PLAN) -> None:
        self.box, self.heartbeat, self.runner = Box(folder / "0"), folder / "heartbeat", Played()
        self.box.create()
        self.heartbeat.write_text("0")
        self.worker = Worker(self.box, plan, self.runner, Heart(self.heartbeat), "n1", "12")
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.worker.run()
        except Closed as error:
            self.error = error

    def letter(self, number: int) -> Letter:
        end = time.monotonic() + 10
        for delay in delays(last=0.02):
            if letter := self.box.read(Letter, number):
                return letter
            assert time.monotonic() < end
            time.sleep(delay)
        raise AssertionError

    def answer(self, number: int, decision: Decision = Decision.CONTINUE) -> Letter:
        letter = self.letter(number)
        self.box.post(Reply(number, (Verdict(decision),) * len(letter.sent)))
        return letter

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def signals(letter: Letter) -> list[Signal]:
    return [incoming(sent) for sent in letter.sent]


def test_a_worker_introduces_itself_and_runs_what_it_is_ordered(post: Post) -> None:
    hello = post.answer(1)
    assert (hello.node, hello.job, hello.sent) == ("n1", "12", ())
    post.box.post(order_of(1, JOB))
    assert signals(post.answer(2)) == [Started(5, 1, 0, "job 12 on n1")]
    for number in range(3, 9):
        post.answer(number)
    post.box.post(Order(2))
    last = post.letter(9)
    assert last.gone
    assert last.taken == 2
    post.end()
    assert post.runner.decisions == [Decision.CONTINUE] * 7
    assert post.box.numbers(Order) == []


def test_it_keeps_only_the_last_letters(post: Post) -> None:
    post.answer(1)
    post.box.post(order_of(1, JOB))
    for number in range(2, 9):
        post.answer(number)
    post.letter(9)
    assert post.box.numbers(Letter) == [8, 9]
    post.end()


def test_without_a_coordinator_a_trial_is_told_to_pause_and_what_it_saved_waits_in_the_box(post: Post) -> None:
    post.answer(1)
    post.box.post(order_of(1, JOB))
    post.answer(2)
    post.answer(3)
    post.end()
    left = [post.letter(number) for number in (4, 5, 6, 7)]
    assert [signals(letter) for letter in left[:2]] == [[Reported(5, 2, {"loss": 1.0})], [Saved(5, 4, "c", 1)]]
    [[failed]] = [signals(letter) for letter in left[2:3]]
    assert isinstance(failed, Failed)
    assert failed.reason == "preempted"
    assert "its coordinator is gone" in failed.error
    assert left[3].gone
    assert post.runner.decisions[2] is Decision.PAUSE


def test_a_coordinator_whose_heart_beats_is_waited_for(post: Post) -> None:
    post.answer(1)
    post.box.post(order_of(1, JOB))
    for beat in range(8):
        time.sleep(0.1)
        post.heartbeat.write_text(str(beat))
    post.answer(2)
    assert signals(post.letter(3)) == [Reported(5, 1, {"loss": 1.0})]
    assert post.runner.decisions == [Decision.CONTINUE]


@pytest.mark.parametrize(("number", "is_late"), [(signal.SIGUSR2, True), (signal.SIGTERM, False)])
def test_a_warning_of_slurm_s_lets_the_trial_pause_at_its_next_report(
    post: Post, number: signal.Signals, is_late: bool
) -> None:
    post.answer(1)
    post.box.post(order_of(1, JOB))
    post.answer(2)
    post.letter(3)
    post.worker.warn(number, None)
    post.answer(3)
    assert signals(post.answer(4)) == [Saved(5, 4, "c", 1)]
    letter = post.answer(5)
    assert [type(sent) for sent in signals(letter)] == [Failed]
    assert (letter.is_late, letter.is_cut) == (is_late, not is_late)
    assert post.letter(6).gone
    post.end()


def test_what_a_strategy_has_stopped_is_no_victim_of_the_warning(post: Post) -> None:
    post.answer(1)
    post.box.post(order_of(1, JOB))
    post.answer(2)
    post.letter(3)
    post.worker.warn(signal.SIGUSR2, None)
    post.answer(3, Decision.STOP)
    post.answer(4, Decision.STOP)
    assert signals(post.answer(5)) == [Ended(5)]


def test_it_leaves_when_it_has_nothing_to_do(tmp_path: Path) -> None:
    post = Post(tmp_path, Plan("", "loss", (), idle=0.1))
    post.answer(1)
    assert post.letter(2).leaving == "it had nothing to do"
    post.end()


def test_it_ends_when_its_box_is_closed(post: Post) -> None:
    post.letter(1)
    for path in post.box.folder.iterdir():
        path.unlink()
    post.box.folder.rmdir()
    post.end()
    assert isinstance(post.error, Closed)


def test_pauses_of_clocks_that_differ_mean_nothing_to_a_heart(tmp_path: Path) -> None:
    beat = tmp_path / "heartbeat"
    beat.write_text("1")
    heart = Heart(beat)
    assert heart.silence() < 0.1
    os.utime(beat, (0, 0))
    time.sleep(0.05)
    assert 0.04 < heart.silence() < 5
    beat.write_text("2")
    assert heart.silence() < 0.04
