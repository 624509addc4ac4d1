import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.programs.csv import Csv
from danlu.programs.reading import Reading


def test_rows_come_as_the_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    source = Csv(path)
    path.write_text("epoch,loss,val_loss\n0,0.5,0.75\n1,0.25")
    assert source.read() == [Reading(1, {"loss": 0.5, "val_loss": 0.75})]
    with path.open("a") as out:
        out.write("5,nan\n2,inf,0.5")
    (reading,) = source.read()
    assert reading.step == 2
    assert reading.metrics["loss"] == 0.255
    assert math.isnan(reading.metrics["val_loss"])
    assert source.close() == [Reading(3, {"loss": math.inf, "val_loss": 0.5})]


def test_empty_cells_of_lightning_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lightning_logs" / "version_0" / "metrics.csv"
    source = Csv(tmp_path / "lightning_logs" / "**" / "metrics.csv")
    path.parent.mkdir(parents=True)
    path.write_text("epoch,step,train_loss\n0,4,2.5\n")
    assert source.read() == [Reading(1, {"train_loss": 2.5})]
    # a new column: the whole file is written anew, with another header
    path.write_text("epoch,step,train_loss,val_acc\n0,4,2.5,\n0,9,,0.5\n0,9,2.0,\n1,19,,0.75\n")
    assert source.read() == [
        Reading(1, {"val_acc": 0.5}),
        Reading(9, {"train_loss": 2.0}),
        Reading(2, {"val_acc": 0.75}),
    ]


def test_table_that_is_rewritten_tells_its_new_rows_only(tmp_path: Path) -> None:
    path, rows = tmp_path / "log.csv", [f"{k},{k / 4}\n" for k in range(1, 6)]
    source, told = Csv(path), []
    for count in (1, 2, 3, 5):
        path.unlink(missing_ok=True)
        path.write_text("step,loss\n" + "".join(rows[:count]))
        told += source.read()
    assert told == [Reading(k, {"loss": k / 4}) for k in range(1, 6)]


def test_rows_of_an_earlier_run_are_not_told_but_its_header_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch;acc\n1;90%\n")
    source = Csv(path)
    with path.open("a") as out:
        out.write("epoch;acc\n1;91.2%\n")
    assert source.read() == [Reading(1, {"acc": 0.912})]


def test_monitor_file_with_a_comment_and_no_step(tmp_path: Path) -> None:
    source = Csv(tmp_path)
    (tmp_path / "0.monitor.csv").write_text('#{"t_start": 1, "env_id": "x"}\nr,l,t\n9.5,10,0.5\n')
    assert source.read() == [Reading(None, {"r": 9.5, "l": 10.0, "t": 0.5})]


def test_any_bytes_are_read_without_raising(tmp_path: Path) -> None:
    source = Csv(tmp_path / "bad.csv")
    (tmp_path / "bad.csv").write_bytes(b'a,"b\n\0,"\n"' + b"x" * 200_000 + b"\n1,2\n")
    source.read()
    source.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(allow_nan=False), st.booleans()), max_size=8), st.data())
def test_table_written_piece_by_piece_says_what_the_whole_says(
    tmp_path: Path, rows: list[tuple[float, bool]], data: st.DataObject
) -> None:
    cells = [(f"{value!r},", f",{value!r}")[is_late] for value, is_late in rows]
    text = "epoch,a,b\n" + "".join(f"{k},{pair}\n" for k, pair in enumerate(cells, start=1))
    path = tmp_path / "grows.csv"
    path.unlink(missing_ok=True)
    source, told = Csv(path), []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        with path.open("a") as out:
            out.write(text[begin:end])
        told += source.read()
    expected = [Reading(k, {"b" if is_late else "a": value}) for k, (value, is_late) in enumerate(rows, start=1)]
    assert told + source.close() == expected
