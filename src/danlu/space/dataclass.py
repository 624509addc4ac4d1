"""Space -> dataclass: the way back from a space to code that declares it."""

import keyword
import types
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, Union

from danlu.errors import SpaceError
from danlu.space.belief import Likely
from danlu.space.choice import Choice
from danlu.space.declare import WHERE
from danlu.space.dimension import Dimension
from danlu.space.numeric import Int
from danlu.space.space import Space
from danlu.space.value import MISSING, Value


def dataclass_of(space: Space, name: str = "Config") -> type:
    """A frozen dataclass that declares this space: `space_of(dataclass_of(space)) == space`.

    A choice with branches becomes a union of dataclasses if all its labels are lower-case identifiers, it has two at
    least, and it is not ordered. Any other stays an `Annotated[..., Choice({...})]`, whose instances hold the option
    but not the values of its branch. Where a default option has hyperparameters without defaults, the field's default
    is the class itself. Constraints are its `__where__`. A group without any hyperparameter is lost.

    Raises:
        SpaceError: a hyperparameter's name can't name a field.
    """
    made = [_field(key, member) for key, member in space.members.items() if not _is_empty(member)]
    namespace = {WHERE: space.where} if space.where else {}
    return make_dataclass(name, made, namespace=namespace, frozen=True, kw_only=True)


def _is_empty(member: Dimension | Space) -> bool:
    return isinstance(member, Space) and len(member) == 0


def _field(name: str, member: Dimension | Space) -> tuple[str, Any, Any]:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise SpaceError(f"{name!r} can't name a field of a dataclass. Rename it to a Python identifier.")
    if isinstance(member, Space):
        cls = dataclass_of(member, name.capitalize())
        return name, cls, field(default_factory=cls) if _has_defaults(cls) else field()
    if isinstance(member, Choice) and member.branches and _is_union_like(member):
        return _union_field(name, member)
    hint: Any = Annotated[_type(member), member.with_default(MISSING)]
    return name, hint, field() if member.default is MISSING else field(default=member.default)


def _type(dimension: Dimension) -> Any:
    """Type of the values: float, int, or the union of the options' types."""
    if isinstance(dimension, Choice):
        return Union[tuple(dict.fromkeys(map(type, dimension.options)))]  # noqa: UP007
    return int if isinstance(dimension, Int) else float


def _is_union_like(choice: Choice) -> bool:
    def is_label(option: Value) -> bool:
        return isinstance(option, str) and option.isidentifier() and option.capitalize().lower() == option

    return len(choice.options) > 1 and not choice.ordered and all(map(is_label, choice.options))


def _union_field(name: str, choice: Choice) -> tuple[str, Any, Any]:
    classes = {option: _class_of_option(str(option), choice.branches.get(option)) for option in choice.options}
    hint: Any = Union[tuple(classes.values())]  # noqa: UP007
    hint = hint if choice.likely is None else Annotated[hint, Likely(*choice.likely)]
    if choice.default is MISSING:
        return name, hint, field()
    default = classes[choice.default]
    if default is types.NoneType:
        return name, hint, field(default=None)
    return name, hint, field(default_factory=default) if _has_defaults(default) else field(default=default)


def _class_of_option(option: str, branch: Space | None) -> type:
    if branch is None and option == "none":
        return types.NoneType
    return dataclass_of(Space({}) if branch is None else branch, option.capitalize())


def _has_defaults(cls: type) -> bool:
    return all(f.default is not NO_DEFAULT or f.default_factory is not NO_DEFAULT for f in fields(cls))
