"""What `danlu run` takes of an unmodified program: its command, how values go in, and where metrics are."""

from typing import Annotated

import typer
from typer.core import TyperCommand

from danlu.errors import StudyError

_PANEL = "A program as it is: ... -- python train.py"
_KEY = "danlu.command"


class WithProgram(TyperCommand):
    """A command whose words after `--` are another command."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if "--" in args:
            k = args.index("--")
            ctx.meta[_KEY] = tuple(args[k + 1 :])
            args = args[:k]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


def command_of(context: typer.Context) -> tuple[str, ...]:
    """The words after `--`; none if there is no such thing.

    Raises:
        StudyError: there is `--`, and nothing after it.
    """
    command: tuple[str, ...] | None = context.meta.get(_KEY)
    if command == ():
        raise StudyError("there is no command after --. Say what to run: -- python train.py")
    return command or ()


Style = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        rich_help_panel=_PANEL,
        help="How arguments are written: '--name value', '--name=value', 'name=value', ...; '' for placeholders only. "
        "As the command's other arguments and the script show it, if not given.",
    ),
]
Booleans = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        rich_help_panel=_PANEL,
        help="value: --amp=True; flag: --amp or nothing; pair: --amp or --no-amp.",
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=WORD",
        rich_help_panel=_PANEL,
        help="What the program calls a hyperparameter, such as optimizer.sgd.momentum=sgd-momentum.",
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", rich_help_panel=_PANEL, help="An environment variable, such as LR={lr}."),
]
Template = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=_PANEL,
        help="A config file (YAML, TOML, JSON) that each trial gets with its own values.",
    ),
]
Grace = Annotated[
    float | None,
    typer.Option(min=0, rich_help_panel=_PANEL, help="Seconds between SIGTERM and SIGKILL; 10 if not given."),
]
Pattern = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX", rich_help_panel=_PANEL, help="Metrics in the output, such as 'val: (?P<val_loss>[0-9.]+)'."
    ),
]
_FILES = "such as '{folder}/metrics.csv'; {folder} is the trial's own"
Csv = Annotated[
    list[str] | None, typer.Option(metavar="PATH", rich_help_panel=_PANEL, help=f"CSV files with metrics, {_FILES}.")
]
JsonLines = Annotated[
    list[str] | None, typer.Option(metavar="PATH", rich_help_panel=_PANEL, help="JSON lines files with metrics.")
]
TensorBoard = Annotated[
    list[str] | None, typer.Option(metavar="PATH", rich_help_panel=_PANEL, help="TensorBoard event files, or a folder.")
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        rich_help_panel=_PANEL,
        help="What the program saves, such as '{folder}/last.ckpt'; with --resume, trials can be paused and go on.",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="ARGUMENTS", rich_help_panel=_PANEL, help="With which it goes on, such as '--resume {checkpoint}'."
    ),
]
