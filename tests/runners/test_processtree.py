import os
import subprocess
import sys
import time

import psutil
import pytest

from danlu.runners.processtree import descendants, end, end_group, memory_of

# a parent, its child in a session of its own, and that one's child
FAMILY = """
import subprocess, sys, time
if sys.argv[1] == "0":
    time.sleep(60)
held = bytearray(int(sys.argv[2]) * 1_000_000)
subprocess.Popen([sys.executable, __file__, str(int(sys.argv[1]) - 1), sys.argv[2]], start_new_session=True)
time.sleep(60)
"""


def is_alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def family(tmp_path):
    (tmp_path / "family.py").write_text(FAMILY)
    parent = subprocess.Popen([sys.executable, tmp_path / "family.py", "2", "30"], start_new_session=True)
    deadline = time.monotonic() + 20
    while len(descendants(parent.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    below = descendants(parent.pid)
    yield parent, below
    for process in below:
        if process.is_running():
            process.kill()
    parent.kill()
    parent.wait()


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
def test_the_end_of_a_process_is_the_end_of_those_with_sessions_of_their_own(family):
    parent, below = family
    assert len(below) == 2
    end(parent.pid)
    parent.wait(timeout=5)
    deadline = time.monotonic() + 5
    while any(map(is_alive, below)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_memory_is_that_of_a_process_and_of_all_below_it(family):
    parent, below = family
    used = memory_of([parent.pid], limit=1e12)[parent.pid]
    assert used > 60e6  # 30 MB in two of the three
    own = memory_of([parent.pid], limit=0)[parent.pid]
    assert 60e6 < own <= used  # what they share is divided
    assert memory_of([below[-1].pid], limit=1e12)[below[-1].pid] < used


def test_what_is_gone_already_is_no_error():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    end(process.pid)
    end_group(process.pid)
    assert memory_of([process.pid], limit=1.0) == {}
    assert descendants(process.pid) == []


# starts one process after another, each in a session of its own, until it is ended, or ends itself in a thread
BUSY = """
import os, subprocess, sys, threading, time
from danlu.runners.processtree import end_own

if sys.argv[1] == "own":
    threading.Timer(0.3, end_own).start()
while True:
    subprocess.Popen(["sleep", sys.argv[2]], start_new_session=True)
"""


def sleepers(mark):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] == ["sleep", mark] and is_alive(process):
            found.append(process)
    return found


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
@pytest.mark.parametrize("by", ["other", "own"])
def test_what_is_being_started_while_a_process_is_ended_ends_too(tmp_path, by):
    (tmp_path / "busy.py").write_text(BUSY)
    mark = f"60.{os.getpid()}"
    process = subprocess.Popen([sys.executable, tmp_path / "busy.py", by, mark], start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while not sleepers(mark):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if by == "other":
            end(process.pid)
        process.wait(timeout=20)
        deadline = time.monotonic() + 5
        while sleepers(mark):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        for left in sleepers(mark):
            left.kill()
