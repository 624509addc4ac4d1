import os
from pathlib import Path

import pytest

from danlu.programs import growing
from danlu.programs.growing import Growing


def test_lines_come_once_and_only_when_they_have_ended(tmp_path: Path) -> None:
    file = Growing(tmp_path / "log")
    assert file.lines() == []
    (tmp_path / "log").write_text("a\nb")
    assert file.lines() == ["a"]
    assert file.lines() == []
    with (tmp_path / "log").open("a") as out:
        out.write("b\nc")
    assert file.lines() == ["bb"]
    assert file.lines(last=True) == ["c"]
    assert file.lines(last=True) == []


def test_what_stood_there_before_is_not_told_unless_it_is_fresh(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    file, fresh = Growing(tmp_path / "log"), Growing(tmp_path / "log", fresh=True)
    with (tmp_path / "log").open("a") as out:
        out.write("new\n")
    assert file.lines() == ["new"]
    assert fresh.lines() == ["old", "new"]


def test_file_written_anew_is_told_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    file = Growing(path)
    path.write_text("two\nthree\n")  # longer than before, but other text
    assert file.lines() == ["two", "three"]
    path.write_text("x\n")  # shorter
    assert file.lines() == ["x"]
    (tmp_path / "new").write_text("x\n")
    os.replace(tmp_path / "new", path)  # another file with the same text
    assert file.lines() == ["x"]
    assert file.restarts == 3


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Growing(tmp_path / "pipe").lines() == []
    assert Growing(tmp_path).lines() == []
    assert Growing(Path("bad\0name")).lines() == []


def test_line_of_absurd_length_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a\n" + b"x" * (5 << 20) + b"\nb\n")
    assert Growing(tmp_path / "log", fresh=True).lines() == ["a", "b"]


def test_huge_file_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "_CHUNK", 100)
    monkeypatch.setattr(growing, "_LINE", 100)
    (tmp_path / "log").write_text("four\n" * 400)  # 20 chunks
    file = Growing(tmp_path / "log", fresh=True)
    assert [len(file.lines()) for _ in range(3)] == [320, 80, 0]


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff\xfe=1\n\xe4\xb8\xb9\n")
    assert Growing(tmp_path / "log", fresh=True).lines()[1] == "丹"
