import pytest

from danlu.core.runner import check_terms
from danlu.errors import RunnerError


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ((0, None, None), "workers must be at least 1, got 0"),
        ((1, 0.0, None), "timeout must be > 0 seconds, got 0"),
        ((None, None, -2.5), "silence must be > 0 seconds, got -2.5. Leave it out for no limit"),
    ],
)
def test_what_every_runner_is_told_is_checked_by_name(terms, message):
    with pytest.raises(RunnerError, match=message):
        check_terms(*terms)


def test_nothing_said_is_no_limit():
    check_terms(None, None, None)
    check_terms(64, 0.5, 600)
