import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from danlu.programs.jsonlines import JsonLines, numbers
from danlu.programs.reading import Reading


def test_objects_are_read_while_the_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    source = JsonLines(path)
    assert source.read() == []
    path.write_text('{"epoch": 1, "val": {"loss": 0.5, "name": "x", "ok": true}}\nnoise\n{"epoch": 2, "val')
    assert source.read() == [Reading(1, {"val_loss": 0.5})]
    with path.open("a") as out:
        out.write('/loss": NaN}\n{"epoch": 3, "val/loss": Infinity}')
    (reading,) = source.read()
    assert reading.step == 2
    assert math.isnan(reading.metrics["val_loss"])
    assert source.close() == [Reading(3, {"val_loss": math.inf})]


def test_rows_of_a_file_that_is_written_anew_are_told_once(tmp_path: Path) -> None:
    path, rows = tmp_path / "log.jsonl", [f'{{"step": {k}, "loss": {k / 8}}}\n' for k in range(1, 5)]
    source = JsonLines(path)
    told = []
    for count in (1, 2, 4):
        path.unlink(missing_ok=True)
        path.write_text("".join(rows[:count]))
        told += source.read()
    assert told == [Reading(k, {"loss": k / 8}) for k in range(1, 5)]


@given(st.text(max_size=60) | st.text(alphabet='{}[]":,0123456789.e-NaIfnity', max_size=60))
def test_no_line_raises(line: str) -> None:
    numbers(line)
    numbers("{" + line + "}")


def test_lines_that_would_exhaust_a_reader_give_nothing() -> None:
    assert numbers('{"a":' * 100_000 + "1" + "}" * 100_000) == {}
    assert numbers('{"a": ' + "9" * 400 + "}") == {}
    assert numbers('{"a": ' + "9" * 9000 + "}") == {}
