"""Merge: readings of a program, from several places, become reports: one a step, in order.

- A step is reported when all objectives have arrived for it, or when a later one begins. If the objective comes again
  in the same step (a running loss), the later steps are reported when they are over, with their last values.
- The place where the objective is first read leads: its steps count. What other places say goes along with its reports.
  Where the user has named files, the output leads only at its second objective: one may be a summary, said before the
  file has been read.
- The objective's steps count: other metrics may be told in another unit (batches, where it is told by epochs). They are
  reported by themselves only where their steps lie between two of the objective's, else along with its next report.
- An objective without a step belongs to the step that was last spoken of; where there is none, objectives are counted.
- Steps that begin again (a second fold, a counter of each epoch) are counted on; one that comes late is left out.
"""

from collections.abc import Iterable, Sequence

from danlu.errors import ProgramMute
from danlu.programs.naming import find
from danlu.programs.reading import Reading

Report = tuple[int, dict[str, float]]
OUTPUT = 0
"""The place that is the program's output."""
_EARLY = 1000  # readings of a place that are kept until the objective comes


class Merge:
    """Args:
    goals: metrics that are looked for, as the study names them; none for all that come.
    step: after which the program goes on; None if it begins afresh.
    others: metrics that matter, but that no report waits for.
    has_files: whether the user has named files.

    Attributes:
        last: the last value of each metric.
    wanted: goals and others.
    """

    def __init__(
        self, goals: Sequence[str], step: int | None = None, others: Sequence[str] = (), has_files: bool = False
    ) -> None:
        self.last: dict[str, float] = {}
        self._goals, self.wanted = tuple(goals), (*goals, *others)
        self._seen: set[str] = set()
        self._names: dict[str, str | None] = {}  # wanted -> what the program calls it
        self._reported = -1 if step is None else step
        self._told: dict[str, float] = {}  # last value of each metric in a report
        self._leader: int | None = None
        self._reserve = 1 if has_files else 0  # objectives that the output may give without leading
        self._early: dict[int, list[Reading]] = {}
        self._step: int | None = None  # of the objective, that has begun
        self._is_over = True  # whether it has been reported
        self._metrics: dict[str, float] = {}  # of the step that has begun
        self._aside: dict[str, float] = {}  # what goes along with the next report
        self._waiting: list[tuple[int, dict[str, float]]] = []  # steps without an objective, since the last one
        self._others: set[str] = set()  # metrics that are told in another unit
        self._repeats = not goals  # whether objectives come several times in a step
        # the first step; the last; what is added since steps began again
        self._first, self._raw, self._offset = 0, -1, 0

    @property
    def seen(self) -> list[str]:
        """The metrics that the program has given, by its own names."""
        return sorted(self._seen)

    def take(self, readings: Sequence[Reading], place: int = 0) -> list[Report]:
        """The reports that are due after these readings of one place."""
        return [report for reading in readings for report in self._taken(self._named(reading), place)]

    def end(self) -> list[Report]:
        """The last reports, if some are left, when the program has ended."""
        return (self._lead(OUTPUT) if self._leader is None else []) + self._over()

    def untold(self) -> dict[str, float]:
        """The last values that no report has."""
        return {name: value for name, value in self.last.items() if self._told.get(name) != value}

    def _named(self, reading: Reading) -> Reading:
        """The reading with what is wanted under the names that the study has for it."""
        if not self._seen.issuperset(reading.metrics):
            self._learn(reading.metrics)
        told = {goal: reading.metrics[name] for goal, name in self._names.items() if name in reading.metrics}
        return Reading(reading.step, {**reading.metrics, **told})

    def _learn(self, names: Iterable[str]) -> None:
        self._seen.update(names)
        for wanted in self.wanted:
            name = find(wanted, self._seen)
            before = self._names.get(wanted)
            if name is None and before is not None:
                likely = ", ".join(sorted(seen for seen in self._seen if find(wanted, [seen])))
                raise ProgramMute(f"{wanted!r} could be any of {likely}. Name the one that is meant as the objective.")
            self._names[wanted] = name

    def _taken(self, reading: Reading, place: int) -> list[Report]:
        if self._leader is None and self._has_goal(reading):
            self._early.setdefault(place, []).append(reading)
            if place == OUTPUT and self._reserve:
                self._reserve -= 1
                return []
            return self._lead(place)
        if self._leader == place:
            self.last.update(reading.metrics)
            return self._led(reading)
        others = {name: value for name, value in reading.metrics.items() if name not in self._goals}
        self.last.update(others)
        if self._leader is None:
            self._early.setdefault(place, []).append(reading)
            del self._early[place][:-_EARLY]
        elif not self._is_over:
            self._metrics.update(others)
        else:
            self._aside.update(others)
        return []

    def _lead(self, place: int) -> list[Report]:
        """From here on, the steps of this place count, and those that it has said so far."""
        early = self._early.pop(place, [])
        if not any(map(self._has_goal, early)):
            return []
        self._leader = place
        for reading in early:
            self.last.update(reading.metrics)
        return [report for reading in early for report in self._led(reading)]

    def _has_goal(self, reading: Reading) -> bool:
        return not self._goals or any(goal in reading.metrics for goal in self._goals)

    def _led(self, reading: Reading) -> list[Report]:
        if not self._has_goal(reading):
            self._wait(reading)
            return []
        if reading.step is None:
            goals = self._goals or reading.metrics
            repeated = any(goal in reading.metrics and goal in self._metrics for goal in goals)
            reports = self._over() if repeated else []
            return self._added(reading, reports + self._begun(self._spoken_of()) if self._is_over else reports)
        step = self._counted_on(reading.step)
        if step == self._step:
            self._repeats = self._repeats or self._is_over
            return [] if self._is_over else self._added(reading, [])
        if step <= self._reported or (self._step is not None and step < self._step):
            return []
        return self._added(reading, self._begun(step))

    def _wait(self, reading: Reading) -> None:
        """Keeps what has no objective until one comes, which shows whether both are told in the same unit."""
        if reading.step is None or not self._others.isdisjoint(reading.metrics):
            (self._aside if self._is_over else self._metrics).update(reading.metrics)
        else:
            self._waiting.append((reading.step + self._offset, reading.metrics))
            del self._waiting[:-_EARLY]

    def _spoken_of(self) -> int:
        """The step of an objective that comes without one."""
        last = self._waiting[-1][0] if self._waiting else -1
        return last if last > self._reported else max(self._reported, 0) + 1

    def _counted_on(self, raw: int) -> int:
        if self._raw < 0:
            self._first = raw
        elif raw < self._raw and raw <= self._first:
            self._offset = max(self._step or 0, self._reported) + (raw == 0)
        elif raw < self._raw:
            return raw + self._offset  # late
        self._raw = raw
        return raw + self._offset

    def _begun(self, step: int) -> list[Report]:
        reports = self._over()
        self._step, self._is_over = step, False
        self._metrics, self._aside = self._aside, {}
        between: dict[int, dict[str, float]] = {}
        for other, metrics in self._waiting:
            if self._reported < other < step:
                between.setdefault(other, {}).update(metrics)
            else:
                self._metrics.update(metrics)
                self._others.update(metrics if other > step else ())
        self._waiting.clear()
        return reports + [self._told_at(other, metrics) for other, metrics in sorted(between.items())]

    def _added(self, reading: Reading, reports: list[Report]) -> list[Report]:
        for _, metrics in self._waiting:
            self._metrics.update(metrics)
        self._waiting.clear()
        self._metrics.update(reading.metrics)
        is_complete = all(goal in self._metrics for goal in self._goals)
        return reports + (self._over() if is_complete and not self._repeats else [])

    def _over(self) -> list[Report]:
        if self._is_over or self._step is None:
            return []
        self._is_over = True
        return [self._told_at(self._step, self._metrics)]

    def _told_at(self, step: int, metrics: dict[str, float]) -> Report:
        self._reported = step
        self._told.update(metrics)
        return step, metrics
