import pytest

from danlu import open_study


def test_a_config_by_hand_comes_next_with_its_note(here, make_study, danlu):
    make_study("runs/mine").close()
    said = danlu("try", "mine", "lr=3e-2", "act=gelu", "--note", "a paper says so")
    assert said.status == 0
    assert "lr=0.03 depth=2 act=gelu" in said.out or "lr=0.03 depth=3 act=gelu" in said.out
    with open_study("runs/mine") as study:
        trial = study.ask()
        assert trial.config["lr"] == 0.03
        assert trial.config["act"] == "gelu"
        assert trial.origin == "queued: a paper says so"


def test_values_are_read_as_their_hyperparameters_take_them(here, make_study, danlu):
    make_study("runs/mine").close()
    danlu("try", "mine", "act=true", "depth=4", "lr=0.1")
    with open_study("runs/mine") as study:
        assert study.ask().config == {"lr": 0.1, "depth": 4, "act": True}


def test_a_config_that_was_tried_already_is_said_to_be(here, make_study, danlu):
    make_study("runs/mine").close()
    assert "trial 0 has tried this config already (complete)" in danlu("try", "mine").out


def test_a_config_that_violates_a_constraint_is_refused_with_the_values(here, make_study, danlu):
    make_study("runs/mine", where="depth * lr <= 0.05").close()
    said = danlu("try", "mine", "lr=0.1", "depth=4")
    assert said.status == 2
    assert "violates 'depth * lr <= 0.05': depth = 4, lr = 0.1" in said.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lr", "expected NAME=VALUE, got 'lr'"),
        ("lrr=1", "Did you mean 'lr'"),
        ("lr=fast", "'fast' is not a number"),
        ("lr=5", "The nearest is 0.1"),
        ("act=swish", "'swish' is not a value of"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_queued(here, make_study, danlu, word, message):
    make_study("runs/mine").close()
    said = danlu("try", "mine", word)
    assert said.status == 2
    assert message in said.err
    with open_study("runs/mine") as study:
        assert study.history.queue == ()
