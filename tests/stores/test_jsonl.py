import inspect
import math

import pytest

from danlu.catalogue import load, table
from danlu.core import event as ev
from danlu.core.history import fold
from danlu.errors import StoreError
from danlu.stores.jsonl import JSONLines, export_journal, format_line, read_lines
from danlu.stores.sqlite import SQLite
from danlu.study import Study
from danlu.testing.journals import SPACE, example
from danlu.testing.stores import StoreKit
from danlu.testing.strategies import outcome


class TestJSONLines(StoreKit):
    def make(self, folder):
        return JSONLines(folder / "journals")


def written(path):
    path.write_bytes(b"".join(format_line(entry) for entry in example()))
    return path


def test_one_file_can_be_one_journal(tmp_path):
    store = JSONLines(written(tmp_path / "study.jsonl"))
    assert list(store.read("study")) == example()
    assert store.studies() == ["study"]


def test_cut_at_every_byte_at_most_the_torn_entry_is_lost(tmp_path):
    whole = written(tmp_path / "study.jsonl").read_bytes()
    ends = [k + 1 for k, byte in enumerate(whole) if byte == ord("\n")]
    path = tmp_path / "cut.jsonl"
    for length in range(ends[0], len(whole)):
        path.write_bytes(whole[:length])
        acknowledged = sum(end <= length for end in ends)
        entries = list(read_lines(path))
        assert len(entries) == acknowledged
        if length in ends:
            assert fold(entries).position == acknowledged


def test_an_append_after_a_torn_line_replaces_it(tmp_path):
    path = written(tmp_path / "study.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    store = JSONLines(path)
    store.append("study", example()[-1])
    store.close()
    assert list(read_lines(path)) == example()


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = written(tmp_path / "study.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"position": 5, "at"' + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match="line 5"):
        list(read_lines(path))


def test_a_line_is_plain_json_with_its_version(tmp_path):
    line = format_line(ev.Entry(3, 1.5, (ev.Noted("hello"),)))
    assert line == b'{"position":3,"at":1.5,"version":1,"events":[{"kind":"noted","text":"hello"}]}\n'


@pytest.mark.parametrize("strategy", sorted(table("strategy")))
def test_a_journal_of_sqlite_exported_to_json_lines_and_imported_is_the_same(tmp_path, strategy):
    needed = inspect.signature(load("strategy", strategy)).parameters
    given = {"inner": {"use": "random"}, "parts": [{"use": "grid", "levels": 2}, {"use": "random"}]}
    given["segments"] = [{"step": 0}]
    form = {"use": strategy} | {name: given[name] for name, p in needed.items() if p.default is p.empty}
    form |= {"trials": [2]} if strategy == "sequence" else {}
    study = Study(SPACE, minimize="loss", steps=9, strategy=form, folder=tmp_path / "one")
    for k in range(3):
        study.queue({"layers": k + 1}, "炼丹\n")
        trial = study.ask()
        if study.report(trial, 1, loss=1 / 3, wild=math.nan) == "continue":
            study.tell(trial, loss=math.inf if k == 1 else 0.1 + 0.2)
    entries = list(study.entries())
    size = export_journal(study.entries(), tmp_path / "journal.jsonl")
    assert size == (tmp_path / "journal.jsonl").stat().st_size
    assert list(read_lines(tmp_path / "journal.jsonl")) == entries
    store = SQLite(tmp_path / "two/journal.db")
    with store.group():
        for entry in read_lines(tmp_path / "journal.jsonl"):
            store.append("study", entry)
    store.close()
    with Study.open(tmp_path / "two") as imported:
        assert list(imported.entries()) == entries
        assert outcome(imported.history) == outcome(study.history)
        assert imported.verify() == []


def test_an_export_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "journal.jsonl"
    export_journal(example(), path)

    def broken():
        yield from example()[:3]
        raise StoreError("the journal is damaged")

    with pytest.raises(StoreError):
        export_journal(broken(), path)
    assert list(read_lines(path)) == example()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.jsonl"]
