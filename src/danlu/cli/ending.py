"""What `danlu run` takes of when a study ends, besides its limits, and of who is told."""

from typing import Annotated, Any

import typer

from danlu.errors import StudyError

_PANEL = "When it ends, besides"

Target = Annotated[
    float | None,
    typer.Option("--target", rich_help_panel=_PANEL, help="A value of the metric that is good enough."),
]
Plateau = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=_PANEL, help="So many trials in a row that bring nothing better.")
]
Tolerance = Annotated[
    float | None, typer.Option(min=0, rich_help_panel=_PANEL, help="By how much better counts; of --plateau.")
]
Price = Annotated[
    float | None,
    typer.Option(
        min=0, envvar="DANLU_PRICE", rich_help_panel=_PANEL, help="Of one hour of one trial, in any currency."
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(min=0, rich_help_panel=_PANEL, help="What all trials may cost, in the currency of --price."),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL|COMMAND",
        help="A webhook, or a command, that is told of each new best, of failures and of the end; '$NAME' for one "
        "in an environment variable.",
    ),
]
NotifyOn = Annotated[
    list[str] | None, typer.Option(metavar="OCCASION", help="Tell only of best, failure or end; several are fine.")
]


def notify_of(to: list[str] | None, on: list[str] | None) -> tuple[str | dict[str, Any], ...]:
    """Who is told, and of what."""
    if on and not to:
        raise StudyError(f"--notify-on {on[0]} says when, not whom: add --notify URL or --notify COMMAND.")
    return tuple({"to": one, "on": on} if on else one for one in to or ())
