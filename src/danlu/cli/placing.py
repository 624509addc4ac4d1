"""What `danlu run` takes of where trials run, and what each of them gets."""

from typing import Annotated, Any

import typer

from danlu.cli.pairs import settings
from danlu.core.resources import Resources
from danlu.errors import StudyError

_PANEL = "Where trials run"

Workers = Annotated[
    str | None, typer.Option(metavar="N|auto", help="Trials at a time; 1 if not given, auto for as many as fit.")
]
RunnerName = Annotated[
    str | None,
    typer.Option(rich_help_panel=_PANEL, help="inline, processes, ray or slurm; processes for several workers."),
]
RunnerSetting = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", rich_help_panel=_PANEL, help="A setting of the runner, such as partition=gpu."),
]
Address = Annotated[
    str | None,
    typer.Option(rich_help_panel=_PANEL, help="Of the Ray cluster; the same as --runner-setting address=..."),
]
Cpus = Annotated[float | None, typer.Option(rich_help_panel=_PANEL, help="Cores of each trial.")]
Gpus = Annotated[
    float | None, typer.Option(rich_help_panel=_PANEL, help="0.5 for two trials on a device, 2 for a distributed one.")
]
Memory = Annotated[
    float | None, typer.Option(rich_help_panel=_PANEL, help="GB of main memory; a trial that takes more has failed.")
]
Resource = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=AMOUNT", rich_help_panel=_PANEL, help="Something else that a cluster shares out."),
]
Nice = Annotated[
    int | None, typer.Option(rich_help_panel=_PANEL, help="How far trials step back for other programs, 0 to 19.")
]
Silence = Annotated[
    float | None,
    typer.Option(min=0, rich_help_panel=_PANEL, help="Seconds without a sign of life that mean a trial hangs."),
]
Retries = Annotated[
    int | None,
    typer.Option(
        min=0, rich_help_panel=_PANEL, help="How often a trial is tried again whose worker died; 1 if not given."
    ),
]


def workers_of(said: str | None) -> int | str | None:
    """How many trials at a time, or "auto"."""
    if said is None or said == "auto":
        return said
    if not said.isdecimal() or int(said) < 1:
        raise StudyError(f"--workers takes a whole number from 1 on, or auto; got {said!r}.")
    return int(said)


def runner_of(name: str | None, items: list[str] | None, address: str | None) -> dict[str, Any] | None:
    """The runner with its settings."""
    form = settings("--runner-setting", items, "partition=gpu") | ({"address": address} if address else {})
    if name is None and form:
        raise StudyError(f"{next(iter(form))} belongs to a runner: add --runner NAME.")
    return None if name is None else {"use": name} | form


def resources_of(
    cpus: float | None, gpus: float | None, memory: float | None, nice: int | None, others: list[str] | None
) -> Resources | None:
    """What each trial gets; None if nothing is said."""
    custom = settings("--resource", others, "tpu=1")
    for name, amount in custom.items():
        if isinstance(amount, bool) or not isinstance(amount, (int, float)):
            raise StudyError(f"--resource takes NAME=AMOUNT, such as tpu=1; got {name}={amount}.")
    if custom or any(said is not None for said in (cpus, gpus, memory, nice)):
        return Resources(cpus, gpus, memory, nice or 0, custom)
    return None
