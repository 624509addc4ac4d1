"""study.toml: a study as a person would write it.

train = "train.py:train"      # file.py:function or package.module:function
minimize = "val_loss"
trials = 50
target = 0.35                 # good enough; plateau = 30, and price = 2.5 with budget = 100, end a study as well
workers = 2                   # or "auto": as many as fit
retries = 1                   # how often a trial is tried again whose worker died or fell silent
strategy = "random"
runner = "processes"          # or a table: [runner] use = "slurm", partition = "gpu"
store = "postgresql://me@db.example/tuning"   # for the journal, if not in the folder; without a password
warm_start = ["runs/last-week"]   # earlier studies to learn from

[space]
lr = "1e-5..1e-1 log default=1e-3"
activation = "relu | gelu | tanh"
where = ["activation != 'tanh' or lr < 1e-2"]   # constraints; above, beside [space], they may stand as well

[[notify]]                    # or above, notify = "https://..." or a list
to = "$MY_WEBHOOK"            # an address, a command, or an environment variable that holds one
on = ["best", "end"]          # of best, failure and end

[program]                     # of a `command`, in place of `train`: how values go in and where metrics are
style = "--name=value"

[resources]                   # of each trial: cpus, gpus, memory in GB, nice, and custom ones of a cluster
gpus = 0.5
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from danlu.core.event import KEEP, RETRIES
from danlu.core.history import History
from danlu.core.resources import Resources
from danlu.errors import DanluError, StudyError, UnknownName
from danlu.records.files import write_text
from danlu.records.folder import Folder
from danlu.space import Space
from danlu.space.text import parse_space, to_toml


@dataclass(frozen=True)
class Definition:
    """What a study.toml says; None or () where it says nothing.

    Attributes:
        train: "file.py:function" or "package.module:function".
        command: a program in its place: words, or one text.
        program: how values go into it and metrics come out, see `danlu.programs.settings`.
        minimize, maximize, subject_to: as `tune` takes them.
        strategy, runner: a name or a table with `use`.
        space: where the function's own parameters don't say it.
        where: constraints between hyperparameters, beside those in [space]: for a space that the function declares.
        warm_start: folders of earlier studies, relative to that of the file.
        notify: webhooks and commands, each alone or in a table with `on`.
        others: as `tune` takes them.
    """

    train: str | None = None
    command: str | tuple[str, ...] | None = None
    program: dict[str, Any] = field(default_factory=dict)
    minimize: tuple[str, ...] = ()
    maximize: tuple[str, ...] = ()
    subject_to: tuple[str, ...] = ()
    strategy: str | dict[str, Any] | None = None
    space: Space | None = None
    where: tuple[str, ...] = ()
    warm_start: tuple[str, ...] = ()
    trials: int | None = None
    time: float | None = None
    workers: int | str | None = None
    runner: str | dict[str, Any] | None = None
    resources: Resources | None = None
    lag: int | None = None
    timeout: float | None = None
    silence: float | None = None
    steps: int | None = None
    total_steps: int | None = None
    target: float | None = None
    plateau: int | None = None
    tolerance: float | None = None
    price: float | None = None
    budget: float | None = None
    seed: int | None = None
    keep: int | None = None
    retries: int | None = None
    notify: tuple[str | dict[str, Any], ...] = ()
    store: str | None = None
    folder: str | None = None

    def arguments(self) -> dict[str, Any]:
        """What it says as `tune` takes it, but for what is tuned, what it is after, and where it is kept."""
        others = ("train", "command", "program", "minimize", "maximize", "subject_to", "folder")
        said = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in others}
        return {name: value for name, value in said.items() if value not in (None, ())}


def read_definition(path: Path) -> Definition:
    """The definition that a TOML file holds.

    Raises:
        StudyError: the file is missing, is not TOML, has an unknown key or a value of the wrong kind.
        SpaceError: its [space] makes no sense.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"can't read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not TOML: {error}.") from error
    return definition_from(table, str(path))


