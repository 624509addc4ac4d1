import numpy as np
import pytest
from scipy import stats

from danlu.space import Choice, Float, Int, Space
from danlu.strategies.layout import layout_of
from danlu.strategies.tpe.parzen import groups_of, log_densities, mixture

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


def slow_log_density(part, x):
    """The naive form: a loop over components, scipy's truncated normals, a table look-up for options."""
    total = 0.0
    for i in range(len(part.mu)):
        p = np.exp(part.log_weights[i])
        for j, k in enumerate(part.group.numbers):
            mu, sigma = part.mu[i, j], part.sigma[i, j]
            p *= stats.truncnorm.pdf(x[k], -mu / sigma, (1 - mu) / sigma, loc=mu, scale=sigma)
        for c, k in enumerate(part.group.choices):
            p *= np.exp(part.log_q[c][i, int(x[k])])
        total += p
    return np.log(total)


def test_the_matrix_form_equals_the_naive_one_up_to_a_constant():
    layout, x = drawn(12)
    for group in groups_of(layout):
        there = x[layout.active(x)[:, group.first]]
        part = mixture(layout, group, there, np.linspace(0.1, 1.0, len(there)))
        fast = part.log_density(there)
        slow = np.array([slow_log_density(part, row) for row in there])
        assert np.ptp(fast - slow) == pytest.approx(0.0, abs=1e-9)


BELIEVED = SPACE.with_beliefs({"a": (0.6, 0.8), "act": ("y",), "opt.sgd.momentum": (0.9, 1.0)})


def test_a_belief_is_the_prior_component_and_a_power_of_it_a_wider_one():
    layout = layout_of(BELIEVED)
    always, sgd = groups_of(layout)
    part = mixture(layout, always, np.empty((0, len(layout))), np.ones(0), trust=1.0)
    assert part.mu.tolist() == [[pytest.approx(0.7), 0.5]]
    assert part.sigma.tolist() == [[pytest.approx(0.1), 1.0]]
    assert np.allclose(np.exp(part.log_q[0]), [1 / 8, 3 / 4, 1 / 8])
    wider = mixture(layout, always, np.empty((0, len(layout))), np.ones(0), trust=0.25)
    assert wider.sigma.tolist() == [[pytest.approx(0.2), 1.0]]
    q = np.array([1 / 8, 3 / 4, 1 / 8]) ** 0.25
    assert np.allclose(np.exp(wider.log_q[0]), q / q.sum())
    inner = mixture(layout, sgd, np.empty((0, len(layout))), np.ones(0), trust=1.0)
    assert (inner.mu.item(), inner.sigma.item()) == (pytest.approx(0.95), pytest.approx(0.05))


def test_what_nobody_trusts_changes_nothing():
    layout, x = drawn(12)
    believed = layout_of(BELIEVED)
    for one, other in zip(groups_of(layout), groups_of(believed), strict=True):
        there = x[layout.active(x)[:, one.first]]
        plain, untrusted = (
            mixture(each, group, there, np.ones(len(there))) for each, group in ((layout, one), (believed, other))
        )
        assert np.array_equal(plain.log_density(there), untrusted.log_density(there))


def test_samples_have_the_density_they_are_drawn_from():
    layout = layout_of(Space({"a": Float(0.0, 1.0), "c": Choice("x", "y")}))
    [group] = groups_of(layout)
    part = mixture(layout, group, np.array([[0.2, 0.0], [0.25, 0.0], [0.9, 1.0]]), np.ones(3))
    x = np.empty((4000, 2))
    part.sample(x, np.random.default_rng(0))
    grid = (np.arange(200) + 0.5) / 200
    cells = np.array([[a, c] for c in (0.0, 1.0) for a in grid])
    density = np.exp(part.log_density(cells)).reshape(2, 200)
    density /= density.sum()
    assert (x[:, 1] == 1.0).mean() == pytest.approx(density[1].sum(), abs=0.03)
    observed = np.histogram(x[:, 0], bins=20, range=(0, 1))[0] / len(x)
    assert np.abs(observed - density.sum(axis=0).reshape(20, 10).sum(axis=1)).max() < 0.03


def test_of_no_trial_there_is_the_prior_alone():
    layout = layout_of(Space({"a": Float(0.0, 1.0), "c": Choice("x", "y", "z")}))
    [group] = groups_of(layout)
    part = mixture(layout, group, np.empty((0, 2)), np.empty(0))
    assert np.exp(part.log_q[0]).tolist() == [pytest.approx([1 / 3] * 3)]
    assert part.mu.tolist() == [[0.5]]


def test_a_group_that_is_inactive_plays_no_part():
    layout, x = drawn(20)
    groups = groups_of(layout)
    parts = [
        mixture(layout, g, x[layout.active(x)[:, g.first]], np.ones(int(layout.active(x)[:, g.first].sum())))
        for g in groups
    ]
    adam = layout.settled(np.array([[0.5, 0.5, 0.0, 1.0, 0.1], [0.5, 0.5, 0.0, 1.0, 0.9]]))
    one, other = log_densities(parts, adam, layout.active(adam))
    assert one == other


def test_levels_widen_the_bandwidth():
    layout = layout_of(Space({"a": Int(1, 100), "b": Float(0.0, 1.0)}))
    [group] = groups_of(layout)
    x = np.repeat(np.linspace(0, 1, 100)[:, None], 2, axis=1)
    part = mixture(layout, group, x, np.ones(100))
    assert part.sigma[:-1, 0].min() == pytest.approx(0.03)
    assert part.sigma[:-1, 1].min() < 0.02
