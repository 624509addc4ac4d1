"""danlu import: a study from a journal in JSON lines."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from danlu.cli.screen import counts_text, screen
from danlu.core.history import fold
from danlu.errors import StudyError
from danlu.records.address import KEY
from danlu.records.definition import write_definition
from danlu.records.folder import Folder
from danlu.stores.jsonl import read_lines
from danlu.stores.sqlite import SQLite


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(read)


def read(
    journal: Annotated[Path, typer.Argument(help="A file that `danlu export --what journal` wrote.")],
    folder: Annotated[Path, typer.Argument(help="Where the study is to be; it must not hold one yet.")],
) -> None:
    """Import a study from a journal in JSON lines. Files that trials attached lie in the old folder and stay there."""
    if not journal.is_file():
        raise StudyError(f"there is no file {str(journal)!r}.")
    if Folder(folder).is_study:
        raise StudyError(f"{str(folder)!r} holds a study already. Choose another folder.")
    entries = list(read_lines(journal))
    history = fold(entries)  # before anything is written: it must be a whole, healthy journal
    store = SQLite(Folder(folder).journal)
    with store.group():
        for entry in entries:
            store.append(KEY, entry)
    store.close()
    write_definition(Folder(folder), history)
    screen().print(f"{escape(str(folder))}: {len(entries)} entries, {counts_text(history)}", soft_wrap=True)
