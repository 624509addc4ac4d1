import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Annotated

import pytest

from danlu import (
    Choice,
    Decision,
    Float,
    Int,
    Objective,
    Plateau,
    Resources,
    Space,
    Status,
    Study,
    Target,
    Trial,
    open_study,
    tune,
)
from danlu.errors import DanluError, SpaceError, StrategyError, StudyError
from danlu.records.definition import read_definition
from danlu.strategies.gp.gp import GP


def train(
    trial: Trial,
    lr: Annotated[float, Float(1e-4, 1e-1, log=True)] = 1e-2,
    depth: Annotated[int, Int(1, 4)] = 2,
    activation: Annotated[str, Choice("relu", "gelu")] = "relu",
):
    for epoch in trial.steps(3):
        trial.report(epoch, loss=abs(lr - 0.03) + depth / epoch)


def test_a_function_is_tuned_by_its_annotations():
    study = tune(train, minimize="loss", trials=8, strategy="random", progress=False)
    assert len(study.trials) == 8
    assert study.trials[0].config == {"lr": 1e-2, "depth": 2, "activation": "relu"}
    assert study.best.value == min(trial.value for trial in study.trials)


def test_workers_give_the_same_study_as_none(tmp_path):
    alone = tune(train, minimize="loss", trials=6, strategy="random", progress=False)
    several = tune(train, minimize="loss", trials=6, strategy="random", workers=2, folder=tmp_path, progress=False)
    assert [t.config for t in alone.trials] == [t.config for t in several.trials]
    assert [t.value for t in alone.trials] == [t.value for t in several.trials]


def test_trials_count_over_all_restarts(tmp_path):
    for count, expected in ((3, 3), (5, 5), (5, 5)):
        study = tune(train, minimize="loss", trials=count, strategy="random", folder=tmp_path, progress=False)
        assert len(study.trials) == expected
        study.close()
    assert len(open_study(tmp_path).trials) == 5


def test_time_limits_a_call():
    study = tune(train, minimize="loss", time=0.3, strategy="random", progress=False)
    assert len(study.trials) >= 2


def test_a_grid_ends_when_it_is_exhausted():
    study = tune(train, minimize="loss", trials=1000, strategy={"use": "grid", "levels": 2}, progress=False)
    assert len(study.trials) == 1 + 2 * 2 * 2  # and the default, which is no cell


def test_a_dataclass_may_hold_the_config():
    @dataclass
    class Net:
        width: Annotated[int, Int(8, 64, log=True)] = 16

    @dataclass
    class Config:
        net: Net
        lr: Annotated[float, Float(1e-4, 1e-1, log=True)] = 1e-2

    def train(trial, config: Config):
        assert isinstance(config.net, Net)
        return config.lr * config.net.width

    study = tune(train, minimize="loss", trials=3, strategy="random", progress=False)
    assert set(study.best.config) == {"net.width", "lr"}


def test_a_space_may_be_given_beside_a_plain_function():
    space = Space({"x": Float(0.0, 1.0)})
    by_config = tune(lambda trial, config: config["x"], space=space, minimize="y", trials=3, progress=False)
    by_trial = tune(lambda trial: trial.config["x"], space=space, minimize="y", trials=3, progress=False)
    assert [t.value for t in by_config.trials] == [t.value for t in by_trial.trials]


def test_a_timeout_kills_a_trial_that_hangs(tmp_path):
    def hangs(trial: Trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):
        import time

        time.sleep(60 if trial.number == 0 else 0)
        return x

    study = tune(hangs, minimize="loss", trials=2, timeout=2, folder=tmp_path, progress=False)
    assert [t.status for t in study.trials] == [Status.FAILED, Status.COMPLETE]


def test_the_objective_may_be_the_best_of_the_curve():
    study = tune(train, maximize=Objective("loss", "maximize", at="best"), trials=1, progress=False)
    assert study.best.value == study.best.curve["loss"].max()


def test_no_trials_at_all_are_refused():
    with pytest.raises(StudyError, match="at least 1"):
        tune(train, minimize="loss", trials=0)


@pytest.mark.parametrize("name", ["steps", "total_steps"])
def test_nor_are_trainings_without_a_step(name):
    with pytest.raises(StudyError, match=f"{name} must be at least 1, got 0"):
        tune(train, minimize="loss", **{name: 0})


