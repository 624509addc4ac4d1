"""Script: the Python file that a command runs, read as text, never run. It reveals how it wants its arguments."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from danlu.space.value import MISSING

_LARGEST = 2_000_000  # bytes of a file that is read
_RUNNERS = ("python", "torchrun", "accelerate", "deepspeed")  # to which `-m` means a module
_UNSET = {"store_true": False, "store_false": True}  # what a flag stands for that is not given
_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w.]+))", re.MULTILINE)


def place_of_script(command: Sequence[str]) -> int:
    """Index of the word that names the script or, after `-m`, the module; 0 if the command is its own program.

    What comes before are the arguments of whatever runs it (`python -u`, `torchrun --nproc_per_node=2`), not its own.
    """
    for k, word in enumerate(command):
        if k and command[k - 1] == "-m" and any(runner in earlier for earlier in command[:k] for runner in _RUNNERS):
            return k
        if word.endswith((".py", ".sh")) and not word.startswith("-") and "=" not in word:
            return k
    return 0


@dataclass(frozen=True)
class Script:
    """The text of a script and of the modules beside it that it imports; "" where there is none to read.

    Attributes:
        text: all of it.
    """

    text: str = ""

    def imports(self, *packages: str) -> bool:
        """Whether one of these packages is imported."""
        names = {(a or b).partition(".")[0] for a, b in _IMPORT.findall(self.text)}
        return not names.isdisjoint(packages)

    def quotes(self, word: str) -> bool:
        """Whether the word stands in quotation marks, alone or as one of a flag's forms ("--amp/--no-amp")."""
        return re.search(rf"""["'/]{re.escape(word)}["'/]""", self.text) is not None

    def assigns(self, name: str) -> bool:
        """Whether a global variable of this name is given a plain value."""
        return name in self._globals

    def default(self, flag: str, name: str) -> Any:
        """What the script takes without an argument: the `default=` of a flag, else the value of a global variable.

        `MISSING` if it says none in plain words.
        """
        for call in self._calls:
            words = {v for arg in call.args for v in _words(arg)}
            if flag in words:
                values = [k.value for k in call.keywords if k.arg == "default"]
                return _plain(values[0]) if values else _UNSET.get(self.action(flag), MISSING)
        return self._globals.get(name, MISSING)

    def action(self, flag: str) -> str:
        """The `action=` with which a flag is declared, such as "store_true" or "BooleanOptionalAction"; "" for none."""
        for call in self._calls:
            if flag in {v for arg in call.args for v in _words(arg)}:
                given = {k.arg: k.value for k in call.keywords}
                if "action" in given:
                    return ast.unparse(given["action"]).strip("'\"").rpartition(".")[2]
                return "store_true" if _plain(given.get("is_flag")) is True else ""
        return ""

    @cached_property
    def _tree(self) -> list[ast.Module]:
        trees = []
        for part in self.text.split("\0"):
            try:
                trees.append(ast.parse(part))
            except (SyntaxError, ValueError, RecursionError):
                continue
        return trees

    @cached_property
    def _calls(self) -> list[ast.Call]:
        return [node for tree in self._tree for node in ast.walk(tree) if isinstance(node, ast.Call)]

    @cached_property
    def _globals(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for tree in self._tree[:1]:
            for node in tree.body:
                if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                    value = _plain(node.value)
                    if value is not MISSING:
                        found[node.targets[0].id] = value
        return found


def read_script(command: Sequence[str], folder: Path) -> Script:
    """The script of a command that is started in a folder, with the modules beside it that it imports."""
    k = place_of_script(command)
    word = command[k]
    if k and command[k - 1] == "-m":
        stem = folder / Path(*word.split("."))
        path = stem / "__main__.py" if stem.is_dir() else stem.with_suffix(".py")
    else:
        path = folder / word
    text = _text(path)
    if not text or (path.suffix != ".py" and "python" not in text.partition("\n")[0]):
        return Script()
    return Script("\0".join([text, *(_text(beside) for beside in _beside(path, text))]))


def _beside(path: Path, text: str) -> Iterator[Path]:
    for name in dict.fromkeys((a or b).split(".")[0] for a, b in _IMPORT.findall(text)):
        module = path.parent / f"{name}.py"
        if name and module != path and module.is_file():
            yield module


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
    except OSError:
        return ""


def _words(node: ast.AST) -> list[str]:
    value = _plain(node)
    return re.split(r"[/\s]+", value) if isinstance(value, str) else []


def _plain(node: ast.AST | None) -> Any:
    if node is None:
        return MISSING
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return MISSING
    return value if isinstance(value, (bool, int, float, str)) else MISSING
