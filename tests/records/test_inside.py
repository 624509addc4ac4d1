import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import ArtifactError
from danlu.records.inside import inside, is_inside

PARTS = st.sampled_from(["..", ".", "", "a", "link", "trials", "C:", "~", "\\", "...", "\0", "a\\..\\.."])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("root") / "study"
    (folder / "a").mkdir(parents=True)
    (folder / "link").symlink_to(folder.parent)
    (folder / "trials").symlink_to(folder / "a")
    return folder


@given(parts=st.lists(PARTS, min_size=1, max_size=5))
def test_whatever_a_path_says_it_stays_in_the_folder_or_is_refused(study, parts):
    path = "/".join(parts)
    if is_inside(study, path):
        assert os.path.realpath(inside(study, path)).startswith(str(study.resolve()))
        assert ".." not in parts
    else:
        with pytest.raises(ArtifactError, match="leads out of the study's folder"):
            inside(study, path)


@pytest.mark.parametrize("path", ["trials/0001/x.png", "trials/0001", "new", "a/b c/ü.png", "..a", "a..b/c"])
def test_the_paths_of_trials_are_inside_whether_they_are_there_or_not(study, path):
    assert inside(study, path) == study / Path(path)
