"""Which study is meant: a folder's path, or its name below runs/ (or $DANLU_HOME)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from danlu.errors import StudyError, UnknownName
from danlu.records.folder import Folder
from danlu.study import Study

_DEEPEST = 3  # folders below the home in which studies are looked for: runs/project/variant/seed

Named = Annotated[
    str, typer.Argument(metavar="STUDY", help="The study's folder, or its name below runs/ (or $DANLU_HOME).")
]


def home() -> Path:
    """Where studies are kept if nobody says where."""
    return Path(os.environ.get("DANLU_HOME") or "runs")


def found(name: str) -> Path:
    """The folder of a study.

    Raises:
        StudyError: there is none of that path or name; the message names those that there are.
    """
    for path in (Path(name), home() / name):
        if Folder(path).is_study:
            return path
    known = [path.relative_to(home()).as_posix() for path in below(home())]
    where = f"no study in the folder {name!r}, and none of that name below {str(home())!r}."
    if not known:
        raise StudyError(f"{where} There is no study yet; `danlu run --help` says how to begin one.")
    raise StudyError(f"{where} {str(UnknownName('study', name, known)).removeprefix(f'no study {name!r}.').strip()}")


def opened(name: str) -> Study:
    """The study of a path or a name."""
    return Study.open(found(name))


def below(root: Path, depth: int = _DEEPEST) -> Iterator[Path]:
    """The folders of all studies in a folder and below it, by name; a study is not searched for others."""
    if Folder(root).is_study:
        yield root
    elif depth and root.is_dir():
        for child in sorted(root.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                yield from below(child, depth - 1)