def test_the_steps_of_all_trials_together_may_be_what_is_short(tmp_path):
    told = {"minimize": "loss", "strategy": "random", "folder": tmp_path, "progress": False}
    assert len(tune(train, total_steps=7, **told).trials) == 3  # the last one is trained to its end
    study = tune(train, total_steps=12, **told)  # of which nine are done
    assert (len(study.trials), study.history.steps_done) == (4, 12)
    assert len(tune(train, total_steps=100, trials=5, **told).trials) == 5  # whatever comes first


def test_where_a_training_has_steps_auto_spends_them_on_what_is_worth_it():
    def saving(trial, x: Annotated[float, Float(0.0, 1.0)], y: Annotated[float, Float(0.0, 1.0)]):
        trial.load()
        for epoch in trial.steps(27):
            trial.report(epoch, loss=(x - 0.3) ** 2 + (y - 0.6) ** 2 + 1 / epoch)
            trial.save(epoch)

    study = tune(saving, minimize="loss", steps=27, total_steps=270, progress=False)
    assert 270 <= study.history.steps_done < 270 + 27
    assert study.history.count("paused") > 0
    assert len(study.trials) > 12  # for the price of ten
    assert study.best.value < 1 / 27 + 0.01
    assert study.verify() == []


@pytest.mark.parametrize(
    "terms",
    [{"resources": Resources(memory=4)}, {"silence": 30}, {"timeout": 30}, {"resources": Resources(nice=1)}],
)
def test_a_limit_takes_a_trial_into_a_process_of_its_own(terms):
    def train(trial):
        return float(os.getpid())

    study = tune(train, space=Space({"x": Float(0.0, 1.0)}), minimize="pid", trials=1, progress=False, **terms)
    assert study.best.value != os.getpid()


def test_a_script_without_a_main_guard_runs_with_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from typing import Annotated\n"
        "from danlu import Float, tune\n"
        "SCALE = 2.0\n"
        "def train(trial, x: Annotated[float, Float(0.0, 1.0)] = 0.5):\n"
        "    return SCALE * x\n"
        f"study = tune(train, minimize='loss', trials=4, workers=2, folder={str(tmp_path / 'study')!r})\n"
        "print([t.value == 2 * t.config['x'] for t in study.trials])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout.strip() == "[True, True, True, True]", done.stderr
    assert "best loss" in done.stderr


