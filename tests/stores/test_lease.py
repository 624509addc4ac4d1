import os
import socket
import subprocess
import sys

import pytest

from danlu.errors import StoreError, StudyBusy
from danlu.stores.lease import FileLeases

HOLD = """
import sys, time
from pathlib import Path
from danlu.stores.lease import FileLeases
leases = FileLeases(Path(sys.argv[1]))
leases.claim("study", "coordinator", "the other one")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lease."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "journal.db")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_error_says_who_holds_it_and_what_to_do(tmp_path, other):
    message = rf"being run by the other one \(process {other.pid} on {socket.gethostname()}\)\. Wait for it, stop it"
    with pytest.raises(StudyBusy, match=message):
        FileLeases(tmp_path / "journal.db").claim("study", "coordinator", "me")


def test_the_death_of_its_holder_ends_a_lease(tmp_path, other):
    other.kill()
    other.wait()
    FileLeases(tmp_path / "journal.db").claim("study", "coordinator", "me")


def test_a_lease_that_was_refused_leaves_the_holder_unharmed(tmp_path, other):
    for _ in range(2):
        with pytest.raises(StudyBusy, match="the other one"):
            FileLeases(tmp_path / "journal.db").claim("study", "coordinator", "me")


def test_leases_of_other_keys_and_studies_are_free(tmp_path):
    leases = FileLeases(tmp_path / "journal.db")
    leases.claim("study", "coordinator", "me")
    leases.claim("study", "trial 3", "me")
    leases.claim("another", "coordinator", "me")


def test_closing_gives_all_leases_back(tmp_path):
    one, other = FileLeases(tmp_path / "journal.db"), FileLeases(tmp_path / "journal.db")
    one.claim("study", "a", "me")
    one.claim("study", "b", "me")
    one.close()
    other.claim("study", "a", "you")
    other.claim("study", "b", "you")


def test_giving_back_what_is_not_held_does_nothing(tmp_path):
    one, other = FileLeases(tmp_path / "journal.db"), FileLeases(tmp_path / "journal.db")
    one.claim("study", "a", "me")
    other.release("study", "a")
    with pytest.raises(StudyBusy, match=f"me \\(process {os.getpid()}"):
        other.claim("study", "a", "you")


def test_a_place_where_no_lock_can_lie_gives_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Make the folder writable"):
        FileLeases(tmp_path / "file" / "journal.db").claim("study", "coordinator", "me")
