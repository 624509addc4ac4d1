"""Annotations and dataclasses -> Space, and Config -> the arguments and instances that a training function wants.

    def train(trial: Trial, lr: Annotated[float, Float(1e-5, 1e-1, log=True)] = 1e-3, opt: SGD | Adam = SGD()): ...

A parameter of a function and a field of a dataclass are read alike; both are a *slot* here: a name, a type, perhaps a
default. What its type says of it is its *form*:

    Annotated[float, Float(...)]    a hyperparameter
    a dataclass                     a group: its fields are hyperparameters `model.width`
    a union of dataclasses          a choice with branches; options: the classes' names in lower case, "none" for None
    Annotated[SGD | Adam, Likely("adam")]    such a union, of which one is probably the best
    anything else                   left alone: it keeps its default

A dataclass may say constraints between its fields: __where__ = ["layers * width <= 4096"]. Those of a function's
parameters are given beside it: tune(train, where=[...]).
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, Union

from danlu.errors import SpaceError
from danlu.space.belief import Likely
from danlu.space.choice import Choice
from danlu.space.dimension import Dimension
from danlu.space.numeric import Float, Int
from danlu.space.space import Config, Space
from danlu.space.text import parse_space
from danlu.space.value import MISSING, Value

WHERE = "__where__"
"""Attribute of a dataclass that holds the constraints between its fields."""

# the public functions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Declaration:
    """A training function and the space that its parameters declare.

    Attributes:
        train: the function, or whatever can be called like one.
        space: its hyperparameters.
    """

    train: Callable[..., Any]
    space: Space

    def arguments(self, config: Mapping[str, Value]) -> dict[str, Any]:
        """Values of the tuned parameters, by parameter; dataclasses are built. The trial is not among them.

        Raises:
            SpaceError: the config lacks a hyperparameter.
        """
        _, slots = _parameters(self.train)
        prefix_of = _prefixes(slots)
        return {
            slot.name: _value(slot, prefix_of[slot.name], config)
            for slot in slots
            if _form(slot, slot.name) is not None
        }

    def call(self, trial: Any, config: Mapping[str, Value]) -> Any:
        """What the function returns for a config; it is given the trial if it wants one."""
        trial_name, _ = _parameters(self.train)
        arguments = self.arguments(config) | ({trial_name: trial} if trial_name else {})
        bound = inspect.BoundArguments(inspect.signature(self.train), arguments)
        return self.train(*bound.args, **bound.kwargs)


def declare(train: Callable[..., Any]) -> Declaration:
    """The declaration that a function, a callable object or a `functools.partial` makes with its parameters.

    A parameter named `trial`, or of a class named `Trial`, receives the trial. A single dataclass and no other
    hyperparameter (`def train(trial, config: Config)`) gives its fields' own names; beside others it is a group. What a
    partial has bound is left alone.

    Raises:
        SpaceError: a parameter has neither a dimension nor a default, an annotation can't be read, a default does not
            suit its dimension, or there is nothing to tune.
    """
    space = _function_space(train)
    if len(space) == 0:
        raise SpaceError(
            f"{_name(train)!r} has no hyperparameter. Annotate a parameter, such as "
            f"lr: Annotated[float, Float(1e-5, 1e-1, log=True)] = 1e-3, or give the space itself."
        )
    return Declaration(train, space)


def space_of(declared: "Space | Mapping[str, Any] | Callable[..., Any] | type | object") -> Space:
    """The space that a Space, a mapping, a dataclass, an instance of one or a training function declares.

    The values of an instance are the defaults. A mapping may hold what `parse_space` reads.
    """
    if isinstance(declared, Space):
        return declared
    if isinstance(declared, Mapping):
        return parse_space(declared)
    if is_dataclass(declared) and (isinstance(declared, type) or not callable(declared)):
        return _dataclass_space(declared, "")
    if callable(declared):
        return declare(declared).space
    raise SpaceError(f"expected a Space, a mapping, a dataclass or a function, got {declared!r}.")


def instance(cls: Any, config: Mapping[str, Value]) -> Any:
    """The instance of a dataclass that a config of its space stands for.

    Args:
        cls: the dataclass, or an instance of it, which then also gives the fields that are left alone.
        config: values by hyperparameter. Branches of an `Annotated[..., Choice({...})]` have no field to go to.

    Raises:
        SpaceError: `cls` is no dataclass, or the config lacks a hyperparameter.
    """
    _check_dataclass(cls)
    return _build(cls, config, "")


def config_of(instance: Any) -> Config:
    """The config that stands for an instance of a dataclass; `instance` is the inverse.

    Raises:
        SpaceError: it is no instance of a dataclass, or a value is not one of its dimension.
    """
    _check_dataclass(instance)
    return _dataclass_space(type(instance), "").config(dict(_values(instance, "")))


# slots and forms ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slot:
    """A parameter or a field. Its default is made when asked for: a factory may be slow, and give another each time."""

    name: str
    hint: Any
    make_default: Callable[[], Any] | None = None

    def default(self) -> Any:
        return MISSING if self.make_default is None else self.make_default()


@dataclass(frozen=True)
class _Leaf:
    dimension: Dimension


@dataclass(frozen=True)
class _Group:
    cls: type


@dataclass(frozen=True)
class _Alternatives:
    classes: dict[str, type]  # by label; "none" is NoneType

    def label_of(self, path: str, value: object) -> str:
        """Label of a default or of a field's value: an instance of one of the classes, or such a class itself."""
        cls = value if isinstance(value, type) else type(value)
        for label, known in self.classes.items():
            if cls is known:
                return label
        raise SpaceError(f"{path!r}: expected an instance of {_names(self.classes.values())}, got {value!r}.")


