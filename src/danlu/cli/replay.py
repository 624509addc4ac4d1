"""danlu replay: a study's journal told again, and checked."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from danlu.cli.screen import config_text, errors, screen, value_text
from danlu.cli.studies import Named, opened
from danlu.core import event as ev
from danlu.core.replay import verify as recompute
from danlu.study import Study, resolve_strategy


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay")(replay)


def replay(
    study: Named,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute every suggestion and decision, and compare.")
    ] = False,
) -> None:
    """Tell what happened, entry by entry; with --verify, check that the strategy would say it all again.

    Exit status 1 if something comes out otherwise.
    """
    with opened(study) as told:
        if verify:
            _check(told)
        else:
            _tell(told)


def _check(study: Study) -> None:
    checked, wrong = 0, []
    for _, mismatch in recompute(study.entries(), resolve_strategy):
        checked += 1
        if mismatch is not None:
            wrong.append(mismatch)
    for mismatch in wrong[:10]:
        errors().print(f"[red]{escape(str(mismatch))}[/]", soft_wrap=True)
    screen().print(f"{checked} suggestions and decisions recomputed, {len(wrong) or 'none'} came out otherwise")
    if wrong:
        sys.exit(1)


def _tell(study: Study) -> None:
    begin: float | None = None
    for entry in study.entries():
        begin = entry.at if begin is None else begin
        for event in entry.events:
            screen().print(
                f"[dim]{entry.position:6} {entry.at - begin:9.2f} s[/]  {escape(sentence(event))}", soft_wrap=True
            )


def sentence(event: ev.Event) -> str:
    """What an event says, in words."""
    match event:
        case ev.Opened():
            goals = ", ".join(map(str, event.objectives))
            return f"opened: {goals}; strategy {event.strategy['use']}, seed {event.seed}"
        case ev.Recalled():
            return f"warm start from {event.study}: {len(event.configs)} trials"
        case ev.Changed():
            space = "" if event.space is None else f"goes on in another space: {', '.join(event.space)}"
            strategy = "" if event.strategy is None else f"strategy {event.strategy['use']} takes over"
            keep = "" if event.keep is None else f"keeps the checkpoints of the best {event.keep}"
            return "; ".join(filter(None, (space, strategy, keep)))
        case ev.Queued():
            return f"queued: {config_text(event.config)} {event.note}".rstrip()
        case ev.Suggested():
            return f"trial {event.trial} suggested ({event.origin}): {config_text(event.config)}"
        case ev.Resumed():
            return f"trial {event.trial} goes on" + (f" to step {event.budget}" if event.budget else "")
        case ev.Started():
            from_step = f" from step {event.step}" if event.step else ""
            return f"trial {event.trial} started, attempt {event.attempt}{from_step} {event.worker}".rstrip()
        case ev.Lost():
            return f"trial {event.trial} lost its worker: {event.error}"
        case ev.Reported():
            return f"trial {event.trial} step {event.step}: {_metrics(event.metrics)}"
        case ev.Saved():
            return f"trial {event.trial} checkpoint after step {event.step}: {event.path}"
        case ev.Removed():
            return f"trial {event.trial} gave up the checkpoint {event.path}"
        case ev.Attached():
            return f"trial {event.trial} attached {event.path}"
        case ev.Decided():
            return f"trial {event.trial} is told to {event.decision}"
        case ev.Finished():
            why = f" ({event.reason}: {event.error})" if event.reason else ""
            return f"trial {event.trial} {event.status}{why} {_metrics(event.metrics)}".rstrip()
        case ev.Noted():
            return f"note: {event.text}"


def _metrics(metrics: ev.Metrics) -> str:
    return ", ".join(f"{name} {value_text(value)}" for name, value in metrics.items())
