import numpy as np
import pytest
from tests.pictures.studies import told

from danlu.pictures.axis import value_axis
from danlu.pictures.leading import estimate, leading, ranked
from danlu.pictures.marks import counted
from danlu.space import Choice, Float, Space
from danlu.testing.pictures import BRANCHES, sampled, study

THREE = Space({"idle": Float(0.0, 1.0), "strong": Float(0.0, 1.0), "weak": Float(0.0, 1.0)})


def history(space, count, value):
    tried = sampled(space, count)
    return told(space, tried, [float(value(config)) for config in tried])


def test_what_matters_most_comes_first():
    assert ranked(history(THREE, 40, lambda c: 3 * c["strong"] ** 2 + c["weak"])) == ("strong", "weak", "idle")


def test_the_two_that_lead_are_named_in_the_order_of_declaration():
    assert leading(history(THREE, 40, lambda c: 3 * c["idle"] + c["weak"])) == ("idle", "weak")


def test_few_trials_tell_nothing_so_that_declaration_decides():
    assert ranked(history(THREE, 4, lambda c: c["weak"])) == ("idle", "strong", "weak")


def test_a_hyperparameter_that_is_seldom_active_counts_less():
    optimizer = Choice({"adam": None, "a": None, "b": None, "sgd": Space({"momentum": Float(0.0, 1.0)})})
    space = Space({"lr": Float(0.0, 1.0), "optimizer": optimizer})
    told = history(space, 60, lambda c: c["lr"] + c.get("optimizer.sgd.momentum", 0.5))
    assert ranked(told)[0] == "lr"


def test_a_space_of_two_or_fewer_is_shown_whole():
    assert leading(study("of one hyperparameter")) == ("lr",)
    assert leading(study("a grid")) == ("lr", "width")


def test_failed_trials_play_no_part():
    failing = study("all failed")
    assert ranked(failing) == failing.space.names


def test_the_estimate_is_of_log_losses_on_a_log_axis():
    told = history(Space({"x": Float(0.0, 1.0)}), 30, lambda c: 10 ** (4 * c["x"]))
    trials = counted(told)
    axis = value_axis(told.goals[0], np.array([t.loss for t in trials]))
    means, _, _ = estimate(told, trials, axis).partial([0], np.array([[0.25], [0.75]]))
    assert axis.log
    assert means == pytest.approx([np.log(10), 3 * np.log(10)], abs=0.2)


def test_inactive_hyperparameters_are_no_obstacle():
    assert set(leading(study("with branches"))) <= set(BRANCHES.names)
