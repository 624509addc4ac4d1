"""danlu list: the studies there are."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from danlu.cli.screen import best_of, config_text, counts_text, errors, json_text, moment_text, screen, value_text
from danlu.cli.studies import below, home
from danlu.errors import DanluError
from danlu.study import Study


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("list")(show_list)


def show_list(
    root: Annotated[Path | None, typer.Argument(help="Where to look; runs/ (or $DANLU_HOME) if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the studies below a folder: how many trials, the best, when something happened last."""
    root = root or home()
    rows = [_row(path, root) for path in below(root)]
    if as_json:
        print(json_text(rows))
        return
    if not rows:
        errors().print(f"no study below {str(root)!r}. `danlu run --help` says how to begin one.")
        return
    table = Table("study", "trials", "objective", "best", "config of the best", "last change", box=None, pad_edge=False)
    for row in rows:
        if "error" in row:
            table.add_row(Text(row["study"]), "[red]can't be read[/]", Text(row["error"]))
            continue
        best = row["best"] or {"value": None, "config": {}}
        table.add_row(
            Text(row["study"]), row["counts"], Text(row["objective"]), value_text(best["value"]),
            Text(config_text(best["config"])),
            moment_text(row["changed"]),
        )  # fmt: skip
    screen().print(table)


def _row(path: Path, root: Path) -> dict[str, Any]:
    name = path.relative_to(root).as_posix() if path != root else path.as_posix()
    row: dict[str, Any] = {"study": name, "folder": str(path)}
    try:
        with Study.open(path) as study:
            history = study.history
    except DanluError as error:
        return row | {"error": str(error)}
    best = best_of(history)
    return row | {
        "trials": len(history.trials),
        "counts": counts_text(history),
        "objective": ", ".join(map(str, history.objectives)),
        "best": best and {"trial": best.number, "value": best.value, "config": dict(best.config)},
        "changed": history.at,
    }
