import json
import os
import sys
import time

import psutil
import pytest

from danlu.errors import StudyError
from danlu.notifications import command
from danlu.notifications.command import Command
from danlu.notifications.news import News

NEWS = News(
    "best", "text", {"event": "best", "trial": 3, "message": "it's $(touch owned); `touch owned` > owned\0", "x": 1}
)
WRITES = """
import json, os, sys
told = {name: value for name, value in os.environ.items() if name.startswith("DANLU_") and name != "DANLU_KEY"}
json.dump([sys.argv[2:], json.load(sys.stdin), told], open(sys.argv[1], "w"))
"""


def test_a_command_is_told_on_its_input_and_in_its_environment_and_no_shell_sees_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Command([sys.executable, "-c", WRITES, "out", "$HOME; touch owned"]).send(NEWS)
    arguments, facts, told = json.loads((tmp_path / "out").read_text())
    assert arguments == ["$HOME; touch owned"]
    assert facts == NEWS.facts
    assert told["DANLU_MESSAGE"] == "it's $(touch owned); `touch owned` > owned␀"
    assert (told["DANLU_EVENT"], told["DANLU_TRIAL"]) == ("best", "3")
    assert "DANLU_VALUE" not in told
    assert os.listdir(tmp_path) == ["out"]


def test_one_text_is_split_as_a_shell_would_and_nothing_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "writes.py").write_text(WRITES)
    Command(f"'{sys.executable}' writes.py out 'two words' ; touch owned").send(NEWS)
    assert json.loads((tmp_path / "out").read_text())[0] == ["two words", ";", "touch", "owned"]


def test_a_failing_command_is_an_error_with_its_last_words():
    with pytest.raises(OSError, match=r"status 3: no such ␛\[31mchannel"):
        Command(
            [sys.executable, "-c", "import sys; print('a\\nno such \\x1b[31mchannel', file=sys.stderr); sys.exit(3)"]
        ).send(NEWS)


def test_one_that_reads_nothing_is_none():
    Command([sys.executable, "-c", ""]).send(News("best", "", {"long": "x" * 1_000_000}))


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_PATIENCE", 1.0)
    starts = f"""
import subprocess, time
child = subprocess.Popen(["sleep", "60"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
time.sleep(60)
"""
    begin = time.monotonic()
    with pytest.raises(OSError, match="was ended"):
        Command([sys.executable, "-c", starts]).send(News("end", "", {}))
    assert time.monotonic() - begin < 10
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != "zombie" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


@pytest.mark.parametrize("words", ["", [], "'open", ["true", 3], "no-such-program-anywhere x"])
def test_what_is_no_command_is_refused(words):
    with pytest.raises(StudyError, match="notify: "):
        Command(words)
