"""Script: a Python file and the local modules that it imports, read as text.

`scopes` are the pieces of code that running the script would reach: its top level, the functions and classes that
these name, and so on, also in other files of the same project. That is how a parser that is built in `options.py` is
found, and that of another program in the same folder is not.
"""

import ast
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from danlu.drafts.literal import UNKNOWN, dotted
from danlu.drafts.module import Module, read_module
from danlu.drafts.statements import (
    Call,
    Definition,
    Function,
    Names,
    bind,
    calls_in,
    calls_of,
    defaults,
    flat,
    is_main_guard,
)
from danlu.errors import DraftError

_ENOUGH = 1_500_000  # bytes of a project's modules that are read, the nearest to the script first: a second
_ABOVE = 3  # folders above the script's in which its modules may lie

_SAYING = (
    ast.Call, ast.Name, ast.Attribute, ast.Assert, ast.If, ast.Assign, ast.Import, ast.ImportFrom, ast.Compare,
    ast.Subscript, ast.Match,
)  # fmt: skip
_PROJECT = (".git", "pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True, eq=False)
class Scope:
    """A piece of code that is reached: a module's top level, a function, or a class with its methods.

    Attributes:
        module: where it is.
        node: what it is.
        names: what names are bound to outside of it.
        is_main: whether it is of the script itself.
    """

    module: Module
    node: ast.Module | Definition
    names: Names
    is_main: bool

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All that stands in it and says something: calls, names, tests, assignments, imports."""
        return tuple(
            node for part in _body(self.node, self.is_main) for node in ast.walk(part) if isinstance(node, _SAYING)
        )

    def calls(self) -> Iterator[Call]:
        """All calls in order, each with what names are bound to at that place; loops over known values are unrolled."""
        names = self.names.new_child()
        if isinstance(self.node, ast.Module):
            run = [s for s in self.node.body if self.is_main or not is_main_guard(s)]
            yield from calls_of(run, names, into_definitions=False)
            return
        for decorator in self.node.decorator_list:
            yield from calls_in(decorator, names)
        if isinstance(self.node, Function):
            names.update(defaults(self.node, self.names))
        yield from calls_of(self.node.body, names)


@dataclass(eq=False)
class Script:
    """A script, and what belongs to it.

    Attributes:
        path: the file.
    """

    path: Path
    _modules: dict[Path, Module | None] = field(default_factory=dict)
    _found: dict[tuple[Path, str], Module | None] = field(default_factory=dict)
    _constants: dict[Path, Names] = field(default_factory=dict)

    @cached_property
    def main(self) -> Module:
        """The script itself.

        Raises:
            DraftError: it can't be read, or is no Python.
        """
        return read_module(self.path)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """What running the script reaches, in the order of being found: its own top level first."""
        found: dict[int, Scope] = {}
        queue: list[tuple[Module, ast.Module | Definition]] = [(self.main, self.main.tree)]
        while queue:
            module, node = queue.pop(0)
            if id(node) in found:
                continue
            found[id(node)] = scope = Scope(module, node, self.names(module), module is self.main)
            queue += self._reached_from(scope)
        return tuple(found.values())

    @property
    def is_of_package(self) -> bool:
        """Whether it imports its neighbours as `from .model import Model`: then it is run as a module."""
        return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(self.main.tree))

    def calls(self, *words: str) -> Iterator[tuple[Scope, ast.Call, Names]]:
        """All calls of the scopes in files that hold one of these words: a large project has few such files."""
        for scope in self.scopes:
            if any(word in scope.module.text for word in words):
                for call, names in scope.calls():
                    yield scope, call, names

    def names(self, module: Module) -> Names:
        """What the names of a module's top level are bound to, as far as that is known."""
        if module.path not in self._constants:
            names: Names = ChainMap({})
            self._constants[module.path] = names  # first, for modules that import each other
            for name, (where, what) in module.imports.items():
                other = self._module(module, where) if what else None
                if other is not None and what not in other.definitions:
                    names[name] = self.names(other).get(what, UNKNOWN)
            for statement in flat(module.tree.body):
                bind(statement, names)
            for definition in module.definitions.values():
                if isinstance(definition, ast.ClassDef):
                    inner = names.new_child()
                    for statement in definition.body:
                        bind(statement, inner)
                    names.update({f"{definition.name}.{name}": value for name, value in inner.maps[0].items()})
        return self._constants[module.path]

    def definition(self, module: Module, name: str) -> tuple[Module, Definition] | None:
        """The function or class of this project that a dotted name stands for in a module, and where it is."""
        head, _, rest = name.partition(".")
        if head in module.definitions:
            return module, module.definitions[head]
        if head in module.imports:
            where, what = module.imports[head]
            if what:
                return self._of(self._module(module, where), what) or self._of(
                    self._module(module, _joined(where, what)), rest
                )
            return self._of(self._module(module, where), rest)
        for imported, (where, what) in module.imports.items():  # import a.b; a.b.function
            if not what and name.startswith(f"{imported}."):
                return self._of(self._module(module, where), name.removeprefix(f"{imported}."))
        return None

    def base_classes(self, module: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
        """The classes of this project that a class is made of: its bases, theirs first, and itself last."""
        for base in node.bases:
            found = self.definition(module, dotted(base))
            if found is not None and isinstance(found[1], ast.ClassDef) and found[1] is not node:
                yield from self.base_classes(found[0], found[1])
        yield module, node

    # how what is reached is found -------------------------------------------------------------------------------------

    def _of(self, module: Module | None, name: str, depth: int = 5) -> tuple[Module, Definition] | None:
        head = name.partition(".")[0]
        if module is None or not head:
            return None
        if head in module.definitions:
            return module, module.definitions[head]
        if head in module.imports and depth:  # passed on by an __init__.py
            where, what = module.imports[head]
            return self._of(self._module(module, where), what, depth - 1) if what else None
        return None

    def _reached_from(self, scope: Scope) -> Iterator[tuple[Module, ast.Module | Definition]]:
        module = scope.module
        for name in dict.fromkeys(dotted(node) for node in scope.nodes if isinstance(node, ast.Name | ast.Attribute)):
            if name and (found := self.definition(module, name)) is not None:
                yield found
        for node in scope.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from ((m, m.tree) for m in self._imported(module, node))
        if isinstance(scope.node, ast.ClassDef):
            yield from self.base_classes(module, scope.node)

    def _imported(self, module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[Module]:
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        else:
            where = "." * node.level + (node.module or "")
            wanted = [where, *(_joined(where, alias.name) for alias in node.names)]
        for name in wanted:
            if (found := self._module(module, name)) is not None:
                yield found

    def _module(self, module: Module, name: str) -> Module | None:
        """The module of this project that a name stands for; None if it is not of this project, or can't be read."""
        key = (module.path.parent, name)
        if key not in self._found:
            paths = (path for path in self._candidates(module, name) if path.is_file())
            self._found[key] = self._read(next(paths, None))
        return self._found[key]

    def _read(self, path: Path | None) -> Module | None:
        read = sum(len(module.text) for module in self._modules.values() if module is not None)
        if path is None or (path not in self._modules and read > _ENOUGH):
            return None
        if path.resolve() == self.path.resolve():
            return self.main
        if path not in self._modules:
            self._modules[path] = _read_quietly(path)
        return self._modules[path]

    def _candidates(self, module: Module, name: str) -> Iterator[Path]:
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        roots = [module.path.parents[level - 1]] if 0 < level <= len(module.path.parents) else self.roots
        for root in roots:
            where = root.joinpath(*bare.split(".")) if bare else root
            yield where.with_name(f"{where.name}.py") if bare else where / "__init__.py"
            yield where / "__init__.py"

    @cached_property
    def roots(self) -> list[Path]:
        """Where its modules may lie: the script's folder, and those above it up to that of the project."""
        roots: list[Path] = []
        for folder in list(self.path.resolve().parents)[: _ABOVE + 1]:
            roots += [folder, folder / "src"]
            if any((folder / sign).exists() for sign in _PROJECT):
                return roots
        return roots[:4]


def _read_quietly(path: Path) -> Module | None:
    """A module beside the script; one that can't be read has no options."""
    try:
        return read_module(path.resolve())
    except DraftError:
        return None


def _joined(where: str, what: str) -> str:
    return where + what if where.endswith(".") else f"{where}.{what}"


def _body(node: ast.Module | Definition, is_main: bool) -> Iterator[ast.AST]:
    """What of a piece of code is run, or names what is run."""
    if not isinstance(node, ast.Module):
        yield node
        return
    for statement in node.body:
        if isinstance(statement, Function):
            yield from statement.decorator_list
            if statement.decorator_list:  # a framework may call it: @app.command()
                yield statement
        elif isinstance(statement, ast.ClassDef):
            yield from statement.decorator_list
        elif is_main or not is_main_guard(statement):
            yield statement
