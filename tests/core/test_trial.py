import math
import pickle

import pytest

from danlu.core.curve import Curve
from danlu.core.objective import Objective
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import StudyError
from danlu.space import Config

LOSS = (Objective("loss"),)


def trial(*reports, objectives=LOSS, **fields):
    curve = Curve()
    for step, metrics in enumerate(reports, start=1):
        curve = curve.append(step, step * 1.0, metrics)
    return Trial(3, Config(x=0.5), objectives=objectives, curve=curve, **({"status": Status.COMPLETE} | fields))


class Port:
    """A port that answers CONTINUE until its step is `last`."""

    def __init__(self, step=0, last=None):
        self.step, self.last, self.decision, self.saved = step, last, Decision.CONTINUE, []

    def report(self, step, metrics):
        self.step = step
        self.decision = Decision.PAUSE if step == self.last else Decision.CONTINUE
        return self.decision

    def save(self, state, step):
        self.saved.append((state, step))


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        ("pending", False),
        ("running", False),
        ("paused", False),
        ("complete", True),
        ("stopped", True),
        ("failed", True),
    ],
)
def test_three_of_six_statuses_are_final(status, is_final):
    assert Status(status).is_final is is_final
    assert trial(status=Status(status)).is_finished is is_final


def test_what_was_told_outranks_what_was_reported():
    told = trial({"loss": 0.5}, told={"loss": 0.4})
    assert (told.value, told.metrics) == (0.4, {"loss": 0.4})
    assert trial({"loss": 0.5, "a": 1.0}, {"loss": 0.6}).metrics == {"loss": 0.6, "a": 1.0}


@pytest.mark.parametrize(("at", "value"), [("last", 0.6), ("best", 0.2), (1, 0.5), (2, 0.2), (9, None)])
def test_the_objective_says_which_report_counts(at, value):
    assert trial({"loss": 0.5}, {"loss": 0.2}, {"loss": 0.6}, objectives=(Objective("loss", at=at),)).value == value


def test_the_best_of_a_metric_to_maximise_is_the_largest_and_nan_is_none():
    objective = (Objective("acc", "maximize", at="best"),)
    assert trial({"acc": 0.5}, {"acc": 0.9}, {"acc": math.nan}, objectives=objective).value == 0.9
    assert trial({"acc": math.nan}, objectives=objective).value is None
    assert trial({"acc": 0.5}, objectives=objective).loss == -0.5


def test_a_metric_that_a_step_lacks_has_no_value_there():
    assert trial({"loss": 0.5}, {"other": 1.0}, objectives=(Objective("loss", at=2),)).value is None


def test_a_failed_trial_has_no_value_but_keeps_its_metrics():
    failed = trial({"loss": 0.5}, status=Status.FAILED)
    assert failed.value is None
    assert math.isnan(failed.loss)
    assert failed.metrics == {"loss": 0.5}


def test_constraints_are_no_values_but_decide_what_is_feasible():
    objectives = (Objective("loss"), Objective("memory", bound=8.0))
    assert trial({"loss": 0.5, "memory": 8.0}, objectives=objectives).values == (0.5,)
    assert trial({"loss": 0.5, "memory": 8.0}, objectives=objectives).is_feasible
    assert not trial({"loss": 0.5, "memory": 8.1}, objectives=objectives).is_feasible
    assert not trial({"loss": 0.5}, objectives=objectives).is_feasible


def test_its_time_is_that_of_the_last_attempt():
    assert trial(started=10.0, ended=12.5).seconds == 2.5
    assert trial(started=10.0).seconds is None


def test_it_shows_its_number_config_status_and_value():
    assert repr(trial({"loss": 0.123456789})) == "Trial(3, {'x': 0.5}, complete, value=0.123457)"


def live(port, **fields):
    return trial(status=Status.RUNNING, port=port, **fields)


def test_steps_begin_behind_the_last_one_done():
    assert list(live(Port()).steps(3)) == [1, 2, 3]
    assert list(live(Port(step=2)).steps(5)) == [3, 4, 5]
    assert list(live(Port(step=5)).steps(5)) == []


def test_a_budget_ends_no_steps_by_itself_for_the_report_that_counts_may_come_later():
    assert list(live(Port(), budget=2).steps(5)) == [1, 2, 3, 4, 5]
    assert list(live(Port(), budget=9).steps(2)) == [1, 2]


def test_it_arrives_at_a_step_with_its_first_report_from_there_on_that_has_every_goal():
    curve = Curve()
    for step, metrics in [
        (1, {"a": 1.0}),
        (3, {"c": 1.0}),
        (5, {"a": 1.0}),
        (6, {"b": 2.0, "c": 1.0}),
        (9, {"b": 3.0}),
    ]:
        curve = curve.append(step, 0.0, metrics)

    def arrivals(*objectives):
        arrived = Trial(3, Config(x=0.5), objectives=objectives, curve=curve)
        return [arrived.arrival(step) for step in (1, 2, 6, 7, 10)]

    assert arrivals() == [0, 1, 3, 4, None]
    assert arrivals(Objective("a")) == [0, 2, None, None, None]
    assert arrivals(Objective("a"), Objective("b")) == [3, 3, None, None, None]
    assert arrivals(Objective("b"), Objective("c", bound=1.0)) == [3, 3, 3, 4, None]
    assert arrivals(Objective("d")) == [None] * 5
    assert trial(objectives=(Objective("a"),)).arrival(0) is None


def test_steps_end_when_the_trial_is_told_to_pause():
    running = live(Port(last=2))
    done = []
    for step in running.steps(5):
        running.report(step, loss=1.0)
        done.append(step)
    assert done == [1, 2]
    assert running.step == 2


def test_a_checkpoint_is_of_the_last_reported_step_unless_it_says_otherwise():
    port = Port()
    running = live(port)
    running.report(4, loss=1.0)
    running.save("a")
    running.save("b", step=7)
    assert port.saved == [("a", 4), ("b", 7)]


@pytest.mark.parametrize(
    "use",
    [
        lambda t: t.report(1, loss=1.0),
        lambda t: t.save("x"),
        lambda t: t.load(),
        lambda t: t.attach("a.txt", "x"),
        lambda t: list(t.steps(3)),
    ],
)
def test_a_record_can_not_be_worked_with(use):
    with pytest.raises(StudyError, match="trial 3 is a record of what happened"):
        use(trial())


def test_a_record_can_be_pickled():
    record = trial({"loss": 0.5})
    again = pickle.loads(pickle.dumps(record))
    assert (again.number, again.config, again.value) == (3, {"x": 0.5}, 0.5)
    assert again.curve == record.curve
