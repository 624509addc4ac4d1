import os
import subprocess
import sys
import threading

import pytest

from danlu.records.log import captured


def test_what_is_printed_is_kept_and_still_shown(tmp_path, capsys):
    with captured(tmp_path / "deep/log.txt"):
        print("out")
        print("err", file=sys.stderr)
    assert (tmp_path / "deep/log.txt").read_text() == "out\nerr\n"
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("out\n", "err\n")


def test_after_it_nothing_more_is_kept_even_after_an_exception(tmp_path, capsys):
    before = sys.stdout, sys.stderr

    def fail():
        with captured(tmp_path / "log.txt"):
            print("in")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own
        fail()
    assert (sys.stdout, sys.stderr) == before
    print("after")
    assert (tmp_path / "log.txt").read_text() == "in\n"


def test_a_second_attempt_adds_to_the_log(tmp_path, capsys):
    for word in ("first", "second"):
        with captured(tmp_path / "log.txt"):
            print(word)
    assert (tmp_path / "log.txt").read_text() == "first\nsecond\n"


def test_what_was_printed_is_in_the_file_at_once(tmp_path, capsys):
    with captured(tmp_path / "log.txt"):
        print("so far", end="")
        assert (tmp_path / "log.txt").read_text() == "so far"


def test_the_output_of_another_thread_is_not_ours(tmp_path, capsys):
    with captured(tmp_path / "log.txt"):
        thread = threading.Thread(target=print, args=("theirs",))
        thread.start()
        thread.join()
        print("ours")
    assert (tmp_path / "log.txt").read_text() == "ours\n"
    assert "theirs" in capsys.readouterr().out


def test_the_stream_behaves_like_the_real_one(tmp_path, capfd):
    with captured(tmp_path / "log.txt"):
        assert sys.stdout.writable()
        assert sys.stdout.isatty() is False
        assert isinstance(sys.stdout.fileno(), int)
        assert sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.buffer.write(b"bytes\n")
        assert sys.stdout.write("丹") == 1
        sys.stdout.flush()
        print("a", "b", sep="-", end="!")
        sys.stderr.writelines(["c", "d"])
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "丹a-b!cd"


def test_half_a_character_does_not_break_the_log(tmp_path, capsys):
    with captured(tmp_path / "log.txt") as log:
        log.write("broken: \ud83d\n")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "broken: ?\n"


REDIRECTED = """
import ctypes, os, subprocess, sys
from pathlib import Path
from danlu.records.log import redirected

def descriptors():
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

before = descriptors()
print("before")
for _ in range(2):
    with redirected(Path(sys.argv[1])) as log:
        print("python", flush=True)
        print("error", file=sys.stderr, flush=True)
        os.write(1, b"descriptor 1\\n")
        os.write(2, b"descriptor 2\\n")
        subprocess.run(["sh", "-c", "echo child; echo child error >&2"], check=True)
        libc = ctypes.CDLL(None)
        libc.puts(b"from C")
        libc.fflush(None)
        log.write("from the runner\\n")
print("after")
assert descriptors() == before
"""


@pytest.mark.skipif(os.name == "nt", reason="needs file descriptors as POSIX has them")
def test_redirected_keeps_the_output_of_python_of_c_and_of_child_processes(tmp_path):
    path = tmp_path / "deep/log.txt"
    done = subprocess.run([sys.executable, "-c", REDIRECTED, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "before\nafter\n", "")
    once = ["python", "error", "descriptor 1", "descriptor 2", "child", "child error", "from C", "from the runner"]
    assert path.read_text().splitlines() == once * 2
