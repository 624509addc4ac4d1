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


SCRIPT = """
from danlu import Decision

def train(trial, config):
    for epoch in trial.steps(6):
        if trial.report(epoch, loss=config["lr"] + 1 / epoch) is Decision.PAUSE:
            trial.save(epoch)
"""


def test_a_schedule_that_was_found_is_exported_shown_and_trained_again(here, danlu):
    (here.folder / here.script).write_text(SCRIPT)
    said = danlu(
        "run", f"{here.script}:train", "--minimize", "loss", "--steps", 6, "--space", "lr=1e-4..1.0 log",
        "--strategy", "pbt", "--setting", "interval=2", "--folder", "runs/mine", "--quiet",
    )  # fmt: skip
    assert said.status == 0, said.err
    with open_study("runs/mine") as study:
        forked = next(trial for trial in study.history.completed if trial.parent)
        segments = study.schedule(forked)
    assert danlu("export", "mine", "best.json", "--what", "schedule", "--trial", forked.number).status == 0
    with open("best.json") as file:
        form = json.load(file)
    assert form["segments"] == [{"step": s.step, "config": dict(s.config)} for s in segments]
    shown = danlu("show", "mine", forked.number).out
    assert f"forked from trial {forked.parent.trial} after step {forked.parent.step}" in shown
    assert f"from step {segments[-1].step}: lr=" in shown
    said = danlu(
        "run", f"{here.script}:train", "--minimize", "loss", "--steps", 6, "--space", "lr=1e-4..1.0 log",
        "--strategy", "best.json", "--setting", "repeats=2", "--folder", "runs/again", "--quiet",
    )  # fmt: skip
    assert said.status == 0, said.err
    with open_study("runs/again") as again:
        assert again.history.count("complete") == 2
        assert again.schedule() == segments


def test_a_schedule_is_json_and_of_a_trial_that_there_is(here, make_study, danlu):
    make_study("runs/mine").close()
    assert "must end in .json" in danlu("export", "mine", "best.csv", "--what", "schedule").err
    assert "no trial 9" in danlu("export", "mine", "best.json", "--what", "schedule", "--trial", 9).err
    assert danlu("export", "mine", "best.json", "--what", "schedule").status == 0


def test_a_file_that_holds_no_strategy_is_refused(here, danlu):
    (here.folder / "other.json").write_text("[1]")
    words = ("run", f"{here.script}:train", "--minimize", "val_loss", "--quiet")
    assert "holds no strategy" in danlu(*words, "--strategy", "other.json").err
    assert "can't read the strategy" in danlu(*words, "--strategy", "none.json").err
