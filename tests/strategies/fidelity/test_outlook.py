import msgspec
import numpy as np
import pytest

from danlu.core.trial import Status
from danlu.space import Float, Space
from danlu.strategies.fidelity.outlook import outlook_of
from danlu.strategies.fidelity.record import record_of
from danlu.strategies.layout import layout_of
from danlu.strategies.random import Random
from danlu.study import Study

LINE = Space({"x": Float(0.0, 1.0)})
LAYOUT = layout_of(LINE)
STEPS = (1, 3, 9)


def loss(x, step):
    return (x - 0.3) ** 2 + 0.2 / step


def studied(last_steps, space=LINE):
    """A study whose trials have reported up to such a step each."""
    study = Study(space, minimize="loss", strategy=Random(), steps=9)
    for last in last_steps:
        trial = study.ask()
        for step in range(1, last + 1):
            study.report(trial, step, loss=loss(trial.config["x"], step))
        if last == 9:
            study.tell(trial)
    return study


def outlook(study, weighed=None):
    history = study.history
    return outlook_of(history, LAYOUT, record_of(history, LAYOUT, STEPS), 9, 3, weighed)


def test_what_was_trained_further_costs_less_to_finish():
    study = studied([9, 9, 9, 1, 1])
    found = outlook(study, study.history.trials[3])
    at = study.history.trials[3]
    near, far = found.worth_of([at])[0], found.best_new(np.random.default_rng(0))[1]
    assert np.isfinite([near, far]).all()
    later = outlook(studied([9, 9, 9, 3, 1]), study.history.trials[3])
    left = [np.log(8), np.log(6)]
    assert later.worth_of([later.history.trials[3]])[0] + left[1] != pytest.approx(near + left[0], abs=1e-6)


def test_the_best_new_config_is_new_and_near_the_valley():
    study = studied([9] * 8 + [1] * 4)
    config, worth = outlook(study).best_new(np.random.default_rng(0))
    assert study.history.tried(config) is None
    assert abs(config["x"] - 0.3) < 0.1
    assert np.isfinite(worth)


def test_a_trial_far_from_the_valley_has_little_chance():
    study = studied([9] * 8 + [3])
    chances = {}
    for number in (8, 0, 3):
        trial = study.history.trials[number]
        chances[abs(trial.config["x"] - 0.3)] = outlook(study, study.history.trials[8]).log_chance(trial)
    assert chances[max(chances)] < np.log(0.05)
    assert chances[max(chances)] < chances[min(chances)]


def test_the_later_a_value_the_more_it_tells():
    found = outlook(studied([9] * 8))
    assert found.told(1) < found.told(3) < found.told(9) == pytest.approx(1.0)


def test_where_something_is_held_likely_new_configs_come_from_there():
    believed = Space({"x": Float(0.0, 1.0, likely=(0.85, 0.9))})
    found = {}
    for space in (LINE, believed):
        history = studied([9, 9, 1], space).history
        layout = layout_of(space)
        made = outlook_of(history, layout, record_of(history, layout, STEPS), 9, 3, None)
        found[space] = made.best_new(np.random.default_rng(0))[0]["x"]
    assert abs(found[believed] - 0.875) < abs(found[LINE] - 0.875)


def test_a_paused_trial_goes_on_from_its_checkpoint_and_one_without_from_the_start():
    study = studied([9, 9, 9, 3])
    trial = study.history.trials[3]
    running = outlook(study, trial).worth_of([trial])[0]
    paused = msgspec.structs.replace(trial, status=Status.PAUSED)
    assert outlook(study, trial).worth_of([paused])[0] == pytest.approx(running - np.log(9 / 6))
