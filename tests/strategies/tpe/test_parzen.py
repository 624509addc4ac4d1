import numpy as np
import pytest
from scipy import stats

from danlu.space import Choice, Float, Int, Space
from danlu.strategies.layout import layout_of
from danlu.strategies.tpe.parzen import groups_of, log_densities, mixtures

SPACE = Space(
    {
        "a": Float(0.0, 1.0),
        "b": Float(0.0, 1.0),
        "act": Choice("x", "y", "z"),
        "opt": Choice({"sgd": Space({"momentum": Float(0.0, 1.0)}), "adam": None}),
    }
)


def drawn(count, seed=0):
    layout = layout_of(SPACE)
    rng = np.random.default_rng(seed)
    return layout, layout.vectors(np.array([SPACE.encode(SPACE.sample(rng)) for _ in range(count)]))


def slow_bandwidth(values, own, floor):
    """The naive form: the further of the two neighbours among the trials' values, the middle and the bounds."""
    others = sorted([*values, 0.5, 0.0, 1.0])
    k = others.index(own)
    return max(others[k] - others[k - 1], others[k + 1] - others[k], floor)


def slow_log_density(group, trials, weights, x):
    """The naive form: a loop over components, scipy's truncated normals, counts of options."""
    n, total = len(trials), 0.0
    for i, p in enumerate([*weights, 1.0]):
        for k in group.numbers:
            values = trials[:, k].tolist()
            mu = values[i] if i < n else 0.5
            sigma = slow_bandwidth(values, mu, 1 / min(100, n + 2)) if i < n else 1.0
            p *= stats.truncnorm.pdf(x[k], -mu / sigma, (1 - mu) / sigma, loc=mu, scale=sigma)
        for k, options in zip(group.choices, group.options, strict=True):
            counts = np.full(options, 1.0 / (n + 1))
            if i < n:
                counts[int(trials[i, k])] += 1.0
            p *= (counts / counts.sum())[int(x[k])]
        total += p
    return np.log(total)


@pytest.mark.parametrize("count", [1, 12, 60])
def test_the_matrix_form_of_two_mixtures_equals_the_naive_one_of_each_up_to_a_constant(count):
    layout, x = drawn(count + 25)
    for group in groups_of(layout):
        there = x[layout.active(x)[:, group.first]]
        sets = [
            (there[:count], np.linspace(0.1, 1.0, len(there[:count]))),
            (there[count:], np.ones(len(there[count:]))),
        ]
        found = mixtures(group, sets).log_densities(group.features(there))
        for fast, (trials, weights) in zip(found, sets, strict=True):
            slow = np.array([slow_log_density(group, trials, weights, row) for row in there])
            assert np.ptp(fast - slow) == pytest.approx(0.0, abs=1e-9)


def test_where_one_mixture_is_sharp_and_the_other_far_away_both_densities_are_told():
    space = Space({f"x{k}": Float(0.0, 1.0) for k in range(60)})
    layout = layout_of(space)
    [group] = groups_of(layout)
    here, far = np.full((100, 60), 0.25), np.full((100, 60), 0.75)
    far[1:] += np.linspace(0.0, 1e-3, 99)[:, None]
    here[1:] += np.linspace(0.0, 1e-3, 99)[:, None]
    part = mixtures(group, [(here, np.ones(100)), (far, np.ones(100))])
    good, others = part.log_densities(group.features(here[:1]))
    # the prior of weight 1 / 101 lies below everything: -(1/4)² / 2 a number, over its mass Φ(1/2) - Φ(-1/2)
    prior = 60 * (-0.5 * 0.25**2 - np.log(stats.norm.cdf(0.5) - stats.norm.cdf(-0.5))) - np.log(101)
    assert others == pytest.approx(prior)
    assert good > prior + 100


BELIEVED = SPACE.with_beliefs({"a": (0.6, 0.8), "act": ("y",), "opt.sgd.momentum": (0.9, 1.0)})


def no_trials(group, trust):
    """The densities of no good trials and of no others."""
    nothing = np.empty((0, len(layout_of(BELIEVED)))), np.ones(0)
    return mixtures(group, [nothing, nothing], trust)


