"""danlu init: drafts study.toml for a training script that knows nothing of Danlu."""

from pathlib import Path
from typing import Annotated

import typer

from danlu.cli.screen import screen
from danlu.drafts.draft import Draft, draft
from danlu.drafts.executed import RUN, run_for_options
from danlu.drafts.plan import MOST
from danlu.drafts.readers.all import FRAMEWORKS, read_options
from danlu.drafts.readers.reading import Reading
from danlu.drafts.script import Script
from danlu.errors import DraftError
from danlu.records.files import write_text


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("init")(init)


def init(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="The training script, such as train.py.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the draft is written.")] = Path("study.toml"),
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the draft, write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
    most: Annotated[int, typer.Option(min=1, help="Hyperparameters to tune at most; others are commented out.")] = MOST,
    execute: Annotated[
        bool,
        typer.Option(
            "--execute",
            help="Run the script up to its parser, for options that can't be read: its imports and whatever stands "
            "at its top level are run.",
        ),
    ] = False,
) -> None:
    """Draft a study.toml from the options of a training script, with ranges around its defaults.

    danlu init train.py

    Options of argparse, click, Typer, tyro, Hydra, Fire, absl, dataclasses (HfArgumentParser and others), LightningCLI
    and of a configurator in the manner of nanoGPT are read from the text of the script; nothing of it is run.
    """
    if not stdout and output.exists() and not force:
        raise DraftError(f"{str(output)!r} is there already. Choose another by -o NAME.toml, or replace it by --force.")
    if not stdout and output.suffix != ".toml":
        raise DraftError(f"a study is written as TOML; {str(output)!r} must end in .toml.")
    if not output.parent.is_dir():
        raise DraftError(f"there is no folder {str(output.parent)!r} to write {output.name} to.")
    drafted = draft(Script(script), _reading(Script(script), execute), output.parent, most)
    if not (drafted.plan.tuned or drafted.plan.offered):
        raise DraftError(_nothing_to_tune(drafted))
    if stdout:
        print(drafted.text, end="")
        return
    write_text(output, drafted.text)
    for line in _summary(drafted, output):
        screen().print(line, markup=False, highlight=False, soft_wrap=True)


def _reading(script: Script, execute: bool) -> Reading:
    """What can be read of the script, else what running it up to its parser shows."""
    reading = read_options(script)
    name = script.path.name
    if reading is None and "sys.argv" in script.main.text:
        raise DraftError(
            f"{name} reads sys.argv itself, which says nothing of its options. Put what is to be tuned in its place: "
            f"danlu run --space 'lr=1e-5..1e-1 log' --minimize METRIC -- python {name} {{lr}}"
        )
    if reading is None:
        raise DraftError(
            f"no options were found in {name}: it uses none of {', '.join(FRAMEWORKS)}. If its settings are in a "
            f"function, annotate them: lr: Annotated[float, Float(1e-5, 1e-1, log=True)] = 1e-3, then danlu run {name}."
        )
    if execute and reading.framework in RUN:
        return run_for_options(script)
    if not reading.options:
        more = f" Let it run up to its parser: danlu init --execute {name}." if reading.framework in RUN else ""
        raise DraftError(f"{name} uses {reading.framework}, but none of its options can be read from its text.{more}")
    return reading


def _nothing_to_tune(drafted: Draft) -> str:
    names = [option.name for option in drafted.reading.options]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return (
        f"{drafted.script.path.name} has {len(names)} options ({shown}), but none that is worth tuning: paths, "
        f"devices, budgets and the like are left alone. Say what to tune: danlu run --space 'NAME=1e-5..1e-1 log' "
        f"-- python {drafted.script.path.name}"
    )


def _summary(drafted: Draft, output: Path) -> list[str]:
    """What was found, what to check, what to do next."""
    plan, options = drafted.plan, drafted.reading.options
    offered = sum(item.dimension is not None for item in plan.offered)
    found = f"{len(options)} options ({drafted.reading.framework}), {len(plan.tuned)} tuned, {offered} more offered"
    checks = ["the ranges"]
    if drafted.objectives:
        first = drafted.objectives[0]
        others = ", or another below it" if len(drafted.objectives) > 1 else ""
        checks.insert(0, f"{first.goal} {first.metric} ({first.place}{others})")
    else:
        checks.insert(0, "no metric was found: write minimize = ... into it")
    if drafted.asked:
        names = ", ".join(option.flag or option.name for option in drafted.asked)
        checks.insert(0, f"add {names} to the command: the script asks for it")
    return [
        f"{output}: drafted from {drafted.script.path.name}, {found}",
        f"check: {'; '.join(checks)}",
        f"then:  danlu run {output}",
    ]
