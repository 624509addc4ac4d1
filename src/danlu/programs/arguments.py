"""Arguments: a config as arguments of a command, each in the place and the form that the command already has for it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from danlu.errors import StudyError
from danlu.programs.script import Script, place_of_script
from danlu.programs.style import Booleans, Style, flag_style, inferred
from danlu.space.value import Value

_NUMBER = re.compile(r"-\.?\d.*")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Arguments:
    """How values become arguments.

    Attributes:
        style: a pattern such as "--name=value"; "" for none; None for what command and script show.
        booleans: how truth values are written; None for what command and script show.
        names: hyperparameter -> what the program calls it. Those that are not named are called by the last part of
            their name, by the whole path in `name=value` or where the script knows that; with dashes or underscores,
            as the script has it.
    """

    style: str | None = None
    booleans: Booleans | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def placed(
        self, command: Sequence[str], values: Mapping[str, Value], paths: Mapping[str, str], script: Script
    ) -> list[str]:
        """The command with these values: where it has an argument of that name already, there, else at its end.

        Args:
            command: as the user wrote it.
            values: by hyperparameter.
            paths: what each one is called in full, see `paths_of`.
            script: that the command runs.
        """
        words = list(command)
        called = self.called(command, paths, script)
        for name, value in values.items():
            there = _find(words, called[name], isinstance(value, bool))
            style = self._style(called[name], value, command, script, there)
            start, count = (there.start, there.count) if there else (len(words), 0)
            words[start : start + count] = style.words(called[name], value)
        return words

    def called(self, command: Sequence[str], paths: Mapping[str, str], script: Script) -> dict[str, str]:
        """What the program calls each hyperparameter.

        Raises:
            StudyError: two have the same name there.
        """
        is_keyed = Style(self.style or inferred(command, script)).is_keyed
        called = {
            name: self.names.get(name) or _called(path, is_keyed, command, script) for name, path in paths.items()
        }
        for name, said in called.items():
            twin = next(other for other, word in called.items() if word == said)
            if twin != name:
                raise StudyError(
                    f"both {twin!r} and {name!r} would be given to the program as {said!r}. Say what it calls them: "
                    f'names = {{ "{twin}" = "...", "{name}" = "..." }} in [program], or --name {name}=...'
                )
        return called

    def knows(self, command: Sequence[str], name: str, script: Script) -> bool:
        """Whether command or script show that the program takes an argument of this name."""
        return _find(list(command), name, False) is not None or script.quotes(f"--{name}")

    def said(self, command: Sequence[str], name: str, script: Script) -> Any:
        """The value of an argument without a search: in the command, else by the script; `MISSING` if unknown."""
        there = _find(list(command), name, False)
        if there is not None:
            return True if there.text is None else there.text
        return script.default(f"--{name}", name)

    def _style(self, name: str, value: Value, command: Sequence[str], script: Script, there: "_There | None") -> Style:
        style = Style(self.style if self.style else inferred(command, script))
        if there is not None and self.style is None and there.pattern:
            style = replace(style, pattern=there.pattern)
        if not isinstance(value, bool):
            return style
        return replace(style, booleans=self.booleans) if self.booleans else flag_style(style, name, command, script)


def paths_of(names: Iterable[str], choices: Mapping[str, Iterable[Value]]) -> dict[str, str]:
    """Paths of hyperparameters without the options that lead to them: optimizer.sgd.momentum is optimizer.momentum.

    Args:
        names: dotted, of hyperparameters.
        choices: hyperparameter -> the options that may stand behind it in a name.
    """
    paths = {}
    for name in names:
        parts, kept = name.split("."), []
        for k, part in enumerate(parts):
            if part not in map(str, choices.get(".".join(parts[:k]), ())):
                kept.append(part)
        paths[name] = ".".join(kept)
    return paths


def as_value(said: Any, dimension: Any) -> Value | None:
    """A default, often a text, as a value of a dimension; None if it is none."""
    readings: list[Any] = [said]
    if isinstance(said, str):
        readings += [_TRUTH[said.lower()]] if said.lower() in _TRUTH else []
        for read in (int, float):
            try:
                readings.append(read(said))
            except ValueError:
                continue
    for reading in readings:
        value = dimension.adopt(reading)
        if dimension.contains(value):
            return value  # type: ignore[no-any-return]
    return None


def _called(path: str, is_keyed: bool, command: Sequence[str], script: Script) -> str:
    last = path.rpartition(".")[2]
    spellings = [form for word in dict.fromkeys((path, last)) for form in _spellings(word)]
    for form in spellings:
        if _find(list(command), form, False) is not None:
            return form
    if is_keyed:
        return path
    for form in spellings:
        if script.quotes(f"--{form}") or script.quotes(f"--no-{form}"):
            return form
    if script.imports("jsonargparse", "tyro") or "LightningCLI" in script.text:
        return path
    return last.replace("_", "-") if script.imports("typer") else last


def _spellings(word: str) -> list[str]:
    return list(dict.fromkeys((word, word.replace("_", "-"), word.replace("-", "_"))))


@dataclass(frozen=True)
class _There:
    """An argument that a command has: which words it takes up, its value (None for a bare flag), and its pattern."""

    start: int
    count: int
    text: str | None
    pattern: str = ""


def _find(words: list[str], name: str, is_truth: bool) -> _There | None:
    """The argument of a name; the last one, as programs take it."""
    for k in range(len(words) - 1, place_of_script(words), -1):
        head, equals, text = words[k].partition("=")
        if equals and head == f"--{name}":
            return _There(k, 1, text, "--name=value")
        if equals and head.lstrip("+") == name and not head.startswith("-"):
            return _There(k, 1, text, f"{head[: len(head) - len(name)]}name=value")
        if words[k] == f"--no-{name}":
            return _There(k, 1, "False")
        if words[k] == f"--{name}":
            follows = words[k + 1] if k + 1 < len(words) else "--"
            is_value = not follows.startswith("-") or _NUMBER.fullmatch(follows)
            if not is_value or (is_truth and follows.lower() not in _TRUTH):
                return _There(k, 1, None)
            return _There(k, 2, follows, "--name value")
    return None
