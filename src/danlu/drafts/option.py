"""Option: something that a training script can be told on its command line."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from danlu.space.value import MISSING

Kind = Literal["float", "int", "bool", "text"]


class Switch(StrEnum):
    """How a truth value is written."""

    ON = "on"  # --amp, or nothing
    PAIR = "pair"  # --amp or --no-amp
    VALUE = "value"  # --amp=True, amp=true


@dataclass(frozen=True)
class Option:
    """One option, whatever framework reads it.

    Attributes:
        name: as it stands behind the dashes, such as "weight-decay"; dots lead into groups: "optimizer.lr".
        kind: what its value is; "text" where nothing else is known.
        default: what the script takes if it is not told; `MISSING` if that can't be known, None if it is nothing.
        flag: the spelling with dashes, "--weight-decay"; "" where there are none (`key=value`).
        choices: the values that the script accepts, if it says so.
        low, high: the bounds that the script accepts, if it says so.
        help: what the script says about it, on one line.
        switch: how a truth value is written; None of all others.
        many: how many values it takes where that is not one: "2", "*", "+", "append".
        is_required: whether the script ends without it.
        is_positional: whether it is given by its place.
        command: the subcommand that it belongs to, "" if to none.
        is_inferred: whether the kind is only that of the default: 0 may then stand for 0.0.
        branches: of a choice between groups, such as Hydra's: what each of them can be told besides.
    """

    name: str
    kind: Kind
    default: Any = MISSING
    flag: str = ""
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    help: str = ""
    switch: Switch | None = None
    many: str = ""
    is_required: bool = False
    is_positional: bool = False
    command: str = ""
    is_inferred: bool = False
    branches: "tuple[tuple[str, tuple[Option, ...]], ...]" = ()


KINDS: Final[dict[type, Kind]] = {bool: "bool", int: "int", float: "float", str: "text"}


def kind_of(value: Any) -> Kind:
    """The kind of a default."""
    return KINDS.get(type(value), "text")
