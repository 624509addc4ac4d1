import json

import pytest

from danlu import Choice, Space
from danlu.cli.show import sparkline


def test_a_study_shows_the_best_against_the_default_and_a_ranking(here, make_study, danlu):
    make_study("runs/mine").close()
    said = danlu("show", "mine")
    assert said.status == 0
    assert "minimize loss" in said.out
    assert "the best is 50.0% lower than the default" in said.out
    ranking = [line.split()[0] for line in said.out.splitlines() if line[:1].isdigit() and "complete" not in line]
    assert ranking[:5] == ["5", "4", "2", "1", "0"]
    assert "1 failed, told: the data are gone (trial 3)" in said.out


def lucky(folder, make_study):
    """A study in which the lowest loss was luck: the same config came out far worse twice."""
    study = make_study(folder, trials=0)
    for loss in (0.5, 0.4, 0.1, 0.6, 0.45, 0.55):
        study.tell(study.ask(), loss=loss)
    for _ in range(2):
        study.queue(study.best.config)
        study.tell(study.ask(), loss=2.0)
    return study


def test_where_training_is_noisy_another_config_than_the_luckiest_is_recommended(here, make_study, danlu):
    with lucky("runs/mine", make_study) as study:
        assert study.best.number == 2
        number = study.recommended.number
    assert number != 2
    said = danlu("show", "mine").out
    assert f"trial {number}" in next(line for line in said.splitlines() if line.startswith("recommended"))
    assert "training is noisy" in said
    facts = json.loads(danlu("show", "mine", "--json").out)
    assert facts["best"]["number"] == 2
    assert facts["recommended"]["number"] == number


def test_without_noise_nothing_else_than_the_best_is_shown(here, make_study, danlu):
    make_study("runs/mine").close()
    assert "recommended" not in danlu("show", "mine").out
    facts = json.loads(danlu("show", "mine", "--json").out)
    assert facts["recommended"] == facts["best"]


def test_a_trial_shows_config_curve_files_and_log(here, make_study, danlu):
    with make_study("runs/mine") as study:
        trial = study.ask()
        trial.attach("notes.txt", "hello")
        (here.folder / "runs/mine/trials/0006/log.txt").write_text("\n".join(f"line {k}" for k in range(40)))
    said = danlu("show", "mine", 6)
    assert "trial 6" in said.out
    assert "running" in said.out
    assert "notes.txt" in said.out
    assert "line 39" in said.out
    assert "line 3\n" not in said.out
    failed = danlu("show", "mine", 3).out
    assert "the data are gone" in failed
    assert "steps 1 to 2" in failed


def test_an_empty_study_can_be_shown(here, make_study, danlu):
    make_study("runs/empty", trials=0).close()
    said = danlu("show", "empty")
    assert said.status == 0
    assert "no trial yet" in said.out


def test_a_study_of_several_objectives_shows_its_front(here, make_study, danlu):
    with make_study("runs/many", trials=0, minimize=["loss", "size"]) as study:
        for loss, size in ((0.5, 1.0), (0.4, 2.0), (0.6, 3.0)):
            study.tell(study.ask(), loss=loss, size=size)
    said = danlu("show", "many")
    assert said.status == 0
    assert json.loads(danlu("show", "many", "--json").out)["front"] == [0, 1]


def test_json_of_a_trial_holds_its_curve(here, make_study, danlu):
    make_study("runs/mine").close()
    facts = json.loads(danlu("show", "mine", 1, "--json").out)
    assert facts["curve"] == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 2.0}]


def test_a_trial_that_does_not_exist_is_named(here, make_study, danlu):
    make_study("runs/mine").close()
    said = danlu("show", "mine", 17)
    assert said.status == 2
    assert "no trial 17: this study has 6 trials" in said.err


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], ""),
        ([0.0, 1.0], "▁█"),
        ([3.0, 3.0], "▁▁"),
        ([0.0, float("nan"), 1.0], "▁█"),
        ([1, 0.5, 0], "█▅▁"),
    ],
)
def test_a_curve_in_one_line(values, line):
    assert sparkline(values) == line


def test_a_long_curve_is_thinned():
    line = sparkline([float(k) for k in range(1000)])
    assert len(line) == 60
    assert line[0] == "▁"
    assert line[-1] == "█"


def test_a_best_outside_of_a_changed_space_is_said_to_be_there(here, make_study, danlu):
    with make_study("runs/mine") as study:
        others = [t.config["depth"] for t in study.trials if t.config["depth"] != study.best.config["depth"]]
        study.change(Space({**study.space.members, "depth": Choice(*sorted(set(others)))}))
        best = study.best.number
    shown = danlu("show", "mine").out
    assert f"the best, trial {best}, lies outside of the space as it is now" in shown
    assert "note: the space was changed: depth" in shown
