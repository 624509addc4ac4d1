"""Journals for tests: small, but with every kind of event in them."""

from collections.abc import Sequence
from typing import Any

from danlu.core import event as ev
from danlu.core.objective import Objective
from danlu.space import Choice, Float, Int, Space

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "layers": Int(1, 8),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}, default="sgd"),
    }
)
"""A float on a log scale, an int, and a choice with a branch."""


def opening(space: Space = SPACE, strategy: str = "random", seed: int = 0, metric: str = "loss") -> ev.Opened:
    """The first event of a journal."""
    return ev.Opened(space.to_dict(), (Objective(metric),), {"use": strategy}, seed)


def entries(*batches: Sequence[ev.Event] | ev.Event, begin: float = 1_700_000_000.0) -> list[ev.Entry]:
    """Entries 1, 2, 3, ... one second apart, each with the given event or events."""
    bodies = [batch if isinstance(batch, Sequence) else (batch,) for batch in batches]
    return [ev.Entry(k, begin + k, tuple(body)) for k, body in enumerate(bodies, start=1)]


def suggested(trial: int, config: dict[str, Any], origin: str = "random") -> ev.Suggested:
    """A suggestion with a made-up seed."""
    return ev.Suggested(trial, config, origin, seed=1000 + trial)


def example() -> list[ev.Entry]:
    """A journal with every kind of event but a warm start's: three trials end well, badly and early, and one runs."""
    sgd: dict[str, Any] = {"lr": 0.001, "layers": 4, "optimizer": "sgd", "optimizer.sgd.momentum": 0.5}
    adam: dict[str, Any] = {"lr": 0.01, "layers": 2, "optimizer": "adam"}
    return entries(
        opening(),
        (suggested(0, sgd, "default"), ev.Started(0, 1, worker="inline")),
        ev.Reported(0, 1, {"loss": 0.9, "accuracy": 0.5}),
        ev.Saved(0, 1, "trials/0000/checkpoints/step_000001.ckpt", 10),
        ev.Attached(0, "final.png", "trials/0000/final.png", 100),
        ev.Reported(0, 2, {"loss": 0.4, "accuracy": 0.8}),
        ev.Finished(0, "complete", {"loss": 0.3}),
        ev.Queued(adam, "my own guess"),
        ev.Suggested(1, adam, "queued: my own guess", 1001, queued=8),
        ev.Started(1, 1),
        ev.Lost(1, "its worker process died"),
        ev.Started(1, 2),
        (ev.Reported(1, 1, {"loss": "nan"}), ev.Finished(1, "failed", {}, "diverged", "loss is nan at step 1")),
        (suggested(2, {**adam, "layers": 3}), ev.Started(2, 1)),
        (ev.Reported(2, 1, {"loss": 0.8}), ev.Decided(2, "stop"), ev.Finished(2, "stopped")),
        ev.Noted("the disk will be full in an hour"),
        ev.Changed({"use": "sobol"}),
        (suggested(3, {**adam, "layers": 5}, "sobol"), ev.Started(3, 1)),
        (ev.Reported(3, 1, {"loss": 0.7}), ev.Decided(3, "pause")),
        ev.Resumed(3, 10),
        ev.Started(3, 2, 1),
    )
