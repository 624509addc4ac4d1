"""Study: the only object that appends to a journal. It has no state that the journal can't rebuild."""

import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from danlu import catalogue
from danlu.asked import Asked
from danlu.core import event as ev
from danlu.core import keeping, protocol, replay
from danlu.core.history import History, opened, replace
from danlu.core.identity import check_earlier, check_same
from danlu.core.lineage import Segment, schedule
from danlu.core.objective import Named, objectives_from
from danlu.core.recall import recall
from danlu.core.repeated import known
from danlu.core.runner import Job, Signal
from danlu.core.stopping import StopRule
from danlu.core.store import SharedStore, Store
from danlu.core.strategy import Exhausted, Strategy, Wait
from danlu.core.trial import Decision, Status, Trial
from danlu.errors import Conflict, DanluError, NotImported, StoreError, StudyError
from danlu.records.address import KEY, Address, address_in, write_address
from danlu.records.checkpoint import free_space, read_checkpoint, remove_checkpoints, sweep_checkpoints
from danlu.records.folder import Folder
from danlu.records.inside import inside, is_inside
from danlu.records.snapshot import Snapshots
from danlu.space import Config, Space
from danlu.space.declare import space_of
from danlu.strategies.manual import Manual
from danlu.warm import Warm, named

T = TypeVar("T")

_LONG = 100_000
"""Entries that are folded in less than half a second: a journal that is no longer needs no snapshot."""

Spaced = Space | Mapping[str, Any] | Callable[..., Any] | type


