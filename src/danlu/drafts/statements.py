"""Statements: which calls a piece of code makes, one after another, and what names are bound to at each."""

import ast
from collections import ChainMap
from collections.abc import Iterator, Sequence
from typing import Any

from danlu.drafts.literal import UNKNOWN, dotted, value_of

_ROUNDS = 1_000  # of a loop that is followed

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Names = ChainMap[str, Any]
Call = tuple[ast.Call, Names]


def flat(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, and those within `if`, `try` and `with`."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for body in bodies(statement):
                yield from flat(body)


def bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The lists of statements that stand within one."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body


def is_main_guard(statement: ast.stmt) -> bool:
    """Whether it is `if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and any(dotted(n) == "__name__" for n in ast.walk(statement.test))


def bind(statement: ast.stmt, names: Names) -> None:
    """Notes what an assignment binds."""
    match statement:
        case ast.Assign(targets, value):
            for target in targets:
                bind_target(target, value_of(value, names), names)
        case ast.AnnAssign(target, _, value) if value is not None:
            bind_target(target, value_of(value, names), names)
        case ast.AugAssign(target):
            bind_target(target, UNKNOWN, names)


def bind_target(target: ast.expr, value: Any, names: Names) -> None:
    """Notes that a name, or several at once, are bound to a value."""
    if isinstance(target, ast.Tuple | ast.List):
        known = isinstance(value, (tuple, list)) and len(value) == len(target.elts)
        for k, inner in enumerate(target.elts):
            bind_target(inner, value[k] if known else UNKNOWN, names)
    elif dotted(target):
        names[dotted(target)] = value


def defaults(function: Function, names: Names) -> dict[str, Any]:
    """The parameters of a function, bound to their defaults; UNKNOWN without one."""
    return {name: value_of(default, names) for name, default in parameters(function).items()}


def parameters(function: Function) -> dict[str, ast.expr | None]:
    """Name -> default of each parameter; None without one."""
    positional = [*function.args.posonlyargs, *function.args.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(function.args.defaults))
    pairs = [
        *zip(positional, [*missing, *function.args.defaults], strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    return {argument.arg: default for argument, default in pairs}


def calls_of(statements: Sequence[ast.stmt], names: Names, into_definitions: bool = True) -> Iterator[Call]:
    """The calls of statements in order; what these bind is noted in `names` on the way.

    Args:
        statements: a body.
        names: what is bound before; it is changed.
        into_definitions: whether the bodies of functions and classes within count.
    """
    for statement in statements:
        if isinstance(statement, ast.For):
            yield from calls_in(statement.iter, names)
            yield from _unrolled(statement, names)
        elif isinstance(statement, Definition):
            for decorator in statement.decorator_list:
                yield from calls_in(decorator, names)
            if not into_definitions:
                continue
            inner = names.new_child(defaults(statement, names) if isinstance(statement, Function) else {})
            yield from calls_of(statement.body, inner)
        elif any(bodies(statement)):
            yield from _heads(statement, names)
            for body in bodies(statement):
                yield from calls_of(body, names, into_definitions)
        else:
            yield from calls_in(statement, names)
            bind(statement, names)


def _unrolled(loop: ast.For, names: Names) -> Iterator[Call]:
    values = value_of(loop.iter, names)
    rounds: Sequence[Any] = list(values)[:_ROUNDS] if isinstance(values, (list, tuple, dict)) else [UNKNOWN]
    for value in rounds:
        bind_target(loop.target, value, names)
        yield from calls_of(loop.body, names)


def _heads(statement: ast.stmt, names: Names) -> Iterator[Call]:
    """The calls in what stands before the bodies of a statement: a test, the items of a `with`."""
    for name in ("test", "subject"):
        if (expression := getattr(statement, name, None)) is not None:
            yield from calls_in(expression, names)
    for item in getattr(statement, "items", []):
        yield from calls_in(item.context_expr, names)


def calls_in(node: ast.AST, names: Names) -> Iterator[Call]:
    """The calls within an expression, the innermost first."""
    found = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    for call in sorted(found, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0)):
        yield call, names
