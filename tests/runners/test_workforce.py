import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from danlu.core.event import Noted, Saved, Started
from danlu.core.runner import Ended, Failed, Job, Signal
from danlu.core.trial import Decision
from danlu.errors import DanluError, RunnerError
from danlu.records.files import write_whole
from danlu.runners.mailbox import Letter, Order, Reply, Sent, outgoing
from danlu.runners.queues import Queue, Standing
from danlu.runners.slurm import Slurm
from danlu.space import Config

JOB = Job(5, Config({"x": 0.5}), 1, 1, "/study")


class Scripted:
    """A queue in which jobs stand as the test says."""

    def __init__(self) -> None:
        self.standing: dict[str, Standing] = {}
        self.cancelled: list[str] = []
        self.excluded: list[list[str]] = []

    def submit(self, name: str, command: list[str], exclude: Iterable[str]) -> str:
        number = str(len(self.excluded) + 1)
        self.excluded.append(sorted(exclude))
        self.standing[name] = Standing(number, "PENDING", "Priority")
        return number

    def standings(self) -> dict[str, Standing] | None:
        return dict(self.standing)

    def cancel(self, numbers: Iterable[str]) -> None:
        self.cancelled += numbers

    def last_words(self, number: str) -> str:
        return "Bus error"

    def put(self, number: str, state: str, reason: str = "") -> None:
        [name] = [name for name, standing in self.standing.items() if standing.number == number]
        self.standing[name] = Standing(number, state, reason)


