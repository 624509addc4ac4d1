import numpy as np
import pytest

from danlu import Float, Space, Study
from danlu.strategies.believed import draw_believed

SPACE = Space({"x": Float(0.0, 1.0, likely=(0.8, 0.9)), "y": Float(0.0, 1.0)})


def test_draws_follow_the_belief_where_there_is_one_and_are_uniform_elsewhere():
    rng = np.random.default_rng(0)
    draws = np.array([list(draw_believed(SPACE, rng).values()) for _ in range(400)])
    assert 0.6 < np.mean((draws[:, 0] > 0.8) & (draws[:, 0] < 0.9)) < 0.76
    assert abs(draws[:, 1].mean() - 0.5) < 0.05


def test_draws_keep_to_constraints_also_where_these_exclude_what_is_likely():
    rng = np.random.default_rng(0)
    half = SPACE.with_where(["x <= 0.85"])
    assert all(half.allows(draw_believed(half, rng)) for _ in range(50))
    none = SPACE.with_where(["x <= 0.1"])
    assert all(draw_believed(none, rng)["x"] <= 0.1 for _ in range(20))


@pytest.mark.parametrize(
    ("strategy", "trials"),
    [("random", 60), ({"use": "tpe", "start": 60}, 60), ({"use": "nsga2", "population": 60}, 60)],
)
def test_half_of_what_is_drawn_at_random_is_drawn_from_the_belief(strategy, trials):
    study = Study(SPACE, minimize="loss", strategy=strategy)
    for _ in range(trials):
        study.tell(study.ask(), loss=1.0)
    likely = [0.75 < trial.config["x"] < 0.95 for trial in study.trials]
    assert sum(likely[1::2]) > 0.85 * trials / 2
    assert sum(likely[::2]) < 0.35 * trials / 2


@pytest.mark.parametrize("strategy", ["sobol", "grid"])
def test_what_is_there_to_cover_the_space_covers_it(strategy):
    def configs(space):
        study = Study(space, minimize="loss", strategy=strategy)
        return [study.ask().config for _ in range(20)]

    assert configs(SPACE) == configs(SPACE.with_beliefs({}))
