"""tune() and open_study(): a training function in, a study out. Here names become objects and the layers meet."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from danlu import catalogue
from danlu.core.elapsed import elapsed
from danlu.core.history import History
from danlu.core.objective import Named, objectives_from
from danlu.core.resources import Resources
from danlu.core.runner import Runner
from danlu.core.stopping import Cost, Elapsed, Never, Plateau, Steps, StopRule, Target, Trials
from danlu.core.store import Store
from danlu.core.strategy import Strategy
from danlu.core.trial import Trial
from danlu.errors import RunnerError, StrategyError, StudyError
from danlu.loop import run
from danlu.notifications.subscription import Notify, subscriptions
from danlu.notifications.telling import telling
from danlu.programs.program import Program
from danlu.progress import watching
from danlu.runners.devices import devices
from danlu.space.declare import declare, space_of
from danlu.strategies.inorder import InOrder
from danlu.study import Spaced, Study
from danlu.warm import Warm


def tune(
    train: Callable[..., Any],
    *,
    minimize: Named = None,
    maximize: Named = None,
    subject_to: Iterable[str] = (),
    trials: int | None = None,
    time: float | None = None,
    strategy: str | Mapping[str, Any] | Strategy | None = None,
    space: Spaced | None = None,
    where: str | Iterable[str] = (),
    workers: int | str = 1,
    runner: str | Mapping[str, Any] | None = None,
    resources: Resources | None = None,
    lag: int | None = None,
    timeout: float | None = None,
    silence: float | None = None,
    steps: int | None = None,
    total_steps: int | None = None,
    target: float | None = None,
    plateau: int | None = None,
    tolerance: float | None = None,
    price: float | None = None,
    budget: float | None = None,
    until: StopRule | None = None,
    folder: str | Path | None = None,
    store: Store | str | None = None,
    seed: int | None = None,
    change: bool = False,
    warm_start: Warm | Iterable[Warm] = (),
    keep: int | None = None,
    retries: int | None = None,
    notify: Notify = None,
    progress: bool | None = None,
) -> Study:
    """Tunes a training function; returns the study.

    Args:
        train: a function whose parameters are annotated with `Float`, `Int`, `Choice` or a dataclass of them; with
            `space`, a function of (trial) or (trial, config), or a `danlu.Program`. A function returns its
            metrics by name, or one number for the objective, or nothing if it reports them.
        minimize, maximize: the metric (or several) that counts.
        subject_to: constraints on metrics, such as "memory_gb <= 8".
        trials: how many in all, over all restarts; 50 if nothing else but a `target` is given that ends the study. Not
            given, "pbt", "pb2" and "schedule" end when all their trainings have come to the end; given, "pbt" and "pb2"
            fork no more than so many allow, and train to the end what there is.
        time: seconds after which this call starts no more trials. Where no `trials` are given either, time is what is
            short: "auto" and "gp" then look for improvement per second, not per trial. Not with `lag`, for how long
            trials take differs from run to run.
        strategy: a name, a plain form, or an object; "auto" if not given.
        space: what may be tried, where the function's parameters don't say it.
        where: constraints between hyperparameters, such as "layers * width <= 4096"; no config that violates one is
            ever tried.
        workers: trials at a time, "auto" for as many as fit. One, with nothing else said of where trials run, is this
            process, unless there are devices: there each trial has a process of its own. (`runner="inline"` is always
            this one, for a debugger.)
        runner: where trials run: a name ("inline", "processes", "ray", "slurm"), or a table with `use` and the runner's
            own settings; not given, as `workers` says.
        resources: what each trial gets of the machine; see `Resources`.
        lag: if given, suggestion k knows the results of trials 0 to k − lag only, so that 1 to `lag` workers give the
            same study, bit for bit; it costs waiting for stragglers.
        timeout: seconds after which a trial is killed and has failed; it then runs in a process of its own.
        silence: seconds without a sign of life (a report, a checkpoint, output) that mean that a trial hangs.
        steps: what a full training is, such as 30 epochs: "auto" then pauses trials that don't look promising, and
            other strategies that stop early know where the end is.
        total_steps: steps that all trials together may do, over all restarts: twenty full trainings are 20 * steps.
        target: the value of the objective that is good enough: no more trials are started once the best has reached it.
        plateau: how many trials in a row may end without a better one; see `danlu.core.stopping.Plateau`.
        tolerance: by how much one must be better to count for that; 0 if not given.
        price: of one hour of one trial, in any currency, such as 2.5: what the trials have cost is then said.
        budget: in that currency: no more trials are started once all trials, over all restarts, have cost so much.
        until: another stop rule, or several: `Target(0.95) | Plateau(30)`. Whichever rule holds first ends the study;
            trials that run then are let end.
        folder: where everything is kept; an existing study there goes on. None keeps the study in memory.
        store: another place for the journal: the URL of a PostgreSQL database, "postgresql://user@host/database", which
            the folder remembers without its password. This function may then be called by several processes at once,
            on all machines that see the folder; `trials` counts those of all.
        seed: of all randomness; 0 if not given.
        change: whether a study in the folder that has another space goes on in this one; see `Study.change`.
        warm_start: earlier studies, each a folder or a `Study`, of the same metric and a space like this one; see
            `Study`. It counts when a study is opened anew.
        keep: how many of the best trials keep their checkpoints; see `Study`.
        retries: how often a trial whose worker died or fell silent is tried again; see `Study`.
        notify: who is told of each new best, of failures and of the end: a webhook's address, a command, or several of
            them; see `danlu.notifications.subscription`.
        progress: False for silence; None for a live bar on a terminal, lines elsewhere.

    Raises:
        DanluError: what is wrong, and what to do; trials that failed are no error but data.
        Interrupted: Ctrl-C was pressed (a KeyboardInterrupt that carries the study).
    """
    for name, count in (("trials", trials), ("steps", steps), ("total_steps", total_steps)):
        if count is not None and count < 1:
            raise StudyError(f"{name} must be at least 1, got {count}.")
    many, told = _workers(workers), subscriptions(notify)
    if lag is not None:
        strategy = _in_order(strategy, lag, many)
    called: Callable[..., Any] = _with_config(train)
    if isinstance(train, Program):
        called, space = train.fitted(space_of(space or {}), objectives_from(minimize, maximize, subject_to))
        if many != 1:
            called.check_apart()
    elif space is None:
        declared = declare(train)
        space, called = declared.space, declared.call
    # first, so that one which can't be leaves no folder behind
    terms = {"workers": many, "resources": resources, "timeout": timeout, "silence": silence}
    place = _runner(runner, called, objectives_from(minimize, maximize, subject_to)[0].metric, terms)
    study = Study(
        space, where=where,
        minimize=minimize, maximize=maximize, subject_to=subject_to, strategy=strategy, seed=seed, steps=steps,
        folder=folder, store=store, change=change, warm_start=warm_start, keep=keep,
        retries=retries,
    )  # fmt: skip
    study.change(strategy=_within(study, time, trials, is_said=strategy is not None))
    if isinstance(called, Program) and not called.can_pause:
        place.can_pause = False
    others = (time, total_steps, plateau, budget, until)
    if trials is None and all(rule is None for rule in others) and not study.strategy.ends:
        trials = 50
    rule = _rule(
        None if trials is None else Trials(trials),
        None if time is None else Elapsed(time, since=study.store.now()),
        None if total_steps is None else Steps(total_steps),
        None if target is None else Target(target),
        _plateau(plateau, tolerance),
        _cost(price, budget),
        until,
    )
    judges = study.strategy.judges(study.history)
    name = study.folder.name if study.folder else "study"
    with (
        telling(told, name, lambda: study.history, rule, price) as tell,
        watching(trials, progress, judges=judges, total_steps=total_steps, until=rule, price=price) as watch,
    ):

        def look(history: History) -> None:
            watch(history)
            tell(history)

        run(study, place, rule, look)
    return study


def _in_order(strategy: str | Mapping[str, Any] | Strategy | None, lag: int, workers: int | None) -> Strategy:
    if workers is None or workers > lag:
        remedy = f"Say how many: workers={lag}." if workers is None else f"Use lag={workers}."
        raise StrategyError(f"lag={lag} keeps {lag} workers busy at most, but workers={workers or 'auto'}. {remedy}")
    inner = catalogue.strategy_from(strategy or "auto")
    if inner.ends:
        name = catalogue.plain_strategy(inner)["use"]
        raise StrategyError(
            f"lag is for trials that end in their order, and those of {name} are resumed. Leave lag out."
        )
    return InOrder(inner, lag)


def _within(study: Study, time: float | None, trials: int | None, is_said: bool) -> Strategy:
    """The study's strategy, told how long the study may run in all, earlier calls included, and how many trials it has.

    Args:
        study: as it is opened.
        time: seconds from now; it is what is short if no trials are given.
        trials: in all.
        is_said: whether this call names the strategy, whose own setting then holds.
    """
    strategy = study.strategy
    if is_said and strategy.within(None, None) != strategy:
        return strategy
    until = elapsed(study.history) + time if time and trials is None else None
    return strategy.within(until, trials)


def open_study(folder: str | Path | None = None, store: Store | str | None = None) -> Study:
    """The study that a folder holds.

    Args:
        folder: of the study.
        store: the URL of its database, where that needs a password and PGPASSWORD is not set.

    Raises:
        StudyError: there is none.
        StoreError: its journal can't be read.
    """
    return Study.open(folder, store)


def _workers(said: int | str) -> int | None:
    """How many trials at a time; None for as many as fit."""
    if said == "auto":
        return None
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise RunnerError(f"workers must be a whole number from 1 on, or 'auto', got {said!r}.")
    return said


def _runner(
    form: str | Mapping[str, Any] | None, train: Callable[..., Any], metric: str, terms: dict[str, Any]
) -> Runner:
    """The runner that a name or a table with `use` stands for.

    Args:
        form: what is asked for; None for the simplest that can do it.
        train: of (trial, config).
        metric: what a bare number means that it returns.
        terms: workers, resources, timeout and silence, as every runner takes them; None where nothing was said.
    """
    said = {key: value for key, value in terms.items() if value is not None or key == "workers"}
    if form is None:
        # memory of a device is given back for sure when a process ends, so there the simplest is not this very process
        form = "inline" if said == {"workers": 1} and not devices() else "processes"
    settings = {"use": form} if isinstance(form, str) else dict(form)
    if not isinstance(name := settings.pop("use", None), str):
        raise RunnerError(f"expected a runner's name, or a table with use = 'name', got {form!r}.")
    factory = catalogue.load("runner", name)
    try:
        return factory(train, metric, **said, **settings)  # type: ignore[no-any-return]
    except TypeError as error:
        import inspect

        known = ", ".join(list(inspect.signature(factory).parameters)[2:]) or "none"
        raise RunnerError(f"runner {name!r}: {error}. It takes: {known}.") from None


def _plateau(trials: int | None, tolerance: float | None) -> StopRule | None:
    if trials is None and tolerance is not None:
        raise StudyError(
            f"tolerance={tolerance:g} belongs to a plateau: say after how many trials, plateau=30 for one."
        )
    return None if trials is None else Plateau(trials, tolerance or 0.0)


def _cost(price: float | None, budget: float | None) -> StopRule | None:
    if budget is None:
        return None
    if price is None:
        raise StudyError(f"budget={budget:g} is money: say what an hour of one trial costs, price=2.5 for one.")
    return Cost(budget, price)


def _rule(*rules: StopRule | None) -> StopRule:
    """Whichever of the rules holds first; a strategy's own end where there is none."""
    return reduce(or_, (rule for rule in rules if rule is not None)) if any(rules) else Never()


class _with_config:
    """Calls a function of (trial) or (trial, config): what a study with a space of its own is given."""

    def __init__(self, train: Callable[..., Any]) -> None:
        import inspect

        self._train = train
        self._takes_config = len(inspect.signature(train).parameters) > 1

    def __call__(self, trial: Trial, config: Mapping[str, Any]) -> Any:
        return self._train(trial, config) if self._takes_config else self._train(trial)
