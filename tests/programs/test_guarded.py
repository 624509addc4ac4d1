"""Whatever a program does, nothing of it is left when its trial is over, and nothing when its trial's process dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from danlu.programs.guarded import Exit, Guarded

IGNORES = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
PRELUDE = "import os, signal, subprocess, sys, threading, time\n"


@pytest.fixture
def program(tmp_path):
    """Writes a script that notes the processes it consists of in a file; gives the command and that file."""

    def written(body):
        notes = tmp_path / "pids"
        note = f"def note():\n    open({str(notes)!r}, 'a').write(str(os.getpid()) + chr(10))\n"
        (tmp_path / "script.py").write_text(PRELUDE + note + body)
        return [sys.executable, "-S", str(tmp_path / "script.py")], notes

    return written


def pids(notes, count):
    """The processes that were noted, as soon as there are `count`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = notes.read_text().split() if notes.exists() else []
        if len(found) == count:
            return [int(pid) for pid in found]
        time.sleep(0.01)
    raise AssertionError(f"{count} processes were expected, {found} came")


def alive(pids):
    return [pid for pid in pids if lives(pid)]


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def soon_gone(pids):
    deadline = time.monotonic() + 20
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pids)


def run(command, grace=0.3, until=lambda said: False):
    """What a command says until it has ended, or until it has said enough and is ended."""
    said = b""
    with Guarded(command, os.environ, Path.cwd(), grace) as running:
        while running.exit is None:
            said += running.read(0.05)
            if until(said):
                running.end()
        said += running.read(0)
    return said.decode(), running.exit


def test_what_a_command_prints_is_read_and_its_status_is_known(program):
    command, _ = program("print('out'); print('err', file=sys.stderr); sys.exit(3)")
    said, end = run(command)
    assert sorted(said.split()) == ["err", "out"]
    assert end == Exit(3)


def test_a_command_reads_nothing_from_the_terminal(program):
    command, _ = program("print(repr(sys.stdin.read()))")
    assert run(command)[0] == "''\n"


def test_a_command_has_no_open_files_of_ours(program):
    command, _ = program("print(sorted(os.listdir('/proc/self/fd' if os.path.exists('/proc') else '/dev/fd')))")
    assert run(command)[0] == "['0', '1', '2', '3']\n"  # 3 is the list itself


@pytest.mark.parametrize(
    ("command", "errno"), [(["/nonexistent/program"], 2), (["/etc/passwd"], 13), (["no-such-program-anywhere"], 2)]
)
def test_a_command_that_cannot_be_executed_says_why(command, errno):
    said, end = run(command)
    assert end is not None
    assert end.errno == errno
    assert said == ""


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("note(); time.sleep(100)", 1),
        (f"{IGNORES}; note(); time.sleep(100)", 1),
        (f"{IGNORES}; os.fork(); os.fork(); note(); time.sleep(100)", 4),
        ("os.fork() or os.setsid()\nnote(); time.sleep(100)", 2),
        (f"os.fork() or (os.setsid(), {IGNORES}, os.fork())\nnote(); time.sleep(100)", 3),
        ("os.close(1); os.close(2); note(); time.sleep(100)", 1),
        ("threading.Thread(target=time.sleep, args=(100,), daemon=True).start(); note(); time.sleep(100)", 1),
        ("threading.Thread(target=time.sleep, args=(100,)).start(); note()", 1),
        ("note(); os.kill(os.getpid(), signal.SIGSTOP)", 1),
        ("note()\nwhile True: print('x' * 10000)", 1),
    ],
    ids=["sleeps", "ignores", "forks", "leaves the group", "leaves and ignores", "is mute", "daemon thread", "thread",
         "is stopped", "floods"],
)  # fmt: skip
class TestNothingIsLeft:
    def test_when_it_is_ended(self, program, body, count):
        command, notes = program(body)
        with Guarded(command, os.environ, "/", 0.3) as running:
            found = pids(notes, count)
            running.end()
            began = time.monotonic()
            while running.exit is None:
                running.read(0.05)
            assert time.monotonic() - began < 5
            assert alive(found) == []

    def test_when_its_trial_is_killed(self, program, body, count, tmp_path):
        command, notes = program(body)
        holder = (
            "import json, os, sys; from danlu.programs.guarded import Guarded\n"
            "running = Guarded(json.loads(sys.argv[1]), os.environ, '/', 0.3)\n"
            "while True: running.read(1)"
        )
        trial = subprocess.Popen([sys.executable, "-c", holder, json.dumps(command)])
        found = pids(notes, count)
        family = psutil.Process(trial.pid).children(recursive=True)
        trial.kill()
        trial.wait()
        assert soon_gone([*found, *(process.pid for process in family)])


def test_what_it_left_running_ends_with_it(program):
    command, notes = program("if os.fork() == 0: note(); time.sleep(100)\nelse: time.sleep(0.2); print('done')")
    said, end = run(command)
    assert (said, end) == ("done\n", Exit(0))
    assert alive(pids(notes, 1)) == []


def test_it_may_say_goodbye_within_the_grace_period(program):
    command, _ = program(
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), print('saved', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True); time.sleep(100)"
    )
    said, end = run(command, grace=5, until=lambda said: b"ready\n" in said)
    assert (said, end) == ("ready\nsaved\n", Exit(0))


def test_it_is_told_to_end_once_only(program):
    command, _ = program(
        "signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True))\nprint('ready', flush=True)\n"
        "while True: time.sleep(1)"
    )
    said, end = run(command, grace=0.5, until=lambda said: b"ready\n" in said)
    assert said == "ready\ntold\n"
    assert end == Exit(-signal.SIGKILL)


def test_a_guard_that_is_killed_takes_the_program_along(program):
    command, notes = program("note(); time.sleep(100)")
    with Guarded(command, os.environ, "/", 0.3) as running:
        [pid] = pids(notes, 1)
        psutil.Process(pid).parent().kill()
        while running.exit is None:
            running.read(0.05)
    assert running.exit.status == -signal.SIGKILL
    assert soon_gone([pid])
