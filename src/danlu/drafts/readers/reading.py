"""Reading: what one framework's reader found in a script."""

from dataclasses import dataclass
from enum import StrEnum

from danlu.drafts.option import Option


class Style(StrEnum):
    """How a value is written on the command line."""

    FLAG = "flag"  # --lr 0.1
    EQUALS = "equals"  # --lr=0.1
    BARE = "bare"  # lr=0.1


@dataclass(frozen=True)
class Reading:
    """What a script can be told, and how.

    Attributes:
        framework: whose options they are, as its users call it.
        style: how a value is written.
        options: in the script's order; none if they are made where no reading finds them.
        is_entry: whether the script itself, not a module of it, hands its command line to the framework.
        was_run: whether the script was run up to its parser.
    """

    framework: str
    style: Style
    options: tuple[Option, ...]
    is_entry: bool = True
    was_run: bool = False
