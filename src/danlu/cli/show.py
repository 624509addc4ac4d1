"""danlu show: a study at a glance, or one of its trials."""

import math
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from danlu.analysis.closing import closing
from danlu.analysis.jumps import jumps
from danlu.analysis.savings import savings
from danlu.cli.screen import (
    best_of,
    config_text,
    counts_text,
    json_text,
    mean_text,
    moment_text,
    recommended_of,
    screen,
    seconds_text,
    status_text,
    value_text,
)  # fmt: skip
from danlu.cli.studies import Named, found, opened
from danlu.core import lineage
from danlu.core.elapsed import trial_seconds
from danlu.core.history import History
from danlu.core.keeping import kept
from danlu.core.stopping import cost
from danlu.core.trial import Status, Trial
from danlu.errors import StudyError
from danlu.pictures.marks import default_of
from danlu.records.export import trial_table
from danlu.records.folder import Folder
from danlu.records.inside import is_inside

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60  # of a curve, in letters
_LOG = 12  # lines of a log that are shown


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("show")(show)


def show(
    study: Named,
    trial: Annotated[int | None, typer.Argument(help="Number of a trial, to see that one alone.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the best trials to list.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    price: Annotated[
        float | None, typer.Option(min=0, envvar="DANLU_PRICE", help="Of one hour of one trial, to see the cost.")
    ] = None,
) -> None:
    """Show a study: the best config against your default, the best trials; or one trial with its curve and log."""
    folder = found(study)
    with opened(study) as looked_at:
        history, recommended, judges = (
            looked_at.history,
            recommended_of(looked_at),
            looked_at.strategy.judges(looked_at.history),
        )
    if trial is not None and not 0 <= trial < len(history.trials):
        raise StudyError(f"no trial {trial}: this study has {len(history.trials)} trials, numbered from 0.")
    if as_json:
        print(json_text(_facts(history, folder, trial, recommended, price)))
    elif trial is not None:
        screen().print(_one(history, history.trials[trial], folder))
    else:
        _print_study(screen(), history, folder, top, recommended)
        for line in closing(history, judges, price):
            screen().print(Text(line, "dim"), soft_wrap=True)


# a study --------------------------------------------------------------------------------------------------------------


def _print_study(console: Console, history: History, folder: Path, top: int, recommended: Trial | None) -> None:
    goal, strategy = ", ".join(map(str, history.objectives)), escape(str(history.strategy["use"]))
    console.print(f"[bold]{escape(str(folder))}[/]   {escape(goal)} · strategy {strategy} · seed {history.seed}")
    if history.space.where:
        console.print(Text(f"where {' and '.join(history.space.where)}", "dim"))
    if history.earlier:
        known = ", ".join(f"{study.name} ({len(study)} trials)" for study in history.earlier)
        console.print(Text(f"warm start from {known}", "dim"))
    spent = trial_seconds(history)
    console.print(f"{counts_text(history)} · {seconds_text(spent)} of trials · last change {moment_text(history.at)}\n")
    best, default = best_of(history), default_of(history)
    lines = Table.grid(padding=(0, 2))
    for label, trial, style in (("best", best, "bold green"), ("default", default, "")):
        if trial is not None:
            lines.add_row(
                label,
                Text(value_text(trial.value), style),
                f"trial {trial.number}",
                Text(config_text(trial.config), "dim"),
            )
    is_other = best is not None and recommended is not None and recommended.number != best.number
    if is_other and recommended is not None:
        lines.add_row(
            "recommended",
            Text(mean_text(history, recommended), "green"),
            f"trial {recommended.number}",
            Text(config_text(recommended.config), "dim"),
        )
    console.print(lines)
    if is_other:
        console.print(Text("training is noisy: the best value is a lucky one", "dim"))
    if best is not None:
        console.print(Text(_verdict(best, default), "dim"))
    console.print()
    console.print(_ranking(history, top))
    for line in _remarks(history):
        console.print(line, soft_wrap=True)


def _verdict(best: Trial, default: Trial | None) -> str:
    if default is None or default.value is None or best.value is None:
        return ""
    if default.number == best.number:
        return "nothing beat the default so far"
    if default.value == 0:
        return ""
    change = (best.value - default.value) / abs(default.value)
    return f"the best is {abs(change):.1%} {'lower' if change < 0 else 'higher'} than the default"


def _ranking(history: History, top: int) -> RenderableType:
    ranked = sorted(
        (t for t in history.completed if t.is_feasible and not math.isnan(t.loss)), key=lambda t: (t.loss, t.number)
    )
    if len(history.goals) > 1:
        front = {trial.number for trial in history.front}
        ranked = [trial for trial in ranked if trial.number in front]
    names = list(history.space.names)
    metrics = [o.metric for o in history.objectives]
    table = Table(
        "trial", *map(escape, dict.fromkeys(metrics)), *map(escape, names), "origin", "time", box=None, pad_edge=False
    )
    for trial in ranked[:top]:
        values = trial.metrics
        table.add_row(
            str(trial.number), *(value_text(values.get(m)) for m in dict.fromkeys(metrics)),
            *(Text(value_text(trial.config.get(n))) for n in names), Text(trial.origin.split(":")[0]),
            seconds_text(trial.seconds),
        )  # fmt: skip
    if len(ranked) > top:
        return Group(table, Text(f"… and {len(ranked) - top} more: --top {len(ranked)}, or danlu export", "dim"))
    return table if ranked else Text("no trial has completed with a value that counts", "dim")


def _remarks(history: History) -> list[Text]:
    """What went wrong, each reason once with its first trial, and what was noted."""
    failed = [trial for trial in history.trials if trial.status is Status.FAILED]
    lines = []
    for reason, count in Counter(trial.reason for trial in failed).items():
        first = next(trial for trial in failed if trial.reason == reason)
        lines.append(Text(f"\n{count} failed, {reason}: {first.error} (trial {first.number})", "red"))
    best = best_of(history)
    if best is not None and not history.is_inside(best):
        lines.append(Text(f"\nthe best, trial {best.number}, lies outside of the space as it is now", "yellow"))
    if waiting := len(history.queue):
        lines.append(Text(f"\n{waiting} queued by hand, not yet tried", "cyan"))
    return lines + [Text(f"\nnote: {text}", "yellow") for text in history.notes[-5:]]


# a trial --------------------------------------------------------------------------------------------------------------


def _one(history: History, trial: Trial, folder: Path) -> RenderableType:
    head = Text.assemble(
        (f"trial {trial.number}", "bold"), "   ", status_text(trial.status), f" · {trial.origin}",
        f" · {seconds_text(trial.seconds)}" if trial.seconds is not None else "",
        f" · attempt {trial.attempt}" if trial.attempt > 1 else "", f" · seed {trial.seed}",
    )  # fmt: skip
    parts: list[RenderableType] = [head]
    if trial.reason:
        parts.append(Text(f"{trial.reason}: {trial.error}", "red"))
    parts += _lineage(history, trial)
    facts = Table.grid(padding=(0, 2))
    for name, value in trial.config.items():
        facts.add_row(Text(name, "dim"), Text(value_text(value)))
    parts += [Text(), facts, Text(), _curves(trial)]
    if trial.artifacts:
        parts += [Text(), Text("files", "dim"), *(Text(f"  {folder / file.path}") for file in trial.artifacts)]
    if trial.checkpoint:
        size = f"{trial.checkpoint.size / 1e6:.2g} MB, " if trial.checkpoint.size else ""
        parts.append(Text(f"  {folder / trial.checkpoint.path} ({size}after step {trial.checkpoint.step})"))
    log = Folder(folder).trial(trial.number) / "log.txt"
    return Group(*parts, *(_log(log) if is_inside(folder, log.relative_to(folder).as_posix()) else []))


def _lineage(history: History, trial: Trial) -> list[RenderableType]:
    """Where a fork comes from, and the configs on the way to it."""
    if trial.parent is None:
        return []
    numbers = " → ".join(str(ancestor.number) for ancestor in lineage.line(history, trial.number))
    head = f"forked from trial {trial.parent.trial} after step {trial.parent.step} (trials {numbers})"
    steps = [f"  from step {s.step}: {config_text(s.config)}" for s in lineage.schedule(history, trial.number)]
    return [Text(head), *(Text(step, "dim") for step in steps)]


def _curves(trial: Trial) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for name, value in trial.metrics.items():
        curve = [v for v in trial.curve[name].tolist() if not math.isnan(v)]
        table.add_row(Text(name, "dim"), value_text(value), Text(sparkline(curve), "cyan"))
    if len(trial.curve):
        table.add_row("", "", Text(f"steps {trial.curve.steps[0]} to {trial.curve.step}", "dim"))
    return table


def sparkline(values: list[float], width: int = _WIDTH) -> str:
    """A curve in one line of text: eight heights between its least and its greatest value."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    if len(finite) > width:
        finite = [finite[round(k * (len(finite) - 1) / (width - 1))] for k in range(width)]
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    return "".join(_BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)] for value in finite)


def _log(path: Path) -> list[RenderableType]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    if not lines:
        return []
    more = f", the last {_LOG} of {len(lines)} lines" if len(lines) > _LOG else ""
    return [Text(), Text(f"log ({path}{more})", "dim"), *(Text(f"  {line}") for line in lines[-_LOG:])]


# as JSON --------------------------------------------------------------------------------------------------------------


def _facts(
    history: History, folder: Path, trial: int | None, recommended: Trial | None, price: float | None
) -> dict[str, Any]:
    rows = trial_table(history)
    if trial is not None:
        curve = [{"step": step} | metrics for step, metrics in history.trials[trial].curve]
        attached = [str(folder / file.path) for file in history.trials[trial].artifacts]
        return rows[trial] | {"curve": curve, "files": attached}
    best, default = best_of(history), default_of(history)
    return {
        "folder": str(folder),
        "objectives": [str(objective) for objective in history.objectives],
        "strategy": history.strategy,
        "seed": history.seed,
        "space": history.space.to_dict(),
        "warm_start": {study.name: len(study) for study in history.earlier},
        "counts": {str(status): history.count(status) for status in Status},
        "best": None if best is None else rows[best.number],
        "recommended": None if recommended is None else rows[recommended.number],
        "default": None if default is None else rows[default.number],
        "front": [t.number for t in history.front] if len(history.goals) > 1 else None,
        "saved": None if (saved := savings(history)) is None else asdict(saved) | {"steps": saved.steps},
        "checkpoints": {"count": len(files := kept(history)), "bytes": sum(file.size for file in files)},
        "trial_seconds": trial_seconds(history),
        "cost": None if price is None else cost(history, price),
        "jumps": [asdict(jump) for jump in jumps(history)],
        "queue": [dict(item.config) for item in history.queue],
        "notes": list(history.notes),
        "trials": rows,
    }
