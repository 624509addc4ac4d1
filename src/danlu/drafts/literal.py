"""What an expression in a script is worth, as far as that can be said without running it.

Numbers, texts, tuples, lists and dictionaries of them, arithmetic, names that are bound to such values, and a few
functions that only compute. Everything else is `UNKNOWN`; nothing of the script is ever executed.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

_LARGEST = 10_000  # letters or items of a value: more is no default of an option
_HIGHEST = 64  # exponent


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("nobody knows whether an unknown value is true")


UNKNOWN: Any = _Unknown()

Names = Mapping[str, Any]

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int, "float": float, "str": str, "bool": bool, "len": len, "min": min, "max": max, "abs": abs,
    "round": round, "list": list, "tuple": tuple, "sorted": sorted, "set": sorted, "math.sqrt": math.sqrt,
    "math.log": math.log, "math.exp": math.exp, "range": lambda *bounds: list(_short(range(*bounds))),
}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"math.pi": math.pi, "math.e": math.e}
_METHODS: dict[tuple[type, str], Callable[[Any], Any]] = {
    (dict, "keys"): list,
    (dict, "values"): lambda d: list(d.values()),
    (str, "lower"): str.lower,
}


def value_of(node: ast.expr | None, names: Names) -> Any:
    """The value of an expression, or `UNKNOWN`.

    Args:
        node: the expression; None is worth nothing that is known.
        names: what names are bound to; dotted ones ("Config.lr") too.
    """
    try:
        return _value(node, names)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return UNKNOWN


def dotted(node: ast.AST | None) -> str:
    """The text of a name with dots, such as "argparse.ArgumentParser"; "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _value(node: ast.AST | None, names: Names) -> Any:
    match node:
        case ast.Constant(value):
            return UNKNOWN if value is ... or isinstance(value, (bytes, complex)) else value
        case ast.Name() | ast.Attribute():
            return _named(node, names)
        case ast.UnaryOp(op, operand):
            return _known(_SIGNS.get(type(op)), _value(operand, names))
        case ast.BinOp(left, op, right):
            return _computed(op, _value(left, names), _value(right, names))
        case ast.Tuple(elements) | ast.List(elements) | ast.Set(elements):
            items = [_value(element, names) for element in elements]
            return tuple(items) if isinstance(node, ast.Tuple) else items
        case ast.Dict(keys, values):
            return {_value(k, names): _value(v, names) for k, v in zip(keys, values, strict=True) if k is not None}
        case ast.Subscript(inner, index):
            return _value(inner, names)[_value(index, names)]
        case ast.IfExp(test, body, orelse):
            chosen = _value(test, names)
            return UNKNOWN if chosen is UNKNOWN else _value(body if chosen else orelse, names)
        case ast.JoinedStr(values):
            parts = [_value(v.value if isinstance(v, ast.FormattedValue) else v, names) for v in values]
            return UNKNOWN if UNKNOWN in parts else "".join(map(str, parts))
        case ast.Call(func, args, keywords) if not keywords:
            return _called(func, [_value(arg, names) for arg in args], names)
    return UNKNOWN


def _named(node: ast.Name | ast.Attribute, names: Names) -> Any:
    name = dotted(node)
    return names.get(name, _CONSTANTS.get(name, UNKNOWN))


def _known(function: Callable[..., Any] | None, *arguments: Any) -> Any:
    """The function's value if it and all arguments are known."""
    if function is None or any(argument is UNKNOWN for argument in arguments):
        return UNKNOWN
    return function(*arguments)


def _computed(op: ast.operator, left: Any, right: Any) -> Any:
    for operand in (left, right):
        if not isinstance(operand, (int, float, str, tuple, list)):
            return UNKNOWN
    if isinstance(op, ast.Pow) and (abs(right) > _HIGHEST or abs(left) > _LARGEST):
        return UNKNOWN
    if isinstance(op, ast.Mult) and not all(isinstance(operand, (int, float)) for operand in (left, right)):
        return UNKNOWN  # "a" * 10**9
    return _short(_known(_ARITHMETIC.get(type(op)), left, right))


def _called(function: ast.expr, arguments: list[Any], names: Names) -> Any:
    if isinstance(function, ast.Attribute) and not arguments:
        inner = _value(function.value, names)
        method = _METHODS.get((type(inner), function.attr))
        if method is not None:
            return method(inner)
    name = dotted(function)
    if name in names or any(isinstance(a, (list, tuple)) and UNKNOWN in a for a in arguments):
        return UNKNOWN
    return _short(_known(_FUNCTIONS.get(name), *arguments))


def _short(value: Any) -> Any:
    if isinstance(value, (str, tuple, list, range)) and len(value) > _LARGEST:
        raise ValueError("too long")
    if isinstance(value, float) and not math.isfinite(value):
        return UNKNOWN
    return value
