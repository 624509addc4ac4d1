import math

import numpy as np
import pytest
import torch

from danlu.core.objective import Objective, diverged, objectives_from, plain_metrics
from danlu.errors import ObjectiveError


def test_a_name_becomes_an_objective():
    assert objectives_from("loss") == (Objective("loss"),)
    assert objectives_from(maximize="accuracy") == (Objective("accuracy", "maximize"),)


def test_several_names_and_constraints_become_several_objectives():
    found = objectives_from(["loss", "params"], "accuracy", ["memory_gb <= 8", "recall>=0.9"])
    assert [(o.metric, o.goal, o.bound) for o in found] == [
        ("loss", "minimize", None),
        ("params", "minimize", None),
        ("accuracy", "maximize", None),
        ("memory_gb", "minimize", 8.0),
        ("recall", "maximize", 0.9),
    ]


def test_less_loss_is_better_whatever_the_goal():
    assert Objective("loss").loss(0.3) == 0.3
    assert Objective("accuracy", "maximize").loss(0.3) == -0.3


def test_a_constraint_is_kept_on_its_bound_and_not_by_an_unknown_value():
    memory, recall = Objective("memory", bound=8.0), Objective("recall", "maximize", bound=0.9)
    assert memory.is_kept(8.0)
    assert not memory.is_kept(8.1)
    assert recall.is_kept(0.9)
    assert not recall.is_kept(0.89)
    assert not memory.is_kept(None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "minimize='val_loss'"),
        ({"minimize": ""}, "name of a metric"),
        ({"minimize": 3}, "name of a metric|not iterable"),
        ({"minimize": "loss", "maximize": "loss"}, "twice"),
        ({"minimize": "loss", "subject_to": ["memory < 8"]}, "memory_gb <= 8"),
        ({"minimize": "loss", "subject_to": ["memory <= much"]}, "memory_gb <= 8"),
    ],
)
def test_what_is_no_objective_is_refused(arguments, message):
    with pytest.raises(ObjectiveError, match=message):
        objectives_from(**arguments)


@pytest.mark.parametrize(
    "value", [1, True, np.float32(1), np.int64(1), np.array(1.0), torch.tensor(1.0), torch.ones(1)]
)
def test_scalars_of_any_library_become_floats(value):
    [plain] = plain_metrics({"loss": value}).values()
    assert type(plain) is float
    assert plain == 1.0


@pytest.mark.parametrize("value", ["0.3", None, [1.0, 2.0], np.ones(3), torch.ones(2), {"a": 1}])
def test_what_is_not_one_number_is_refused_by_name(value):
    with pytest.raises(ObjectiveError, match="'loss' must be one number"):
        plain_metrics({"loss": value})


def test_divergence_names_the_metric():
    objectives = objectives_from(["loss", "size"])
    assert diverged(objectives, {"loss": math.nan}) == "loss is nan"
    assert diverged(objectives, {"loss": 1.0, "size": math.inf}) == "size is inf"
    assert diverged(objectives, {"loss": 1.0, "other": math.nan}) is None
