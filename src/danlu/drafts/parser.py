"""The space of an argparse parser that a program has at hand."""

import argparse
from dataclasses import replace

from danlu.drafts.option import Option, Switch
from danlu.drafts.plan import MOST, plan, space_of
from danlu.drafts.readers.argparse import argument_option
from danlu.drafts.readers.reading import Reading, Style
from danlu.space import Space

_ACTIONS = {
    "_StoreAction": None, "_StoreTrueAction": "store_true", "_StoreFalseAction": "store_false", "_HelpAction": "help",
    "_VersionAction": "version", "BooleanOptionalAction": "BooleanOptionalAction",
}  # fmt: skip


def space_of_parser(parser: argparse.ArgumentParser, most: int = MOST) -> Space:
    """What is worth tuning of a parser's options, with ranges around their defaults: a draft, to be looked at.

        space = space_of_parser(parser)
        def train(trial, config):
            args = argparse.Namespace(**vars(parser.parse_args()) | config)
        tune(train, space=space, minimize="val_loss")

    Learning rates, sizes, regularisation, choices and the like are in it; paths, seeds, devices and budgets are not.
    Defaults are the parser's, and names those of its namespace.

    Args:
        parser: with its options; subcommands are not looked into.
        most: hyperparameters at most, those that usually matter most.
    """
    options = tuple(option for action in parser._actions if (option := _option(action, parser)) is not None)
    return space_of(plan(Reading("argparse", Style.FLAG, options), most).tuned)


def _option(action: argparse.Action, parser: argparse.ArgumentParser) -> Option | None:
    """What the namespace has of an action; None where it has nothing that a search could set."""
    name = type(action).__name__
    if isinstance(action, argparse._SubParsersAction):
        return None
    default = parser.get_default(action.dest)
    settings = {
        "action": _ACTIONS.get(name, name.strip("_").removesuffix("Action").lower() or name),
        "default": default,
        "type": None if action.type is None else getattr(action.type, "__name__", "?"),
        "choices": None if action.choices is None else list(action.choices),
        "help": action.help,
        "nargs": action.nargs,
        "required": action.required,
    }
    option = argument_option([*action.option_strings] or [action.dest], settings)
    if option is None:
        return None
    if option.switch is Switch.ON:  # the value in the namespace, not whether the flag is given
        option = replace(
            option, default=default, switch=Switch.VALUE, many="" if isinstance(default, bool) else "const"
        )
    return replace(option, name=action.dest.replace(".", "_"))
