import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.core.suspect import Places, hopeless, is_undecided, place_of, suspects


def told(*outcomes, places=None):
    """What came of trials 0, 1, ...: (place, reason) of each."""
    places = places or Places()
    for number, (place, reason) in enumerate(outcomes, start=places.results):
        places = places.begun(place).told(place, number, reason, "boom" if reason else "")
    return places


GOOD = [("a", ""), ("b", "")] * 2


@pytest.mark.parametrize(
    ("worker", "place"),
    [("process 4711 on cuda:1", "cuda:1"), ("ray 7 on 10.0.0.3", "10.0.0.3"), ("process 4711", ""), ("inline", "")],
)
def test_a_worker_s_name_says_where_it_is(worker, place):
    assert place_of(worker) == place


def test_a_place_is_suspected_after_three_failures_where_others_do_well():
    assert suspects(told(*GOOD, ("c", "exception"), ("c", "died"))) == set()
    assert suspects(told(*GOOD, ("c", "exception"), ("c", "died"), ("c", "exception"))) == {"c"}


def test_a_success_clears_a_place():
    places = told(*GOOD, *[("c", "exception")] * 2, ("c", ""), *[("c", "exception")] * 2)
    assert suspects(places) == set()


def test_a_place_that_fails_before_others_have_ended_anything_is_suspected_after_seven():
    places = Places().begun("slow")
    assert suspects(told(*[("c", "exception")] * 6, places=places)) == set()
    assert suspects(told(*[("c", "exception")] * 7, places=places)) == {"c"}


def test_where_half_of_all_trials_fail_it_takes_more():
    mixed = [("a", "exception"), ("a", "")] * 20
    assert suspects(told(*mixed, *[("c", "exception")] * 6)) == set()
    assert suspects(told(*mixed, *[("c", "exception")] * 7)) == {"c"}


def test_a_trial_that_dies_again_and_again_counts_once():
    places = told(*GOOD)
    for _ in range(9):
        places = places.told("c", 99, "died", "killed")
    assert suspects(places) == set()


def test_failures_of_a_config_count_less_or_not_at_all():
    assert suspects(told(*GOOD, *[("c", "diverged")] * 9)) == set()
    assert suspects(told(*GOOD, *[("c", "out of memory")] * 5)) == set()
    assert suspects(told(*GOOD, *[("c", "out of memory")] * 6)) == {"c"}


def test_not_all_places_are_suspected_nor_the_only_one():
    assert suspects(told(*[("a", "exception")] * 9)) == set()
    both = told(*GOOD, *[("a", "exception"), ("b", "exception")] * 9)
    assert suspects(both) == set()


def test_workers_without_a_place_are_never_suspected():
    assert suspects(told(*GOOD, *[("", "exception")] * 9)) == set()


def test_a_suspect_is_tried_again_after_ten_results_elsewhere_then_after_twenty():
    places = told(*GOOD, *[("c", "exception")] * 3)
    assert suspects(told(*[("a", "")] * 9, places=places)) == {"c"}
    places = told(*[("a", "")] * 10, places=places)
    assert suspects(places) == set()
    places = told(("c", "exception"), *[("a", "")] * 19, places=places)
    assert suspects(places) == {"c"}
    places = told(("a", ""), places=places)
    assert suspects(places) == set()
    assert suspects(told(("c", ""), places=places)) == set()


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_a_bad_place_burns_few_of_five_hundred_trials(seed):
    rng = random.Random(seed)
    places, burnt = Places().begun("a").begun("b").begun("c"), 0
    for number in range(500):
        place = rng.choice([p for p in "abc" if p not in suspects(places)])
        burnt += place == "c"
        fails = place == "c" or rng.random() < 0.1
        places = places.told(place, number, "exception" if fails else "")
    assert burnt <= 20


def test_good_places_are_kept_in_use_where_many_trials_fail():
    rng = random.Random(0)
    rests = 0
    for _ in range(10):
        places = Places()
        for number in range(200):
            resting = suspects(places)
            rests += "a" in resting
            place = rng.choice([p for p in "abcd" if p not in resting])
            places = places.begun(place).told(place, number, "exception" if rng.random() < 0.4 else "")
    assert rests / 2000 < 0.1


def test_it_is_undecided_while_another_place_has_ended_nothing():
    places = told(*[("c", "exception")] * 5, places=Places().begun("slow"))
    assert is_undecided(places)
    assert not is_undecided(told(("slow", "diverged"), places=places))
    assert not is_undecided(told(*[("c", "exception")] * 5))


FULL = "OSError: [Errno 28] No space left on device: 'trials/{:04d}/x' (train.py, line 3)"


def test_the_same_error_of_the_system_twenty_times_leaves_no_hope():
    places = told(*GOOD)
    for number in range(19):
        places = places.told("ab"[number % 2], number, "exception", FULL.format(number))
    assert hopeless(places) is None
    assert "the last 20 trials all failed alike" in hopeless(places.told("a", 19, "exception", FULL.format(19)))
    assert "The first, trial 0: exception: OSError" in hopeless(places.told("a", 19, "exception", FULL.format(19)))
    assert hopeless(places.told("a", 19, "").told("a", 20, "exception", FULL.format(20))) is None
    assert hopeless(places.told("a", 18, "exception", FULL.format(18))) is None  # the same trial once more


def test_errors_of_configs_leave_hope():
    places = Places()
    for number in range(50):
        places = places.told("a", number, "exception", "ValueError: too deep")
    assert hopeless(places) is None
