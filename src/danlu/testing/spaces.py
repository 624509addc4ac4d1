"""Random spaces and configs for property tests, as Hypothesis strategies."""

import keyword
from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from danlu.errors import SpaceError
from danlu.space import Choice, Config, Dimension, Float, Hyperparameter, Int, Space, Value
from danlu.space.expression import quoted
from danlu.space.value import MISSING

LABELS = st.sampled_from(["sgd", "adam_w", "lion", "none", "a1"])
"""Labels of options with branches that `dataclass_of` can make classes of."""


def identifiers() -> SearchStrategy[str]:
    """Names that a Python parameter may have."""
    return st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))


def spaces(
    depth: int = 3, names: SearchStrategy[str] | None = None, labels: SearchStrategy[Value] = LABELS
) -> SearchStrategy[Space]:
    """Spaces of one to four members; groups and branches nest at most `depth` deep, counted with the space itself.

    One in four, groups and branches included, has a constraint of its own.

    Args:
        depth: at least 1, which is a flat space.
        names: of hyperparameters and groups; Python identifiers if not given.
        labels: of options with branches.
    """
    names = identifiers() if names is None else names
    members: SearchStrategy[Dimension | Space] = dimensions()
    if depth > 1:
        inner = spaces(depth - 1, names, labels)
        members = st.one_of(members, members, inner, _branching(inner, labels))
    return _constrained(st.dictionaries(names, members, min_size=1, max_size=4).map(Space))


@st.composite
def _constrained(draw: st.DrawFn, unconstrained: SearchStrategy[Space]) -> Space:
    """Spaces to some of which a constraint was added that leaves them their default and more."""
    space = draw(unconstrained)
    if draw(st.integers(0, 3)) < 3:
        return space
    conditions = draw(st.lists(st.sampled_from(space.hyperparameters).flatmap(_conditions), min_size=1, max_size=2))
    try:
        return space.with_where(draw(st.sampled_from([" or ", " and "])).join(conditions))
    except SpaceError:
        return space


def _conditions(h: Hyperparameter) -> SearchStrategy[str]:
    """Conditions on one hyperparameter, as text."""
    name, dimension = quoted(h.name), h.dimension
    if isinstance(dimension, Choice):
        return st.sampled_from(dimension.options).map(lambda option: f"{name} != {_literal(option)}")
    return st.floats(0.2, 0.9).map(lambda v: f"{name} <= {dimension.quantile(v)!r}")


def _literal(option: Value) -> str:
    if isinstance(option, str):
        return f'"{option}"' if "'" in option else f"'{option}'"
    return repr(option)


def configs(space: Space) -> SearchStrategy[Config]:
    """Configs of a space."""
    if space.constraints:
        return st.integers(0, 2**32).map(lambda seed: space.sample(np.random.default_rng(seed)))
    v = st.floats(0, 1, exclude_max=True)
    return st.lists(v, min_size=len(space), max_size=len(space)).map(space.quantile)


def changes(space: Space) -> SearchStrategy[Space]:
    """Spaces in which a study of this one may go on: all that `Study.change` allows, at every depth."""
    return _constrained(_changed(space))


@st.composite
def _changed(draw: st.DrawFn, space: Space) -> Space:
    """The members in another order, some of them changed, perhaps with another one; without constraints."""
    members: dict[str, Dimension | Space]
    members = {name: draw(_changed_member(member)) for name, member in space.members.items()}
    if draw(st.booleans()):
        added = draw(dimensions())
        default = added.quantile(draw(st.floats(0, 1, exclude_max=True)))
        members["added"] = added.with_default(default)  # type: ignore[assignment]
    return Space({name: members[name] for name in draw(st.permutations(list(members)))})


def _changed_member(member: Dimension | Space) -> SearchStrategy[Dimension | Space]:
    if isinstance(member, Space):
        return _changed(member)
    if isinstance(member, Choice):
        return st.just(member) | _changed_choice(member)
    return st.just(member) | _narrowed(member) | dimensions()


@st.composite
def _narrowed(draw: st.DrawFn, dimension: Float | Int) -> Dimension:
    """A part of an interval, down to one value, without steps but those of an int."""
    low, high = sorted(dimension.quantile(v) for v in draw(st.tuples(*[st.floats(0, 1, exclude_max=True)] * 2)))
    return type(dimension)(low, high, log=dimension.log)


