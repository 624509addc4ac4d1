import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import SpaceError
from danlu.space import Choice, Constraint, Float, Int, Space
from danlu.space.column import column

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True),
        "layers": Int(1, 32),
        "width": Int(16, 512, log=True),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}),
        "norm": Choice(True, False),
        "batch": Choice("auto", 16, 32),
        "weight decay": Float(-1.0, 1.0),
        "size": Choice(1, 2, 4),
    }
)
DIMENSIONS = {name: SPACE[name] for name in SPACE.names}
CONFIG = {
    "lr": 0.01, "layers": 4, "width": 128, "optimizer": "sgd", "optimizer.sgd.momentum": 0.9, "norm": True, "batch": 16,
    "weight decay": -0.5, "size": 2,
}  # fmt: skip


def holds(text, **changes):
    constraint = Constraint(text)
    constraint.check(DIMENSIONS)
    return constraint.holds({**CONFIG, **changes})


# values

TRUE = [
    "layers * width <= 512",
    "layers + width - 2 == 130",
    "width / layers == 32",
    "7 // layers == 1",
    "-7 // layers == -2 and -7 % layers == 1",
    "layers ** 2 == 16 and layers ** -1 == 0.25 and layers ** 0.5 == 2",
    "-layers ** 2 == -16",
    "2 ** 3 ** 2 > size * 0 + 511",
    "1 < layers < width <= 128",
    "optimizer == 'sgd'",
    'optimizer != "adam"',
    "optimizer in ('adam', 'sgd') and not optimizer in ('adam',)",
    "optimizer not in ('adam',) and layers in (3, 4)",
    "norm",
    "norm == true and norm != false and norm == True",
    "not norm or lr < 0.1",
    "norm == (layers < 5)",
    "batch == 16 and batch != 'auto' and batch in ('auto', 16)",
    "abs(`weight decay`) == 0.5",
    "log(width) / log(2) > 6.99",
    "min(layers, size, 3) == 2 and max(layers, size) == 4",
    "size <= 2",
    "optimizer == 'adam' or lr < 0.1",
    "optimizer.sgd.momentum > 0.8",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_constraint_means_what_python_would_mean(text):
    assert holds(text)
    assert not holds(f"not ({text})")


@pytest.mark.parametrize("text", TRUE)
def test_many_configs_at_once_are_judged_as_one_by_one(text):
    constraint = Constraint(text)
    rng = np.random.default_rng(0)
    configs = [SPACE.sample(rng) for _ in range(50)] + [CONFIG]

    held = constraint.holds_in({name: column(c.get(name) for c in configs) for name in SPACE.names}, len(configs))

    assert held.tolist() == [constraint.holds(config) for config in configs]


@given(
    x=st.floats(-10, 10), y=st.floats(-10, 10), sign=st.sampled_from(["<", "<=", "==", "!=", ">", ">="]),
    term=st.sampled_from(["x + y", "x - y", "x * y", "min(x, y)", "max(x, y)", "abs(x) - y", "-x", "x * x // 3", "y"]),
)  # fmt: skip
def test_arithmetic_agrees_with_python(x, y, sign, term):
    assert Constraint(f"{term} {sign} x").holds({"x": x, "y": y}) == eval(f"({term}) {sign} x", {"x": x, "y": y})


def test_what_is_inactive_makes_a_constraint_that_mentions_it_hold():
    adam = {name: value for name, value in CONFIG.items() if name != "optimizer.sgd.momentum"} | {"optimizer": "adam"}
    impossible = Constraint("optimizer.sgd.momentum > 5 and layers < 0")

    assert impossible.holds(adam)
    assert not impossible.holds(CONFIG)
    columns = {"optimizer.sgd.momentum": column([None, 0.9]), "layers": column([4, 4])}
    assert impossible.holds_in(columns, 2).tolist() == [True, False]
    assert impossible.holds_in({"layers": column([4, 4])}, 2).tolist() == [True, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log(`weight decay`) < 1", False),  # of a negative number
        ("not log(`weight decay`) < 1", False),
        ("log(`weight decay`) != 1", False),
        ("`weight decay` <= 0 or log(`weight decay`) < 1", True),
        ("log(`weight decay`) < 1 or `weight decay` <= 0", True),
        ("`weight decay` > 0 and log(`weight decay`) < 1", False),
        ("not (`weight decay` > 0 and log(`weight decay`) < 1)", True),
        ("(layers - 4) / (layers - 4) == 1", False),
        ("(layers - 4) % (layers - 4) == 0 or norm", True),
        ("1 / (layers - 4) > 1000", True),  # infinite
        ("10 ** width > layers", True),
        ("10 ** width ** width > layers", True),  # infinite, and at once
        ("max(log(`weight decay`), 1) == 1", False),
        ("norm == (log(`weight decay`) < 1)", False),
    ],
)
def test_where_arithmetic_has_no_value_nothing_is_true_that_depends_on_it(text, expected):
    assert holds(text) is expected


