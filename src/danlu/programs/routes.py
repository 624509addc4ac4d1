"""Routes: which way each value goes into a program: by a placeholder, a key of a template, or an argument."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from danlu.errors import StudyError, UnknownName
from danlu.programs.arguments import Arguments
from danlu.programs.placeholder import placeholders
from danlu.programs.script import Script
from danlu.programs.template import Document

PLACES = ("trial", "seed", "folder", "config")
"""What placeholders may name beside hyperparameters."""


@dataclass(frozen=True)
class Routes:
    """Attributes:
    keys: of each template: hyperparameter -> dotted path in it.
    flags: hyperparameters that become arguments.
    """

    keys: tuple[Mapping[str, str], ...]
    flags: tuple[str, ...]


def routes(
    paths: Mapping[str, str],
    command: Sequence[str],
    texts: Iterable[str],
    documents: Sequence[Document],
    arguments: Arguments,
    script: Script,
) -> Routes:
    """The way of each hyperparameter.

    Args:
        paths: hyperparameter -> what it is called in full.
        command: as the user wrote it.
        texts: where placeholders may stand: the command, values of variables, templates.
        documents: the templates.
        arguments: how values become arguments.
        script: that the command runs.

    Raises:
        StudyError: a value goes nowhere, or could go to two places of a template.
    """
    held = set(placeholders(texts))
    called = arguments.called(command, {name: path for name, path in paths.items() if name not in held}, script)
    keys: list[dict[str, str]] = [{} for _ in documents]
    flags = []
    is_explicit = bool(documents) or not held.issubset(PLACES)
    for name, word in called.items():
        is_known = arguments.knows(command, word, script)
        wanted = [arguments.names[name]] if name in arguments.names else [name, paths[name], name.rpartition(".")[2]]
        found = [(k, key) for k, document in enumerate(documents) if (key := document.key(wanted)) is not None]
        if found and not is_known:
            keys[found[0][0]][name] = found[0][1]
        elif arguments.style != "" and (is_known or arguments.style or not is_explicit):
            flags.append(name)
        else:
            raise StudyError(_nowhere(name, documents))
    return Routes(tuple(keys), tuple(flags))


def check_placeholders(command: Iterable[str], known: Iterable[str]) -> None:
    """Raises `StudyError` if a placeholder in a command, or a variable, names nothing that is known."""
    known = list(known)
    for name in placeholders(command):
        if name not in known:
            raise StudyError(
                f"the placeholder {{{name}}} names nothing: {UnknownName('hyperparameter', name, known)} "
                f"Write {{{{{name}}}}} for the text {{{name}}} itself."
            )


def _nowhere(name: str, documents: Sequence[Document]) -> str:
    last = name.rpartition(".")[2]
    keys = [key for document in documents for key in document.values]
    near = f" {UnknownName('key', name, keys)}" if keys else ""
    return (
        f"{name!r} goes nowhere: the command has no placeholder {{{name}}} and shows no argument --{last}"
        f"{', and no template has such a key.' if documents else '.'}{near} "
        f"Put {{{name}}} where the value belongs, or say how arguments are written: style = '--name value' (--style)."
    )


def written_path(home: Path, template: str) -> Path:
    """Where the file is written that comes of a template: a folder of its own, beside what else the trial has."""
    return home / "input" / Path(template).name
