import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu import Choice, Float, Int, Objective, Space, Study
from danlu.core.recall import recall
from danlu.errors import ObjectiveError, SpaceError, StudyError
from danlu.testing.spaces import spaces
from danlu.testing.strategies import MIXED, bowl_value

LOSS = (Objective("loss"),)


def told(space=MIXED, trials=6, strategy="random", **goal):
    study = Study(space, strategy=strategy, **(goal or {"minimize": "loss"}))
    for k in range(trials):
        trial = study.ask()
        if trial is None:
            break
        study.tell(trial, loss=bowl_value(trial.config), size=float(k))
    return study


def test_the_same_space_and_objective_recall_all_trials_as_they_were():
    study = told()
    event = recall("old", study.history, MIXED, LOSS)
    assert event.study == "old"
    assert event.configs == tuple(trial.config for trial in study.trials)
    assert event.losses == tuple(trial.value for trial in study.trials)


def test_losses_of_what_is_maximized_are_turned():
    study = told(maximize="loss")
    event = recall("old", study.history, MIXED, (Objective("loss", "maximize"),))
    assert event.losses == tuple(-trial.value for trial in study.trials)


def test_a_changed_space_is_met_half_way():
    old = Space({"lr": Float(1e-4, 1.0), "layers": Int(1, 9), "gone": Float(0.0, 1.0), "act": Choice("relu", "elu")})
    new = Space(
        {
            "lr": Float(1e-4, 0.5, step=0.0001),
            "layers": Int(2, 8, step=2),
            "act": Choice("relu", "gelu"),
            "new": Int(1, 9, default=3),
        }
    )
    study = Study(old, minimize="loss", strategy="manual")
    values = [(0.25, 4, "relu"), (0.75, 4, "relu"), (0.25, 1, "relu"), (0.25, 4, "elu"), (0.12344, 5, "relu")]
    for lr, layers, act in values:
        study.queue({"lr": lr, "layers": layers, "act": act, "gone": 0.1})
        study.tell(study.ask(), loss=lr)
    event = recall("old", study.history, new, LOSS)
    assert event.configs == (
        {"lr": 0.25, "layers": 4, "act": "relu", "new": 3},
        {"lr": 0.1234, "layers": 6, "act": "relu", "new": 3},
    )
    assert event.losses == (0.25, 0.12344)


def test_what_failed_and_what_is_known_to_miss_a_constraint_is_left_out():
    study = told(trials=5)
    study.fail(study.ask(), "boom")
    kept = recall("old", study.history, MIXED, (*LOSS, Objective("size", bound=2.0), Objective("memory", bound=1.0)))
    assert kept.losses == tuple(trial.value for trial in study.trials[:3])


def test_of_many_trials_the_best_and_an_even_choice_of_the_others_are_kept():
    study = told(Space({"x": Float(0.0, 1.0)}), trials=500)
    losses = np.array([trial.value for trial in study.trials])
    event = recall("old", study.history, study.space, LOSS)
    assert len(event.losses) == len({config["x"] for config in event.configs}) == 200
    assert set(np.sort(losses)[:50]) <= set(event.losses)
    assert max(np.diff([losses.tolist().index(loss) for loss in event.losses])) < 12


def test_an_earlier_study_must_have_been_after_the_same():
    with pytest.raises(ObjectiveError, match=r"'old': it was after minimize loss, not maximize loss\."):
        recall("old", told().history, MIXED, (Objective("loss", "maximize"),))
    with pytest.raises(ObjectiveError, match=r"it was after minimize loss, not minimize size\."):
        recall("old", told().history, MIXED, (Objective("size"),))


def test_one_of_several_objectives_of_an_earlier_study_may_be_gone_on_with():
    study = told(minimize=["size", "loss"])
    assert recall("old", study.history, MIXED, LOSS).losses == tuple(trial.metrics["loss"] for trial in study.trials)


def test_a_study_with_several_objectives_takes_no_warm_start():
    with pytest.raises(ObjectiveError, match="needs a single objective, got loss, size"):
        recall("old", told().history, MIXED, (*LOSS, Objective("size")))


def test_studies_without_a_value_or_anything_in_common_are_refused():
    with pytest.raises(StudyError, match="none of its 0 trials has a loss"):
        recall("old", told(trials=0).history, MIXED, LOSS)
    with pytest.raises(
        SpaceError, match=r"it tuned lr, layers, optimizer, optimizer\.sgd\.momentum; this study tunes x"
    ):
        recall("old", told().history, Space({"x": Float(0.0, 1.0)}), LOSS)
    with pytest.raises(SpaceError, match=r"none of its 6 configs, such as .*Widen the ranges of lr"):
        recall("old", told().history, Space({"lr": Float(1.0, 2.0)}), LOSS)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=spaces(), new=spaces(), same=st.booleans())
def test_whatever_two_spaces_share_becomes_configs_of_the_new_one(old, new, same):
    new = old if same else Space({**old.members, **new.members})
    history = told(old).history
    try:
        event = recall("old", history, new, LOSS)
    except SpaceError:
        assert not same
        return
    assert all(new.contains(config) for config in event.configs)
    assert len(event.losses) == len(event.configs) >= 1
    assert not same or len(event.configs) == len(history.trials)
