from pathlib import Path

import pytest

from danlu import Float, Space, Study
from danlu.errors import StudyError
from danlu.warm import named

SPACE = Space({"x": Float(0.0, 1.0)})


def in_memory():
    return Study(SPACE, minimize="loss")


def test_nothing_one_and_several_may_be_given():
    study = in_memory()
    assert named(()) == {}
    assert named("runs/old") == {"old": "runs/old"}
    assert named(Path("runs/old")) == {"old": Path("runs/old")}
    assert named(study) == {"a study in memory": study}
    assert [*named(["runs/old", study])] == ["old", "a study in memory"]


def test_a_second_one_of_the_same_name_is_numbered():
    assert [*named(["runs/old", "more/old", in_memory(), in_memory()])] == [
        "old", "old (2)", "a study in memory", "a study in memory (4)",
    ]  # fmt: skip


def test_the_same_one_twice_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"names '.*old' twice. Remove one of the two"):
        named(["runs/old", Path("runs/../runs/old")])
    study = in_memory()
    with pytest.raises(StudyError, match="twice"):
        named([study, study])
    with Study(SPACE, minimize="loss", folder=tmp_path / "old") as kept, pytest.raises(StudyError, match="twice"):
        named([kept, tmp_path / "old"])


@pytest.mark.parametrize("source", [7, SPACE, None])
def test_what_is_no_study_is_refused(source):
    with pytest.raises(StudyError, match="warm_start takes folders of studies, or studies, got"):
        named([source])
