import pytest

from danlu.core import event as ev
from danlu.core.history import fold
from danlu.errors import StoreError
from danlu.stores.jsonl import JSONLines, format_line, read_lines
from danlu.testing.journals import example
from danlu.testing.stores import StoreKit


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
