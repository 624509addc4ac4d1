import ast
import math

import pytest

from danlu.drafts.literal import UNKNOWN, value_of


def worth(text, **names):
    return value_of(ast.parse(text, mode="eval").body, names)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("int(1e4)", 10_000),
        ("2**10", 1024),
        ("-5 * 8", -40),
        ("0.02 / 16", 0.00125),
        ("(0.9, 0.999)", (0.9, 0.999)),
        ("['a', 'b'] + ['c']", ["a", "b", "c"]),
        ("list({'sgd': 1, 'adam': 2}.keys())", ["sgd", "adam"]),
        ("f'--{name}'", "--lr"),
        ("WIDTH // 2 if not small else 8", 64),
        ("math.sqrt(2)", math.sqrt(2)),
        ("[1, 2, 3][-1]", 3),
        ("Config.lr", 0.5),
    ],
)
def test_what_can_be_computed_is_computed(text, value):
    assert worth(text, name="lr", WIDTH=128, small=False, **{"Config.lr": 0.5}) == value


@pytest.mark.parametrize(
    "text",
    ["os.cpu_count()", "torch.cuda.is_available()", "open('x')", "unbound", "'a' * 10**9", "10**10**10", "1 / 0",
     "'cuda' if torch.cuda.is_available() else 'cpu'", "range(10**12)", "[x for x in y]", "float('inf')", "int('x')"],
)  # fmt: skip
def test_what_would_have_to_be_run_or_would_never_end_is_unknown(text):
    assert worth(text) is UNKNOWN


def test_a_name_that_the_script_binds_anew_is_not_taken_for_the_function():
    assert worth("int(3.7)", int=UNKNOWN) is UNKNOWN
