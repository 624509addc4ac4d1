"""danlu copy: a study to another place, or from a folder into a database and back."""

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.screen import screen
from danlu.cli.studies import found
from danlu.copying import copy_study


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("copy")(copy)


def copy(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A study, by folder or name; a .jsonl file; or a database and a name in it: "
            "postgresql://host/database#NAME.",
        ),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="A new folder; or a .jsonl file, for the journal alone.")
    ],
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A database for the journal of the copy: postgresql://user@host/database[#NAME]."
        ),
    ] = None,
) -> None:
    """Copy a study that is not being run: its journal, entry by entry, and all its files.

    danlu copy runs/mine runs/ours --store postgresql://me@db.example/tuning

    The journal is read back and compared. The original stays; which of the two goes on is up to you.
    """
    is_place = "://" in source or source.endswith(".jsonl")
    copied = copy_study(source if is_place else found(source), target, store)
    files = f" and {copied.files} files" if copied.files else ""
    screen().print(f"{target}: {copied.entries} entries{files}; the journal is in {copied.where}", soft_wrap=True)
