import ast
from collections import ChainMap

from danlu.drafts.literal import UNKNOWN
from danlu.drafts.statements import calls_of, parameters


def said(text, **names):
    """What the calls of f are given, in order, as far as it is known."""
    found = []
    for call, bound in calls_of(ast.parse(text).body, ChainMap(dict(names))):
        if isinstance(call.func, ast.Name) and call.func.id == "f":
            found.append(bound.get(call.args[0].id, UNKNOWN))
    return found


def test_a_name_has_the_value_that_it_was_bound_to_last():
    assert said("x = 1\nf(x)\nx = x + 1\nf(x)\nx += 1\nf(x)\n") == [1, 2, UNKNOWN]


def test_loops_over_known_values_are_unrolled_and_others_are_run_once():
    assert said("for x in ('a', 'b'):\n    f(x)\n") == ["a", "b"]
    assert said("for k, x in {'a': 1}.items():\n    f(x)\n") == [UNKNOWN]
    assert len(said("for x in range(10**6):\n    f(x)\n")) == 1


def test_all_bodies_of_conditions_and_of_functions_within_count():
    text = "x = 1\nif y:\n    f(x)\nelse:\n    f(x)\ntry:\n    f(x)\nfinally:\n    f(x)\ndef g(x=3):\n    f(x)\n"
    assert said(text) == [1, 1, 1, 1, 3]


def test_parameters_are_known_with_their_defaults():
    function = ast.parse("def g(a, b=1, *c, d, e=2, **h): ...").body[0]
    assert {name: None if d is None else d.value for name, d in parameters(function).items()} == {
        "a": None, "b": 1, "d": None, "e": 2,
    }  # fmt: skip
