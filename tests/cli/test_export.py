import csv
import json

from danlu import open_study


def test_trials_go_into_a_table(here, make_study, danlu):
    make_study("runs/mine").close()
    assert danlu("export", "mine", "trials.csv").status == 0
    with open("trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["complete"] * 3 + ["failed"] + ["complete"] * 2
    assert float(rows[5]["metric.loss"]) == 0.5


def test_curves_have_a_row_per_report(here, make_study, danlu):
    make_study("runs/mine").close()
    danlu("export", "mine", "curves.jsonl", "--what", "curves")
    with open("curves.jsonl") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == 12
    assert rows[1]["step"] == 2


def test_a_journal_that_was_exported_is_imported_as_it_was(here, make_study, danlu):
    make_study("runs/mine").close()
    danlu("export", "mine", "journal.jsonl", "--what", "journal")
    said = danlu("import", "journal.jsonl", "runs/copy")
    assert said.status == 0, said.err
    with open_study("runs/mine") as one, open_study("runs/copy") as other:
        assert list(one.entries()) == list(other.entries())
        assert other.ask().number == 6
    assert (here.folder / "runs/copy/study.toml").exists()


def test_an_import_does_not_overwrite_a_study(here, make_study, danlu):
    make_study("runs/mine").close()
    danlu("export", "mine", "journal.jsonl", "--what", "journal")
    said = danlu("import", "journal.jsonl", "runs/mine")
    assert said.status == 2
    assert "holds a study already" in said.err


def test_other_formats_are_refused_with_those_there_are(here, make_study, danlu):
    make_study("runs/mine").close()
    assert ".parquet" in danlu("export", "mine", "trials.xlsx").err
    assert "must end in .jsonl" in danlu("export", "mine", "journal.csv", "--what", "journal").err
