"""Histories to draw: built from entries, without a study."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from danlu.core import event as ev
from danlu.core.history import History, opened
from danlu.core.objective import Objective, objectives_from
from danlu.space import Choice, Config, Float, Int, Space

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "width": Int(16, 512, log=True, default=64),
        "dropout": Float(0.0, 0.6, default=0.5),
        "activation": Choice("relu", "gelu", "tanh", default="tanh"),
    }
)
BRANCHES = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}),
    }
)
LOSS = objectives_from("val_loss")

Ending = Mapping[str, Any] | str | None
"""Metrics of a complete trial; "failed", "stopped"; None while it runs."""


def journal(
    space: Space, configs: Sequence[Mapping[str, Any]], endings: Sequence[Ending],
    objectives: tuple[Objective, ...] = LOSS, order: Sequence[int] | None = None, origins: Sequence[str] = (),
    files: Callable[[int], str | None] = lambda number: None,
) -> Iterator[ev.Entry]:  # fmt: skip
    """The entries of a study; with `order`, all trials start at once and end in that order."""
    yield ev.Entry(1, 0.0, (ev.Opened(space.to_dict(), objectives, {"use": "random"}, 0),))
    position = 1

    def entry(*events: ev.Event) -> ev.Entry:
        nonlocal position
        position += 1
        return ev.Entry(position, float(position), events)

    def begin(k: int) -> ev.Entry:
        origin = origins[k] if origins else "default" if k == 0 else "random"
        return entry(ev.Suggested(k, dict(configs[k]), origin, k), ev.Started(k, 1))

    if order is not None:
        for k in range(len(configs)):
            yield begin(k)
    for k in order if order is not None else range(len(configs)):
        if order is None:
            yield begin(k)
        match endings[k]:
            case None:
                continue
            case "failed":
                yield entry(ev.Finished(k, "failed", {}, "diverged", "val_loss is nan"))
            case "stopped":
                yield entry(
                    ev.Reported(k, 3, {o.metric: 0.9 for o in objectives}),
                    ev.Decided(k, "stop"),
                    ev.Finished(k, "stopped"),
                )
            case metrics:
                path = files(k)
                left = [ev.Attached(k, path.split("/")[-1], path, 1)] if path else []
                yield entry(*left, ev.Finished(k, "complete", ev.writable(dict(metrics))))  # type: ignore[arg-type]


def told(entries: Iterator[ev.Entry]) -> History:
    history = opened(next(entries))
    for entry in entries:
        history = history.apply(entry)
    return history


def valley(config: Mapping[str, Any], rng: np.random.Generator | None = None) -> float:
    """A narrow valley: wider networks want smaller learning rates."""
    x, y = math.log10(config["lr"]) + 3, math.log2(config["width"]) - 6
    tilt = {"relu": 0.0, "gelu": -0.03, "tanh": 0.12}[config["activation"]]
    noise = 0.0 if rng is None else 0.01 * float(rng.normal())
    return 0.25 + 0.22 * (x + 0.35 * y) ** 2 + 0.02 * (y - 1) ** 2 + 0.5 * (config["dropout"] - 0.2) ** 2 + tilt + noise


def random_configs(space: Space, count: int, seed: int = 0) -> list[Config]:
    rng = np.random.default_rng(seed)
    return [space.default() if k == 0 else space.sample(rng) for k in range(count)]


def search(count: int, seed: int = 0, running: int = 0, failing: bool = True, maximise: bool = False) -> History:
    """A random search in the valley; learning rates that are too large make it diverge."""
    return told(search_entries(count, seed, running, failing, maximise))


def search_entries(
    count: int, seed: int = 0, running: int = 0, failing: bool = True, maximise: bool = False
) -> Iterator[ev.Entry]:
    rng = np.random.default_rng(seed + 1)
    configs = random_configs(SPACE, count, seed)
    endings: list[Ending] = []
    for k, config in enumerate(configs):
        loss = valley(config, rng)
        too_large = failing and config["lr"] * config["width"] > 4.0
        value = {"accuracy": 1.5 - loss} if maximise else {"val_loss": loss}
        endings.append(None if k >= count - running else "failed" if too_large else value)
    return journal(SPACE, configs, endings, objectives_from(maximize="accuracy") if maximise else LOSS)
