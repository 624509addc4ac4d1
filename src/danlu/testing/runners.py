"""Conformance kit for runners: what every place to run trials must do."""

import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from danlu.core.history import History
from danlu.core.runner import Runner
from danlu.core.stopping import StopRule, Trials
from danlu.core.strategy import Resume, Strategy, Suggestion
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StudyError
from danlu.loop import run
from danlu.space import Config, Float, Space
from danlu.strategies.random import Random
from danlu.study import Study

SPACE = Space({"x": Float(0.0, 1.0, default=0.5)})


@dataclass(frozen=True)
class StopLate(Strategy):
    """Random search that stops every trial but the first after its third report."""

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        return Random().suggest(history, rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        return Decision.STOP if trial.number > 0 and len(trial.curve) == 3 else Decision.CONTINUE


@dataclass(frozen=True)
class PauseOnce(Strategy):
    """Random search that pauses trials 1 and 2 after their second report, and resumes them when it can."""

    def suggest(self, history: History, rng: np.random.Generator) -> Suggestion:
        if history.paused:
            return Resume(history.paused[0].number, budget=6)
        return Random().suggest(history, rng)

    def decide(self, history: History, trial: Trial) -> Decision:
        due = trial.number in (1, 2) and trial.step == 2 and trial.budget is None
        return Decision.PAUSE if due else Decision.CONTINUE


class NonePaused(StopRule):
    """Done when no trial is paused."""

    def done(self, history: History) -> str | None:
        return None if history.paused else "no trial is paused"


class RunnerKit:
    """Subclass it and say how to make the runner.

    Attributes:
        isolates: whether trials run in processes of their own, so that they may die without the study.
    """

    isolates = True

    def make(self, train: Callable[..., Any], timeout: float | None = None) -> Runner:
        """A runner of this training function, whose bare number is the metric "loss"."""
        raise NotImplementedError

    def run(
        self,
        folder: Path,
        train: Callable[..., Any],
        trials: int = 3,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> Study:
        """A finished study."""
        study = Study(SPACE, minimize="loss", strategy=strategy or Random(), folder=folder)
        run(study, self.make(train, timeout), Trials(trials))
        return study

    def test_every_trial_ends_with_the_value_that_its_function_returned(self, tmp_path: Path) -> None:
        study = self.run(
            tmp_path, lambda trial, config: {"loss": float(config["x"]) ** 2, "other": trial.number}, trials=5
        )
        assert [t.status for t in study.trials] == [Status.COMPLETE] * 5
        assert [t.value for t in study.trials] == [float(t.config["x"]) ** 2 for t in study.trials]
        assert [t.metrics["other"] for t in study.trials] == [0, 1, 2, 3, 4]

    def test_reports_make_the_curve_and_the_last_one_counts(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> None:
            for step in trial.steps(4):
                trial.report(step, loss=10.0 - step, accuracy=step / 10)

        study = self.run(tmp_path, train)
        for trial in study.trials:
            assert trial.value == 6.0
            assert trial.curve.steps.tolist() == [1, 2, 3, 4]
            assert trial.curve["accuracy"].tolist() == [0.1, 0.2, 0.3, 0.4]

    def test_an_exception_fails_its_trial_and_stands_in_its_log(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            print("about to")
            if trial.number == 1:
                raise ValueError("no such optimizer")
            return 1.0

        study = self.run(tmp_path, train)
        assert [t.status for t in study.trials] == [Status.COMPLETE, Status.FAILED, Status.COMPLETE]
        assert study.trials[1].reason == "exception"
        assert "ValueError: no such optimizer" in study.trials[1].error
        log = (tmp_path / "trials/0001/log.txt").read_text()
        assert "about to" in log
        assert "Traceback" in log
        assert "no such optimizer" in log

    def test_running_out_of_memory_fails_its_trial(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            return float(np.ones(2**50 if trial.number == 1 else 1)[0])

        study = self.run(tmp_path, train)
        assert [t.reason for t in study.trials] == ["", "out of memory", ""]

    def test_a_metric_that_is_not_a_number_fails_its_trial(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            trial.report(1, loss=1.0)
            trial.report(2, loss=float("nan") if trial.number == 1 else 0.5)
            return 0.5

        study = self.run(tmp_path, train)
        assert [t.reason for t in study.trials] == ["", "diverged", ""]
        assert study.trials[1].error == "loss is nan at step 2"

    def test_a_metric_that_never_comes_stops_the_study_with_a_clear_error(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="Did you mean 'los'"):
            self.run(tmp_path, lambda trial, config: {"los": 1.0}, trials=30)
        with Study.open(tmp_path) as study:
            assert len(study.trials) < 30

    def test_when_the_first_trials_all_fail_the_study_stops_and_shows_the_first_error(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            raise RuntimeError("no data")

        with pytest.raises(StudyError, match="no data"):
            self.run(tmp_path, train, trials=30)

    def test_a_step_that_does_not_increase_is_refused(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            trial.report(2, loss=1.0)
            if trial.number == 1:
                trial.report(1, loss=1.0)
            return 1.0

        study = self.run(tmp_path, train)
        assert "Steps must increase" in study.trials[1].error
        assert study.trials[2].status is Status.COMPLETE

    def test_a_trial_that_is_told_to_stop_stops(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            for step in trial.steps(10):
                trial.report(step, loss=1.0 / step)
            return 0.0

        study = self.run(tmp_path, train, strategy=StopLate())
        assert [t.status for t in study.trials] == [Status.COMPLETE, Status.STOPPED, Status.STOPPED]
        assert [len(t.curve) for t in study.trials] == [10, 3, 3]

    def test_a_paused_trial_goes_on_from_its_checkpoint_when_it_is_resumed(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            total = trial.load() or 0.0
            for step in trial.steps(6):
                total += step
                trial.report(step, loss=total)
            trial.save(total)
            return total

        study = Study(SPACE, minimize="loss", strategy=PauseOnce(), folder=tmp_path)
        run(study, self.make(train), Trials(4) & NonePaused())
        assert [t.status for t in study.trials] == [Status.COMPLETE] * 4
        assert [t.attempt for t in study.trials] == [1, 2, 2, 1]
        for trial in study.trials:
            assert trial.curve["loss"].tolist() == [1.0, 3.0, 6.0, 10.0, 15.0, 21.0]
        assert study.verify() == []

    def test_attached_files_lie_in_the_folder_of_the_trial(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            trial.attach("notes.txt", f"trial {trial.number}")
            trial.attach("picture.png", np.full((4, 6, 3), 0.5))
            return 1.0

        study = self.run(tmp_path, train)
        for trial in study.trials:
            assert {file.name for file in trial.artifacts} == {"notes.txt", "picture.png"}
            for file in trial.artifacts:
                assert (tmp_path / file.path).stat().st_size == file.size
        assert (tmp_path / "trials/0002/notes.txt").read_text() == "trial 2"

    def test_an_image_of_the_wrong_shape_fails_its_trial_and_says_what_a_right_one_is(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            if trial.number == 1:
                trial.attach("picture.png", np.zeros((2, 5, 7, 3)))
            return 1.0

        study = self.run(tmp_path, train)
        assert study.trials[1].reason == "artifact"
        assert "(2, 5, 7, 3)" in study.trials[1].error

    def test_what_is_printed_goes_to_the_log(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            print("to stdout", trial.number)
            print("to stderr", trial.number, file=sys.stderr)
            return 1.0

        self.run(tmp_path, train)
        assert (tmp_path / "trials/0001/log.txt").read_text().split() == ["to", "stdout", "1", "to", "stderr", "1"]

    def test_global_generators_are_seeded_by_the_trial(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> dict[str, float]:
            return {"loss": random.random(), "numpy": float(np.random.random())}  # noqa: NPY002

        one, other = self.run(tmp_path / "one", train), self.run(tmp_path / "other", train)
        assert [t.metrics for t in one.trials] == [t.metrics for t in other.trials]
        assert len({t.value for t in one.trials}) == 3

    def test_the_next_attempt_goes_on_from_the_last_checkpoint(self, tmp_path: Path) -> None:
        study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)

        def train(trial: Trial, config: Config) -> float:
            total = trial.load() or 0
            for step in trial.steps(5):
                total += step
                trial.report(step, loss=float(total))
                trial.save(total)
                if step == 3 and trial.attempt == 1:
                    if self.isolates:
                        os._exit(7)
                    raise KeyboardInterrupt
            return float(total)

        for _ in range(2):
            try:
                run(study, self.make(train), Trials(1))
                break
            except KeyboardInterrupt:
                continue
        [trial] = study.trials
        assert trial.attempt == 2
        assert trial.curve.steps.tolist() == [1, 2, 3, 4, 5]
        assert trial.curve["loss"].tolist() == [1.0, 3.0, 6.0, 10.0, 15.0]
        assert len(list((tmp_path / "trials/0000/checkpoints").iterdir())) == 1

    def test_sys_exit_fails_its_trial_only(self, tmp_path: Path) -> None:
        def train(trial: Trial, config: Config) -> float:
            if trial.number == 1:
                sys.exit("usage: train.py --lr LR")
            return 1.0

        study = self.run(tmp_path, train)
        assert [t.reason for t in study.trials] == ["", "exception", ""]
        assert "usage: train.py" in study.trials[1].error

    def test_a_trial_whose_process_dies_once_is_tried_again(self, tmp_path: Path) -> None:
        self._skip_unless_isolated()

        def train(trial: Trial, config: Config) -> float:
            if trial.number == 1 and trial.attempt == 1:
                os._exit(7)
            return 1.0

        study = self.run(tmp_path, train)
        assert [t.status for t in study.trials] == [Status.COMPLETE] * 3
        assert study.trials[1].attempt == 2

    def test_a_trial_whose_process_dies_again_has_failed(self, tmp_path: Path) -> None:
        self._skip_unless_isolated()

        def train(trial: Trial, config: Config) -> float:
            if trial.number == 1:
                os.kill(os.getpid(), 9)
            return 1.0

        study = self.run(tmp_path, train)
        assert [t.reason for t in study.trials] == ["", "died", ""]
        assert "SIGKILL" in study.trials[1].error

    def test_a_trial_that_hangs_is_killed_at_its_timeout(self, tmp_path: Path) -> None:
        self._skip_unless_isolated()

        def train(trial: Trial, config: Config) -> float:
            if trial.number == 1:
                time.sleep(1000)
            return 1.0

        study = self.run(tmp_path, train, timeout=2.0)
        assert [t.reason for t in study.trials] == ["", "timeout", ""]

    def _skip_unless_isolated(self) -> None:
        if not self.isolates:
            pytest.skip("trials of this runner share the coordinator's process")