class Study:
    """A search: asks its strategy, keeps what happened, knows the best.

    In memory, or kept in a folder; a folder that holds this study already is resumed. For people who own the loop:

        study = Study(space, minimize="loss", folder="runs/mine")
        trial = study.ask()                  # None when there is nothing more to try
        study.report(trial, step, loss=0.7)  # Decision.CONTINUE, PAUSE or STOP
        study.tell(trial, loss=0.3)          # or study.fail(trial, "why")

    Safe to use from several threads; several processes may ask and tell on one folder.

    Args:
        space: a `Space`, a mapping of dimensions, a dataclass, or an annotated training function.
        where: constraints between hyperparameters beside those of the space, such as "layers * width <= 4096".
        minimize, maximize: a metric's name, an `Objective`, or several for a Pareto front.
        subject_to: constraints on metrics, such as "memory_gb <= 8".
        strategy: a name, a plain form {"use": name, ...}, or an object. Not given: "auto" for a new study, the
            journal's own for one that is resumed.
        seed: of all randomness; 0 for a new study if not given.
        steps: what a full training is, for strategies that stop early.
        folder: where to keep everything; None for memory.
        store: another place for the journal than SQLite in the folder: the URL of a PostgreSQL database, in which it
            gets a name of its own (or that after a # at the end), or a `Store`. The folder remembers the URL without
            its password. Several processes on several machines that share the folder may then run one study.
        change: whether a study that was opened with another space goes on in this one, as `change` says.
        warm_start: earlier studies, each a folder or a `Study`, of the same metric and a space that shares some
            hyperparameters. Their best configs are tried first, and `gp` (so `auto`) learns from them as far as they
            agree with what comes out. It counts when a study is opened anew: the journal keeps what it needs of them.
        keep: how many of the best trials that have ended keep their checkpoints, the best's in any case (of several
            objectives, those of the front); 5 for a new study if not given. What running and paused trials need is
            kept as well, and nothing else.
        retries: how often a trial is tried again whose worker died or fell silent; once for a new study if not given.

    Raises:
        SpaceError, ObjectiveError, UnknownName, StrategyError: a declaration is wrong.
        StudyError: the folder holds another study: another space (unless `change`), other objectives, another seed.
        StoreError: the folder can't be read or written.
    """

    def __init__(
        self,
        space: Spaced,
        *,
        where: str | Iterable[str] = (),
        minimize: Named = None,
        maximize: Named = None,
        subject_to: Iterable[str] = (),
        strategy: str | Mapping[str, Any] | Strategy | None = None,
        seed: int | None = None,
        steps: int | None = None,
        folder: str | Path | None = None,
        store: Store | str | None = None,
        change: bool = False,
        warm_start: Warm | Iterable[Warm] = (),
        keep: int | None = None,
        retries: int | None = None,
    ) -> None:
        if retries is not None and retries < 0:
            raise StudyError(f"retries must be at least 0, got {retries}.")
        if keep is not None and keep < 0:
            raise StudyError(f"keep must be at least 0, got {keep}. The best trial's checkpoint is kept in any case.")
        sources = named(warm_start)
        objectives = objectives_from(minimize, maximize, subject_to)
        chosen = None if strategy is None else catalogue.strategy_from(strategy)
        declared = space_of(space).with_where(where)
        self._attach(folder, store)
        first = next(iter(self.store.read(self.key)), None)
        if first is None:
            strategy = chosen or catalogue.strategy_from("auto")
            first_event = ev.Opened(
                declared.to_dict(), objectives, catalogue.plain_strategy(strategy), seed or 0, steps,
                ev.KEEP if keep is None else keep, ev.RETRIES if retries is None else retries,
            )  # fmt: skip
            self._begin(first_event, declared, strategy, sources)
        else:
            self._load()
            where = f"the study in {self.folder}" if self.folder else "the study"
            check_same(self._history, where, None if change else declared, objectives, seed)
            check_earlier(self._history, where, tuple(sources))
            self._change(declared, chosen, keep, retries)

    @classmethod
    def open(cls, folder: str | Path | None = None, store: Store | str | None = None) -> "Study":
        """The study that a folder or a store holds, with the strategy that its journal names.

        Where the journal is in a database that asks for a password, `store` is its URL with it, or PGPASSWORD is set.

        Raises:
            StudyError: there is no study.
            StoreError: the journal can't be read.
        """
        if store is None and (folder is None or not Folder(Path(folder)).is_study):
            raise StudyError(
                f"no study in {str(folder)!r}: it has no journal.db, nor a journal.toml. "
                f"`danlu list` shows the studies there are."
            )
        study = cls.__new__(cls)
        study._attach(folder, store)
        study._load()
        return study

    def _attach(self, folder: str | Path | None, store: Store | str | None) -> None:
        self.folder = None if folder is None else Path(folder).resolve()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._address: Address | None = None
        if store is None or isinstance(store, str):
            self._address = address_in(self.folder, store)
            if self._address is not None:
                store = self._address.opened()
            elif self.folder is None:
                store = catalogue.load("store", "memory")()
            else:
                journal = Folder(self.folder).journal
                for ending in ("", "-wal", "-shm", "-tail", "-tail-old"):
                    inside(self.folder, f"{journal.name}{ending}")
                store = catalogue.load("store", "sqlite")(journal)
        assert not isinstance(store, str)
        self.store: Store = store
        self.key = KEY if self._address is None else self._address.study
        self._lock = threading.RLock()
        self._doomed: list[str] = []  # paths of removed checkpoints whose entry may not be written yet
        self._grouped = False
        self._has_appended = False
        self._snapshots = None
        if self.folder is not None and is_inside(self.folder, "snapshot"):
            self._snapshots = Snapshots(self.folder)

    def _begin(self, first: ev.Opened, space: Space, strategy: Strategy, sources: dict[str, Warm]) -> None:
        earlier = (recall(name, history, space, first.objectives) for name, history in _histories(sources))
        entry = ev.Entry(1, self.store.now(), (first, *earlier))
        history = opened(entry)
        strategy.check(history)
        if self.folder is not None:
            # only a new folder needs these, and with TOML and package metadata they cost an import 20 ms
            from danlu.records.definition import write_definition
            from danlu.records.environment import write_environment

            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if self._address is not None:
                    self._address = write_address(self.folder, self._address)
                    self.key = self._address.study
                write_environment(Folder(self.folder), first.seed)
                write_definition(Folder(self.folder), history)
            except OSError as error:
                if isinstance(error, StoreError):
                    raise
                raise StoreError(
                    f"{self.folder}: {error.strerror or error}. Choose a folder that can be written."
                ) from error
        self._strategy: Strategy = Manual(strategy)
        try:
            self.store.append(self.key, entry)
            self._history = history
        except Conflict:  # another process opened it at the same moment
            self._load()

    def _load(self) -> None:
        known = self._snapshots.history(self.store, self.key) if self._snapshots else None
        history, entries = known or _beginning(self.store.read(self.key))
        for entry in entries:
            history = history.apply(entry)
        self._history = history
        try:
            self._strategy = resolve_strategy(history.strategy)
        except NotImported as error:  # to be looked at, it is as good as any
            self._strategy = _Missing(error)

    def _remember(self, tail: int) -> None:
        """Keeps a snapshot if so many entries would be folded without; a look at a study leaves nothing behind."""
        if self._snapshots is not None and self._has_appended:
            self._snapshots.keep(self._history, self.store, self.key, tail)

    def _change(
        self, space: Space | None, strategy: Strategy | None, keep: int | None = None, retries: int | None = None,
        note: str | None = None,
    ) -> None:  # fmt: skip
        form = None if strategy is None else catalogue.plain_strategy(strategy)

        def decide(history: History, at: float) -> tuple[protocol.Events, bool]:
            goes_on_in = history.space if space is None else space
            events = protocol.change(history, goes_on_in, form or history.strategy, keep, retries)
            events += (ev.Noted(note),) if events and note else ()
            if events:
                (strategy or self.strategy).check(history.apply(ev.Entry(history.position + 1, at, events)))
            return events, bool(events)

        if self._append(decide):
            self._strategy = self._strategy if strategy is None else Manual(strategy)
            if self.folder is not None:
                from danlu.records.definition import update_definition

                update_definition(Folder(self.folder), self._history)

    # the loop of people who own it ----------------------------------------------------------------------------------

    def ask(self) -> Trial | None:
        """The next trial, started; None if there is nothing to try now.

        It is live: besides `study.report(trial, ...)`, `trial.report`, `trial.attach` and so on work.
        """

        def decide(history: History, at: float) -> tuple[protocol.Events, int | None]:
            events, number = self._suggested(history)
            if number is None:
                return (), None
            return (*events, *protocol.start_asked(history, events)), number

        number, known = self._append(decide), self._history.position
        if number is None and self.refresh().position > known:  # another process may have told what was waited for
            number = self._append(decide)
        return None if number is None else self._live(number)

    def report(self, trial: Trial | int, step: int, /, **metrics: Any) -> Decision:
        """Records metrics after a step; returns what becomes of the trial. A trial told to stop needs no `tell`.

        Raises:
            ObjectiveError: a metric is not one number.
            StudyError: the trial has ended, or steps don't increase.
        """
        return self._append(
            lambda history, at: protocol.report(history, at, self._strategy, _number(trial), step, metrics)
        )

    def tell(self, trial: Trial | int, value: float | None = None, /, **metrics: Any) -> Trial:
        """Ends a trial with its metrics (or one bare value of the only objective); returns its record.

        A metric that is NaN or infinite makes it a failed trial: data, not an error.

        Raises:
            ObjectiveError: the objective's metric is missing, or a metric is not one number.
            StudyError: the trial has ended before.
        """
        if value is not None:
            metrics = {self._history.objectives[0].metric: value, **metrics}
        self._append(lambda history, at: (protocol.tell(history, _number(trial), metrics), None))
        return self._history.trials[_number(trial)]

    def fail(self, trial: Trial | int, error: str = "") -> Trial:
        """Ends a trial as failed; returns its record."""
        self._append(lambda history, at: (protocol.fail(history, _number(trial), error), None))
        return self._history.trials[_number(trial)]

    def queue(self, values: Mapping[str, Any], note: str = "") -> Config:
        """Asks for this config to be tried next; names that are missing take their defaults. Returns the config."""
        config = self._history.space.config(values)
        self._append(lambda history, at: (protocol.queue(history, values, note), None))
        return config

    def change(
        self,
        space: Spaced | None = None,
        *,
        where: str | Iterable[str] | None = None,
        strategy: str | Mapping[str, Any] | Strategy | None = None,
    ) -> None:
        """Goes on in another space, or with another strategy; trials so far, and those that run, stay what they are.

        Bounds, options, constraints and all else may change, and hyperparameters come: earlier trials take a new
        one's default, the value that they were trained with. One may go only with its option. Trials outside of the new
        space are still learned from, and may still be the best; what is suggested from now on lies inside of it. The
        same holds for queued configs; those outside are dropped. A note says what was changed. Another process that
        runs this study's trials takes the change over with its next suggestion.

        Args:
            space: what may be tried from now on; not given: as now.
            where: constraints beside those of `space`; without a `space`, in place of those that it has now (those
                of groups and branches excepted).
            strategy: who suggests from now on; not given: as now.

        Raises:
            SpaceError: earlier trials have no place in that space: a hyperparameter that they have is gone, or one that
                is new has no default.
            StrategyError: the strategy can't serve that space.
        """
        declared: Space | None
        if space is not None:
            declared = space_of(space).with_where(where or ())
        else:
            declared = None if where is None else Space(self.space.members, where)
        self._change(declared, None if strategy is None else catalogue.strategy_from(strategy))

    def note(self, text: str, trial: int | None = None) -> None:
        """Records something worth telling a person."""
        self._append(lambda history, at: ((ev.Noted(text, trial),), None))

    def load(self, trial: Trial | int) -> Any:
        """The state that a trial saved last: `study.load(study.best)` gives the model back. Tensors are on the CPU.

        Raises:
            StudyError: none is kept of this trial.
            ArtifactError: it is from somebody else, and holds more than tensors, arrays and plain data; see `danlu
                trust`.
        """
        record = self._history.trials[_number(trial)]
        if record.checkpoint is None:
            why = (
                "it has saved none" if not record.is_finished else f"those of the best {self._history.keep} are (keep=)"
            )
            raise StudyError(f"no checkpoint of trial {record.number} is kept: {why}.")
        return read_checkpoint(inside(self.files, record.checkpoint.path))

    # what is known --------------------------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """All that is known, as a value that stays as it is."""
        return self._history

    @property
    def strategy(self) -> Strategy:
        """What is asked when the queue is empty."""
        return self._strategy.inner if isinstance(self._strategy, Manual) and self._strategy.inner else self._strategy

    @property
    def space(self) -> Space:
        """What may be tried."""
        return self._history.space

    @property
    def trials(self) -> Sequence[Trial]:
        """All trials, by number."""
        return self._history.trials

    @property
    def best(self) -> Trial:
        """The incumbent; a fact of all trials, also of those outside of a space that was changed.

        Raises:
            StudyError: no trial is complete yet.
            ObjectiveError: there are several objectives; use `front`.
        """
        best = self._history.best
        if best is None:
            count = len(self._history.trials)
            raise StudyError(f"no best yet: none of the {count} trials has completed with a value that counts.")
        return best

    @property
    def recommended(self) -> Trial:
        """The trial whose config to ship: `best`, unless training was seen to be noisy.

        It was where two trials of one config had different values. The lowest of many noisy values is lucky; of what a
        Gaussian process believes of all configs that were tried, the lowest mean is a better choice, whatever strategy
        they are from.

        Raises:
            StudyError, ObjectiveError: as of `best`.
        """
        best, history = self.best, self._history
        if history.distinct == len(history.trials):  # the model need not even be imported
            return best
        recommended: Trial | None = catalogue.load("strategy", "gp")().recommended(history)
        return recommended or best

    @property
    def front(self) -> list[Trial]:
        """The trials that no other one dominates."""
        return self._history.front

    def schedule(self, trial: Trial | int | None = None) -> tuple[Segment, ...]:
        """The configs along the line of forks that led to a trial, the best if none is given, and from which step on.

        `danlu.core.lineage.strategy_form` makes a strategy of it that trains it again; `danlu export --what schedule`
        writes that.

        Raises:
            StudyError, ObjectiveError: as of `best`.
        """
        return schedule(self._history, self.best.number if trial is None else _number(trial))

    def entries(self) -> Iterator[ev.Entry]:
        """The journal from its first entry on."""
        return self.store.read(self.key)

    def histories(self) -> Iterator[History]:
        """The history after each entry of the journal: what the search looked like at each moment."""
        return replay.histories(self.entries())

    def verify(self) -> list[replay.Mismatch]:
        """Recomputes every suggestion and decision from the journal; what comes out otherwise."""
        return [m for _, m in replay.verify(self.entries(), resolve_strategy) if m is not None]

    def refresh(self) -> History:
        """Reads what other processes appended."""
        with self._lock:
            was = self._history.strategy
            for entry in self.store.read(self.key, after=self._history.position):
                self._history = self._history.apply(entry)
            if self._history.strategy != was:
                self._strategy = resolve_strategy(self._history.strategy)
            return self._history

    def close(self) -> None:
        """Gives back files and connections."""
        with self._lock:
            self._remember(_LONG // 4)
        self.store.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {s}" for s in ("complete", "stopped", "failed") if (n := self._history.count(s)))
        where = str(self.folder) if self.folder else "in memory"
        return f"Study({where}: {len(self.trials)} trials: {counts or 'none ended'})"

    # what the loop needs --------------------------------------------------------------------------------------------

    def next_job(self, until: StopRule) -> Job | None:
        """A new or resumed trial as a job; None if there is nothing to try now, or the rule holds."""

        def decide(history: History, at: float) -> tuple[protocol.Events, int | None]:
            only_resumed = until.done(history) is not None
            if until.over(history) is not None or (only_resumed and not history.count(Status.PAUSED)):
                return (), None
            events, number = self._suggested(history)
            if only_resumed and events and not isinstance(events[0], ev.Resumed):
                return (), None
            return events, number

        number = self._append(decide)
        return None if number is None else self.job(number)

    @property
    def is_exhausted(self) -> bool:
        """Whether the strategy has nothing to suggest, now and ever again."""
        events, suggestion = protocol.ask(self._history, self._strategy)
        return not events and isinstance(suggestion, Exhausted)

    def job(self, number: int) -> Job:
        """What a worker needs to run a trial from its last checkpoint on."""
        trial = self._history.trials[number]
        source = trial.checkpoint or trial.parent
        checkpoint, step = (source.path, source.step) if source else (None, 0)
        return Job(
            number, trial.config, trial.seed, trial.attempt + 1, str(self.files), trial.budget, checkpoint, step
        )  # fmt: skip

    def answer(
        self, signals: Sequence[Signal], attempts: Mapping[int, int] | None = None
    ) -> list[Decision | DanluError]:
        """Puts what workers did into the journal, all at once, and says what becomes of each one's trial.

        Args:
            signals: of workers.
            attempts: trial -> attempt that its signals are from. One that another coordinator took over is stopped.

        Raises:
            StoreError: nothing of it was written.
        """
        with self._lock:
            replies = None
            with suppress(Conflict):  # a group's is told at its end
                replies = self._answered(signals, attempts or {})
            while replies is None:
                with self._turn(), suppress(Conflict):
                    self.refresh()
                    replies = self._answered(signals, attempts or {})
            self._remove()
            self._remember(_LONG)
            self._make_room(max((signal.size for signal in signals if isinstance(signal, ev.Saved)), default=0))
            return replies

    def _answered(self, signals: Sequence[Signal], attempts: Mapping[int, int]) -> list[Decision | DanluError]:
        before = self._history
        self._grouped = len(signals) > 1
        try:
            with self.store.group() if self._grouped else nullcontext():
                return [self._answer(signal, attempts) for signal in signals]
        except StoreError:
            self._history = before
            self._doomed.clear()
            raise
        finally:
            self._grouped = False

    def _answer(self, signal: Signal, attempts: Mapping[int, int]) -> Decision | DanluError:
        attempt = None if signal.trial is None else attempts.get(signal.trial)
        reply = self._append(lambda history, at: protocol.answer(history, at, self._strategy, signal, attempt))
        if isinstance(signal, ev.Saved):
            trial = self._history.trials[signal.trial]
            if trial.is_finished and signal.path not in {file.path for file in trial.checkpoints}:
                self._doomed.append(signal.path)
        return reply

    def forgo_pauses(self) -> None:
        """Goes on with the same search without pauses, for a runner that can't pause; says so if it had some."""
        other = self.strategy.without_pauses()
        if other != self.strategy:
            told = "trials can't be paused here: where the strategy would pause one, it is stopped"
            # one that would have paused none anyhow, as "auto" without steps, is nothing to worry a person with
            self._change(None, other, note=told if self.strategy.judges(self._history) else None)

    def known(self, signal: Signal, attempt: int) -> Decision | None:
        """What becomes of a signal's trial, if the journal holds the signal already; None if it is news."""
        return known(self._history, attempt, signal)

    def tidy(self, running: Collection[int] = ()) -> None:
        """Makes folder and journal agree on what is kept, after a crash or an accident.

        Args:
            running: trials that run meanwhile; no other may.
        """
        if self.folder is None and self._temporary is None:
            return

        def decide(history: History, at: float) -> tuple[protocol.Events, None]:
            lost = [
                ev.Removed(trial.number, file.path)
                for trial in history.trials
                for file in trial.checkpoints
                # a simulated one has no size; what leads out of the folder is none of its files
                if file.size and not (is_inside(self.files, file.path) and (self.files / file.path).exists())
            ]
            return keeping.lost(lost), None

        self._append(decide)
        self._append(lambda history, at: (keeping.unwanted(history), None))
        unborn = [trial.parent.path for trial in self._history.unborn if trial.parent is not None]
        sweep_checkpoints(self.files, [*(file.path for file in keeping.kept(self._history)), *unborn], running)

    @property
    def files(self) -> Path:
        """Where trials' files go: the study's folder; for a study in memory one that ends with it."""
        if self.folder is not None:
            return self.folder
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="danlu-")
        return Path(self._temporary.name)

    # ----------------------------------------------------------------------------------------------------------------

    def _suggested(self, history: History) -> tuple[protocol.Events, int | None]:
        events, suggestion = protocol.ask(history, self._strategy)
        if isinstance(suggestion, (Wait, Exhausted)):
            return (), None
        first = events[0]
        assert isinstance(first, (ev.Suggested, ev.Resumed))
        return (*events, *protocol.warning(history, first)), first.trial

    def _append(self, decide: Callable[[History, float], tuple[protocol.Events, T]]) -> T:
        """Appends what `decide` says about the history as it is; decides again if somebody else was first."""
        with self._lock:
            with suppress(Conflict):
                return self._appended(decide)
            while True:
                # who thinks for long would never be first among those who don't
                with self._turn(), suppress(Conflict):
                    before = self._history.position
                    if self.refresh().position == before:  # it would be so for ever
                        raise StoreError(
                            f"entry {before + 1} of the journal is taken, and can't be read. "
                            f"Try `danlu doctor --repair`."
                        )
                    return self._appended(decide)

    def _appended(self, decide: Callable[[History, float], tuple[protocol.Events, T]]) -> T:
        at = max(self.store.now(), self._history.at)  # a clock that is set back must not reorder the past
        events, result = decide(self._history, at)
        if not events:
            return result
        entry, after = self._completed(ev.Entry(self._history.position + 1, at, events))
        self.store.append(self.key, entry)
        self._history, self._has_appended = after, True
        self._doomed += [event.path for event in entry.events if isinstance(event, ev.Removed)]
        if not self._grouped:
            self._remove()
            self._remember(_LONG)
        return result

    def _turn(self) -> AbstractContextManager[None]:
        """In which nobody else appends, where the store can do that."""
        return self.store.turn(self.key) if isinstance(self.store, SharedStore) else nullcontext()

    def _completed(self, entry: ev.Entry) -> tuple[ev.Entry, History]:
        """The entry with what it makes unwanted and what is to be said about it, and the history after it."""
        after = self._history.apply(entry)
        if not isinstance(entry.events[0], ev.Resumed) and not keeping.may_free(entry.events):
            return entry, after
        more: list[ev.Event] = [*keeping.unwanted(after)]
        if isinstance(entry.events[0], ev.Resumed):
            more += protocol.unsaved(after, entry.events[0].trial)
        if any(isinstance(event, ev.Finished) for event in entry.events):
            more += protocol.unheard(after, self._strategy.judges(after))
        if not more:
            return entry, after
        entry = replace(entry, events=(*entry.events, *more))
        return entry, self._history.apply(entry)

    def _remove(self) -> None:
        """Removes the files of checkpoints that were given up; the journal says so by now."""
        if self._doomed and (self.folder is not None or self._temporary is not None):
            remove_checkpoints(self.files, self._doomed)
        self._doomed.clear()

    def _make_room(self, size: int) -> None:
        """Gives up the least wanted checkpoints if the next ones, of this size in bytes, might not find room."""
        if size == 0:
            return
        free = free_space(self.files)
        # a trial's old one goes only when its new one is there, and others may be writing too
        short = size * (max(len(self._history.running), 1) + 1) - free
        if short <= 0:
            return

        def decide(history: History, at: float) -> tuple[protocol.Events, None]:
            return keeping.crowded(history, keeping.thinned(history, short), free), None

        self._append(decide)

    def _live(self, number: int) -> Trial:
        return replace(self._history.trials[number], port=Asked(self, number))


def resolve_strategy(form: Mapping[str, Any]) -> Strategy:
    """The strategy that a study asks, from its plain form: what was queued comes first."""
    return Manual(catalogue.strategy_from(form, imports=False))


@dataclass(frozen=True)
class _Missing(Strategy):
    """Stands for a strategy whose code is not there: its study can be looked at, and goes on with another one."""

    error: NotImported

    def suggest(self, history: History, rng: Any) -> Any:
        raise self.error

    def decide(self, history: History, trial: Trial) -> Decision:
        raise self.error

    def check(self, history: History) -> None:
        raise self.error

    def judges(self, history: History) -> bool:
        return False


def _beginning(entries: Iterator[ev.Entry]) -> tuple[History, Iterator[ev.Entry]]:
    """The history after a journal's first entry, and those that follow."""
    return opened(next(entries, None)), entries


def _histories(sources: Mapping[str, Warm]) -> Iterator[tuple[str, History]]:
    """Of earlier studies, by name."""
    for name, source in sources.items():
        if isinstance(source, (str, Path)):
            with Study.open(source) as study:
                yield name, study.history
        else:
            yield name, source.history


def _number(trial: Trial | int) -> int:
    return trial if isinstance(trial, int) else trial.number
