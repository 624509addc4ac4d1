"""Change: what becomes of configs when their space is exchanged for another, and how the two differ, in words.

was = Space({"lr": Float(1e-5, 1e-1, log=True), "optimizer": Choice({"sgd": Space({...momentum...}), "adam": None})})
now = Space({"lr": Float(1e-4, 1e-2, log=True), "optimizer": Choice("adam", "lion"), "decay": Float(0, 1, default=0)})

completed(now, {"lr": 0.05, "optimizer": "adam"})  -> lr 0.05, optimizer adam, decay 0: outside of `now`, for its lr
differences(was, now)  -> lr narrowed from 1e-5..1e-1 log to 1e-4..1e-2 log · optimizer without sgd, with lion · ...
"""

from collections.abc import Iterable, Iterator, Mapping

from danlu.errors import SpaceError
from danlu.space.choice import Choice
from danlu.space.dimension import Dimension
from danlu.space.hyperparameter import Hyperparameter
from danlu.space.numeric import Numeric
from danlu.space.space import Config, Space
from danlu.space.text import format_dimension
from danlu.space.value import MISSING, Value


def completed(space: Space, config: Config) -> Config:
    """An earlier config in a later space: what is new takes its default, all else stays, values out of range too.

    Raises:
        SpaceError: a hyperparameter is new to it and has no default.
    """
    active: dict[str, Value] = {}
    is_whole = True
    for h in space.hyperparameters:
        if h.parent is not None and active.get(h.parent) != h.option:
            continue
        if h.name not in config:
            is_whole = False
            if h.dimension.default is MISSING:
                raise SpaceError(
                    f"{h.name!r} is new, and earlier trials were run without it. Give it a default: the value that "
                    f"they were trained with, such as default={h.dimension.middle()!r}."
                )
        active[h.name] = config[h.name] if h.name in config else h.dimension.adopt(h.dimension.default)
    return config if is_whole else Config({**active, **config})


def check_kept(was: Space, now: Space, configs: Iterable[Mapping[str, Value]]) -> None:
    """Raises `SpaceError` if a later space has no place for a hyperparameter that earlier configs hold a value of.

    One that goes with its option is no loss: the option itself says where the config was.
    """
    lost = [h.name for h in was.hyperparameters if h.name not in now and not _went_with_option(h, was, now)]
    for config in configs if lost else ():
        for name in lost:
            if name in config:
                raise SpaceError(
                    f"{name!r} can't be taken out of the space: earlier trials have values of it, such as "
                    f"{config[name]!r}. Leave it in, narrowed to the one value that it is to have from now on."
                )


def _went_with_option(h: Hyperparameter, was: Space, now: Space) -> bool:
    """Whether a hyperparameter is gone because an option above it is."""
    while h.parent is not None:
        if h.parent in now:
            return not now[h.parent].contains(h.option)
        h = next(above for above in was.hyperparameters if above.name == h.parent)
    return False


def differences(was: Space, now: Space) -> list[str]:
    """What sets a later space apart from an earlier one, a few words each; what comes or goes with an option is not
    named beside it."""
    found = []
    for name in dict.fromkeys((*was.names, *now.names)):
        if name not in now:
            h = next(h for h in was.hyperparameters if h.name == name)
            found += [] if _went_with_option(h, was, now) else [f"{name} removed"]
        elif name not in was:
            h = next(h for h in now.hyperparameters if h.name == name)
            found += [] if _went_with_option(h, now, was) else [_addition(h)]
        elif was[name] != now[name]:
            found += [f"{name} {words}" for words in _difference(was[name], now[name])]
    earlier, later = (set(map(str, space.constraints)) for space in (was, now))
    found += [f"no longer where {constraint}" for constraint in was.constraints if str(constraint) not in later]
    found += [f"only where {constraint}" for constraint in now.constraints if str(constraint) not in earlier]
    return found or ["its hyperparameters come in another order"]


def _addition(h: Hyperparameter) -> str:
    default = h.dimension.default
    return f"{h.name} added" + ("" if default is MISSING else f", {default!r} in earlier trials")


def _difference(was: Dimension, now: Dimension) -> Iterator[str]:
    if was.likely != now.likely:
        values = [f"{value:g}" if isinstance(value, float) else str(value) for value in now.likely or ()]
        between = " | " if isinstance(now, Choice) else ".."
        yield f"likely {between.join(values)}" if values else "without a belief"
    if was.with_likely(None) != now.with_likely(None):
        yield from _other(was.with_likely(None), now.with_likely(None))


def _other(was: Dimension, now: Dimension) -> Iterator[str]:
    """The differences but for what is believed."""
    if isinstance(was, Choice) and isinstance(now, Choice) and was.ordered == now.ordered:
        gone = [repr(option) for option in was.options if not now.contains(option)]
        new = [repr(option) for option in now.options if not was.contains(option)]
        if gone or new:
            yield ", ".join(["without " + " and ".join(gone)] * bool(gone) + ["with " + " and ".join(new)] * bool(new))
        elif was.options != now.options:
            yield f"ordered as {', '.join(map(repr, now.options))}"
        if was.default is not now.default and was.default != now.default:
            yield f"with default {now.default!r}" if now.default is not MISSING else "without a default"
        return
    verb = "changed"
    if isinstance(was, Numeric) and isinstance(now, Numeric) and (was.low, was.high) != (now.low, now.high):
        is_narrower = was.low <= now.low and now.high <= was.high
        is_wider = now.low <= was.low and was.high <= now.high
        verb = "narrowed" if is_narrower else "widened" if is_wider else "moved"
    yield f"{verb} from {_short(was)} to {_short(now)}"


def _short(dimension: Dimension) -> str:
    return format_dimension(dimension) or repr(dimension)
