import pytest

from danlu.core.origin import afresh, chosen, fallback, fallback_in, misled, misled_in, repeat


def test_a_fallback_is_found_again_whatever_was_added():
    origin = fallback("gp", "ill-conditioned")
    assert origin == "gp: random, ill-conditioned"
    assert fallback_in(origin) == origin
    assert fallback_in(chosen(origin, "fewer than 2,000 trials")) == origin


def test_a_repeat_is_a_fallback():
    assert repeat("sobol", 1000) == "sobol: repeat, 1000 draws gave nothing new"
    assert fallback_in(repeat("gp: design", 7)) == "gp: design: repeat, 7 draws gave nothing new"


def test_what_auto_adds_follows_a_colon_or_a_comma():
    assert chosen("gp: design", "few trials") == "gp: design, auto, few trials"
    assert chosen("tpe", "many trials") == "tpe: auto, many trials"


@pytest.mark.parametrize(
    "origin",
    [
        "random",
        "tpe: random",
        "nsga2: random",
        "gp: design",
        "gp: tpe, when stuck",
        "default",
        "queued: random, as I like",
    ],
)
def test_what_is_meant_to_be_so_is_none(origin):
    assert fallback_in(origin) is None
    assert fallback_in(chosen(origin, "few trials")) is None


def test_early_values_that_mislead_are_no_fallback_but_worth_a_note():
    origin = misled("curves", "step 3 tells the end by 0.12")
    assert origin == "curves: early values mislead, step 3 tells the end by 0.12"
    assert fallback_in(origin) is None
    assert misled_in(chosen(origin, "trials report steps")) == "step 3 tells the end by 0.12"
    assert misled_in("curves: expected improvement, step 3 tells the end by 0.93") is None
    assert misled_in(f"queued: {origin}") is None


def test_a_fork_that_had_to_begin_afresh_is_a_fallback():
    assert afresh("pbt", "nothing was saved") == "pbt: afresh, nothing was saved"
    assert fallback_in(afresh("pbt", "nothing was saved")) == "pbt: afresh, nothing was saved"
