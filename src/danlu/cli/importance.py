"""danlu importance: which hyperparameters matter, as bars in the terminal."""

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from danlu.analysis.importance import Effect, Importance
from danlu.analysis.importance import importance as importance_of
from danlu.cli.screen import json_text, screen
from danlu.cli.studies import Named, opened

_EIGHTHS = " ▏▎▍▌▋▊▉"
_WIDTH = 40  # of a bar of 100 %, in letters


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("importance")(importance)


def importance(
    study: Named,
    top: Annotated[
        float | None, typer.Option(help="What matters for being among this best part: 0.1 for the best tenth.")
    ] = None,
    objective: Annotated[str | None, typer.Option(metavar="NAME", help="Its metric; the first if not given.")] = None,
    pairs: Annotated[int, typer.Option(min=0, help="How many pairs to list, the largest.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of bars.")] = False,
) -> None:
    """Show which hyperparameters matter, alone and in pairs, with 95 % intervals.

    Shares are of the variance of the objective over the whole space, not where the search happened to look.
    """
    with opened(study) as looked_at:
        found = importance_of(looked_at, top=top, pairs=pairs, objective=objective)
    if as_json:
        print(json_text(found.to_dict()))
        return
    console = screen()
    console.print(Text(found.title, "bold"))
    console.print(_bars(found))
    if found.note:
        console.print(Text(found.note, "dim"), soft_wrap=True)


def _bars(found: Importance) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for label, effect in found.rows():
        style = "cyan" if label in found.main or " × " in label else "dim"
        table.add_row(Text(label), *_numbers(effect), Text(bar(effect.share), style))
    return table


def _numbers(effect: Effect) -> tuple[Text, Text]:
    """The share and its interval."""
    if not effect.is_known:
        return Text("unknown", "dim"), Text()
    return Text(f"{effect.share:.1%}"), Text(f"{effect.low:.1%} – {effect.high:.1%}", "dim")


def bar(share: float, width: int = _WIDTH) -> str:
    """A bar as long as the share of `width` letters, to an eighth of a letter; empty for NaN."""
    if not share > 0.0:
        return ""
    whole, eighths = divmod(round(min(share, 1.0) * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths]).rstrip()
