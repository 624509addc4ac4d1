"""Workers that begin at the same moment: no config is paid for twice."""

import threading
import time

import pytest

from danlu import Study, tune
from danlu.testing.specimens import NAMES, specimen
from danlu.testing.strategies import SMALL

WORKERS, EACH = 8, 3


# a population has its size, and a schedule is told what to train
@pytest.mark.parametrize("name", sorted({*NAMES} - {"pb2", "pbt", "schedule"}))
def test_eight_askers_on_one_folder_try_24_different_configs_first(name, tmp_path):
    """Each has a study object and a connection of its own, as a process would."""
    strategy = "grid" if name == "grid" else specimen(name)  # two levels of it would be a smaller space
    Study(SMALL, minimize="loss", strategy=strategy, steps=9, folder=tmp_path).close()
    together = threading.Barrier(WORKERS)
    tried, errors = [], []

    def work():
        try:
            with Study.open(tmp_path) as study:
                together.wait(10)
                for _ in range(EACH):
                    deadline = time.monotonic() + 60
                    while (trial := study.ask()) is None and time.monotonic() < deadline:
                        time.sleep(0.01)  # sha waits for the slowest of a round
                    tried.append(trial.config)
                    study.tell(trial, loss=float(trial.config["width"]))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(tried) == len(set(tried)) == SMALL.size == 24
    with Study.open(tmp_path) as study:
        assert study.verify() == []
        assert study.ask() is None


def train(trial, config):
    time.sleep((trial.seed % 5) / 100)
    return float(config["width"])


@pytest.mark.parametrize("strategy", ["auto", "tpe"])
def test_eight_processes_try_24_different_configs_first(strategy):
    study = tune(train, space=SMALL, minimize="loss", trials=30, workers=WORKERS, strategy=strategy, progress=False)
    assert len({trial.config for trial in study.trials}) == len(study.trials) == 24
    assert {trial.status for trial in study.trials} == {"complete"}
