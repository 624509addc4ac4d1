import csv
import json
import math

import pyarrow.parquet
import pytest

from danlu.core.history import fold
from danlu.errors import ArtifactError
from danlu.records.export import curve_table, export, trial_table
from danlu.space import Choice, Float, Space
from danlu.study import Study
from danlu.testing.journals import example

HISTORY = fold(example())


def from_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def from_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def as_text(rows):
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]


def test_a_row_says_all_about_its_trial():
    rows = trial_table(HISTORY)
    assert [(row["number"], row["status"]) for row in rows] == [
        (0, "complete"), (1, "failed"), (2, "stopped"), (3, "running"),
    ]  # fmt: skip
    first = rows[0]
    assert first["origin"] == "default"
    assert (first["config.lr"], first["config.layers"], first["config.optimizer.sgd.momentum"]) == (0.001, 4, 0.5)
    assert (first["metric.loss"], first["metric.accuracy"]) == (0.3, 0.8)
    assert (first["steps"], first["attempt"], first["seed"]) == (2, 1, 1000)
    assert first["seconds"] == 5.0
    assert first["started"] == "2023-11-14T22:13:22.000+00:00"
    assert rows[1]["reason"] == "diverged"
    assert rows[1]["config.optimizer.sgd.momentum"] is None
    assert rows[3]["ended"] is None


def test_every_row_has_the_same_columns():
    for table in (trial_table(HISTORY), curve_table(HISTORY)):
        assert len({tuple(row) for row in table}) == 1


def test_a_curve_has_a_row_per_report():
    assert curve_table(HISTORY)[:2] == [
        {"trial": 0, "step": 1, "elapsed": 1.0, "metric.loss": 0.9, "metric.accuracy": 0.5},
        {"trial": 0, "step": 2, "elapsed": 4.0, "metric.loss": 0.4, "metric.accuracy": 0.8},
    ]


@pytest.mark.parametrize(("what", "table"), [("trials", trial_table), ("curves", curve_table)])
def test_what_is_read_back_equals_what_was_exported(tmp_path, what, table):
    rows = table(HISTORY)
    for ending in ("csv", "jsonl", "parquet"):
        export(HISTORY, tmp_path / f"out.{ending}", what)
    assert from_csv(tmp_path / "out.csv") == as_text(rows)
    assert from_jsonl(tmp_path / "out.jsonl") == rows
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist() == rows


def test_numbers_survive_to_the_last_bit(tmp_path):
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss")
    study.tell(study.ask(), loss=0.1 + 0.2)
    x = study.trials[0].config["x"]
    for ending in ("csv", "jsonl", "parquet"):
        export(study.history, tmp_path / f"out.{ending}")
    [row] = from_csv(tmp_path / "out.csv")
    assert (float(row["config.x"]), float(row["metric.loss"])) == (x, 0.1 + 0.2)
    [row] = from_jsonl(tmp_path / "out.jsonl")
    assert (row["config.x"], row["metric.loss"]) == (x, 0.1 + 0.2)
    [row] = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert (row["config.x"], row["metric.loss"]) == (x, 0.1 + 0.2)


def test_texts_with_commas_quotes_and_line_breaks_survive(tmp_path):
    text = 'a, "b"\nc; 丹'
    study = Study(Space({"x": Choice(text, "plain")}), minimize="loss")
    study.queue({"x": text})
    study.fail(study.ask(), f"error: {text}")
    for ending, read in (("csv", from_csv), ("jsonl", from_jsonl)):
        export(study.history, tmp_path / f"out.{ending}")
        [row] = read(tmp_path / f"out.{ending}")
        assert row["config.x"] == text
        assert row["error"] == f"error: {text}"


def test_options_of_several_types_become_one_column_of_texts_in_parquet(tmp_path):
    study = Study(Space({"x": Choice("auto", 16, True)}), minimize="loss")
    for value in ("auto", 16, True):
        study.queue({"x": value})
        study.tell(study.ask(), loss=1.0)
    export(study.history, tmp_path / "out.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet")["config.x"].to_pylist() == ["auto", "16", "True"]


def test_a_diverged_metric_can_be_exported(tmp_path):
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss")
    study.tell(study.ask(), loss=math.inf)
    export(study.history, tmp_path / "out.jsonl")
    [row] = from_jsonl(tmp_path / "out.jsonl")
    assert (row["status"], row["reason"]) == ("failed", "diverged")


def test_a_study_without_trials_gives_an_empty_table(tmp_path):
    history = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss").history
    for ending in ("csv", "jsonl", "parquet"):
        export(history, tmp_path / f"out.{ending}")
    assert from_csv(tmp_path / "out.csv") == from_jsonl(tmp_path / "out.jsonl") == []
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == 0


def test_an_ending_that_is_unknown_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(ArtifactError, match=r"one of \.csv, \.jsonl, \.parquet"):
        export(HISTORY, tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_what_went_with_an_option_is_still_exported():
    optimizer = Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": None})
    study = Study({"optimizer": optimizer}, minimize="loss", strategy="random")
    study.queue({"optimizer": "sgd", "optimizer.sgd.momentum": 0.25})
    study.tell(study.ask(), loss=1.0)
    study.change({"optimizer": Choice("adam", "lion"), "decay": Float(0.0, 1.0, default=0.0)})
    study.tell(study.ask(), loss=2.0)
    first, second = trial_table(study.history)
    assert (first["config.optimizer"], first["config.optimizer.sgd.momentum"], first["config.decay"]) == (
        "sgd",
        0.25,
        0.0,
    )
    assert second["config.optimizer.sgd.momentum"] is None
