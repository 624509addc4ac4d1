"""Module: one file of a project, read as text."""

import ast
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from danlu.drafts.literal import dotted
from danlu.drafts.statements import Definition, flat
from danlu.errors import DraftError

_LARGEST = 5_000_000  # bytes of a source file


@dataclass(frozen=True, eq=False)
class Module:
    """One file.

    Attributes:
        path: where it lies.
        tree: what it says.
        text: its text.
    """

    path: Path
    tree: ast.Module
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Functions and classes of the top level, also those within `if` and `try`."""
        return {s.name: s for s in flat(self.tree.body) if isinstance(s, Definition)}

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Name -> (module with its leading dots, what of it is meant; "" for the module itself)."""
        found: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name] = (alias.name, "")
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = ("." * node.level + (node.module or ""), alias.name)
        return found

    def full_name(self, node: ast.AST | None) -> str:
        """The dotted name of something imported, as its own package has it: `np.log` is "numpy.log"."""
        name = dotted(node)
        head, _, rest = name.partition(".")
        where, what = self.imports.get(head, (head, ""))
        return ".".join(part for part in (where, what, rest) if part)


def read_module(path: Path) -> Module:
    """A file as Python.

    Raises:
        DraftError: it is missing, is none, or is too large.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DraftError(f"{str(path)!r} is larger than {_LARGEST // 1_000_000} MB: that is no training script.")
        with tokenize.open(path) as file:  # heeds a coding comment
            text = file.read()
        tree = ast.parse(text)
    except IsADirectoryError as error:
        raise DraftError(f"{str(path)!r} is a folder. Name the script in it: danlu init {path}/train.py.") from error
    except FileNotFoundError as error:
        raise DraftError(f"there is no file {str(path)!r}. Name the training script: danlu init train.py.") from error
    except OSError as error:
        raise DraftError(f"can't read {str(path)!r}: {error.strerror}.") from error
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise DraftError(f"{str(path)!r} is no Python{where}: {error.msg}. Mend it, or name another script.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise DraftError(f"{str(path)!r} is no Python: {error}. Name the training script.") from error
    return Module(path, tree, text)
