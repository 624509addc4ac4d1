"""Settings: the table [program] of a study.toml, or the same said by options of the command line.

command = ["python", "train.py", "--epochs", "5"]     # or one text, split as a shell would

[program]
style = "--name=value"                  # how arguments are written; found out if not said
booleans = "flag"                       # "value", "flag" or "pair"; found out if not said
names = { "optimizer.sgd.momentum" = "sgd-momentum" }
template = "config.yaml"                # or a list: config files whose keys get the values
env = { LR = "{lr}", OMP_NUM_THREADS = "1" }
grace = 10                              # seconds between SIGTERM and SIGKILL
pattern = "val: (?P<val_loss>[0-9.]+)"  # where metrics are: lines of the output,
csv = "{folder}/metrics.csv"            # or files: csv, jsonlines, tensorboard; each a path or a list
checkpoint = "{folder}/last.ckpt"       # what it saves, and how it goes on with it: then trials can be paused
resume = "--resume {checkpoint}"
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.errors import StudyError, UnknownName
from danlu.programs.arguments import Arguments
from danlu.programs.program import Program
from danlu.programs.resumption import Resumption
from danlu.programs.style import checked_booleans, checked_pattern
from danlu.programs.watch import Watch


def program_from(command: str | Sequence[str], table: Mapping[str, Any], folder: Path, where: str) -> Program:
    """The program that a command and a table stand for.

    Args:
        command: words, or one text that is split as a shell would.
        table: settings, see above.
        folder: in which it runs.
        where: what to call the table in messages.

    Raises:
        StudyError: a setting is unknown or of the wrong kind.
    """
    for key in table:
        if key not in _KINDS:
            raise StudyError(f"{where}: {UnknownName('key', key, list(_KINDS))}")
    said = {key: _KINDS[key](where, key, value) for key, value in table.items()}
    booleans = said.get("booleans")
    arguments = Arguments(
        checked_pattern(said["style"]) if "style" in said else None,
        None if booleans is None else checked_booleans(booleans),
        said.get("names", {}),
    )
    watch = Watch(said.get("pattern"), said.get("csv", ()), said.get("jsonlines", ()), said.get("tensorboard", ()))
    return Program(
        words_of(command, where), arguments, said.get("template", ()), said.get("env", {}), str(folder.resolve()),
        said.get("grace", Program.grace), watch, _resumption(said, where),
    )  # fmt: skip


def _resumption(said: Mapping[str, Any], where: str) -> Resumption | None:
    match "checkpoint" in said, "resume" in said:
        case True, True:
            return Resumption(said["checkpoint"], words_of(said["resume"], where))
        case False, False:
            return None
    raise StudyError(
        f"{where}: checkpoint and resume belong together: checkpoint = '{{folder}}/last.ckpt' is what the program "
        f"saves, resume = '--resume {{checkpoint}}' how it goes on."
    )


def words_of(command: str | Sequence[str], where: str) -> tuple[str, ...]:
    """A command as words."""
    if not isinstance(command, str):
        return tuple(command)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise StudyError(f"{where}: can't split the command {command!r}: {error}. Write a list of words.") from None


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise StudyError(f"{where}: {key} must be a text, got {value!r}.")
    return value


def _texts(where: str, key: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(where, key, each) for each in ([value] if isinstance(value, str) else _list(where, key, value)))


def _command(where: str, key: str, value: Any) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else _texts(where, key, value)


def _list(where: str, key: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise StudyError(f"{where}: {key} must be a text or a list of texts, got {value!r}.")
    return value


def _table(where: str, key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise StudyError(f"{where}: {key} must be a table of texts, got {value!r}.")
    return {name: str(each) for name, each in value.items()}


def _seconds(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise StudyError(f"{where}: {key} must be a number of seconds from 0 on, got {value!r}.")
    return float(value)


_KINDS: dict[str, Callable[[str, str, Any], Any]] = {
    "style": _text,
    "booleans": _text,
    "names": _table,
    "template": _texts,
    "env": _table,
    "grace": _seconds,
    "pattern": _text,
    "csv": _texts,
    "jsonlines": _texts,
    "tensorboard": _texts,
    "checkpoint": _text,
    "resume": _command,
}
