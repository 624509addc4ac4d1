import subprocess
import sys

import pytest

from danlu.core import event as ev
from danlu.errors import StoreError
from danlu.stores.sqlite import SQLite
from danlu.testing.journals import entries, example
from danlu.testing.stores import StoreKit


class TestSQLite(StoreKit):
    def make(self, folder):
        return SQLite(folder / "journal.db")


class TestDurableSQLite(StoreKit):
    def make(self, folder):
        return SQLite(folder / "journal.db", durable=True)


def test_a_new_store_makes_no_file_before_the_first_append(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    assert list(store.read("study")) == []
    assert not (tmp_path / "journal.db").exists()


def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path):
    script = f"""
import os, sys
from danlu.core import event as ev
from danlu.stores.sqlite import SQLite
store = SQLite({str(tmp_path / "journal.db")!r})
for position in range(1, 201):
    store.append("study", ev.Entry(position, 0.0, (ev.Noted(str(position)),)))
print(position, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "200"
    assert done.returncode == -9
    assert len(list(SQLite(tmp_path / "journal.db").read("study"))) == 200


def test_a_file_that_is_no_database_gives_a_clear_error(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"not a database at all, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match="doctor --repair"):
        list(SQLite(tmp_path / "journal.db").read("study"))


def test_a_full_disk_gives_a_clear_error_and_loses_nothing(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    first, second = entries(ev.Noted("one"), ev.Noted("x" * 1_000_000))
    store.append("study", first)
    # SQLite reports a database that may not grow exactly as it reports a full disk
    pages = store._open().execute("pragma page_count").fetchone()[0]
    store._open().execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"full.*nothing that was acknowledged is lost"):
        store.append("study", second)
    store._open().execute("pragma max_page_count = 1000000")
    store.append("study", second)
    assert list(store.read("study")) == [first, second]


def test_a_group_on_a_full_disk_leaves_nothing(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    first, second, third = entries(ev.Noted("one"), ev.Noted("two"), ev.Noted("x" * 1_000_000))
    store.append("study", first)
    pages = store._open().execute("pragma page_count").fetchone()[0]
    store._open().execute(f"pragma max_page_count = {pages}")

    def group():
        with store.group():
            store.append("study", second)
            store.append("study", third)

    with pytest.raises(StoreError, match="full"):
        group()
    assert list(store.read("study")) == [first]


def test_a_folder_that_can_not_be_made_gives_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"journal\.db: (File exists|Not a directory)"):
        SQLite(tmp_path / "file" / "journal.db").append("study", example()[0])


def test_a_journal_of_a_later_version_asks_for_an_upgrade(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    store.append("study", ev.Entry(1, 0.0, (ev.Noted("from the future"),), version=ev.VERSION + 1))
    with pytest.raises(StoreError, match="pip install -U danlu"):
        list(store.read("study"))
