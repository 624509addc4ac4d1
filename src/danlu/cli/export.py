"""danlu export: a study's trials, curves or journal as a file for other programs."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.screen import screen
from danlu.cli.studies import Named, opened
from danlu.errors import ArtifactError
from danlu.records.export import export
from danlu.stores.jsonl import export_journal


class What(enum.StrEnum):
    """What is exported."""

    TRIALS = "trials"
    CURVES = "curves"
    JOURNAL = "journal"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("export")(write)


def write(
    study: Named,
    output: Annotated[Path, typer.Argument(help="File ending in .csv, .jsonl or .parquet.")],
    what: Annotated[
        What, typer.Option(help="A row per trial, a row per report, or all events as JSON lines (see danlu import).")
    ] = What.TRIALS,
) -> None:
    """Export the trials, the curves, or the whole journal."""
    with opened(study) as exported:
        if what is not What.JOURNAL:
            export(exported.history, output, what.value)  # type: ignore[arg-type]
            count = len(exported.trials)
            screen().print(f"{output}: {what} of {count} trials", soft_wrap=True)
            return
        if output.suffix != ".jsonl":
            raise ArtifactError(f"a journal is exported as JSON lines; {output.name!r} must end in .jsonl.")
        export_journal(exported.entries(), output)
        screen().print(f"{output}: {exported.history.position} entries", soft_wrap=True)
