from pathlib import Path

from danlu.programs.files import Files, Once


def follow(path: Path, fresh: bool) -> tuple[str, bool]:
    return path.name, fresh


def test_files_of_a_folder_and_of_a_pattern_are_followed_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.csv").touch()
    folder, pattern = Files(tmp_path, "*.csv", follow), Files(tmp_path / "**" / "*.csv", "*", follow)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.csv").touch()
    (tmp_path / "a.txt").touch()
    assert folder.followed() == [("b.csv", False), ("a.csv", True)]
    assert pattern.followed() == [("b.csv", False), ("a.csv", True)]


def test_name_with_brackets_is_a_name_where_there_is_such_a_file(tmp_path: Path) -> None:
    files = Files(tmp_path / "run[1].csv", "*", follow)
    (tmp_path / "run[1].csv").touch()
    assert files.followed() == [("run[1].csv", True)]


def test_folder_that_takes_long_to_look_through_is_looked_through_less_often(tmp_path: Path) -> None:
    files = Files(tmp_path, "*.csv", follow)
    files._next = float("inf")  # it has just taken very long
    (tmp_path / "a.csv").touch()
    assert files.followed() == []
    assert files.followed(last=True) == [("a.csv", True)]


def test_rows_are_new_once_and_again_from_the_first_that_differs() -> None:
    once = Once()
    assert [once.is_new(row) for row in "abc"] == [True] * 3
    once.restart()
    assert [once.is_new(row) for row in "abcd"] == [False, False, False, True]
    once.restart()
    assert [once.is_new(row) for row in "axcd"] == [False, True, True, True]