def test_a_constraint_of_a_group_has_names_of_the_group():
    constraint = Constraint("layers * width <= 8", "model.")

    assert constraint.names == ("model.layers", "model.width")
    assert constraint.holds({"model.layers": 2, "model.width": 4, "layers": 100, "width": 100})
    assert not constraint.holds({"model.layers": 3, "model.width": 4})
    assert str(constraint) == "'layers * width <= 8' of 'model'"


def test_equal_constraints_are_equal_also_after_pickle():
    constraint = Constraint("lr < 1")

    assert pickle.loads(pickle.dumps(constraint)) == constraint == Constraint("lr < 1") != Constraint("lr < 2")
    assert hash(constraint) == hash(Constraint("lr < 1"))


def test_the_values_that_it_is_about_are_said():
    constraint = Constraint("optimizer.sgd.momentum * layers < lr or layers > 2")

    assert constraint.values(CONFIG) == "optimizer.sgd.momentum = 0.9, layers = 4, lr = 0.01"
    assert constraint.values({"layers": 4}) == "layers = 4"


# bad ones

BAD = {
    "layers * widht < 3": (10, "no hyperparameter 'widht'. Did you mean 'width'? Known: "),
    "weight-decay < 3": (1, "no hyperparameter 'weight'. Did you mean '`weight decay`'"),
    "lr.real < 1": (1, "no hyperparameter 'lr.real'"),
    "None == lr": (1, "no hyperparameter 'None'"),
    "layers": (None, "expected a condition, such as layers <= 1, got a number"),
    "optimizer": (None, "got a text"),
    "1 < 2": (None, "mentions none"),
    "true": (None, "mentions none"),
    "optimizer < 3": (11, "< needs a number, got 'optimizer', a text"),
    "'a' < optimizer": (5, "< needs a number, got a text"),
    "optimizer + 'x' == 'sgd'": (11, "+ needs a number"),
    "norm + 1 == 2": (6, "got 'norm', a truth value"),
    "-optimizer < 1": (1, "- needs a number"),
    "log(norm) < 1": (1, "log needs a number"),
    "norm < true": (6, "< needs a number"),
    "(layers < 3) < 4": (14, "< needs a number, got a truth value"),
    "layers and norm": (1, "and needs a truth value, got 'layers', a number"),
    "norm or optimizer": (1, "or needs a truth value"),
    "not layers": (1, "not needs a truth value"),
    "optimizer == 'sdg'": (14, "'optimizer' is never 'sdg': it is Choice("),
    "'sdg' == optimizer": (1, "'optimizer' is never 'sdg'"),
    "optimizer in ('sgd', 'adm')": (22, "never 'adm'"),
    "optimizer == 3": (14, "never 3"),
    "norm == 1": (9, "'norm' is never 1"),
    "size == 3": (9, "'size' is never 3"),
    "size == '1'": (9, "'size' is never '1'"),
    "size == true": (9, "'size' is never True"),
    "layers == 'x'": (11, "never 'x'"),
    "layers == norm": (11, "a number can't be compared with a truth value"),
    "batch < 3": (7, "got 'batch', a number or text"),
    "batch == size": (10, "a number or text can't be compared with a number"),
    "lr in (1, 2) in (3, 4)": (4, "nothing can be compared with the options"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_constraint_is_refused_with_its_text_the_place_and_what_was_expected(text):
    character, said = BAD[text]

    with pytest.raises(SpaceError) as error:
        Constraint(text).check(DIMENSIONS)

    assert repr(text) in str(error.value)
    assert said in str(error.value)
    assert character is None or f"character {character}: " in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('x') == 0", "__import__('os') == 1", "log.__class__ == 1", "eval('lr') < 1", "log < 1"],
)
def test_what_looks_like_code_is_nothing_but_unknown_names(text):
    with pytest.raises(SpaceError, match=r"no function|no hyperparameter|expected"):
        Constraint(text).check(DIMENSIONS)


def test_a_hyperparameter_may_be_called_like_a_function_or_a_word():
    space = Space({"log": Float(1.0, 9.0), "min": Int(1, 9), "in": Int(1, 9)}, where=["log(log) < min or `in` < 3"])

    assert space.allows({"log": 1.5, "min": 1, "in": 9})
    assert not space.allows({"log": 8.0, "min": 1, "in": 9})


def test_a_text_that_is_none_is_refused():
    with pytest.raises(SpaceError, match="expected texts such as 'layers"):
        Space({"x": Int(1, 2)}, where=[3])