_Form = _Leaf | _Group | _Alternatives | None


def _form(slot: _Slot, path: str) -> _Form:
    """What the slot's type says of it; None if it is to be left alone."""
    dimensions = _dimensions(slot.hint)
    if len(dimensions) > 1:
        raise SpaceError(
            f"{path!r}: expected one dimension, got {dimensions[0]} and {dimensions[1]}. Remove one of the two."
        )
    if dimensions:
        return _Leaf(dimensions[0])
    hint = _bare(slot.hint)
    if _is_union(hint) and (alternatives := _alternatives(hint, path)):
        return alternatives
    if _mentions_dimension(hint):
        if _is_dataclass_type(hint):
            return _Group(hint)
        raise SpaceError(
            f"{path!r}: a dimension within {hint} is not seen. Write {slot.name}: Annotated[TYPE, DIMENSION], the "
            f"dimension outermost; a union may hold dataclasses and None only."
        )
    if slot.make_default is None:
        raise SpaceError(
            f"{path!r} has neither values to try nor a default. Write "
            f"{slot.name}: Annotated[float, Float(1e-5, 1e-1, log=True)], say, or give it a default."
        )
    return None


def _dimensions(hint: Any) -> list[Dimension]:
    metadata = (hint,) if isinstance(hint, (Float, Int, Choice)) else getattr(hint, "__metadata__", ())
    return [item for item in metadata if isinstance(item, (Float, Int, Choice))]


def _bare(hint: Any) -> Any:
    return hint.__origin__ if typing.get_origin(hint) is Annotated else hint


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (Union, types.UnionType)


def _is_dataclass_type(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)


def _alternatives(hint: Any, path: str) -> _Alternatives | None:
    """The alternatives of a union of dataclasses; None if it is another union, such as `Logger | None`."""
    members = [_bare(member) for member in typing.get_args(hint)]
    classes = [member for member in members if _is_dataclass_type(member)]
    if len(classes) + members.count(types.NoneType) < len(members):
        return None
    if len(classes) < 2 and not _mentions_dimension(hint):
        return None
    labels = ["none" if member is types.NoneType else member.__name__.lower() for member in members]
    for label in labels:
        if labels.count(label) > 1:
            raise SpaceError(
                f"{path!r}: two classes of {_names(members)} are both called {label!r}. Rename one of the two."
            )
    return _Alternatives(dict(zip(labels, members, strict=True)))


