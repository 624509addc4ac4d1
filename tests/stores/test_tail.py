import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.core import event as ev
from danlu.errors import Conflict, StoreError
from danlu.stores.sqlite import SQLite
from danlu.stores.tail import Tail


def entry(position, text="x"):
    return ev.Entry(position, 0.5, (ev.Noted(text),))


def tail_of(folder, count, size=1 << 18):
    tail = Tail(folder / "journal.db", size)
    for position in range(1, count + 1):
        tail.append("study", [entry(position)])
    return tail


def test_what_was_appended_is_found_by_study_and_position(tmp_path):
    tail = tail_of(tmp_path, 3)
    tail.append("other", [entry(1, "not mine")])
    assert tail.entries("study") == {1: entry(1), 2: entry(2), 3: entry(3)}
    assert (tail.last("study"), tail.last("other"), tail.last("nobody")) == (3, 1, 0)


def test_it_keeps_the_newest_entries_and_stays_small(tmp_path):
    tail = tail_of(tmp_path, 1000, size=5000)
    kept = list(tail.entries("study"))
    assert kept == list(range(kept[0], 1001))
    assert 50 < len(kept) < 200
    assert sum(file.stat().st_size for file in tail.files) < 11_000


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=200))
def test_damaged_lines_are_left_out_and_the_others_stay(tmp_path_factory, place, noise):
    tail = tail_of(tmp_path_factory.mktemp("tail"), 20)
    [file] = tail.files
    with file.open("r+b") as opened:
        opened.seek(place % file.stat().st_size)
        opened.write(noise)
    found = tail.entries("study")
    assert all(found[position] == entry(position) for position in found)
    assert len(found) >= 20 - 2 - len(noise) // 50


def test_a_line_that_was_cut_off_does_not_take_the_next_one_along(tmp_path):
    tail = tail_of(tmp_path, 3)
    os.truncate(tail.files[0], tail.files[0].stat().st_size - 10)
    tail.append("study", [entry(4)])
    assert list(tail.entries("study")) == [1, 2, 4]


def test_another_entry_in_the_place_of_one_is_another_journal(tmp_path):
    tail = tail_of(tmp_path, 5)
    tail.append("study", [entry(3)])  # once more, which changes nothing
    assert list(tail.entries("study")) == [1, 2, 3, 4, 5]
    tail.append("study", [entry(3, "another")])
    assert tail.entries("study") == {1: entry(1), 2: entry(2), 3: entry(3, "another")}


def test_several_writers_write_to_the_same_file_when_one_has_begun_a_new_one(tmp_path):
    tails = [Tail(tmp_path / "journal.db", size=2000) for _ in range(2)]
    for position in range(1, 200):
        tails[position % 2].append("study", [entry(position)])
    kept = list(Tail(tmp_path / "journal.db").entries("study"))
    assert kept == list(range(kept[0], 200))
    assert len(kept) > 20


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_it_does_not_follow_a_link(tmp_path):
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "journal.db-tail").symlink_to(tmp_path / "mine")
    SQLite(tmp_path / "journal.db").append("study", entry(1))
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_store_tells_its_tail_what_an_earlier_version_left_out(tmp_path):
    path = tmp_path / "journal.db"
    store = SQLite(path)
    for position in range(1, 6):
        store.append("study", entry(position))
    store.close()
    for file in Tail(path).files:
        file.unlink()
    store = SQLite(path)
    store.append("study", entry(6))
    assert list(Tail(path).entries("study")) == [1, 2, 3, 4, 5, 6]


def test_a_group_that_failed_is_not_in_the_tail(tmp_path):
    store = SQLite(tmp_path / "journal.db")
    store.append("study", entry(1))

    def group():
        with store.group():
            store.append("study", entry(2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        group()
    with store.group():
        store.append("study", entry(2, "now"))
        store.append("study", entry(3))
    assert Tail(tmp_path / "journal.db").entries("study") == {1: entry(1), 2: entry(2, "now"), 3: entry(3)}


@pytest.mark.skipif(os.name == "nt", reason="needs limits to the size of files")
def test_what_the_tail_has_no_space_for_is_not_acknowledged_and_not_lost(tmp_path, monkeypatch):
    store = SQLite(tmp_path / "journal.db")
    store.append("study", entry(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:20]))
    with pytest.raises(StoreError, match=r"No space left.*Free some space"):
        store.append("study", entry(2))
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(Conflict):
        store.append("study", entry(2))
    store.append("study", entry(3))
    assert list(Tail(tmp_path / "journal.db").entries("study")) == [1, 2, 3]