def test_importing_danlu_loads_nothing_heavy():
    script = (
        "import sys, danlu\n"
        "from danlu import Study, tune\n"
        "heavy = {'torch', 'altair', 'matplotlib', 'scipy', 'PIL', 'pandas', 'pyarrow', 'typer'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "[]"


def test_configs_that_violate_a_constraint_are_never_tried(tmp_path):
    where = ["depth * lr <= 0.1", "activation != 'gelu' or depth > 1"]
    study = tune(train, minimize="loss", where=where, trials=12, strategy="random", folder=tmp_path, progress=False)
    for trial in study.trials:
        assert trial.config["depth"] * trial.config["lr"] <= 0.1
        assert trial.config["activation"] != "gelu" or trial.config["depth"] > 1
    study.close()
    assert open_study(tmp_path).space.where == tuple(where)


def test_a_constraint_that_the_defaults_violate_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(SpaceError, match=r"the default config violates 'depth \* lr <= 0.01': depth = 2, lr = 0.01"):
        tune(train, minimize="loss", where="depth * lr <= 0.01", folder=tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()


def test_a_function_with_other_parameters_goes_on_with_the_trials_there_are(tmp_path):
    def wider(
        trial: Trial,
        lr: Annotated[float, Float(1e-5, 1.0, log=True)] = 1e-2,
        depth: Annotated[int, Int(1, 4)] = 2,
        activation: Annotated[str, Choice("gelu", "swish")] = "gelu",
        decay: Annotated[float, Float(0.0, 0.1)] = 0.0,
    ):
        return abs(lr - 0.03) + depth + decay

    settings = {"minimize": "loss", "strategy": "random", "folder": tmp_path, "progress": False}
    tune(train, trials=4, **settings).close()
    with pytest.raises(StudyError, match=r"has another space; in yours: lr widened .* change=True, or --change"):
        tune(wider, trials=8, **settings)
    study = tune(wider, trials=8, change=True, **settings)
    assert len(study.trials) == 8
    assert {trial.config["decay"] for trial in study.trials[:4]} == {0.0}
    assert all(study.space.contains(trial.config) for trial in study.trials[4:])
    assert study.verify() == []
    study.close()
    assert len(tune(wider, trials=9, **settings).trials) == 9


def test_a_trial_that_was_interrupted_before_the_change_runs_on_in_the_new_space(tmp_path):
    settings = {"minimize": "loss", "strategy": "random", "folder": tmp_path}
    space = Space({"x": Float(0.0, 1.0)})
    with Study(space, **settings) as study:
        started = study.ask()  # and nobody tells how it ended
    seen = []
    wider = Space({"x": Float(0.0, 2.0), "decay": Float(0.0, 1.0, default=0.5)})
    tuned = tune(lambda trial, config: seen.append(config) or 1.0, space=wider, trials=2, change=True, progress=False,
                 **settings)  # fmt: skip
    assert seen[0] == {**started.config, "decay": 0.5}
    assert [trial.status for trial in tuned.trials] == [Status.COMPLETE] * 2


# time ----------------------------------------------------------------------------------------------------------------


def quick(x: Annotated[float, Float(0.0, 1.0)], y: Annotated[float, Float(0.0, 1.0)]):
    return x + y


def test_where_time_is_the_budget_the_strategy_is_told_and_the_journal_says_so(tmp_path):
    study = tune(quick, minimize="loss", time=0.2, folder=tmp_path, progress=False)
    assert study.history.strategy == {"use": "auto", "time": 0.2}
    assert read_definition(tmp_path / "study.toml").strategy == "auto"
    study.close()
    study = tune(quick, minimize="loss", time=0.2, folder=tmp_path, progress=False)
    assert 0.2 < study.history.strategy["time"] <= 0.4 + 0.1
    assert study.verify() == []
    study.close()
    study = tune(quick, minimize="loss", trials=1, folder=tmp_path, progress=False)
    assert study.history.strategy == {"use": "auto"}
    study.close()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"time": 0.01, "strategy": "gp"}, {"use": "gp", "time": 0.01}),
        ({"time": 0.01, "strategy": GP(time=99.0)}, {"use": "gp", "time": 99.0}),
        ({"time": 0.01, "strategy": "tpe"}, {"use": "tpe"}),
        ({"time": 10.0, "trials": 2}, {"use": "auto"}),
        ({"trials": 2}, {"use": "auto"}),
        ({"time": 0.0}, {"use": "auto"}),
        ({"time": 0.01, "lag": 2}, {"use": "inorder", "inner": {"use": "auto"}, "lag": 2}),
    ],
)
def test_what_the_strategy_is_told_of_the_time(settings, expected):
    assert tune(quick, minimize="loss", progress=False, **settings).history.strategy == expected


def resting(trial, lr: Annotated[float, Float(1e-4, 1e-1, log=True)]):
    for epoch in trial.steps(6):
        if trial.report(epoch, loss=abs(lr - 0.03) + 1 / epoch) is Decision.PAUSE:
            trial.save(epoch)


def test_a_population_has_no_order_to_keep():
    with pytest.raises(StrategyError, match="lag is for trials that end in their order, and those of pbt are resumed"):
        tune(resting, minimize="loss", strategy="pbt", steps=6, lag=4, progress=False)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_population_is_trained_once_to_the_end(tmp_path, workers):
    study = tune(resting, minimize="loss", strategy="pbt", steps=6, workers=workers, folder=tmp_path, progress=False)
    assert study.history.count("complete") == 8
    assert len(study.trials) > 8
    assert study.is_exhausted
    assert study.verify() == []
    study.close()


def test_trials_of_a_population_count_forks_and_all_go_to_the_end(tmp_path):
    with tune(resting, minimize="loss", strategy="pbt", steps=6, trials=9, folder=tmp_path, progress=False) as study:
        assert len(study.trials) == 9
        assert study.history.count("complete") == 8
        assert study.history.strategy["trials"] == 9
    with tune(resting, minimize="loss", strategy="pb2", steps=6, trials=5, progress=False) as study:
        assert study.history.count("complete") == len(study.trials) == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "workers must be a whole number from 1 on, or 'auto', got 0"),
        ({"workers": "many"}, "got 'many'"),
        ({"runner": "slrum"}, "no runner 'slrum'"),
        ({"runner": {"address": "auto"}}, "expected a runner's name, or a table with use"),
        (
            {"runner": {"use": "processes", "adress": "x"}},
            "'processes': .*'adress'.*It takes: workers, resources",
        ),
        ({"runner": "inline", "workers": 2}, "one trial at a time, got workers=2"),
        ({"workers": "auto", "lag": 2}, "workers='?auto"),
    ],
)
def test_a_runner_that_can_not_be_is_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(DanluError, match=message):
        tune(train, minimize="loss", trials=1, progress=False, folder=tmp_path / "study", **settings)
    assert not (tmp_path / "study").exists()