def test_a_belief_is_the_prior_of_the_good_ones_and_a_power_of_it_a_wider_one():
    always, sgd = groups_of(layout_of(BELIEVED))
    part, wider, inner = no_trials(always, 1.0), no_trials(always, 0.25), no_trials(sgd, 1.0)
    assert part.mu.tolist() == [[pytest.approx(0.7), 0.5], [0.5, 0.5]]
    assert part.sigma.tolist() == [[pytest.approx(0.1), 1.0], [1.0, 1.0]]
    act = slice(int(always.begins[0]), int(always.begins[0]) + 3)
    assert np.exp(part.log_prior[act]).T.tolist() == [pytest.approx([1 / 8, 3 / 4, 1 / 8]), pytest.approx([1 / 3] * 3)]
    assert wider.sigma.tolist() == [[pytest.approx(0.2), 1.0], [1.0, 1.0]]
    q = np.array([1 / 8, 3 / 4, 1 / 8]) ** 0.25
    assert np.allclose(np.exp(wider.log_prior[act, 0]), q / q.sum())
    assert (inner.mu[0, 0], inner.sigma[0, 0]) == (pytest.approx(0.95), pytest.approx(0.05))


def test_what_is_believed_is_drawn_as_it_is_believed():
    always, _ = groups_of(layout_of(BELIEVED))
    x = np.zeros((4000, len(layout_of(BELIEVED))))
    no_trials(always, 1.0).sample(x, np.random.default_rng(0))
    act = int(always.choices[0])
    assert [(x[:, act] == k).mean() for k in range(3)] == pytest.approx([1 / 8, 3 / 4, 1 / 8], abs=0.03)
    assert x[:, 0].mean() == pytest.approx(0.7, abs=0.01)
    assert x[:, 1].std() == pytest.approx(stats.truncnorm(-0.5, 0.5, 0.5, 1.0).std(), abs=0.02)


def test_what_nobody_trusts_changes_nothing():
    layout, x = drawn(12)
    believed = layout_of(BELIEVED)
    for one, other in zip(groups_of(layout), groups_of(believed), strict=True):
        there = x[layout.active(x)[:, one.first]]
        sets = [(there, np.ones(len(there))), (there[:2], np.ones(len(there[:2])))]
        plain, untrusted = (mixtures(group, sets).log_densities(group.features(there)) for group in (one, other))
        assert np.array_equal(plain, untrusted)


def test_samples_have_the_density_they_are_drawn_from():
    layout = layout_of(Space({"a": Float(0.0, 1.0), "c": Choice("x", "y")}))
    [group] = groups_of(layout)
    trials = np.array([[0.2, 0.0], [0.25, 0.0], [0.9, 1.0]])
    part = mixtures(group, [(trials, np.ones(3)), (trials[:1], np.ones(1))])
    x = np.empty((4000, 2))
    part.sample(x, np.random.default_rng(0))
    grid = (np.arange(200) + 0.5) / 200
    cells = np.array([[a, c] for c in (0.0, 1.0) for a in grid])
    density = np.exp(part.log_densities(group.features(cells))[0]).reshape(2, 200)
    density /= density.sum()
    assert (x[:, 1] == 1.0).mean() == pytest.approx(density[1].sum(), abs=0.03)
    observed = np.histogram(x[:, 0], bins=20, range=(0, 1))[0] / len(x)
    assert np.abs(observed - density.sum(axis=0).reshape(20, 10).sum(axis=1)).max() < 0.03


def test_of_no_trial_there_is_the_prior_alone():
    layout = layout_of(Space({"a": Float(0.0, 1.0), "c": Choice("x", "y", "z")}))
    [group] = groups_of(layout)
    part = mixtures(group, [(np.empty((0, 2)), np.empty(0))])
    x = np.array([[0.1, 0.0], [0.1, 1.0], [0.1, 2.0], [0.5, 2.0]])
    [density] = np.exp(part.log_densities(group.features(x)))
    assert density[:3] / density[0] == pytest.approx(1.0)
    assert density[0] / density[3] == pytest.approx(np.exp(-0.5 * 0.4**2))


def test_a_group_that_is_inactive_plays_no_part():
    layout, x = drawn(20)
    groups = groups_of(layout)
    there = [x[layout.active(x)[:, group.first]] for group in groups]
    parts = [mixtures(group, [(rows, np.ones(len(rows)))]) for group, rows in zip(groups, there, strict=True)]
    adam = layout.settled(np.array([[0.5, 0.5, 0.0, 1.0, 0.1], [0.5, 0.5, 0.0, 1.0, 0.9]]))
    [[one, other]] = log_densities(parts, adam, layout.active(adam))
    assert one == other


def test_levels_widen_the_bandwidth():
    layout = layout_of(Space({"a": Int(1, 100), "b": Float(0.0, 1.0)}))
    [group] = groups_of(layout)
    x = np.repeat(np.linspace(0, 1, 100)[:, None], 2, axis=1)
    part = mixtures(group, [(x, np.ones(100))])
    assert part.sigma[0, :-1].min() == pytest.approx(0.03)
    assert part.sigma[1, :-1].min() < 0.02
