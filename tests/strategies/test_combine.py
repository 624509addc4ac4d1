import pytest

from danlu.errors import StrategyError
from danlu.space import Float, Space
from danlu.strategies.combine import Mixture, Sequence
from danlu.strategies.grid import Grid
from danlu.strategies.manual import Manual
from danlu.strategies.quasirandom import Sobol
from danlu.strategies.random import Random
from danlu.study import Study
from danlu.testing.strategies import SMALL, StrategyKit

LINE = Space({"x": Float(0.0, 1.0)})


class TestSequence(StrategyKit):
    def make(self):
        return Sequence((Sobol(), Random()), trials=(3,))


class TestMixture(StrategyKit):
    def make(self):
        return Mixture((Sobol(), Random()), weights=(1.0, 3.0))


def origins(strategy, count, space=LINE):
    study = Study(space, minimize="loss", strategy=strategy)
    return [trial.origin if trial else None for trial in (study.ask() for _ in range(count))]


def test_a_sequence_changes_after_the_given_numbers_of_trials():
    strategy = Sequence((Sobol(), Grid(levels=9), Random()), trials=(2, 3))
    assert origins(strategy, 7) == ["sobol"] * 2 + ["grid"] * 3 + ["random"] * 2


def test_configs_of_a_warm_start_count_for_no_part():
    old = Study(LINE, minimize="loss", strategy="random")
    for _ in range(5):
        old.tell(trial := old.ask(), loss=trial.config["x"])
    study = Study(LINE, minimize="loss", strategy=Sequence((Sobol(), Random()), trials=(2,)), warm_start=old)
    words = [study.ask().origin.split(":")[0] for _ in range(6)]
    assert words == ["warm start"] * 3 + ["sobol"] * 2 + ["random"]


def test_a_part_that_is_exhausted_gives_way_to_the_next():
    strategy = Sequence((Grid(levels=2), Random()), trials=(5,))
    assert origins(strategy, 4) == ["grid", "grid", "random", "random"]


def test_queued_trials_do_not_count_for_a_sequence():
    study = Study(LINE, minimize="loss", strategy=Sequence((Sobol(), Random()), trials=(2,)))
    study.queue({"x": 0.5})
    assert [study.ask().origin for _ in range(4)] == ["queued", "sobol", "sobol", "random"]


def test_a_mixture_keeps_its_weights():
    drawn = origins(Mixture((Sobol(), Random()), weights=(1.0, 3.0)), 400)
    assert 70 < drawn.count("sobol") < 130  # 100 expected, standard deviation 9


def test_a_mixture_goes_on_with_what_is_not_exhausted():
    drawn = origins(Mixture((Grid(levels=2), Random())), 12)
    assert drawn.count("grid") == 2
    assert drawn.count("random") == 10


def test_a_mixture_of_exhausted_parts_is_exhausted():
    assert origins(Mixture((Grid(levels=2), Manual())), 3)[2] is None


@pytest.mark.parametrize(
    "strategy",
    [
        Sequence((Sobol(), Random())),
        Sequence((Sobol(), Random()), trials=(0,)),
        Sequence(()),
        Mixture(()),
        Mixture((Random(),), weights=(1.0, 2.0)),
        Mixture((Random(), Sobol()), weights=(1.0, -1.0)),
        Mixture(("random", "sobol")),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_runs(strategy):
    with pytest.raises(StrategyError):
        Study(SMALL, minimize="loss", strategy=strategy)
