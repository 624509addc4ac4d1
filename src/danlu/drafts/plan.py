"""Plan: which of a script's options a search is over, which it offers, and which it leaves alone."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from danlu.drafts.advice import ASKED, NEVER, Advice, advice, words
from danlu.drafts.knowledge import BUDGET
from danlu.drafts.option import Option
from danlu.drafts.readers.reading import Reading
from danlu.space import Choice, Dimension, Space
from danlu.space.value import MISSING, Value

MOST = 12
"""Hyperparameters of a draft: fifty trials say little of more."""

_TRAINS = ("train", "fit", "finetune", "fine-tune", "training", "run", "main", "learn")


@dataclass(frozen=True)
class Plan:
    """What is to become of a script's options.

    Attributes:
        command: the subcommand that trains; "" if there is none.
        tuned: what is searched over, in the script's order.
        offered: what might be as well.
        left: what is not.
        asked: what the script wants to be told, and no search can say.
    """

    command: str
    tuned: tuple[Advice, ...]
    offered: tuple[Advice, ...]
    left: tuple[Advice, ...]
    asked: tuple[Option, ...]

    @property
    def budget(self) -> Option | None:
        """How many epochs, else iterations, a training has, if the script says so."""
        options = [item.option for item in self.left if item.why == BUDGET and _counts(item.option)]
        return next((o for o in options if "epoch" in words(o.name)), options[0] if options else None)


def plan(reading: Reading, most: int = MOST) -> Plan:
    """The plan for what was read.

    Args:
        reading: of the script.
        most: how many hyperparameters are tuned; those that usually matter most are.
    """
    command = _training_command(reading.options)
    items = [_required(advice(option)) for option in _distinct(reading.options) if option.command in ("", command)]
    items = _branched(items)
    able = sorted((item for item in items if item.rank < ASKED), key=lambda item: item.rank)
    able = able or [item for item in items if item.rank < NEVER and _has_default(item.option)]
    chosen = {id(item) for item in able[:most]}
    return Plan(
        command,
        tuple(item for item in items if id(item) in chosen),
        tuple(_spare(item) for item in items if item.rank < NEVER and id(item) not in chosen),
        tuple(item for item in items if item.rank >= NEVER),
        tuple(item.option for item in items if item.option.is_required and id(item) not in chosen),
    )


def space_of(items: Iterable[Advice]) -> Space:
    """The space of what is tuned; dots in names make groups."""
    members: dict[str, Any] = {}
    for item in items:
        *groups, last = item.option.name.split(".")
        at = members
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = item.dimension
    return _nested(members)


def _nested(members: dict[str, Any]) -> Space:
    return Space({name: _nested(m) if isinstance(m, dict) else m for name, m in members.items()})


def _training_command(options: Iterable[Option]) -> str:
    """The subcommand that trains: by its name, else the one with most to tune."""
    commands = dict.fromkeys(option.command for option in options if option.command)
    for name in _TRAINS:
        if name in commands:
            return name
    able = {c: sum(advice(o).rank < ASKED for o in options if o.command == c) for c in commands}
    return max(able, key=lambda command: able[command], default="")


def _distinct(options: Iterable[Option]) -> list[Option]:
    """One option of each name: a later one of the same name replaces it."""
    return list({(option.command, option.name): option for option in options}.values())


def _branched(items: list[Advice]) -> list[Advice]:
    """What is to become of choices between groups: each group is a branch, with what it can be told besides."""
    grouped = {f"{item.option.name}." for item in items if item.option.branches and item.rank < ASKED}
    others = [item for item in items if not any(item.option.name.startswith(prefix) for prefix in grouped)]
    groups = {part for item in others for part in _groups(item.option.name)}
    return [
        _group(item)
        if item.option.branches
        else replace(item, dimension=None, rank=NEVER, why="it has the name of a group")
        if item.option.name in groups
        else item
        for item in others
    ]


def _groups(name: str) -> list[str]:
    """The groups that a dotted name leads through: "a" and "a.b" of "a.b.c"."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _group(item: Advice) -> Advice:
    if not isinstance(item.dimension, Choice) or item.rank >= ASKED:
        return replace(item, dimension=None, rank=NEVER, why="groups of configs: a study for each")
    branches: dict[Value, Space] = {name: _branch(options) for name, options in item.option.branches}
    return replace(item, dimension=item.dimension.with_branches(branches))


def _branch(options: tuple[Option, ...]) -> Space:
    """The space of one group's options, those that are worth tuning."""
    members: dict[str, Dimension] = {}
    for option in options:
        each = advice(option)
        if each.rank < ASKED and each.dimension is not None and option.name.count(".") == 1:
            members[option.name.partition(".")[2]] = each.dimension
    return Space(members)


def _required(item: Advice) -> Advice:
    """What the script asks for is tuned, if it is known what to try: a search can say it."""
    if item.option.is_required and item.dimension is not None and not item.option.is_positional:
        return replace(item, rank=1, why="")
    return item


def _spare(item: Advice) -> Advice:
    return (
        item
        if item.why or item.rank >= ASKED
        else replace(item, why="beyond the most that are tuned at once: exchange them for others")
    )


def _counts(option: Option) -> bool:
    """Whether its default is a number of epochs."""
    default = option.default
    if isinstance(default, bool) or not isinstance(default, (int, float)):
        return False
    return 1 < default == int(default)


def _has_default(option: Option) -> bool:
    return option.default is not None and option.default is not MISSING
