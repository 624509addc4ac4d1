"""Histories to draw: searches in a narrow valley."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from danlu.core import event as ev
from danlu.core.history import History, fold
from danlu.core.objective import objectives_from
from danlu.space import Choice, Float, Int, Space
from danlu.testing.pictures import LOSS, Ending, journal, sampled

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "width": Int(16, 512, log=True, default=64),
        "dropout": Float(0.0, 0.6, default=0.5),
        "activation": Choice("relu", "gelu", "tanh", default="tanh"),
    }
)


def valley(config: Mapping[str, Any], rng: np.random.Generator | None = None) -> float:
    """A narrow valley: wider networks want smaller learning rates."""
    x, y = math.log10(config["lr"]) + 3, math.log2(config["width"]) - 6
    tilt = {"relu": 0.0, "gelu": -0.03, "tanh": 0.12}[config["activation"]]
    noise = 0.0 if rng is None else 0.01 * float(rng.normal())
    return 0.25 + 0.22 * (x + 0.35 * y) ** 2 + 0.02 * (y - 1) ** 2 + 0.5 * (config["dropout"] - 0.2) ** 2 + tilt + noise


def search(count: int, seed: int = 0, running: int = 0, failing: bool = True, maximise: bool = False) -> History:
    """A random search in the valley; learning rates that are too large make it diverge."""
    return fold(search_entries(count, seed, running, failing, maximise))


def search_entries(
    count: int, seed: int = 0, running: int = 0, failing: bool = True, maximise: bool = False
) -> Iterator[ev.Entry]:
    rng = np.random.default_rng(seed + 1)
    configs = sampled(SPACE, count, seed)
    endings: list[Ending] = []
    for k, config in enumerate(configs):
        loss = valley(config, rng)
        too_large = failing and config["lr"] * config["width"] > 4.0
        value = {"accuracy": 1.5 - loss} if maximise else {"val_loss": loss}
        endings.append(None if k >= count - running else "failed" if too_large else value)
    return journal(SPACE, configs, endings, objectives_from(maximize="accuracy") if maximise else LOSS)


def told(space: Space, configs: list[Any], values: list[Any], **more: Any) -> History:
    """The history of these configs and values: numbers, or endings."""
    endings = [{"val_loss": v} if isinstance(v, float) else v for v in values]
    return fold(journal(space, configs, endings, **more))
