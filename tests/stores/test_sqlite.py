import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from danlu.core import event as ev
from danlu.errors import StoreError, StudyBusy
from danlu.stores.sqlite import SQLite, repair, salvage
from danlu.testing.journals import entries, example, opening
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


def test_salvage_saves_all_entries_of_a_sound_journal(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    for entry in example():
        store.append("study", entry)
    store.close()
    assert salvage(tmp_path / "journal.db", "study") == example()


def test_salvage_saves_what_lies_before_the_damage(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    for position in range(1, 2001):
        store.append("study", ev.Entry(position, 0.0, (ev.Noted("x" * 100),)))
    store.close()
    path = tmp_path / "journal.db"
    page = sqlite3.connect(path).execute("pragma page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    middle = len(data) // page // 2 * page
    data[middle : middle + page] = b"\xff" * page
    path.write_bytes(data)
    with pytest.raises(StoreError, match="doctor --repair"):
        list(SQLite(path).read("study"))
    saved = salvage(path, "study")
    assert [entry.position for entry in saved] == list(range(1, len(saved) + 1))
    assert len(saved) > 500


def journal_of(path, count=300):
    store = SQLite(path)
    with store.group():
        store.append("study", ev.Entry(1, 0.0, (opening(),)))
        for position in range(2, count + 1):
            store.append("study", ev.Entry(position, 0.0, (ev.Noted("x" * 100),)))
    store.close()
    return path


def overwrite(path, share, data):
    """Puts bytes at a share of the file's length."""
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * share))
        file.write(data)


def cut(path, share):
    os.truncate(path, int(path.stat().st_size * share))


DAMAGES = {
    "truncated": lambda path: cut(path, 0.6),
    "truncated in the middle of a page": lambda path: cut(path, 0.777),
    "a page of noise": lambda path: overwrite(path, 0.5, b"\xa5" * 4096),
    "a page of zeros": lambda path: overwrite(path, 0.6, bytes(4096)),
    "some bytes of an entry": lambda path: overwrite(path, 0.6, b"\xff" * 150),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_journal_is_repaired_up_to_the_first_entry_that_can_not_be_read(tmp_path, damage):
    path = journal_of(tmp_path / "journal.db")
    before = list(SQLite(path).read("study"))
    damage(path)
    damaged = path.read_bytes()
    with pytest.raises(StoreError, match="doctor --repair"):
        list(SQLite(path).read("study"))
    done = repair(path, "study")
    assert 1 <= done.kept < len(before)
    assert done.damaged == tmp_path / "journal.damaged-1.db"
    assert done.damaged.read_bytes() == damaged
    assert f"The first {done.kept} entries were saved" in str(done)
    store = SQLite(path)
    assert list(store.read("study")) == before[: done.kept]
    store.append("study", ev.Entry(done.kept + 1, 0.0, (ev.Noted("goes on"),)))
    assert repair(path, "study").damaged is None


def test_what_only_the_write_ahead_log_had_is_saved_too(tmp_path):
    path, copy = tmp_path / "journal.db", tmp_path / "copy/journal.db"
    store = SQLite(path)
    for entry in example():
        store.append("study", entry)
    copy.parent.mkdir()
    for part in ("journal.db", "journal.db-wal"):  # as a crash would leave them
        shutil.copy(tmp_path / part, copy.parent / part)
    assert len(copy.read_bytes()) < len(copy.with_name("journal.db-wal").read_bytes())
    assert salvage(copy, "study") == example()
    assert sorted(file.name for file in copy.parent.iterdir()) == ["journal.db", "journal.db-wal"]


def test_a_second_damage_does_not_overwrite_the_first_damaged_file(tmp_path):
    path = journal_of(tmp_path / "journal.db")
    for number, share in ((1, 0.8), (2, 0.4)):
        cut(path, share)
        assert repair(path, "study").damaged == tmp_path / f"journal.damaged-{number}.db"


def test_an_entry_that_contradicts_those_before_it_is_damage(tmp_path):
    path = journal_of(tmp_path / "journal.db", count=10)
    store = SQLite(path)
    store.append("study", ev.Entry(11, 0.0, (ev.Reported(7, 1, {"loss": 1.0}),)))
    store.append("study", ev.Entry(12, 0.0, (ev.Noted("behind it"),)))
    store.close()
    done = repair(path, "study")
    assert (done.kept, done.why) == (10, "an entry does not follow from those before it")


def test_a_whole_journal_is_left_alone(tmp_path):
    path = journal_of(tmp_path / "journal.db", count=5)
    before = path.read_bytes()
    done = repair(path, "study")
    assert (done.kept, done.damaged) == (5, None)
    assert "nothing to repair, all 5 entries" in str(done)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000, bytes(8192)])
def test_where_nothing_can_be_read_nothing_is_changed(tmp_path, content):
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not one entry can be read .*Restore it from a copy"):
        repair(path, "study")
    assert path.read_bytes()[:5000] == content[:5000] or content == b""
    assert [file.name for file in tmp_path.glob("*damaged*")] == []


def test_a_journal_of_a_later_version_is_not_damaged(tmp_path):
    path = journal_of(tmp_path / "journal.db", count=5)
    store = SQLite(path)
    store.append("study", ev.Entry(6, 0.0, (ev.Noted("x"),), version=ev.VERSION + 1))
    store.close()
    with pytest.raises(StoreError, match="pip install -U danlu"):
        repair(path, "study")
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_study_that_is_being_run_is_not_repaired(tmp_path):
    path = journal_of(tmp_path / "journal.db")
    cut(path, 0.6)
    holder = SQLite(path)
    holder.claim("study", "coordinator", "somebody")
    with pytest.raises(StudyBusy, match="somebody"):
        repair(path, "study")
    holder.close()
    assert list(tmp_path.glob("*damaged*")) == []


def test_there_must_be_a_journal_to_repair(tmp_path):
    with pytest.raises(StoreError, match="no journal to repair"):
        repair(tmp_path / "journal.db", "study")
