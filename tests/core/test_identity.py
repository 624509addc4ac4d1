import pytest

from danlu.core.history import fold
from danlu.core.identity import check_earlier, check_same
from danlu.core.objective import Objective
from danlu.errors import StudyError
from danlu.space import Float, Space
from danlu.testing.journals import entries, opening

SPACE = Space({"x": Float(0.0, 1.0)})
LOSS = (Objective("loss"),)
HISTORY = fold(entries(opening(SPACE, seed=3)))


def test_the_same_study_is_known_whatever_is_believed_of_it():
    check_same(HISTORY, "it", SPACE, LOSS, 3)
    check_same(HISTORY, "it", None, LOSS, None)
    check_same(HISTORY, "it", Space({"x": Float(0.0, 1.0, likely=(0.2, 0.4))}), LOSS, 3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((Space({"x": Float(0.0, 2.0)}), LOSS, 3), r"it has another space; in yours: .*x.*change=True, or --change"),
        ((SPACE, (Objective("accuracy", "maximize"),), 3), "it is after .*loss.*, not .*accuracy"),
        ((SPACE, LOSS, 4), "it was opened with seed 3, not 4"),
    ],
)
def test_another_study_is_refused_with_what_sets_them_apart(asked, message):
    with pytest.raises(StudyError, match=message):
        check_same(HISTORY, "it", *asked)


def test_another_warm_start_is_refused_and_none_is_no_other():
    check_earlier(HISTORY, "it", ())
    with pytest.raises(StudyError, match="it had a warm start from nothing, not from last week"):
        check_earlier(HISTORY, "it", ("last week",))
