"""Several coordinators on one study in PostgreSQL, as processes of the command line, and what may befall them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from danlu import open_study
from danlu.core import event as ev
from danlu.testing.postgres import Server

SHARED = Path(__file__).with_name("shared.py")
COMMAND = [sys.executable, "-c", "from danlu.cli.main import main; main()"]


class Crowd:
    """The coordinators of one study."""

    def __init__(self, folder, store, trials, strategy="random", **environment):
        self.folder, self.store, self.members = folder, store, []
        self.facts = folder.parent / "acknowledged"
        self.facts.touch()
        self.options = ["--minimize", "loss", "--trials", str(trials), "--strategy", strategy, "--steps", "4"]
        self.environment = os.environ | {"ACKNOWLEDGED": str(self.facts)} | environment

    def start(self, workers=1):
        arguments = [f"{SHARED}:train", *self.options, "--workers", str(workers), "--folder", str(self.folder)]
        self.members.append(
            subprocess.Popen(
                [*COMMAND, "run", *arguments, "--store", self.store],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )
        return self.members[-1]

    def wait_for_reports(self, count):
        """Until so many were acknowledged since now."""
        wanted = len(self.facts.read_text().splitlines()) + count
        deadline = time.monotonic() + 60
        while len(self.facts.read_text().splitlines()) < wanted:
            assert time.monotonic() < deadline, [member.poll() for member in self.members]
            assert any(member.poll() is None for member in self.members), self.members[0].communicate()
            time.sleep(0.01)

    def wait_for_attempt(self, number):
        """Until such an attempt at a trial runs."""
        deadline = time.monotonic() + 60
        with open_study(self.folder) as study:
            while not any(trial.attempt == number for trial in study.refresh().running):
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def end(self, *members):
        for member in members or self.members:
            output = member.communicate(timeout=90)[0].decode()
            assert member.returncode == 0, output

    def check(self, trials):
        """Nothing lost, nothing doubled, all trials complete, every decision as it had to be."""
        with open_study(self.folder) as study:
            assert study.verify() == []
            assert len(study.trials) == trials
            assert {trial.status.value for trial in study.trials} <= {"complete", "stopped"}
            events = [event for entry in study.entries() for event in entry.events]
            for trial in study.trials:
                assert trial.curve.steps.tolist() == list(range(1, len(trial.curve) + 1))
        finished = Counter(event.trial for event in events if isinstance(event, ev.Finished))
        assert set(finished.values()) == {1}
        begun = Counter((event.trial, event.attempt) for event in events if isinstance(event, ev.Started))
        assert set(begun.values()) == {1}
        attempts = {}
        for event in events:  # a checkpoint's name says whose it is
            if isinstance(event, ev.Started):
                attempts[event.trial] = event.attempt
            elif isinstance(event, ev.Saved) and attempts[event.trial] > 1:
                assert event.path.endswith(f"-{attempts[event.trial]}.ckpt")
        reported = {(e.trial, e.step, e.metrics["loss"]) for e in events if isinstance(e, ev.Reported)}
        for fact in map(json.loads, self.facts.read_text().splitlines()):
            assert (fact["trial"], fact["step"], fact["loss"]) in reported
        again = subprocess.run([*COMMAND, "replay", str(self.folder), "--verify"], capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        return events

    def workers(self):
        with open_study(self.folder) as study:
            return {trial.worker for trial in study.trials}


@pytest.fixture
def crowd(tmp_path, database):
    made = []

    def make(trials, **settings):
        made.append(Crowd(tmp_path / "study", database, trials, **settings))
        return made[-1]

    yield make
    for member in (member for crowd in made for member in crowd.members):
        if member.poll() is None:
            os.killpg(member.pid, signal.SIGKILL)
            member.wait()
        member.stdout.close()


def test_two_that_begin_at_once_share_the_trials(crowd):
    both = crowd(20, strategy="asha")  # pauses and resumes
    both.start(workers=2)
    both.start(workers=2)
    both.end()
    both.check(20)
    assert "[store" not in (both.folder / "study.toml").read_text()
    told = (both.folder / "journal.toml").read_text()
    assert 'store = "postgres"' in told
    assert len(both.workers()) == 4


def test_a_third_that_comes_late_takes_its_share_and_the_screen_of_each_says_the_whole(crowd):
    three = crowd(24, PAUSE="0.04")
    three.start()
    three.wait_for_reports(4)
    three.start()
    three.start()
    outputs = [member.communicate(timeout=90)[0].decode() for member in three.members]
    assert all("24 complete" in output for output in outputs), outputs
    three.check(24)


def test_what_one_was_running_when_it_was_killed_is_taken_over_at_its_last_checkpoint(crowd):
    two = crowd(12, PAUSE="0.05")
    victim = two.start(workers=2)
    two.wait_for_reports(3)
    heir = two.start(workers=2)
    two.wait_for_reports(6)
    os.kill(victim.pid, signal.SIGKILL)
    two.end(heir)
    events = two.check(12)
    assert any(isinstance(event, ev.Started) and event.attempt == 2 for event in events)


def test_ctrl_c_of_one_leaves_the_other(crowd):
    two = crowd(16, PAUSE="0.04")
    one = two.start()
    two.wait_for_reports(2)
    other = two.start()
    two.wait_for_reports(4)
    os.kill(one.pid, signal.SIGINT)
    assert "the same command goes on from here" in one.communicate(timeout=30)[0].decode()
    assert one.returncode == 130
    two.end(other)
    two.check(16)


def test_one_that_was_stopped_and_has_lost_its_leases_is_not_heard_when_it_wakes(crowd):
    two = crowd(10, PAUSE="0.15")
    sleeper = two.start(workers=2)
    two.wait_for_reports(3)
    two.start(workers=2)
    two.wait_for_reports(4)
    os.kill(sleeper.pid, signal.SIGSTOP)  # its workers go on until they have something to say
    time.sleep(0.2)
    with psycopg.connect(two.store, autocommit=True) as admin:  # as the heir itself does after a minute of silence
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s",
            (f"danlu process {sleeper.pid} %",),
        )
    two.wait_for_attempt(2)
    os.kill(sleeper.pid, signal.SIGCONT)  # what its workers had to say is said now, to a trial that runs elsewhere
    two.end()
    events = two.check(10)
    assert any(isinstance(event, ev.Started) and event.attempt == 2 for event in events)


def test_a_server_that_is_killed_twice_and_comes_back_costs_only_time(tmp_path):
    with Server() as own:
        two = Crowd(tmp_path / "study", own.url, 12, PAUSE="0.05")
        two.start(workers=2)
        two.start(workers=1)
        try:
            for _ in range(2):
                two.wait_for_reports(8)
                own.kill()
                time.sleep(0.2)
                own.start()
            outputs = [member.communicate(timeout=90)[0].decode() for member in two.members]
            assert [member.returncode for member in two.members] == [0, 0], outputs
            assert all("trying again for 60 s" in output for output in outputs)
            two.check(12)
        finally:
            for member in two.members:
                if member.poll() is None:
                    os.killpg(member.pid, signal.SIGKILL)