def definition_from(table: Mapping[str, Any], where: str) -> Definition:
    """The definition that a table says; `where` names it in errors."""
    known = [field.name for field in fields(Definition)]
    if "train" in table and "command" in table:
        raise StudyError(f"{where}: train and command are both given. Leave one of the two out.")
    for key in table:
        if key not in known:
            raise StudyError(f"{where}: {UnknownName('key', key, known)}")
    values: dict[str, Any] = {key: _checked(where, key, value) for key, value in table.items()}
    return Definition(**values)


def _checked(where: str, key: str, value: Any) -> Any:
    if key == "space":
        return parse_space(_of(where, key, value, dict))
    if key in ("minimize", "maximize", "subject_to", "where", "warm_start"):
        names = [value] if isinstance(value, str) else _of(where, key, value, list)
        return tuple(_of(where, key, name, str) for name in names)
    if key == "notify":
        forms = value if isinstance(value, list) else [value]
        return tuple(_of(where, "notify", form, str, dict) for form in forms)
    if key == "command" and not isinstance(value, str):
        return tuple(_of(where, key, word, str) for word in _of(where, key, value, str, list))
    if key == "program":
        return _of(where, key, value, dict)
    if key in ("strategy", "runner"):
        return _of(where, key, value, str, dict)
    if key == "workers":
        return value if value == "auto" else _of(where, key, value, int)
    if key == "resources":
        return _resources(where, _of(where, key, value, dict))
    if key in ("time", "timeout", "silence", "target", "tolerance", "price", "budget"):
        return _of(where, key, value, int, float)
    return _of(where, key, value, str if key in ("train", "command", "folder", "store") else int)


def _resources(where: str, table: dict[str, Any]) -> Resources:
    try:
        return msgspec.convert(table, Resources, strict=True)
    except msgspec.ValidationError as error:
        known = ", ".join(Resources.__struct_fields__)
        raise StudyError(f"{where}: resources: {error}. What a trial can be given: {known}.") from None


def _of(where: str, key: str, value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds) or isinstance(value, bool):
        expected = " or ".join(_WORDS[kind] for kind in kinds)
        raise StudyError(f"{where}: {key} must be {expected}, got {value!r}.")
    return value


_WORDS = {int: "a whole number", float: "a number", str: "a text", list: "a list", dict: "a table"}


def write_definition(folder: Folder, history: History) -> None:
    """Writes study.toml, once per study."""
    if not folder.definition.exists():
        write_text(folder.definition, definition_text(history))


def update_definition(folder: Folder, history: History) -> None:
    """Writes study.toml anew after a change; a person's own, which says more than ours or can't be read, is kept."""
    try:
        said = read_definition(folder.definition) if folder.definition.exists() else Definition()
    except DanluError:
        return
    if said == Definition(**{key: getattr(said, key) for key in _OURS}):
        write_text(folder.definition, definition_text(history))


_OURS = ("minimize", "maximize", "subject_to", "strategy", "space", "steps", "seed", "keep", "retries")
"""What `definition_text` says."""


def definition_text(history: History) -> str:
    """The study as TOML: what `read_definition` reads, but for the training function, which a journal doesn't know."""
    table: dict[str, Any] = {}
    for goal in ("minimize", "maximize"):
        names = [o.metric for o in history.goals if o.goal == goal]
        if names:
            table[goal] = names[0] if len(names) == 1 else names
    if history.constraints:
        table["subject_to"] = [str(o) for o in history.constraints]
    table["seed"] = history.seed
    if history.steps is not None:
        table["steps"] = history.steps
    if history.keep != KEEP:
        table["keep"] = history.keep
    if history.retries != RETRIES:
        table["retries"] = history.retries
    # how long a study may take is said to each run of it, as `time`: what one was told does not hold for the next
    strategy = {key: value for key, value in history.strategy.items() if key != "time"}
    table["strategy"] = strategy["use"] if list(strategy) == ["use"] else strategy
    return tomli_w.dumps(table) + "\n" + to_toml(history.space)
