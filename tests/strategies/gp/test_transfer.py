import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu import Choice, Float, Space, Study
from danlu.core.earlier import Earlier
from danlu.strategies.gp import hyperparameters, transfer
from danlu.strategies.gp.kernel import kernel_of
from danlu.strategies.gp.recommendation import recommended
from danlu.strategies.gp.surrogate import condition, fit
from danlu.strategies.gp.transfer import left_out, lent, misranked, task, weights_of
from danlu.strategies.gp.view import VIEWS, clipped
from danlu.strategies.layout import layout_of

SPACE = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)})
KERNEL = kernel_of(layout_of(SPACE))
CLIPPED = VIEWS.index(clipped)


def wave(x):
    return np.sin(5 * x[:, 0]) + (x[:, 1] - 0.3) ** 2


def points(n, seed=0):
    return np.random.default_rng(seed).random((n, 2))


def earlier(losses_of, n=50, seed=9):
    x = points(n, seed)
    return Earlier("old", tuple(map(SPACE.decode, x)), x, losses_of(x))


def own(n, seed=0, losses_of=wave):
    x, z = points(n, seed), clipped(losses_of(points(n, seed)))
    return condition(KERNEL, fit(KERNEL, x, z, None), x, z, np.zeros(n)), x


def weights(*studies, n=12, seed=0):
    surrogate, x = own(n, seed)
    return weights_of(surrogate, [task(KERNEL, study) for study in studies], x)


def test_leaving_one_out_agrees_with_leaving_each_out_in_turn():
    surrogate, x = own(15)
    mean, deviation = left_out(surrogate)
    for i in range(15):
        rest = np.arange(15) != i
        without = condition(KERNEL, surrogate.theta, x[rest], surrogate.z[rest], np.zeros(14))
        mu, sigma = without.predict(x[i : i + 1])
        assert mean[i] == pytest.approx(mu[0], abs=1e-4)
        assert deviation[i] ** 2 == pytest.approx(sigma[0] ** 2 + surrogate.noise, rel=1e-2, abs=1e-5)


@given(st.integers(2, 8), st.integers(0, 1000))
def test_misranked_pairs_are_counted(n, seed):
    rng = np.random.default_rng(seed)
    drawn, against, z = rng.normal(size=(3, n)), rng.normal(size=(3, n)), rng.integers(0, 4, n).astype(float)
    slow = [
        sum((d[i] < a[j]) != (z[i] < z[j]) for i in range(n) for j in range(n))
        for d, a in zip(drawn, against, strict=True)
    ]
    assert misranked(drawn, against, z).tolist() == slow


def test_a_study_of_the_same_is_trusted_on_any_scale_and_its_opposite_is_not():
    assert weights(earlier(wave))[0] > 0.9
    assert weights(earlier(lambda x: 1e6 * np.exp(wave(x))))[0] > 0.9
    assert weights(earlier(lambda x: -wave(x))).tolist() == [0.0]
    assert weights(earlier(lambda x: np.random.default_rng(0).random(len(x))), n=20)[0] < 0.1
    assert weights(earlier(lambda x: np.zeros(len(x))), n=20)[0] < 0.1


def test_many_useless_studies_do_not_outvote_a_good_one():
    noise = [earlier(lambda x, k=k: np.random.default_rng(k).random(len(x)), seed=k) for k in range(8)]
    found = weights(*noise, earlier(wave), n=15)
    assert found[-1] > 0.9
    assert found.sum() <= 1.0 + 1e-9


def test_too_few_trials_of_an_earlier_study_make_no_surrogate():
    assert task(KERNEL, earlier(wave, n=2)) is None
    assert weights(earlier(wave, n=2)).tolist() == [0.0]


def test_without_anything_to_trust_nothing_is_lent():
    x = points(20)
    assert lent(KERNEL, (), x, wave(x), CLIPPED) is None
    assert lent(KERNEL, (earlier(lambda x: -wave(x)),), x, wave(x), CLIPPED) is None
    assert lent(KERNEL, (earlier(wave),), x[:2], wave(x[:2]), CLIPPED) is None
    many = points(300)
    assert lent(KERNEL, (earlier(wave),), many, wave(many), CLIPPED) is None


@pytest.mark.parametrize("turn", range(len(VIEWS)))
def test_what_is_lent_foretells_what_few_trials_can_not(turn):
    x, at = points(8), points(200, seed=5)
    z = VIEWS[turn](wave(x))
    loan = lent(KERNEL, (earlier(lambda x: 100 * wave(x) + 3),), x, wave(x), turn)
    alone = condition(KERNEL, hyperparameters.theta_of(KERNEL, x, wave(x), turn), x, z, np.zeros(8))
    with_help = condition(KERNEL, loan.theta, x, z, np.zeros(8), trend=loan.trend)
    helped, unhelped = (np.corrcoef(s.mean(at), wave(at))[0, 1] for s in (with_help, alone))
    assert helped > 0.97
    assert helped > unhelped
    assert with_help.predict(at)[1].mean() < alone.predict(at)[1].mean()


def study(old=None, trials=14, seed=3, sign=1.0):
    made = Study(SPACE, minimize="loss", strategy="gp", seed=seed, warm_start=() if old is None else old)
    for _ in range(trials):
        trial = made.ask()
        made.tell(trial, loss=sign * float(wave(np.array([list(trial.config.values())]))[0]))
    return made


def test_suggestions_do_not_hang_on_what_was_remembered():
    warm = study(study(trials=30, seed=8))
    for memo in (transfer._fitted, transfer.task):
        memo.cache_clear()
    hyperparameters._MEMO.clear()
    assert warm.verify() == []
    assert recommended(warm.history) is not None


def test_a_related_study_helps_and_a_misleading_one_hurts_little():
    def regret(old, trials):
        return np.median([study(old, trials, seed).best.value + 1.0 for seed in range(3)])

    cold = regret(None, 10)
    assert regret(study(trials=25, seed=8), 7) < 0.5 * cold
    assert regret(study(trials=25, seed=8, sign=-1.0), 14) <= cold


def test_it_serves_choices_and_branches():
    space = Space({"opt": Choice({"sgd": Space({"m": Float(0.0, 1.0)}), "adam": None}), "x": Float(0.0, 1.0)})
    kernel = kernel_of(layout_of(space))
    rng = np.random.default_rng(0)
    configs = tuple(space.sample(rng) for _ in range(60))
    losses = np.array([c["x"] + (c["opt"] == "adam") + c.get("opt.sgd.m", 0.0) for c in configs])
    u = np.array([space.encode(c) for c in configs])
    old = Earlier("old", configs[:40], u[:40], losses[:40])
    loan = lent(kernel, (old,), kernel.layout.vectors(u[40:50]), losses[40:50], CLIPPED)
    assert np.corrcoef(loan.trend(kernel.layout.vectors(u[50:])), losses[50:])[0, 1] > 0.95
