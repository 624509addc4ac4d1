"""danlu try: a config by hand, for the study to try next."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from danlu.cli.screen import config_text, screen
from danlu.cli.studies import Named, opened
from danlu.errors import SpaceError
from danlu.space import Choice, Space


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("try")(queue)


def queue(
    study: Named,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Values; all others take their defaults.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why; it is kept with the trial.")] = "",
) -> None:
    """Queue a config by hand: it is the next to be tried, now if the study runs, else when it goes on."""
    with opened(study) as queued:
        config = queued.queue(parsed(values or [], queued.space), note)
        waiting = len(queued.history.queue)
        tried = queued.history.tried(config)
    screen().print(f"queued ({waiting} waiting): {escape(config_text(config))}")
    if tried is not None:
        screen().print(f"[yellow]note[/]  trial {tried.number} has tried this config already ({tried.status})")


def parsed(items: list[str], space: Space) -> dict[str, Any]:
    """Values by name, read as their dimensions take them.

    Raises:
        SpaceError: an item is not NAME=VALUE, or a number can't be read.
        UnknownName: no hyperparameter has that name.
    """
    values: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals:
            raise SpaceError(f"expected NAME=VALUE, got {item!r}. Known names: {', '.join(space.names)}.")
        values[name] = _value(space, space.known(name), text)
    return values


def _value(space: Space, name: str, text: str) -> Any:
    dimension = space[name]
    if isinstance(dimension, Choice):
        return next((option for option in dimension.options if _word(option) == _word(text)), text)
    try:
        return float(text) if "." in text or "e" in text.lower() else int(text)
    except ValueError:
        raise SpaceError(f"{name!r} is {dimension}; {text!r} is not a number.") from None


def _word(option: Any) -> str:
    return str(option).lower() if isinstance(option, bool) or str(option).lower() in ("true", "false") else str(option)
