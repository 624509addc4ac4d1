import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.programs.output import Output


def log(tmp_path, *pieces):
    with Output(tmp_path / "log.txt") as output:
        for piece in pieces:
            output.write(piece)
    return (tmp_path / "log.txt").read_bytes()


def test_what_is_printed_is_in_the_log_at_once(tmp_path):
    with Output(tmp_path / "log.txt") as output:
        output.write(b"one\ntw")
        assert (tmp_path / "log.txt").read_bytes() == b"one\ntw"
        output.write(b"o\n")
        assert (tmp_path / "log.txt").read_bytes() == b"one\ntwo\n"


def test_a_progress_bar_is_one_line_however_long_it_runs(tmp_path):
    with Output(tmp_path / "log.txt") as output:
        output.write(b"start\n")
        for k in range(10_000):
            output.write(b"\r%3d%% done" % (k // 100))
        assert (tmp_path / "log.txt").read_bytes() == b"start\n 99% done"
        output.write(b"\nend\n")
    assert (tmp_path / "log.txt").read_bytes() == b"start\n 99% done\nend\n"


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([b"a\r\nb\r\n"], b"a\nb\n"),
        ([b"a\r", b"\nb"], b"a\nb\n"),
        ([b"50%\r", b"60%\r"], b"60%\n"),
        ([b"abc\b\b\b\rxyz\n"], b"xyz\n"),
        ([b"\xe2\x9c", b"\x93\n"], "✓\n".encode()),
        ([b"\xff\n"], "\ufffd\n".encode()),
    ],
)  # fmt: skip
def test_a_log_shows_what_a_terminal_would(tmp_path, pieces, said):
    assert log(tmp_path, *pieces) == said


def test_it_goes_on_where_a_log_ends(tmp_path):
    log(tmp_path, b"first\n")
    assert log(tmp_path, b"5%\r", b"6%\r", b"\n") == b"first\n6%\n"


def test_a_line_that_never_ends_is_broken(tmp_path):
    assert len(log(tmp_path, *[b"x" * 50_000] * 20)) == 1_000_000 + log(tmp_path).count(b"\n")


def test_the_last_lines_are_known(tmp_path):
    with Output(tmp_path / "log.txt") as output:
        output.write(b"one\n\ntwo\nthr")
        assert output.last(2) == ["two", "thr"]


@given(st.lists(st.text(alphabet="ab\n", max_size=10)))
def test_without_carriage_returns_nothing_is_changed(tmp_path_factory, pieces):
    text = "".join(pieces).encode()
    written = log(tmp_path_factory.mktemp("log"), *(piece.encode() for piece in pieces))
    assert written == text + (b"\n" if text and not text.endswith(b"\n") else b"")
