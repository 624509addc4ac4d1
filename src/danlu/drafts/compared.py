"""Choices that a script doesn't list but tells by what it compares an option with: `if args.opt == "adam":`."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from danlu.drafts.advice import words
from danlu.drafts.literal import dotted, value_of
from danlu.drafts.option import Option
from danlu.drafts.script import Scope, Script


def with_compared(script: Script, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The options; those that are texts without choices, with what the script compares them with."""
    found: dict[str, list[str]] = {}
    for scope in script.scopes:
        for name, value in _compared(scope):
            found.setdefault(words(name), []).append(value)
    return tuple(_with_choices(option, found.get(words(option.name), [])) for option in options)


def _with_choices(option: Option, values: list[str]) -> Option:
    default = option.default
    if option.kind != "text" or option.choices or option.many or not isinstance(default, str) or not default:
        return option
    choices = tuple(dict.fromkeys([*values, default]))
    return replace(option, choices=choices) if len(choices) > 1 and default in values else option


def _compared(scope: Scope) -> Iterator[tuple[str, str]]:
    """(last part of a name, a text that it is compared with, or a key of the table it is looked up in)."""
    for node in scope.nodes:
        match node:
            case ast.Compare(left, [ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn()], [right]):
                name, said = _name(left), value_of(right, scope.names)
                if not name:
                    name, said = _name(right), value_of(left, scope.names)
            case ast.Subscript(table, index):
                name, said = _name(index), value_of(table, scope.names)
            case ast.Match(subject, cases):
                patterns = [p for case in cases for p in ast.walk(case.pattern) if isinstance(p, ast.MatchValue)]
                name, said = _name(subject), [value_of(pattern.value, scope.names) for pattern in patterns]
            case _:
                continue
        if name:
            texts = [said] if isinstance(said, str) else said if isinstance(said, (list, tuple, dict)) else []
            yield from ((name, text) for text in texts if isinstance(text, str))


def _name(node: ast.expr) -> str:
    """The name that an expression is about, also of `args.opt.lower()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    return dotted(node).rpartition(".")[2]
