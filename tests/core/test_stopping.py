from danlu.core.history import fold
from danlu.core.stopping import Elapsed, Never, Trials
from danlu.testing.journals import example

HISTORY = fold(example())  # 4 trials, the last entry 20 s after the first


def test_a_number_of_trials_counts_all_that_were_started():
    assert Trials(5).done(HISTORY) is None
    assert Trials(4).done(HISTORY) == "all 4 trials"


def test_time_counts_from_the_given_moment():
    assert Elapsed(20.0, since=HISTORY.opened).done(HISTORY)
    assert Elapsed(20.1, since=HISTORY.opened).done(HISTORY) is None


def test_rules_compose():
    done, not_done = Trials(4), Trials(5)
    assert (done | not_done).done(HISTORY)
    assert (not_done | not_done).done(HISTORY) is None
    assert (done & not_done).done(HISTORY) is None
    assert (done & done).done(HISTORY) == "all 4 trials and all 4 trials"


def test_a_rule_that_is_never_done_leaves_the_end_to_others():
    assert Never().done(HISTORY) is None
    assert (Never() | Trials(4)).done(HISTORY) == "all 4 trials"
