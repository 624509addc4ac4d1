import numpy as np
import pytest
from scipy import stats

from danlu import Choice, Float, Int, Space, Study
from danlu.core.explain import Explains
from danlu.strategies.auto import Auto
from danlu.strategies.evolution.cmaes import CMAES

SPACE = Space(
    {
        "x": Float(0.0, 2.0),
        "y": Float(1e-3, 1.0, log=True),
        "n": Int(1, 6),
        "m": Int(1, 5),
        "flag": Choice(True, False),
        "half": Float(0.0, 1.0, step=1.0),
        "opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": None, "lion": None}),
        "one": Int(3, 3),
    }
)


def study_of(trials, space=SPACE, strategy="cmaes"):
    """What is good lies along a diagonal, so that the distribution turns."""
    study = Study(space, minimize="loss", strategy=strategy, seed=1)
    for _ in range(trials):
        trial = study.ask()
        c = trial.config
        u = [space[name].encode(c[name]) for name in space.names if name in c]
        study.tell(
            trial, loss=(u[0] - 0.45) ** 2 + 30 * (u[0] - u[1]) ** 2 + 0.1 * (c.get("opt") == "adam") + sum(u[2:4]) / 9
        )
    return study


STUDY = study_of(90)
EXPLANATION = CMAES().explain(STUDY.history)


def drawn(explanation, count=5_000):
    rng = np.random.default_rng(0)
    return np.array([explanation.distribution.draw(rng) for _ in range(count)])


def test_cmaes_explains_itself_as_soon_as_a_trial_has_a_value():
    assert isinstance(CMAES(), Explains)
    study = Study(SPACE, minimize="loss", strategy="cmaes")
    study.fail(study.ask())
    assert CMAES().explain(study.history) is None
    study.tell(study.ask(), loss=1.0)
    assert CMAES().explain(study.history).generation == 1
    assert CMAES().explain(study_of(1, Space({"only": Int(1, 2), "one": Choice("a")})).history) is not None


def test_where_nothing_varies_there_is_nothing_to_tell():
    study = Study(Space({"one": Choice("a"), "n": Int(3, 3)}), minimize="loss", strategy="cmaes")
    study.tell(study.ask(), loss=1.0)
    assert CMAES().explain(study.history) is None


def test_it_tells_the_generation_of_the_next_suggestion():
    study = study_of(60)
    explanation = CMAES().explain(study.history)
    assert study.ask().origin == f"cmaes: generation {explanation.generation}"
    level = Study(SPACE, minimize="loss", strategy=CMAES(population=4))
    for _ in range(14):
        level.tell(level.ask(), loss=7.0)
    restarted = CMAES(population=4).explain(level.history)
    assert restarted.restarts == 1
    assert level.ask().origin == f"cmaes: generation {restarted.generation} after restart 1"


def test_the_mean_is_a_config_and_the_covariance_is_that_of_what_is_drawn():
    assert SPACE.contains(EXPLANATION.mean)
    assert EXPLANATION.numbers == ("x", "y", "opt.sgd.momentum", "n", "m")
    narrow = CMAES(sigma=0.02).explain(study_of(1).history)  # nothing is cut
    x = drawn(narrow)[:, narrow.distribution.variables.numbers[:2]]
    assert np.cov(x.T) == pytest.approx(narrow.covariance[:2, :2], rel=0.1, abs=2e-5)
    assert narrow.sigma == 0.02
    assert narrow.deviations["x"] == pytest.approx(0.02)


def test_the_covariance_learns_the_diagonal():
    S = EXPLANATION.covariance
    assert S[0, 1] / np.sqrt(S[0, 0] * S[1, 1]) > 0.3


def test_options_have_probabilities():
    options = EXPLANATION.options
    assert set(options) == {"flag", "half", "opt"}
    assert set(options["opt"]) == {"sgd", "adam", "lion"}
    assert all(sum(q.values()) == pytest.approx(1.0) for q in options.values())
    assert options["opt"]["adam"] < 1 / 3


