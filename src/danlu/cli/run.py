"""danlu run: tunes the training function that a study.toml or a Python file holds."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from danlu.cli.ending import Budget, Notify, NotifyOn, Plateau, Price, Target, Tolerance, notify_of
from danlu.cli.pairs import pairs, settings
from danlu.cli.placing import (
    Address,
    Cpus,
    Gpus,
    Memory,
    Nice,
    Resource,
    Retries,
    RunnerName,
    RunnerSetting,
    Silence,
    Workers,
    resources_of,
    runner_of,
    workers_of,
)
from danlu.cli.program import (
    Booleans,
    Checkpoint,
    Csv,
    Env,
    Grace,
    JsonLines,
    Names,
    Pattern,
    Resume,
    Style,
    Template,
    TensorBoard,
    WithProgram,
    command_of,
)
from danlu.cli.screen import (
    best_of,
    config_text,
    counts_text,
    errors,
    mean_text,
    recommended_of,
    screen,
    value_text,
)
from danlu.cli.studies import home
from danlu.cli.training import load_train
from danlu.core.history import History
from danlu.core.objective import Named
from danlu.core.trial import Status
from danlu.errors import StudyError
from danlu.loop import Interrupted
from danlu.pictures.marks import default_of
from danlu.programs.program import Program
from danlu.programs.settings import program_from
from danlu.records.definition import Definition, read_definition
from danlu.records.folder import Folder
from danlu.space.text import space_of_items
from danlu.study import Study
from danlu.tuning import tune

_INTERRUPTED = 130  # what a shell expects after Ctrl-C


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("run", cls=WithProgram)(run)


def run(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A study.toml, or the training function: FILE.py:FUNCTION, or FILE.py."),
    ] = "",
    minimize: Annotated[list[str] | None, typer.Option(help="Metric to minimise; several for a Pareto front.")] = None,
    maximize: Annotated[list[str] | None, typer.Option(help="Metric to maximise.")] = None,
    subject_to: Annotated[list[str] | None, typer.Option(help="Constraint, such as 'memory_gb <= 8'.")] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trials in all, over all restarts; 50 if nothing else ends it.")
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds after which no more trials are started; without --trials, cheap ones are preferred."
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="How to search: auto, random, pbt, ...; or a .json file, as danlu export writes one."),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of the strategy, such as levels=4.")
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RANGE", help="A hyperparameter, such as 'lr=1e-5..1e-1 log', where annotations lack."
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="CONSTRAINT", help="What configs must satisfy, such as 'layers * width <= 4096'."),
    ] = None,
    workers: Workers = None,
    runner: RunnerName = None,
    runner_setting: RunnerSetting = None,
    address: Address = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    memory_per_trial: Memory = None,
    resource: Resource = None,
    nice: Nice = None,
    silence: Silence = None,
    lag: Annotated[
        int | None,
        typer.Option(min=1, help="The same study on 1 to LAG workers: results count that many trials later."),
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds after which a trial is killed.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="What a full training is, such as 30 epochs; auto then stops early.")
    ] = None,
    total_steps: Annotated[
        int | None, typer.Option(min=1, help="Steps that all trials together may do, over all restarts.")
    ] = None,
    reached: Target = None,
    plateau: Plateau = None,
    tolerance: Tolerance = None,
    price: Price = None,
    budget: Budget = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all randomness; 0 if not given.")] = None,
    warm_start: Annotated[
        list[str] | None,
        typer.Option(metavar="STUDY", help="An earlier study to learn from, by folder or name; repeat it for several."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=0, help="How many of the best trials keep their checkpoints; 5 if not given.")
    ] = None,
    retries: Retries = None,
    style: Style = None,
    booleans: Booleans = None,
    name: Names = None,
    env: Env = None,
    template: Template = None,
    grace: Grace = None,
    pattern: Pattern = None,
    csv: Csv = None,
    jsonlines: JsonLines = None,
    tensorboard: TensorBoard = None,
    checkpoint: Checkpoint = None,
    resume: Resume = None,
    folder: Annotated[Path | None, typer.Option(help="Where everything is kept; runs/NAME if not given.")] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A database for the journal: postgresql://user@host/database. The folder remembers it, but for the "
            "password (PGPASSWORD, ~/.pgpass). Several machines that share the folder may then run it.",
        ),
    ] = None,
    change: Annotated[
        bool, typer.Option("--change", help="Go on in another space than the study had; earlier trials are kept.")
    ] = False,
    notify: Notify = None,
    notify_on: NotifyOn = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress while it runs.")] = False,
) -> None:
    """Tune a training function, or go on with a study that was interrupted.

    danlu run study.toml

    danlu run train.py:train --minimize val_loss --trials 50 --workers 2

    danlu run --space 'lr=1e-5..1e-1 log' --minimize val_loss -- python train.py --epochs 5

    The function's annotated parameters are the search space. Ctrl-C once lets running trials end, twice stops at once;
    the same command goes on later, and nothing is lost.
    """
    command = command_of(context)
    said, base, title = _definition(target, command)
    options: dict[str, Any] = {
        "minimize": tuple(minimize or ()),
        "maximize": tuple(maximize or ()),
        "subject_to": tuple(subject_to or ()),
        "trials": trials,
        "time": time,
        "workers": workers_of(workers),
        "runner": runner_of(runner, runner_setting, address),
        "resources": resources_of(cpus_per_trial, gpus_per_trial, memory_per_trial, nice, resource),
        "silence": silence,
        "lag": lag,
        "timeout": timeout,
        "steps": steps,
        "total_steps": total_steps,
        "target": reached,
        "plateau": plateau,
        "tolerance": tolerance,
        "price": price,
        "budget": budget,
        "seed": seed,
        "strategy": _strategy(strategy, setting or []),
        "space": space_of_items(space) if space else None,
        "where": tuple(where or ()),
        "keep": keep,
        "retries": retries,
        "store": store,
        "notify": notify_of(notify, notify_on),
        "warm_start": tuple(_earlier(name, Path()) for name in warm_start or ()),
    }
    if minimize or maximize:  # objectives are replaced as a whole
        said = replace(said, minimize=(), maximize=())
    program = {
        "style": style, "booleans": booleans, "names": pairs("--name", name), "env": pairs("--env", env),
        "template": template, "grace": grace, "pattern": pattern, "csv": csv, "jsonlines": jsonlines,
        "tensorboard": tensorboard, "checkpoint": checkpoint, "resume": resume,
    }  # fmt: skip
    said = replace(said, program=said.program | {k: v for k, v in program.items() if v not in (None, [], {})})
    said = replace(said, **{key: value for key, value in options.items() if value not in (None, ())})
    place = folder or (base / said.folder if said.folder else home() / title)
    train = _train(said, base, target)
    objectives = _objectives(said, place)
    try:
        study = tune(
            train,
            **objectives.arguments(),
            **said.arguments(),
            folder=place,
            change=change,
            progress=False if quiet else None,
        )
    except Interrupted as stopped:
        _sum_up(stopped.study, place)
        errors().print("interrupted; the same command goes on from here, nothing is lost")
        sys.exit(_INTERRUPTED)
    _sum_up(study, place)
    study.close()


@dataclass(frozen=True)
class _Objectives:
    minimize: Named
    maximize: Named
    subject_to: tuple[str, ...]

    def arguments(self) -> dict[str, Any]:
        return {"minimize": self.minimize, "maximize": self.maximize, "subject_to": self.subject_to}


def _train(said: Definition, base: Path, target: str) -> Callable[..., Any]:
    """What is to be tuned: a program, or a function."""
    where = f"{target}: program" if target else "program"
    if said.command is not None:
        return program_from(said.command, said.program, base, where)
    if said.program:
        raise StudyError(f"{next(iter(said.program))} is of a program: add its command, -- python train.py, say.")
    if said.train is None:
        raise StudyError(
            f"{target} names nothing to run. Add train = 'FILE.py:FUNCTION', or command = ['python', 'train.py']."
        )
    return load_train(said.train, base)


def _definition(target: str, command: tuple[str, ...]) -> tuple[Definition, Path, str]:
    """What target and command say, the folder that their paths are relative to, and the name of the study."""
    if command and not target:
        return Definition(command=command), Path(), Program(command).name
    if not target:
        raise StudyError("say what to run: danlu run study.toml, train.py:train, or -- python train.py.")
    if command and not target.endswith(".toml"):
        raise StudyError(f"{target} and a command are both given. Leave one of the two out.")
    if not target.endswith(".toml"):
        where, _, function = target.partition(":")
        stem = Path(where).stem if where.endswith(".py") else where.rsplit(".", 1)[-1]
        name = stem if function in ("", "train", "main") else f"{stem}-{function}"
        return Definition(train=target), Path(), name
    path = Path(target)
    name = path.stem if path.stem != "study" else path.resolve().parent.name
    said = read_definition(path)
    if command:
        said = replace(said, train=None, command=command)
    return replace(said, warm_start=tuple(_earlier(n, path.parent) for n in said.warm_start)), path.parent, name


def _earlier(name: str, base: Path) -> str:
    """Where an earlier study lies: in a folder of this path from `base` on, else of this name below runs/."""
    below = home() / name
    return str(below if Folder(below).is_study and not Folder(base / name).is_study else base / name)


def _strategy(name: str | None, items: list[str]) -> str | dict[str, Any] | None:
    if name is None and items:
        raise StudyError(f"--setting {items[0]} belongs to a strategy: add --strategy NAME.")
    if name is None or not (items or name.endswith(".json")):
        return name
    form: dict[str, Any] = _read_strategy(Path(name)) if name.endswith(".json") else {"use": name}
    return form | settings("--setting", items, "levels=4")


def _read_strategy(path: Path) -> dict[str, Any]:
    try:
        form = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"can't read the strategy in {str(path)!r}: {error}.") from error
    if not isinstance(form, dict) or "use" not in form:
        raise StudyError(f"{str(path)!r} holds no strategy: expected a table with use, as danlu export writes one.")
    return form


def _objectives(said: Definition, folder: Path) -> _Objectives:
    """What is asked for; else what the study that lies there already is after."""
    if said.minimize or said.maximize:
        return _Objectives(said.minimize, said.maximize, said.subject_to)
    if Folder(folder).is_study:
        with Study.open(folder, said.store) as study:
            return _Objectives(study.history.objectives, None, said.subject_to)
    raise StudyError("a study needs an objective: add --minimize METRIC or --maximize METRIC.")


def _sum_up(study: Study, folder: Path) -> None:
    history = study.history
    screen().print(f"{counts_text(history)} · {escape(str(folder))}")
    best = best_of(history)
    if best is not None:
        metric = history.goals[0].metric
        screen().print(
            f"best [bold green]{escape(metric)} {value_text(best.value)}[/] (trial {best.number}{_won(history)})"
        )
        screen().print(f"     {escape(config_text(best.config))}", soft_wrap=True)
    recommended = recommended_of(study)
    if best is not None and recommended is not None and recommended.number != best.number:
        value = f"{escape(history.goals[0].metric)} {mean_text(history, recommended)}"
        screen().print(f"recommended, for training is noisy: trial {recommended.number}, [bold green]{value}[/]")
        screen().print(f"     {escape(config_text(recommended.config))}", soft_wrap=True)
    if len(history.goals) > 1:
        screen().print(f"{len(history.front)} trials on the front")
    screen().print(Text(f"look:  danlu show {folder}   danlu plot {folder}", "dim"), soft_wrap=True)


def _won(history: History) -> str:
    """What the search won over the user's own default, in words."""
    default = default_of(history)
    if default is None or default.status is not Status.COMPLETE or default.value is None:
        return ""
    return f"; the default gave {value_text(default.value)}"