def on_a_device(trial, config):
    return {"loss": config["x"], "process": float(os.getpid())}


def test_one_worker_is_this_process_unless_there_is_a_device(monkeypatch):
    settings = {"space": {"x": Float(0.0, 1.0)}, "minimize": "loss", "trials": 2, "strategy": "random"}
    here = tune(on_a_device, progress=False, **settings)
    assert {trial.metrics["process"] for trial in here.trials} == {os.getpid()}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    there = tune(on_a_device, progress=False, **settings)
    assert len({trial.metrics["process"] for trial in there.trials} | {os.getpid()}) == 3
    assert all(trial.worker.endswith(" on cuda:0") for trial in there.trials)
    debugged = tune(on_a_device, progress=False, runner="inline", **settings)
    assert {trial.metrics["process"] for trial in debugged.trials} == {os.getpid()}


def test_a_runner_is_chosen_by_name_or_by_a_table():
    for runner in ("processes", {"use": "processes"}):
        study = tune(train, minimize="loss", trials=1, strategy="random", runner=runner, progress=False)
        assert study.trials[0].worker.startswith("process")


def test_as_many_workers_as_fit_give_the_same_study_in_order():
    one = tune(train, minimize="loss", trials=3, strategy="random", progress=False)
    all_that_fit = tune(train, minimize="loss", trials=3, strategy="random", workers="auto", progress=False)
    assert [t.config for t in all_that_fit.trials] == [t.config for t in one.trials]


def test_rules_compose_and_the_first_that_holds_ends_the_study(capsys):
    study = tune(train, minimize="loss", strategy="random", until=Target(-1.0) | Plateau(3, tolerance=1e6))
    assert len(study.trials) == 5 + 3
    assert "stopped: nothing better by more than 1e+06 in the last 3 trials" in capsys.readouterr().err


def test_trials_that_run_when_a_target_is_reached_are_let_end(tmp_path, capsys):
    def slow_but_good(trial: Trial, x: Annotated[float, Float(0.0, 1.0)]):
        while trial.number == 1 and not (tmp_path / "reached").exists():
            time.sleep(0.01)
        return {"loss": trial.number}

    class Reached(Target):
        def over(self, history):
            why = super().over(history)
            if why:
                (tmp_path / "reached").touch()  # only now may trial 1 go on
            return why

    study = tune(slow_but_good, minimize="loss", strategy="random", workers=2, until=Reached(0.0))
    assert [trial.status for trial in study.trials] == [Status.COMPLETE] * 2
    err = capsys.readouterr().err
    assert "trial 0 reached the target of loss 0; 1 running trial is let end" in err


def test_a_study_ends_with_its_budget_and_no_sooner(tmp_path):
    told = {"minimize": "loss", "strategy": "random", "folder": tmp_path, "progress": False, "price": 3600.0}
    study = tune(lambda trial, config: time.sleep(0.02) or 1.0, space={"x": Float(0.0, 1.0)}, budget=0.05, **told)
    *before, last = (trial.seconds for trial in study.trials)
    assert sum(before) < 0.05 <= sum(before) + last + 1e-9
    again = tune(lambda trial, config: 1.0, space={"x": Float(0.0, 1.0)}, budget=0.05, **told)
    assert len(again.trials) == len(study.trials), "what earlier runs have cost is spent"


@pytest.mark.parametrize(
    ("rules", "message"),
    [({"budget": 5}, "say what an hour of one trial costs"), ({"tolerance": 0.1}, "belongs to a plateau")],
)
def test_half_a_rule_is_refused(rules, message):
    with pytest.raises(StudyError, match=message):
        tune(train, minimize="loss", **rules)


def test_a_search_that_is_exhausted_says_so(capsys):
    tune(train, minimize="loss", strategy={"use": "grid", "levels": 2}, trials=100)
    assert "stopped: the strategy has nothing more to suggest" in capsys.readouterr().err
