"""Danlu inside Ray Tune: a search algorithm, and a scheduler that stops early as Danlu's strategies do.

    search = DanluSearch(metric="loss", mode="min", steps=30)
    tuner = tune.Tuner(
        train,
        param_space={"lr": tune.loguniform(1e-5, 1e-1), "layers": tune.randint(1, 9)},
        tune_config=tune.TuneConfig(search_alg=search, scheduler=DanluScheduler(search), num_samples=50),
    )

Trials run and are kept by Tune. What they found is a study of Danlu's: `search.study`, in memory or in a folder that
`danlu show` and `danlu plot` can look into while Tune runs.
"""

import numbers
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.core import event as ev
from danlu.core.stopping import Never
from danlu.core.strategy import Strategy
from danlu.core.trial import Decision, Status
from danlu.errors import DanluError, ObjectiveError, StudyError
from danlu.integrations.ray_domains import Translation, translated
from danlu.records.address import KEY
from danlu.space import Space
from danlu.stores.jsonl import export_journal, read_lines
from danlu.stores.memory import Memory
from danlu.study import Study

try:
    from ray.tune.result import AUTO_RESULT_KEYS, DEBUG_METRICS, TRAINING_ITERATION
    from ray.tune.schedulers import FIFOScheduler
    from ray.tune.search import Searcher
except ImportError as missing:
    raise StudyError(f"this needs Ray Tune ({missing}): pip install 'danlu[ray-tune]'.") from missing

_WORKER = "tune "  # before the id of Tune's trial, as the worker's name: so the journal alone knows which is which
_NO_METRICS = {*AUTO_RESULT_KEYS, *DEBUG_METRICS, "done", "should_checkpoint"}
Names = str | Sequence[str] | None


