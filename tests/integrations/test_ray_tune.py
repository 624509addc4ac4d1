"""Danlu inside a real Ray Tune."""

import json
import os
import pickle

import numpy as np
import pytest

ray = pytest.importorskip("ray")
tune = pytest.importorskip("ray.tune")

from ray.tune.search import ConcurrencyLimiter  # noqa: E402

from danlu import Choice, Float, Int, Space, open_study  # noqa: E402
from danlu.core.trial import Decision, Status  # noqa: E402
from danlu.errors import SpaceError, StudyError  # noqa: E402
from danlu.integrations.ray_domains import translated  # noqa: E402
from danlu.integrations.ray_tune import DanluScheduler, DanluSearch  # noqa: E402

pytestmark = pytest.mark.xdist_group("ray")

DOMAINS = {"lr": tune.loguniform(1e-4, 1e-1), "model": {"layers": tune.randint(1, 5)}, "epochs": 3}


class TestTranslation:
    @pytest.mark.parametrize(
        ("domain", "dimension"),
        [
            (tune.uniform(-1, 2), Float(-1.0, 2.0)),
            (tune.loguniform(1e-5, 1e-1), Float(1e-5, 1e-1, log=True)),
            (tune.quniform(0.1, 1, 0.1), Float(0.1, 1.0, step=0.1)),
            (tune.qloguniform(0.5, 8, 0.5), Float(0.5, 8.0, log=True, step=0.5)),
            (tune.randint(1, 9), Int(1, 8)),
            (tune.lograndint(1, 1024), Int(1, 1023, log=True)),
            (tune.qrandint(10, 64, 16), Int(16, 64, step=16)),
            (tune.qlograndint(8, 64, 8), Int(8, 64, log=True, step=8)),
            (tune.choice(["adam", "sgd"]), Choice("adam", "sgd")),
            (tune.choice([16, 32]), Choice(16, 32)),
        ],
    )
    def test_every_domain_becomes_the_dimension_with_the_same_values(self, domain, dimension):
        assert translated({"x": domain}).space["x"] == dimension

    @pytest.mark.parametrize("domain", [tune.quniform(0.1, 1, 0.1), tune.randint(1, 9), tune.qrandint(10, 64, 16)])
    def test_what_tune_would_draw_is_in_the_space(self, domain):
        dimension = translated({"x": domain}).space["x"]
        assert all(dimension.contains(value) for value in np.round(domain.sample(size=100), 9).tolist())

    @pytest.mark.parametrize(
        ("domains", "message"),
        [
            ({"a": {"x": tune.grid_search([1, 2])}}, r"a\.x: grid_search can't be part"),
            ({"x": tune.randn(0, 1)}, "x: .*Normal has no ends"),
            ({"x": tune.sample_from(lambda spec: 1)}, "x: tune.Function"),
            ({"x": [tune.uniform(0, 1)]}, "Put it into a dictionary"),
        ],
    )
    def test_what_can_not_be_searched_is_refused_with_what_to_do(self, domains, message):
        with pytest.raises(SpaceError, match=message):
            translated(domains)

    def test_options_that_are_no_plain_values_come_back_as_they_were(self):
        sizes = [None, [64, 64], [64, 64], print]
        translation = translated({"net": {"sizes": tune.choice(sizes)}})
        labels = translation.space["net.sizes"].options
        assert labels == ("None", "[64, 64]", "[64, 64] (2)", "print")
        back = [translation.to_tune({"net.sizes": label})["net"]["sizes"] for label in labels]
        assert all(one is other for one, other in zip(back, sizes, strict=True))
        assert translation.from_tune({"net": {"sizes": None}}) == {"net.sizes": "None"}
        assert translation.from_tune({"net/sizes": [64, 64], "other": 1}) == {"net.sizes": "[64, 64]"}

    def test_branches_of_a_danlu_space_come_as_nested_dictionaries(self):
        space = Space({"optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": Space({})})})
        config = space.config({"optimizer": "sgd", "optimizer.sgd.momentum": 0.5})
        assert "optimizer" in translated(space).to_tune({"optimizer": config["optimizer"]})


def searched(**settings):
    search = DanluSearch(DOMAINS, "loss", "min", strategy="tpe", **settings)
    assert search.set_search_properties(None, None, {})
    return search


