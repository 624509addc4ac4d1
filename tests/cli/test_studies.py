from pathlib import Path

import pytest

from danlu.cli.studies import below, found, home
from danlu.errors import StudyError


def test_a_study_is_found_by_its_path_and_by_its_name_below_the_home(here, make_study):
    make_study("runs/mine").close()
    assert found("runs/mine") == found("mine") == Path("runs/mine")


def test_the_home_may_be_elsewhere(here, make_study, monkeypatch):
    monkeypatch.setenv("DANLU_HOME", "elsewhere")
    make_study("elsewhere/mine").close()
    assert home() == Path("elsewhere")
    assert found("mine") == Path("elsewhere/mine")


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(here, make_study):
    make_study("runs/style/grid").close()
    with pytest.raises(StudyError, match="Did you mean 'style/grid'"):
        found("style/gird")


def test_studies_are_found_at_several_depths_but_not_in_studies(here, make_study):
    for name in ("runs/a", "runs/b/c", "runs/a/trials/d", "runs/.hidden/e"):
        make_study(name, trials=0).close()
    assert [path.as_posix() for path in below(Path("runs"))] == ["runs/a", "runs/b/c"]


def test_without_any_study_the_error_says_how_to_begin(here):
    with pytest.raises(StudyError, match="danlu run --help"):
        found("anything")