class Stage:
    """A coordinator, a queue that is scripted, and a journal that is a list of signals."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.queue, self.folder = Scripted(), folder
        self.told: list[Signal] = []
        self.runner = self._new(**settings)

    def _new(self, **settings: object) -> Slurm:
        stage = self

        class OnStage(Slurm):
            def _queue(self, logs: Path) -> Queue:
                return stage.queue

        runner = OnStage(len, "loss", **{"workers": 1, "cluster": "local", "look": 1e-6, **settings})
        told = list(self.told)
        runner.find(str(self.folder), lambda signal, attempt: Decision.CONTINUE if signal in told else None)
        return runner

    def poll(self, times: int = 1) -> None:
        def answer(signals: Iterable[Signal]) -> list[Decision | DanluError]:
            self.told += signals
            return [Decision.CONTINUE for _ in signals]

        for _ in range(times):
            self.runner.poll(answer, 0.0)

    def begin(self, job: Job = JOB) -> None:
        """A job that has begun, and has this trial."""
        self.runner.submit(job)
        self.poll()
        self.queue.put("1", "RUNNING")
        self.write(0, Letter(1, node="n1", job="1"))
        self.poll(2)
        self.write(0, self.letter(2, Started(job.trial, job.attempt)))
        self.poll()

    @staticmethod
    def letter(number: int, *signals: Signal, **more: object) -> Letter:
        return Letter(number, tuple(outgoing(signal, 1) for signal in signals), 1, "n1", "1", **more)

    def write(self, life: int, letter: Letter) -> None:
        box = self.runner._members[0].box
        box.folder = box.folder.parent / str(life)
        box.folder.mkdir(exist_ok=True)
        box.post(letter)

    @property
    def failed(self) -> Failed:
        [failed] = [signal for signal in self.told if isinstance(signal, Failed)]
        return failed


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("OUT_OF_MEMORY", "out of memory"),
        ("FAILED", "died"),
        ("NODE_FAIL", "lost"),
        ("BOOT_FAIL", "lost"),
        ("PREEMPTED", "preempted"),
        ("CANCELLED", "preempted"),
    ],
)
def test_the_end_of_a_job_means_to_its_trial_what_slurm_says(stage: Stage, state: str, reason: str) -> None:
    stage.begin()
    stage.queue.put("1", state)
    stage.poll(2)
    assert stage.failed.reason == reason
    assert state in stage.failed.error
    assert ("Bus error" in stage.failed.error) == (state == "FAILED")
    assert stage.runner.free() == 1


def test_what_a_job_wrote_before_its_end_is_heard_first(stage: Stage) -> None:
    stage.begin()
    stage.write(0, stage.letter(3, Saved(5, 1, "c", 1)))
    stage.queue.put("1", "NODE_FAIL")
    stage.poll(3)
    assert [type(signal) for signal in stage.told] == [Started, Saved, Failed]


def test_a_trial_that_had_all_the_time_of_its_job_and_saved_nothing_has_failed(stage: Stage) -> None:
    stage.begin()
    stage.queue.put("1", "TIMEOUT")
    stage.poll(2)
    assert stage.failed.reason == "timeout"


def test_a_trial_that_saved_in_the_time_of_its_job_goes_on(stage: Stage) -> None:
    stage.begin()
    stage.write(0, stage.letter(3, Saved(5, 1, "c", 1)))
    stage.poll()
    stage.queue.put("1", "TIMEOUT")
    stage.poll(2)
    assert stage.failed.reason == "preempted"


def test_a_job_that_is_missed_twice_is_lost(stage: Stage) -> None:
    stage.begin()
    stage.queue.standing.clear()
    stage.poll()
    assert not any(isinstance(signal, Failed) for signal in stage.told)
    stage.poll(2)
    assert stage.failed.reason == "lost"


def test_while_slurm_says_nothing_nobody_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.begin()
    monkeypatch.setattr(stage.queue, "standings", lambda: None)
    stage.poll(3)
    assert [type(signal) for signal in stage.told] == [Started]


def test_a_trial_that_had_not_begun_is_given_to_the_next_job(stage: Stage) -> None:
    stage.runner.submit(JOB)
    stage.poll()
    stage.write(0, Letter(1, node="n1", job="1"))
    stage.poll(2)
    stage.queue.put("1", "NODE_FAIL")
    stage.poll(3)
    assert stage.told == []
    assert len(stage.queue.excluded) == 2


def test_a_job_that_begins_again_has_a_life_of_its_own(stage: Stage) -> None:
    stage.begin()
    stage.write(1, Letter(1, node="n2", job="1"))  # it was requeued between two looks
    stage.poll(2)
    assert stage.failed.reason == "preempted"
    stage.runner.submit(Job(5, JOB.config, 1, 2, "/study"))
    stage.poll(3)
    order = stage.runner._members[0].box.read(Order, 1)
    assert order is not None
    assert (order.trial, order.attempt) == (5, 2)
    assert len(stage.queue.excluded) == 1


def test_a_job_that_waits_again_makes_way_for_a_fresh_one(stage: Stage) -> None:
    stage.begin()
    stage.queue.put("1", "PENDING", "BeginTime")
    stage.poll(3)
    assert stage.failed.reason == "preempted"
    assert stage.queue.cancelled == ["1"]
    stage.runner.submit(Job(5, JOB.config, 1, 2, "/study"))
    stage.poll()
    assert len(stage.queue.excluded) == 2


def test_signals_of_an_attempt_that_is_not_ours_are_told_to_stop(stage: Stage) -> None:
    stage.begin()
    old = Sent(0, Saved(5, 9, "c", 1))
    stage.write(0, Letter(3, (old,), 1, "n1", "1"))
    stage.poll()
    assert [type(signal) for signal in stage.told] == [Started]
    reply = stage.runner._members[0].box.read(Reply, 3)
    assert reply is not None
    assert [verdict.decision for verdict in reply.verdicts] == [Decision.STOP]


def test_nodes_to_avoid_get_no_more_trials_and_are_excluded_from_new_jobs(stage: Stage) -> None:
    stage.runner.workers = 2
    stage.begin()
    stage.runner.avoid(frozenset({"n1"}))
    stage.runner.submit(Job(6, JOB.config, 1, 1, "/study"))
    stage.poll(2)
    leave = stage.runner._members[0].box.read(Order, 2)
    assert leave is not None
    assert leave.trial is None
    assert stage.queue.excluded == [[], ["n1"]]


def test_there_are_never_more_jobs_than_workers_need(tmp_path: Path) -> None:
    stage = Stage(tmp_path, workers=6, pack=4)
    for number in range(6):
        stage.runner.submit(Job(number, JOB.config, 1, 1, "/study"))
    stage.poll(3)
    assert stage.runner.free() == 0
    assert len(stage.queue.excluded) == 2


def test_a_job_that_is_not_reused_is_let_go_after_its_trial(tmp_path: Path) -> None:
    stage = Stage(tmp_path, reuse=False)
    stage.begin()
    stage.write(0, stage.letter(3, Ended(5)))
    stage.runner.submit(Job(6, JOB.config, 1, 1, "/study"))
    stage.poll(2)
    leave = stage.runner._members[0].box.read(Order, 2)
    assert leave is not None
    assert leave.trial is None
    stage.write(0, stage.letter(4, leaving="it was told to", gone=True))
    stage.poll(3)
    assert len(stage.queue.excluded) == 2


def test_what_a_cancelled_job_still_writes_is_read_by_the_next_coordinator(stage: Stage) -> None:
    stage.begin()
    member = stage.runner._members[0]
    stage.runner.cancel()
    assert stage.queue.cancelled == ["1"]
    member.box.post(stage.letter(3, Saved(5, 1, "c", 1)))
    stage.queue.put("1", "CANCELLED")
    stage.runner = stage._new()
    stage.poll(3)
    assert [type(signal) for signal in stage.told] == [Started, Saved, Failed]
    assert list((stage.folder / "slurm/jobs").iterdir()) == []


def test_no_name_of_a_job_is_used_again(stage: Stage) -> None:
    stage.begin()
    stage.write(0, stage.letter(3, Ended(5)))
    stage.poll()
    stage.runner.cancel()
    stage.runner = stage._new()
    stage.runner.submit(Job(6, JOB.config, 1, 1, "/study"))
    stage.poll()
    assert len(stage.queue.standing) == 2


def test_folders_without_a_job_are_no_jobs_that_failed(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"slurm/jobs/000{number}").mkdir(parents=True, mode=0o700)
    (tmp_path / "slurm").chmod(0o700)
    stage = Stage(tmp_path)
    stage.poll(4)
    assert stage.runner._members == []


def test_where_another_coordinator_lives_there_is_no_place_for_a_second(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("danlu.runners.workforce._BEAT", 0.1)
    heartbeat, ended = stage.folder / "slurm/heartbeat", threading.Event()

    def beat() -> None:
        for count in itertools.count():
            write_whole(heartbeat, lambda file, text=f"login1 4711 abc {count}": file.write_text(text))
            if ended.wait(0.05):
                return

    heartbeat.write_text("login1 4711 abc -1")
    other = threading.Thread(target=beat)
    other.start()
    try:
        with pytest.raises(RunnerError, match="another coordinator, process 4711 on login1"):
            stage._new()
    finally:
        ended.set()
        other.join()
    stage._new()  # its heart has stopped


def test_a_coordinator_that_is_surely_dead_is_not_waited_for(stage: Stage) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    (stage.folder / "slurm/heartbeat").write_text(f"{socket.gethostname()} {child.pid} abc 7")
    begun = time.monotonic()
    stage._new()
    assert time.monotonic() - begun < 2


def test_why_jobs_wait_is_said_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danlu.runners.workforce._QUEUED", -1.0)
    stage.runner.submit(JOB)
    stage.poll(5)
    assert stage.told == [Noted("jobs wait in Slurm's queue: Priority")]


def test_jobs_of_another_plan_finish_their_trials_and_get_no_more(stage: Stage) -> None:
    stage.begin()
    stage.runner = stage._new(timeout=5.0)
    stage.poll()
    [member] = stage.runner._members
    assert list(member.held) == [5]
    assert member.leaving


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pack": 0}, "pack must be a whole number from 1"),
        ({"minutes": -1}, "minutes must be > 0"),
        ({"cluster": "moon"}, "'slurm' or 'local'"),
    ],
)
def test_settings_are_checked_before_any_work(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        Slurm(len, "loss", **{"cluster": "local", **settings})


def test_a_study_in_memory_can_not_be_shared() -> None:
    with pytest.raises(RunnerError, match="needs a folder"):
        Slurm(len, "loss", cluster="local").find(None, lambda signal, attempt: None)


def test_without_sbatch_it_says_where_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RunnerError, match=r"sbatch was not found.*login node.*cluster = 'local'"):
        Slurm(len, "loss")


def test_an_option_that_is_no_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunnerError, match="no option of sbatch"):
        Slurm(len, "loss", options={"mail type\n#SBATCH": 1})
