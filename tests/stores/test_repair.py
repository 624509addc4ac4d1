import os
import shutil
import sqlite3

import pytest

from danlu.core import event as ev
from danlu.errors import Conflict, StoreError, StudyBusy
from danlu.stores.repair import repair
from danlu.stores.salvage import salvage
from danlu.stores.sqlite import SQLite
from danlu.stores.tail import Tail
from danlu.testing.journals import example, opening


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
    forget(path)
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


def forget(path):
    """Removes the tail, which earlier versions didn't write; and what is far from the end is not in it."""
    for file in Tail(path).files:
        file.unlink()


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
    forget(path)
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


@pytest.fixture(params=DAMAGES.values(), ids=DAMAGES.keys())
def harmed(request, tmp_path):
    """A damaged journal beside its tail: its path, the entries that it had, and what the damaged file holds."""
    path = journal_of(tmp_path / "journal.db")
    before = list(SQLite(path).read("study"))
    request.param(path)
    return path, before, path.read_bytes()


def test_what_the_tail_has_is_read_as_if_nothing_had_happened(harmed):
    path, before, damaged = harmed
    store = SQLite(path)
    assert list(store.read("study")) == before
    assert list(store.read("study", after=290)) == before[290:]
    assert path.read_bytes() == damaged  # a look changes nothing
    store.close()


def test_who_runs_a_damaged_study_puts_it_right_and_its_journal_says_so(harmed, tmp_path):
    path, before, damaged = harmed
    store = SQLite(path)
    assert list(store.read("study")) == before
    store.claim("study", "coordinator", "me")
    assert path.read_bytes() == damaged
    with pytest.raises(Conflict):  # what was put right is said first
        store.append("study", ev.Entry(301, 0.0, (ev.Noted("goes on"),)))
    *others, last = store.read("study")
    assert others == before
    assert "All 300 entries were saved. The damaged file is kept as journal.damaged-1.db" in last.events[0].text
    assert (tmp_path / "journal.damaged-1.db").read_bytes() == damaged
    store.append("study", ev.Entry(302, 0.0, (ev.Noted("goes on"),)))
    store.close()
    assert len(list(SQLite(path).read_alone("study"))) == 302
    assert repair(path, "study").damaged is None


def test_the_end_of_a_write_ahead_log_that_is_passed_over_is_taken_from_the_tail(tmp_path):
    path, copy = tmp_path / "journal.db", tmp_path / "copy/journal.db"
    store = SQLite(path)
    for entry in example():
        store.append("study", entry)
    shutil.copytree(tmp_path, copy.parent, ignore=shutil.ignore_patterns("copy", ".*"))  # as a crash would leave it
    overwrite(copy.with_name("journal.db-wal"), 0.8, b"\xa5" * 1000)
    with pytest.raises(StoreError, match="its end is missing"):
        list(SQLite(copy).read_alone("study"))
    assert list(SQLite(copy).read("study")) == example()


def test_a_damaged_study_that_somebody_else_runs_is_not_put_right(tmp_path):
    path = journal_of(tmp_path / "journal.db")
    DAMAGES["truncated"](path)
    holder, store = SQLite(path), SQLite(path)
    holder.claim("study", "coordinator", "somebody")
    assert len(list(store.read("study"))) == 300
    for _ in range(2):
        with pytest.raises(StudyBusy, match="somebody"):
            store.append("study", ev.Entry(301, 0.0, (ev.Noted("goes on"),)))
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_group_on_a_damaged_journal_puts_it_right_first(tmp_path):
    path = journal_of(tmp_path / "journal.db")
    DAMAGES["truncated"](path)
    store = SQLite(path)
    assert len(list(store.read("study"))) == 300
    with store.group():
        store.append("study", ev.Entry(302, 0.0, (ev.Noted("goes on"),)))
    assert len(list(SQLite(path).read_alone("study"))) == 302


def test_a_database_that_is_all_noise_is_made_anew_as_long_as_the_tail_has_everything(tmp_path):
    path = journal_of(tmp_path / "journal.db")
    before = list(SQLite(path).read("study"))
    path.write_bytes(b"\xa5" * 100_000)
    done = repair(path, "study")
    assert (done.kept, done.is_whole) == (300, True)
    assert "All 300 entries were saved" in str(done)
    assert list(SQLite(path).read_alone("study")) == before


def test_damage_far_from_the_end_is_not_passed_over(tmp_path):
    path = journal_of(tmp_path / "journal.db", count=6000)
    overwrite(path, 0.1, b"\xa5" * 4096)
    with pytest.raises(StoreError, match="doctor --repair"):
        list(SQLite(path).read("study"))
    done = repair(path, "study")
    assert not done.is_whole
    assert done.kept < 1000
    # the tail goes with the journal: what it had is not entries of the one that goes on
    assert Tail(path).last("study") == done.kept


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
        forget(path)
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