def run_by_hand(search, ids, results=(1,)):
    for trial_id in ids:
        search.suggest(trial_id)
        for step in results:
            search.on_trial_result(trial_id, {"loss": 1.0 / step + ord(trial_id[0]) / 100, "training_iteration": step})
        search.on_trial_complete(trial_id, {"loss": 0.5 + ord(trial_id[0]) / 100, "training_iteration": results[-1]})


class TestSearch:
    def test_what_a_saved_search_suggests_after_a_restore_is_what_it_would_have_suggested(self, tmp_path):
        search = searched()
        run_by_hand(search, "abcdefgh")
        search.suggest("running")
        search.save(str(tmp_path / "state.jsonl"))
        other = searched()
        other.restore(str(tmp_path / "state.jsonl"))
        assert [json.loads(line)["position"] for line in (tmp_path / "state.jsonl").read_text().splitlines()]
        assert other.suggest("next") == search.suggest("next")
        other.on_trial_complete("running", {"loss": 3.0, "training_iteration": 1})
        assert other.study.trials[8].value == 3.0

    def test_a_search_that_tune_pickles_goes_on_the_same(self):
        search = searched()
        run_by_hand(search, "abcdefgh")
        other = pickle.loads(pickle.dumps(search))
        assert other.suggest("next") == search.suggest("next")

    def test_trials_that_a_restored_experiment_knows_nothing_of_have_failed(self, tmp_path):
        search = searched(folder=tmp_path / "study")
        run_by_hand(search, "ab")
        search.suggest("running")
        search.save(str(tmp_path / "state.jsonl"))
        search.suggest("later")
        search.study.close()
        other = searched(folder=tmp_path / "study")
        other.restore(str(tmp_path / "state.jsonl"))
        assert [trial.status for trial in other.study.trials] == ["complete", "complete", "running", "failed"]

    def test_a_folder_with_another_study_is_refused(self, tmp_path):
        searched(seed=1, folder=tmp_path / "study").suggest("a")
        other = searched()
        other.suggest("a")
        other.save(str(tmp_path / "state.jsonl"))
        with pytest.raises(StudyError, match="not the one that was saved"):
            searched(seed=1, folder=tmp_path / "study").restore(str(tmp_path / "state.jsonl"))

    def test_points_to_evaluate_come_first(self):
        search = searched(points_to_evaluate=[{"lr": 0.01, "model": {"layers": 2}}, {"lr": 0.02, "model/layers": 3}])
        assert search.suggest("a") == {"lr": 0.01, "model": {"layers": 2}}
        assert search.suggest("b") == {"lr": 0.02, "model": {"layers": 3}}

    def test_failures_and_results_that_are_no_numbers_are_failed_trials(self):
        search = searched()
        for trial_id in "abcd":
            search.suggest(trial_id)
        search.on_trial_complete("a", error=True)
        search.on_trial_complete("b", {"loss": float("nan"), "training_iteration": 1})
        search.on_trial_complete("c", {"other": 1.0})
        search.on_trial_complete("d")
        search.on_trial_complete("stranger", {"loss": 1.0})
        assert [trial.status for trial in search.study.trials] == [Status.FAILED] * 4

    def test_results_that_tune_tells_twice_count_once(self):
        search = searched()
        search.suggest("a")
        for step in (1, 2, 2, 1, 3):
            search.on_trial_result("a", {"loss": 1.0 / step, "training_iteration": step, "pid": 7, "time_total_s": 1.0})
        [trial] = search.study.trials
        assert trial.curve.steps.tolist() == [1, 2, 3]
        assert tuple(trial.curve.metrics) == ("loss",)

    def test_a_search_that_is_used_up_says_so(self):
        search = DanluSearch({"x": tune.choice([1, 2])}, "loss", "max", strategy="grid")
        assert [search.suggest("a"), search.suggest("b")] != [None, None]
        assert search.suggest("c") == DanluSearch.FINISHED

    def test_points_that_were_evaluated_elsewhere_are_learned_from(self):
        search = searched()
        search.add_evaluated_point({"lr": 0.01, "model": {"layers": 2}}, 0.25)
        search.add_evaluated_point({"lr": 0.01, "model": {"layers": 2}}, 0.1, error=True)
        assert [trial.value for trial in search.study.trials] == [0.25]

    def test_the_scheduler_stops_what_the_strategy_stops(self):
        search = DanluSearch(DOMAINS, "loss", "min", strategy={"use": "median", "inner": {"use": "random"}}, steps=9)
        scheduler = DanluScheduler(search)
        run_by_hand(search, "abcde", results=(1, 2, 3))
        search.suggest("z")

        class Bad:
            trial_id = "z"

        said = [scheduler.on_trial_result(None, Bad, {"loss": 9.0, "training_iteration": step}) for step in (1, 2, 3)]
        assert "STOP" in said
        assert search.study.trials[-1].status is Status.STOPPED
        assert search.report("z", {"loss": 9.0, "training_iteration": 4}) is Decision.STOP
        search.on_trial_complete("z", {"loss": 9.0, "training_iteration": 3})
        assert search.study.trials[-1].status is Status.STOPPED

    def test_without_a_metric_it_says_what_is_missing(self):
        with pytest.raises(StudyError, match="a space, a metric and a mode"):
            DanluSearch(DOMAINS).suggest("a")