def _mentions_dimension(hint: Any, seen: frozenset[Any] = frozenset()) -> bool:
    if _dimensions(hint):
        return True
    inner = list(typing.get_args(hint))
    if _is_dataclass_type(hint) and hint not in seen:
        inner = [slot.hint for slot in _fields(hint, "")]
        seen = seen | {hint}
    return any(_mentions_dimension(each, seen) for each in inner if not isinstance(each, list))


def _fields(declared: Any, prefix: str) -> list[_Slot]:
    """The slots of a dataclass; of an instance, with its values as defaults."""
    cls = declared if isinstance(declared, type) else type(declared)
    hints = _hints(cls, prefix)
    return [_Slot(f.name, hints[f.name], _default_maker(declared, f)) for f in fields(cls) if f.init]


def _default_maker(declared: Any, f: "Field[Any]") -> Callable[[], Any] | None:
    if not isinstance(declared, type):
        return functools.partial(getattr, declared, f.name)
    if f.default_factory is not NO_DEFAULT:
        return f.default_factory
    return None if f.default is NO_DEFAULT else lambda: f.default


def _parameters(train: Callable[..., Any]) -> tuple[str | None, list[_Slot]]:
    """Name of the parameter that receives the trial, if there is one; the slots of the others."""
    try:
        signature = inspect.signature(train)
    except (TypeError, ValueError) as error:
        raise SpaceError(f"expected a function whose parameters can be read, got {train!r}: {error}.") from None
    fixed = train.keywords if isinstance(train, functools.partial) else {}
    hints = _hints(_annotated(train), "")
    free = [
        p
        for p in signature.parameters.values()
        if p.name not in fixed and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    of_trial = [p.name for p in free if p.name == "trial" or getattr(hints.get(p.name), "__name__", "") == "Trial"]
    trial = of_trial[0] if of_trial else None
    return trial, [_slot(p, hints.get(p.name, Any)) for p in free if p.name != trial]


def _slot(parameter: inspect.Parameter, hint: Any) -> _Slot:
    has_default = parameter.default is not parameter.empty
    return _Slot(parameter.name, hint, (lambda: parameter.default) if has_default else None)


def _annotated(train: Callable[..., Any]) -> Any:
    """Where the annotations of something that can be called are."""
    while isinstance(train, functools.partial):
        train = train.func
    return train if inspect.isroutine(train) or isinstance(train, type) else type(train).__call__


class _Trial:
    """Stands for an annotation "Trial" that is imported for type checkers only; the name is all that matters."""


_Trial.__name__ = "Trial"


def _hints(owner: Any, prefix: str) -> dict[str, Any]:
    local = None if isinstance(owner, type) else {"Trial": _Trial}
    try:
        return typing.get_type_hints(owner, localns=local, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        where = prefix.rstrip(".") or _name(owner)
        raise SpaceError(
            f"{where!r}: its annotations can't be read: {error}. Import or define what they name at the top of its "
            f"module (not under TYPE_CHECKING, not inside a function), or don't write them as strings."
        ) from None


def _name(thing: Any) -> str:
    return getattr(thing, "__qualname__", None) or repr(thing)


def _names(classes: Any) -> str:
    return " | ".join("None" if cls is types.NoneType else cls.__name__ for cls in classes)


def _check_dataclass(declared: Any) -> None:
    if not is_dataclass(declared):
        raise SpaceError(f"expected a dataclass, got {declared!r}. Put @dataclass above the class.")


# slots -> space -------------------------------------------------------------------------------------------------------


def _function_space(train: Callable[..., Any]) -> Space:
    _, slots = _parameters(train)
    prefix_of = _prefixes(slots)
    if "" in prefix_of.values():
        (slot,) = [slot for slot in slots if prefix_of[slot.name] == ""]
        member = _member(slot, slot.name)
        assert isinstance(member, Space)
        return member
    return _space(slots, "")


def _prefixes(slots: list[_Slot]) -> dict[str, str]:
    """Full name of each slot of a function: its own, but "" for a dataclass that is the whole config."""
    forms = {slot.name: _form(slot, slot.name) for slot in slots}
    tuned = [name for name, form in forms.items() if form is not None]
    is_whole = len(tuned) == 1 and isinstance(forms[tuned[0]], _Group)
    return {name: "" if is_whole and name == tuned[0] else name for name in forms}


def _dataclass_space(declared: Any, prefix: str) -> Space:
    return _space(_fields(declared, prefix), prefix, getattr(declared, WHERE, ()))


def _space(slots: list[_Slot], prefix: str, where: str | Iterable[str] = ()) -> Space:
    members = {slot.name: _member(slot, prefix + slot.name) for slot in slots}
    return Space({name: member for name, member in members.items() if member is not None}, where)


def _member(slot: _Slot, path: str) -> Dimension | Space | None:
    match _form(slot, path):
        case _Leaf(dimension):
            default = slot.default()
            dimension = dimension if default is MISSING else dimension.with_default(default)  # type: ignore[assignment]
            dimension.check(path)  # here, where the full name is known
            return dimension
        case _Group(cls):
            return _dataclass_space(_group_default(slot, cls, path), path + ".")
        case _Alternatives() as alternatives:
            return _choice(slot, alternatives, path)
    return None


def _group_default(slot: _Slot, cls: type, path: str) -> Any:
    """The instance that is the slot's default, else the class."""
    default = slot.default()
    if default is MISSING or isinstance(default, cls):
        return cls if default is MISSING else default
    raise SpaceError(
        f"{path!r}: the default must be an instance of {cls.__name__}, got {default!r}. Use {cls.__name__}(...)."
    )


def _choice(slot: _Slot, alternatives: _Alternatives, path: str) -> Choice:
    default = slot.default()
    chosen = MISSING if default is MISSING else alternatives.label_of(path, default)
    branches = {
        label: None
        if cls is types.NoneType
        else _dataclass_space(default if label == chosen else cls, f"{path}.{label}.")
        for label, cls in alternatives.classes.items()
    }
    return Choice(branches, default=chosen, likely=_likely(slot, alternatives, path))


def _likely(slot: _Slot, alternatives: _Alternatives, path: str) -> tuple[str, ...] | None:
    """Labels of the classes that are said to be likely, by label or by class; None if nothing was said."""
    said = [each for each in getattr(slot.hint, "__metadata__", ()) if isinstance(each, Likely)]
    if not said:
        return None
    return tuple(
        option if isinstance(option, str) else alternatives.label_of(path, option) for option in said[0].options
    )


# config -> instances and back -----------------------------------------------------------------------------------------


def _value(slot: _Slot, path: str, config: Mapping[str, Value]) -> Any:
    """What a config says of a slot; `path` is its full name, "" for the dataclass that is the whole config."""
    prefix = path and path + "."
    match _form(slot, path):
        case _Leaf():
            return _entry(config, path)
        case _Group(cls):
            return _build(_group_default(slot, cls, path), config, prefix)
        case _Alternatives(classes):
            label = _entry(config, path)
            cls, default = classes[str(label)], slot.default()
            if cls is types.NoneType:
                return None
            return _build(default if isinstance(default, cls) else cls, config, f"{prefix}{label}.")
    return slot.default()


def _entry(config: Mapping[str, Value], path: str) -> Value:
    if path not in config:
        raise SpaceError(
            f"the config has no {path!r}, only {', '.join(config) or 'nothing'}. Complete it by space.config(...)."
        )
    return config[path]


def _build(declared: Any, config: Mapping[str, Value], prefix: str) -> Any:
    """An instance of a dataclass; what is left alone is as in the instance `declared`, or as the class has it."""
    cls = declared if isinstance(declared, type) else type(declared)
    return cls(**{slot.name: _value(slot, prefix + slot.name, config) for slot in _fields(declared, prefix)})


def _values(built: Any, prefix: str) -> Iterator[tuple[str, Value]]:
    for slot in _fields(type(built), prefix):
        path, value = prefix + slot.name, getattr(built, slot.name)
        match _form(slot, path):
            case _Leaf():
                yield path, value
            case _Group():
                yield from _values(value, path + ".")
            case _Alternatives() as alternatives:
                label = alternatives.label_of(path, value)
                yield path, label
                if value is not None:
                    yield from _values(value, f"{path}.{label}.")