class DanluSearch(Searcher):  # type: ignore[misc]
    """Suggests configs to Ray Tune.

    Args:
        space: Tune's domains, nested or not, or a `danlu.Space`; not given: the Tuner's `param_space`.
        metric, mode: what counts, and "min" or "max"; lists of both for a Pareto front. Not given: the TuneConfig's.
        strategy: a name, a plain form {"use": name, ...}, or an object; "auto" if not given.
        points_to_evaluate: configs to be tried first, as Tune has them.
        subject_to: constraints on metrics, such as "memory_gb <= 8".
        seed: of all randomness.
        steps: what a full training is, for strategies that stop early (with `DanluScheduler`).
        time_attr: the entry of Tune's results that counts steps.
        folder: keeps the study there; None: in memory, and in Tune's own experiment folder.

    Raises:
        SpaceError: the space holds what can't be searched, such as a grid.
    """

    CKPT_FILE_TMPL = "searcher-state-{}.jsonl"

    def __init__(
        self,
        space: Mapping[str, Any] | Space | None = None,
        metric: Names = None,
        mode: Names = None,
        *,
        strategy: str | Mapping[str, Any] | Strategy | None = None,
        points_to_evaluate: Iterable[Mapping[str, Any]] = (),
        subject_to: Iterable[str] = (),
        seed: int = 0,
        steps: int | None = None,
        time_attr: str = TRAINING_ITERATION,
        folder: str | Path | None = None,
    ) -> None:
        super().__init__(metric=metric, mode=mode)
        self.time_attr = time_attr
        self._metric: Names = metric
        self._mode: Names = mode
        self._terms: dict[str, Any] = {
            "strategy": strategy, "subject_to": tuple(subject_to), "seed": seed, "steps": steps,
            "folder": folder and str(folder),
        }  # fmt: skip
        self._points = tuple(points_to_evaluate)
        self._domains = None if space is None else space
        self._translation: Translation | None = None if space is None else translated(space)
        self._study: Study | None = None
        self._numbers: dict[str, int] = {}  # of Tune's trials, by their ids

    @property
    def study(self) -> Study:
        """What was found so far.

        Raises:
            StudyError: it has not begun: space or metric are not known yet.
        """
        if self._study is None:
            self._study = self._opened()
        return self._study

    def set_search_properties(self, metric: Names, mode: Names, config: dict[str, Any], **spec: Any) -> bool:
        if self._study is not None and self._translation is not None:
            return True  # an experiment that was restored
        if self._translation is not None and _has_domains(config):
            return False  # Tune then says that there are two spaces
        if self._translation is None:
            self._domains, self._translation = config, translated(config)
        self._metric, self._mode = metric or self._metric, mode or self._mode
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        assert self._translation is not None or self.study  # says what is missing
        job = self.study.next_job(Never())
        if job is None:
            return self.FINISHED if self.study.is_exhausted else None
        self.study.answer([ev.Started(job.trial, job.attempt, job.step, _WORKER + trial_id)])
        assert self._translation is not None
        return self._translation.to_tune(job.config)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self.report(trial_id, result)

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Decision:
        """Records a result of Tune's, if it is new; returns what becomes of the trial."""
        number, step = self._number(trial_id), result.get(self.time_attr)
        if number is None or step is None:
            return Decision.CONTINUE
        trial = self.study.trials[number]
        if trial.is_finished:
            return Decision.STOP if trial.status is not Status.COMPLETE else Decision.CONTINUE
        metrics = _metrics(result)
        if (len(trial.curve) and int(step) <= trial.step) or not metrics:
            return Decision.CONTINUE  # Tune began again at a checkpoint, or tells a result twice
        return self.study.report(number, int(step), **metrics)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        number = self._number(trial_id)
        if number is None:
            return
        if result and not error:
            self.report(trial_id, result)
        if self.study.trials[number].is_finished:
            return
        if error or not result:
            self.study.fail(number, "it failed in Ray Tune" if error else "Ray Tune ended it before its first result")
            return
        try:
            self.study.tell(number, **_metrics(result))
        except ObjectiveError as lacking:  # an error of one trial must not end the experiment
            self.study.fail(number, str(lacking))

    def add_evaluated_point(
        self,
        parameters: Mapping[str, Any],
        value: float,
        error: bool = False,
        pruned: bool = False,
        intermediate_values: list[float] | None = None,
    ) -> None:
        """Records a config that was evaluated elsewhere; of a failed or stopped one nothing is learned."""
        if error or pruned:
            return
        study = self.study
        assert self._translation is not None
        study.queue(self._translation.from_tune(parameters), note="evaluated elsewhere")
        trial = study.ask()
        assert trial is not None
        study.tell(trial, value)

    def save(self, checkpoint_path: str) -> None:
        """Writes the journal, as JSON lines."""
        export_journal(self.study.entries(), Path(checkpoint_path))

    def restore(self, checkpoint_path: str) -> None:
        """Goes on from a journal that `save` wrote.

        Raises:
            StudyError: the study's folder holds another one.
        """
        entries = list(read_lines(Path(checkpoint_path)))
        if self._terms["folder"] is None:
            self._study = _remembered(entries)
        else:
            self._study = Study.open(self._terms["folder"])
            if list(self._study.entries())[: len(entries)] != entries:
                raise StudyError(f"the study in {self._terms['folder']} is not the one that was saved.")
            self._forget_later(len(entries))
        if self._translation is None:
            self._translation = translated(self._study.space)

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its Tuner with all that belongs to it; a study travels as its journal
        state = self.__dict__ | {"_study": None, "_translation": None}
        kept = None if self._study is None or self._terms["folder"] else list(self._study.entries())
        return {**state, "_kept": kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("_kept")
        self.__dict__.update(state)
        self._translation = None if self._domains is None else translated(self._domains)
        self._study = _remembered(kept) if kept else None

    def _opened(self) -> Study:
        if self._translation is None or not self._metric or not self._mode:
            raise StudyError("DanluSearch needs a space, a metric and a mode: give them here, or to the Tuner.")
        metrics = [self._metric] if isinstance(self._metric, str) else list(self._metric)
        modes = [self._mode] if isinstance(self._mode, str) else list(self._mode)
        pairs = list(zip(metrics, modes, strict=True))
        study = Study(
            self._translation.space,
            minimize=[name for name, mode in pairs if mode == "min"],
            maximize=[name for name, mode in pairs if mode == "max"],
            **self._terms,
        )
        study.forgo_pauses()  # Tune's suggestions are new trials only
        if not study.trials:
            for point in self._points:
                study.queue(self._translation.from_tune(point), note="points_to_evaluate")
        return study

    def _number(self, trial_id: str) -> int | None:
        """The number of Tune's trial; None of one that this search did not suggest."""
        if trial_id not in self._numbers:
            self._numbers = {trial.worker.removeprefix(_WORKER): trial.number for trial in self.study.trials}
        return self._numbers.get(trial_id)

    def _forget_later(self, position: int) -> None:
        """Ends the trials that began after an experiment was saved: Tune knows nothing of them."""
        known = {trial.worker for trial in _remembered(list(self.study.entries())[:position]).trials}
        for number in list(self.study.history.live):
            if self.study.trials[number].worker not in known:
                self.study.fail(number, "the experiment was restored as it was before this trial")


class DanluScheduler(FIFOScheduler):  # type: ignore[misc]
    """Stops the trials that the strategy of a `DanluSearch` stops ("auto" with `steps`, "asha", "median", ...).

    Args:
        search: what suggests the configs; inside a ConcurrencyLimiter or not.
    """

    def __init__(self, search: DanluSearch) -> None:
        super().__init__()
        self.search = search

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        try:
            decision = self.search.report(trial.trial_id, result)
        except DanluError:
            return str(FIFOScheduler.CONTINUE)  # the search says it at the end of the trial
        return str(FIFOScheduler.CONTINUE if decision is Decision.CONTINUE else FIFOScheduler.STOP)


def _metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """What a trainable reported, without what Tune adds."""
    return {
        name: float(value)
        for name, value in result.items()
        if isinstance(value, numbers.Real) and name not in _NO_METRICS and not name.startswith(("config/", "__"))
    }


def _has_domains(config: Mapping[str, Any]) -> bool:
    return bool(translated(config).space.names)


def _remembered(entries: list[ev.Entry]) -> Study:
    store = Memory()
    for entry in entries:
        store.append(KEY, entry)
    return Study.open(store=store)
