import pytest

from danlu.cli.pairs import pairs, settings
from danlu.errors import StudyError


def test_a_value_is_all_that_follows_the_first_equals_sign():
    assert pairs("--env", ["A=b=c", "EMPTY="]) == {"A": "b=c", "EMPTY": ""}
    assert pairs("--env", None) == {}


def test_a_setting_has_the_value_that_toml_would_give_it_else_it_is_a_text():
    said = settings(
        "--setting", ["levels=4", "fresh=true", "setup=['a', 'b']", "partition=gpu", "price=2.5"], "levels=4"
    )
    assert said == {"levels": 4, "fresh": True, "setup": ["a", "b"], "partition": "gpu", "price": 2.5}


@pytest.mark.parametrize("item", ["levels", "=4", " =4"])
def test_what_is_no_pair_is_refused_with_an_example(item):
    with pytest.raises(StudyError, match=f"--setting takes NAME=VALUE, such as levels=4; got '{item}'"):
        settings("--setting", [item], "levels=4")