@pytest.mark.parametrize("name", ["n", "m", "flag", "half", "opt"])
def test_levels_and_options_are_as_dense_as_they_are_drawn(name):
    grid = EXPLANATION.grid(name, levels=10)
    layout = EXPLANATION.distribution.variables.layout
    values = [layout.config(x)[name] for x in drawn(EXPLANATION, 2_000)]
    shares = [values.count(value) / len(values) for value in grid.axes[0]]
    assert grid.columns["density"] == pytest.approx(shares, abs=0.04)
    assert grid.columns["density"].sum() == pytest.approx(1.0)


def test_a_number_is_as_dense_as_its_normal_distribution():
    grid = EXPLANATION.grid("x", levels=9)
    m, s = EXPLANATION.distribution.mean[0], EXPLANATION.deviations["x"]
    assert grid.axes[0][-1] == 2.0
    assert grid.columns["density"] == pytest.approx(stats.norm.pdf(np.linspace(0, 1, 9), m, s))


def test_two_numbers_are_as_dense_as_their_joint_normal_distribution():
    grid = EXPLANATION.grid("x", "y", levels=7)
    joint = stats.multivariate_normal(EXPLANATION.distribution.mean[:2], EXPLANATION.covariance[:2, :2])
    u = np.linspace(0, 1, 7)
    assert grid.columns["density"] == pytest.approx(joint.pdf(np.stack(np.meshgrid(u, u, indexing="ij"), axis=-1)))


def test_two_numbers_in_levels_have_the_probabilities_of_their_cells():
    grid = EXPLANATION.grid("n", "m", levels=10)
    which = [3, 4]
    joint = stats.multivariate_normal(
        EXPLANATION.distribution.mean[which], EXPLANATION.covariance[np.ix_(which, which)]
    )
    low = np.array([-20.0, *((np.arange(1, 6) - 0.5) / 5)]), np.array([-20.0, *((np.arange(1, 5) - 0.5) / 4)])
    high = np.array([*low[0][1:], 20.0]), np.array([*low[1][1:], 20.0])
    expected = [
        [joint.cdf((b, d), lower_limit=(a, c)) for c, d in zip(low[1], high[1], strict=True)]
        for a, b in zip(low[0], high[0], strict=True)
    ]
    assert grid.columns["density"].shape == (6, 5)
    assert grid.columns["density"] == pytest.approx(np.array(expected), abs=1e-5)
    assert grid.columns["density"].sum() == pytest.approx(1.0)


def test_the_order_of_the_axes_does_not_matter():
    one, other = EXPLANATION.grid("x", "n", levels=8), EXPLANATION.grid("n", "x", levels=8)
    assert one.columns["density"] == pytest.approx(other.columns["density"].T, rel=1e-6, abs=1e-12)
    alone = EXPLANATION.grid("x", levels=8)
    assert one.columns["density"].sum(axis=1) == pytest.approx(alone.columns["density"])


def test_a_grid_may_go_through_a_branch():
    grid = EXPLANATION.grid("opt", "opt.sgd.momentum", levels=5)
    alone = EXPLANATION.grid("opt.sgd.momentum", levels=5)
    q = list(EXPLANATION.options["opt"].values())
    assert grid.columns["density"][0] == pytest.approx(q[0] * alone.columns["density"])
    assert grid.columns["density"][1] == pytest.approx(np.full(5, q[1]))


def test_what_cannot_vary_is_certain():
    assert EXPLANATION.grid("one").columns["density"] == pytest.approx([1.0])


def test_auto_passes_it_on_where_cmaes_is_next(monkeypatch):
    monkeypatch.setattr("danlu.strategies.auto._MANY", 4)
    study = study_of(6, Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}), strategy="auto")
    explanation = Auto().explain(study.history)
    assert type(explanation) is type(EXPLANATION)
    assert explanation.grid("x").columns["density"].min() > 0.0
