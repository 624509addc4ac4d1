"""Recommendations: what each strategy suggests on one small problem, kept so that a review shows when that changes.

    python -m tests.strategies.recommendations            write tests/golden/recommendations/ anew
    python -m tests.strategies.recommendations gp tpe     only these

The problem is mixed and conditional, with a default and a constraint; each training reports three steps, and every
seventh fails. `suggestions` follows a strategy through it. Where it is given those of a file, it asks at each place,
but goes on with what the file says, so that one difference does not lead to others.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from danlu.catalogue import plain_strategy
from danlu.core import event as ev
from danlu.core import protocol
from danlu.core.history import History, opened
from danlu.core.objective import Objective
from danlu.core.strategy import Resume, Start, Strategy
from danlu.core.trial import Decision, Fork
from danlu.space import Choice, Float, Int, Space
from danlu.study import resolve_strategy
from danlu.testing.specimens import NAMES, specimen

FOLDER = Path(__file__).parents[1] / "golden" / "recommendations"
COMMAND = "python -m tests.strategies.recommendations"
COUNT, STEPS = 20, 3
_SAVING = ("auto", "curves", "pb2", "pbt", "schedule")  # whose trainings keep checkpoints; those of others begin again

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "width": Int(8, 256, log=True, default=32),
        "dropout": Float(0.0, 0.6, step=0.1, default=0.2),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None, "lion": None}, default="adam"),
    },
    where=["dropout >= 0.2 or width <= 128"],
)

Recommendation = dict[str, Any]
"""{"origin", "config", "budget" if there is one}, {"resume", "budget"}, or {"ends": "Exhausted" or "Wait"}.

A fork has "parent", the trial and its step, and "replaces" if it takes a place."""


def suggestions(strategy: Strategy, given: Sequence[Recommendation] = ()) -> Iterator[Recommendation]:
    """What the strategy suggests, one after the other; after each, the study goes on with what is given, if any."""
    first = ev.Opened(SPACE.to_dict(), (Objective("loss"),), plain_strategy(strategy), 0, STEPS)
    history = opened(ev.Entry(1, 0.0, (first,)))
    strategy.check(history)
    asked = resolve_strategy(history.strategy)  # as a study asks it: the default comes first
    for k in range(COUNT):
        events, suggestion = protocol.ask(history, asked)
        yield _plain(suggestion)
        if k < len(given):
            events = _given(history, given[k])
        if not events:
            return
        history = _ended(_applied(history, events), asked, events[0].trial)  # type: ignore[union-attr]


def _plain(suggestion: Any) -> Recommendation:
    match suggestion:
        case Start(config, origin, budget, parent, _, replaces):
            told = {"budget": budget, "parent": parent and [parent.trial, parent.step], "replaces": replaces}
            return {"origin": origin, "config": dict(config)} | {k: v for k, v in told.items() if v is not None}
        case Resume(trial, budget):
            return {"resume": trial, "budget": budget}
    return {"ends": type(suggestion).__name__}


def _given(history: History, plain: Recommendation) -> protocol.Events:
    if "ends" in plain:
        return ()
    if "resume" in plain:
        return (ev.Resumed(plain["resume"], plain["budget"]),)
    number, parent, replaced = len(history.trials), None, plain.get("replaces")
    if "parent" in plain:
        trial, step = plain["parent"]
        parent = Fork(trial, step, history.trials[trial].checkpoint.path)
    first = ev.Suggested(number, plain["config"], plain["origin"], number, plain.get("budget"), parent)
    return (first,) if replaced is None else (first, ev.Decided(replaced, "stop"), ev.Finished(replaced, "stopped"))


def _ended(history: History, strategy: Strategy, number: int) -> History:
    """The history after a training, up to where the strategy stops or pauses it."""
    history = _applied(history, protocol.start(history, number))
    loss = _loss(history.trials[number].config)
    for step in range(history.trials[number].step + 1, STEPS + 1):
        metrics = {"loss": loss + 0.3 / step}
        events, decision = protocol.report(history, history.at, strategy, number, step, metrics)
        history = _applied(history, events)
        if decision is Decision.PAUSE and history.strategy["use"] in _SAVING:
            return _applied(history, (ev.Saved(number, step, f"{number}/{step}", 0),))
        if decision is not Decision.CONTINUE:
            return history
    failed = number % 7 == 6
    return _applied(history, protocol.fail(history, number, "boom") if failed else protocol.tell(history, number, {}))


def _applied(history: History, events: protocol.Events) -> History:
    return history.apply(ev.Entry(history.position + 1, float(history.position), events))


def _loss(config: Any) -> float:
    """Best at lr 3e-3, width 100, dropout 0.1 and sgd with a momentum of 0.9."""
    optimizer = {"sgd": (config.get("optimizer.sgd.momentum", 0.0) - 0.9) ** 2, "adam": 0.2, "lion": 0.4}
    scales = math.log10(config["lr"] / 3e-3) ** 2 + 0.3 * math.log2(config["width"] / 100) ** 2
    return float(scales + (config["dropout"] - 0.1) ** 2 + optimizer[config["optimizer"]])


def path_of(name: str) -> Path:
    """Where a strategy's are kept."""
    return FOLDER / f"{name}.json"


def read(name: str) -> list[Recommendation]:
    """Those that are kept."""
    return list(json.loads(path_of(name).read_text(encoding="utf-8"))["suggestions"])


def write(name: str) -> None:
    """Keeps those of a strategy, one a line."""
    strategy = specimen(name)
    lines = ",\n".join(f"    {json.dumps(found)}" for found in suggestions(strategy))
    text = f'{{\n  "strategy": {json.dumps(plain_strategy(strategy))},\n  "suggestions": [\n{lines}\n  ]\n}}\n'
    FOLDER.mkdir(parents=True, exist_ok=True)
    path_of(name).write_text(text, encoding="utf-8")


def differs(found: Recommendation, kept: Recommendation) -> bool:
    """Whether they are not the same, but for the last digits of numbers."""
    if "config" not in found or "config" not in kept:
        return found != kept
    if {k: v for k, v in found.items() if k != "config"} != {k: v for k, v in kept.items() if k != "config"}:
        return True
    a, b = found["config"], kept["config"]
    return a.keys() != b.keys() or any(
        not math.isclose(a[name], b[name], rel_tol=1e-6, abs_tol=1e-12)
        if isinstance(a[name], float) and isinstance(b[name], float)
        else a[name] != b[name]
        for name in a
    )


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        write(each)
        print(path_of(each))