@st.composite
def _changed_choice(draw: st.DrawFn, choice: Choice) -> Dimension:
    """A choice that lacks some of the options, has others besides, has branches changed, and a new order."""
    kept = draw(st.lists(st.sampled_from(choice.options), unique_by=lambda option: (type(option), option)))
    added = draw(st.lists(st.sampled_from(["new", "newer"]), min_size=not kept, unique=True))
    branches: dict[Value, Space | None] = dict.fromkeys(added)
    for option in kept:
        branch = choice.branches.get(option)
        branches[option] = None if branch is None else draw(_changed(branch))
    return Choice({option: branches[option] for option in draw(st.permutations(list(branches)))})


def dimensions() -> SearchStrategy[Dimension]:
    """Floats, ints and choices without branches."""
    return st.one_of(floats(), ints(), choices())


@st.composite
def floats(draw: st.DrawFn) -> Float:
    """Float dimensions: linear or log, continuous or in steps."""
    if draw(st.booleans()):
        low, high = sorted(draw(st.tuples(*[st.floats(1e-9, 1e9)] * 2)))
        return _said(draw, Float(low, high, log=True))  # type: ignore[return-value]
    if draw(st.booleans()):
        low, high = sorted(draw(st.tuples(*[st.floats(-1e6, 1e6)] * 2)))
        return _said(draw, Float(low, high))  # type: ignore[return-value]
    step = draw(st.sampled_from([0.1, 0.25, 0.5, 1e-3, 3.0]))
    first, count = draw(st.integers(-20, 20)), draw(st.integers(0, 40))
    low, high = round(first * step, 6), round((first + count) * step, 6)
    return _said(draw, Float(low, high, step=step, log=low > 0 and draw(st.booleans())))  # type: ignore[return-value]


@st.composite
def ints(draw: st.DrawFn) -> Int:
    """Int dimensions: linear or log, perhaps in steps."""
    log = draw(st.booleans())
    low = draw(st.integers(1, 1000) if log else st.integers(-1000, 1000))
    step = draw(st.sampled_from([1, 1, 1, 2, 5, 16]))
    return _said(draw, Int(low, low + step * draw(st.integers(0, 200)), log=log, step=step))  # type: ignore[return-value]


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Choices without branches: options of all types, ordered or not."""
    option = st.one_of(
        st.text("abX09 _-+./|'\"=\\\n\té丹", max_size=5),
        st.sampled_from(["relu", "true", "16", "a b", "it's", "a | b", "1..2", "ordered"]),
        st.integers(-10, 100),
        st.floats(-1e3, 1e3).map(lambda number: number + 0.5),
        st.booleans(),
    )
    options = draw(st.lists(option, min_size=1, max_size=5, unique=True))
    return _said(draw, Choice(options, ordered=draw(st.booleans())))  # type: ignore[return-value]


@st.composite
def _branching(draw: st.DrawFn, inner: SearchStrategy[Space], labels: SearchStrategy[Value]) -> Choice:
    """Choices in which at least one option opens a branch."""
    options = draw(st.lists(labels, min_size=2, max_size=3, unique_by=str))
    branches: Mapping[Value, Space | None] = {option: draw(st.none() | inner) for option in options[1:]}
    first = {options[0]: draw(inner)}
    order = draw(st.permutations(options))
    return _said(draw, Choice({option: {**first, **branches}[option] for option in order}))  # type: ignore[return-value]


def _said(draw: st.DrawFn, dimension: Dimension) -> Dimension:
    """The dimension with a default drawn from its values, or with none; one in four also with a belief."""
    v = draw(st.none() | st.floats(0, 1, exclude_max=True))
    dimension = dimension.with_default(MISSING if v is None else dimension.quantile(v))  # type: ignore[assignment]
    return _believed(draw, dimension) if draw(st.integers(0, 3)) == 3 else dimension


def _believed(draw: st.DrawFn, dimension: Dimension) -> Dimension:
    if isinstance(dimension, Choice):
        count = draw(st.integers(0, len(dimension.options) - 1))
        likely = draw(st.permutations(dimension.options))[:count]
        return dimension.with_likely(likely or None)
    one, other = (dimension.quantile(draw(st.floats(0, 1, exclude_max=True))) for _ in range(2))
    if one == other and dimension.step is None:
        return dimension
    return dimension.with_likely((min(one, other), max(one, other)))