@pytest.fixture
def quiet(ray_cluster, monkeypatch):
    monkeypatch.setenv("RAY_AIR_NEW_OUTPUT", "0")
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")


def train(config):
    for step in range(1, config["epochs"] + 1):
        tune.report({"loss": config["lr"] + config["model"]["layers"] / step})


@pytest.mark.usefixtures("quiet")
def test_an_experiment_of_two_trials_at_a_time_is_a_study(tmp_path):
    search = DanluSearch(strategy="tpe", folder=tmp_path / "study", steps=3)
    tuner = tune.Tuner(
        train,
        param_space=DOMAINS,
        tune_config=tune.TuneConfig(
            metric="loss", mode="min", num_samples=6, search_alg=ConcurrencyLimiter(search, max_concurrent=2),
            scheduler=DanluScheduler(search), reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(tmp_path / "tune"), name="it", verbose=0),
    )  # fmt: skip
    results = tuner.fit()
    with open_study(tmp_path / "study") as study:
        assert [trial.status for trial in study.trials] == [Status.COMPLETE] * 6
        assert study.best.value == results.get_best_result().metrics["loss"]
        assert {trial.config["model.layers"] for trial in study.trials} <= {1, 2, 3, 4}
        assert [trial.curve.steps.tolist() for trial in study.trials] == [[1, 2, 3]] * 6
        assert study.verify() == []
    [saved] = [name for name in os.listdir(tmp_path / "tune/it") if name.startswith("searcher-state")]
    assert json.loads((tmp_path / "tune/it" / saved).read_text().splitlines()[0])["position"] == 1


class CutOff(tune.Callback):
    """Ends an experiment the hard way after some trials, once."""

    def __init__(self, marker, after):
        self.marker, self.after = marker, after

    def on_step_end(self, iteration, trials, **info):
        if not self.marker.exists() and sum(trial.is_finished() for trial in trials) == self.after:
            self.marker.touch()
            raise RuntimeError("cut off")


@pytest.mark.usefixtures("quiet")
def test_an_experiment_that_was_cut_off_goes_on_with_what_it_knew(tmp_path):
    search = DanluSearch(strategy="tpe", folder=tmp_path / "study")
    tuner = tune.Tuner(
        train,
        param_space=DOMAINS,
        tune_config=tune.TuneConfig(
            metric="loss", mode="min", num_samples=4, search_alg=search, max_concurrent_trials=1, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path / "tune"), name="it", verbose=0, callbacks=[CutOff(tmp_path / "marker", 2)]
        ),
    )
    with pytest.raises(Exception, match="cut off"):
        tuner.fit()
    restored = tune.Tuner.restore(str(tmp_path / "tune/it"), trainable=train, param_space=DOMAINS)
    results = restored.fit()
    assert len(results) == 4
    assert not results.errors
    with open_study(tmp_path / "study") as study:
        # two were known when it was cut off; of these, Tune may remember one only, and then trains another
        known = [trial for trial in search.study.trials if trial.is_finished]
        assert len(known) == 2
        assert [trial.config for trial in study.trials[:2]] == [trial.config for trial in known]
        complete = [trial for trial in study.trials if trial.status is Status.COMPLETE]
        assert len(complete) in (4, 5)
        assert len(study.history.live) == 0
        assert study.verify() == []
