import numpy as np

from danlu.space import Float, Space
from danlu.strategies.gp import hyperparameters
from danlu.strategies.gp.hyperparameters import theta_of
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.layout import layout_of

KERNEL = kernel_of(layout_of(Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)})))
RNG = np.random.default_rng(0)
X = RNG.random((120, 2))
LOSSES = (X[:, 0] - 0.3) ** 2 + 0.1 * X[:, 1]


def test_losing_the_memo_changes_nothing():
    for n in (2, 3, 17, 40, 41, 80, 120):
        for turn in (0, 1):
            first = theta_of(KERNEL, X[:n], LOSSES[:n], turn)
            hyperparameters._MEMO.clear()
            assert np.array_equal(theta_of(KERNEL, X[:n], LOSSES[:n], turn), first)


def test_it_is_the_same_whichever_sizes_were_asked_before():
    hyperparameters._MEMO.clear()
    at_once = theta_of(KERNEL, X, LOSSES, 0)
    hyperparameters._MEMO.clear()
    for n in range(2, 121):
        step_by_step = theta_of(KERNEL, X[:n], LOSSES[:n], 0)
    assert np.array_equal(at_once, step_by_step)


def test_the_chain_behind_a_fit_is_short(monkeypatch):
    hyperparameters._MEMO.clear()
    fits = []
    monkeypatch.setattr(hyperparameters, "fit", lambda *args, **kw: fits.append(1) or np.zeros(len(KERNEL.mean)))
    theta_of(KERNEL, X, LOSSES, 0)
    assert len(fits) <= 8
    hyperparameters._MEMO.clear()


def test_other_trials_have_another_theta():
    assert not np.array_equal(theta_of(KERNEL, X[:30], LOSSES[:30], 0), theta_of(KERNEL, X[:30], -LOSSES[:30], 0))
