"""Slurm: trials run as jobs of a cluster. A shared folder is all that is needed; this process alone writes the journal.

A job is a worker that takes trials as they come, so that only its first one waits in the queue. Jobs outlive the
coordinator: the next one finds them by their names, and goes on where the mail stands (`workforce`).
"""

import math
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.core.event import Noted, Saved, Started
from danlu.core.resources import EVEN, Resources
from danlu.core.runner import Answer, Ended, Failed, Job, Known, Signal, check_terms
from danlu.core.trial import Decision
from danlu.errors import RunnerError, StoreError
from danlu.runners.mailbox import Letter, Sent, delays, incoming
from danlu.runners.member import Member
from danlu.runners.parcel import packed
from danlu.runners.plan import Plan, write_plan
from danlu.runners.private import make_private
from danlu.runners.queues import LocalQueue, Queue, SlurmQueue, check_slurm
from danlu.runners.work import Train
from danlu.runners.workforce import Workforce

_OWN_MEMORY = 0.5  # GB that a worker takes beside its trials
_LEAVE = 5.0  # seconds that workers have to leave at the end, before their jobs are cancelled
_LONGEST = 0.25  # seconds between looks into the boxes, at most


class Slurm:
    """Runs up to `workers` trials at once, in jobs of a Slurm cluster.

    The study's folder must be on a disk that all machines share. Where a job is preempted, requeued, cancelled or near
    the end of its time, its trials are told to pause at their next report, and go on from their last checkpoint in
    another job.

    Attributes:
        workers: trials at a time; None for 8. There are `workers / pack` jobs at most.
        resources: what each trial gets; a job asks for `pack` times as much.
        timeout, silence: of each trial, as for `Processes`.
        pack: trials side by side in one job: for clusters that give whole nodes away.
        reuse: whether a job takes further trials when its first have ended, without queueing again.
    """

    can_pause = True

    def __init__(
        self,
        train: Train,
        metric: str,
        workers: int | None = None,
        resources: Resources = EVEN,
        timeout: float | None = None,
        silence: float | None = None,
        *,
        partition: str | None = None,
        minutes: float | None = None,
        pack: int = 1,
        reuse: bool = True,
        account: str | None = None,
        qos: str | None = None,
        constraint: str | None = None,
        setup: str | Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
        grace: int = 90,
        patience: float = 10.0,
        look: float = 5.0,
        cluster: str = "slurm",
    ) -> None:
        """Checks the settings; nothing is submitted yet.

        Args:
            train, metric: as every runner takes them.
            workers, resources, timeout, silence, pack, reuse: see `Slurm`.
            partition, account, qos, constraint: of sbatch.
            minutes: that a job may take; None for what its partition gives.
            setup: lines of shell before a worker begins, such as "module load cuda".
            options: further options of sbatch, by name: {"mail-type": "FAIL", "exclusive": True}.
            grace: seconds before the end of its time at which a job's trials are told to pause.
            patience: minutes that a worker waits for a coordinator that is gone.
            look: seconds between questions to Slurm; one asks for all jobs.
            cluster: "slurm", or "local" for jobs that are processes of this machine, to try things out.
        """
        check_terms(workers, timeout, silence)
        for name, count in (("pack", pack), ("grace", grace)):
            if not isinstance(count, int) or count < 1:
                raise RunnerError(f"{name} must be a whole number from 1 on, got {count!r}.")
        for name, number in (("minutes", minutes), ("patience", patience), ("look", look)):
            if number is not None and number <= 0:
                raise RunnerError(f"{name} must be > 0, got {number:g}.")
        if cluster not in ("slurm", "local"):
            raise RunnerError(f"cluster must be 'slurm' or 'local', got {cluster!r}.")
        self.workers, self.resources, self.pack, self.reuse = workers or 8, resources, pack, reuse
        self._parcel = packed(train, "other machines")
        path = (*(os.path.abspath(entry) for entry in sys.path),)
        self._plan = Plan("", metric, path, pack, resources, timeout, silence, patience=60 * patience)
        said = {"partition": partition, "account": account, "qos": qos, "constraint": constraint}
        script = {"setup": [setup] if isinstance(setup, str) else list(setup) or None, "use_srun": False, "wckey": None}
        limit = None if minutes is None else math.ceil(minutes)
        self._request = (
            {**said, **script, "time": limit, **_request(resources, pack)},
            _options(options or {}, min(grace, max(1, int(60 * minutes / 4))) if minutes else grace),
        )
        self._cluster, self._interval, self._minutes = cluster, look, minutes
        if cluster == "slurm":
            check_slurm(self._request[1])
        self._force: Workforce | None = None
        self._waiting: deque[Job] = deque()
        self._avoided: frozenset[str] = frozenset()
        self._known: Known = lambda signal, attempt: None
        self._looked = -math.inf

    # what a runner offers -------------------------------------------------------------------------------------------

    def find(self, folder: str | None, known: Known) -> frozenset[int]:
        if folder is None:
            raise RunnerError(
                "the slurm runner needs a folder that all machines of the cluster share: pass folder=, or --folder."
            )
        home = Path(folder) / "slurm"
        for place in (home, home / "jobs", home / "logs"):
            make_private(place)
        plan = write_plan(home, self._plan, self._parcel)
        self._force = Workforce(home, plan, self._queue(home / "logs"), self.pack, repr(self._request))
        self._force.check_alone()
        self._known = known
        self._force.recover(known)
        self._look()
        return frozenset(number for member in self._force.members for number in member.held)

    def free(self) -> int:
        return max(0, self.workers - sum(len(member.held) for member in self._members) - len(self._waiting))

    def avoid(self, places: frozenset[str]) -> None:
        self._avoided = places

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def poll(self, answer: Answer, timeout: float | None) -> None:
        end = math.inf if timeout is None else time.monotonic() + timeout
        for delay in delays(last=_LONGEST):
            self._look()
            self._staff()
            if self._serve(answer) or time.monotonic() >= end:
                return
            time.sleep(min(delay, max(0.0, end - time.monotonic())))

    def cancel(self) -> None:
        self._waiting.clear()
        if self._force is not None:
            self._force.leave()
            self._force.cancel(list(self._members))

    def close(self) -> None:
        """Lets workers leave that have nothing to do, and cancels all other jobs."""
        if self._force is None:
            return
        self._force.leave()
        for member in list(self._members):
            if member.node and not member.held:
                self._force.dismiss(member)
        self._force.cancel([member for member in self._members if not member.leaving or member.held])
        end = time.monotonic() + _LEAVE
        for delay in delays(last=_LONGEST):
            self._serve(lambda signals: [Decision.STOP] * len(signals))
            if not self._members or time.monotonic() > end:
                break
            time.sleep(delay)
        self.cancel()

    # jobs -----------------------------------------------------------------------------------------------------------

    @property
    def _members(self) -> list[Member]:
        return self._force.members if self._force is not None else []

    def _queue(self, logs: Path) -> Queue:
        return LocalQueue(logs) if self._cluster == "local" else SlurmQueue(logs, *self._request)

    def _look(self) -> None:
        assert self._force is not None
        self._force.beat()
        if time.monotonic() - self._looked >= self._interval:
            self._looked = time.monotonic()
            self._force.look()

    def _staff(self) -> None:
        """Gives trials to workers that are free, and asks for more workers where there are more trials."""
        assert self._force is not None
        for member in self._members:
            if member.node in self._avoided or self._is_spent(member):
                self._force.dismiss(member)
            while self._waiting and member.node and self._room(member) > 0:
                self._force.order(member, self._waiting.popleft())
        wanted = len(self._waiting) - sum(self._room(member) for member in self._members if not member.node)
        while wanted > 0 and len(self._members) < math.ceil(self.workers / self.pack):
            self._force.hire(self._avoided)
            wanted -= self.pack

    def _is_spent(self, member: Member) -> bool:
        """Whether a worker has done all that it may."""
        return not self.reuse and member.given >= self.pack and not member.held

    def _room(self, member: Member) -> int:
        """How many more trials a worker takes."""
        if member.leaving or member.end is not None:
            return 0
        return self.pack - (len(member.held) if self.reuse else member.given)

    # mail -----------------------------------------------------------------------------------------------------------

    def _serve(self, answer: Answer) -> bool:
        """Answers what has come, all at once, and says what has become of jobs; whether there was anything."""
        assert self._force is not None
        letters = [(member, letter) for member in self._members if (letter := self._force.next_letter(member))]
        settled = [member for member in self._members if member.end and not any(m is member for m, _ in letters)]
        signals: list[Signal] = [Noted(text) for text in self._force.notes()]
        decided = [self._sorted(member, letter, signals) for member, letter in letters]
        for member in settled:
            signals += self._lost(member)
        replies = answer(signals) if signals else []
        for (member, letter), places in zip(letters, decided, strict=True):
            self._force.reply(member, [replies[p] if isinstance(p, int) else p for p in places])
            self._note(member, letter)
        for member in settled:
            self._waiting.extendleft(held.job for held in member.held.values() if not held.started)
            self._force.settle(member)
        return bool(letters or settled or signals)

    def _sorted(self, member: Member, letter: Letter, signals: list[Signal]) -> list[int | Decision]:
        """For each signal of a letter, its place among `signals`, to which it is added; or what is known already."""
        member.is_late = member.is_late or letter.is_late
        places: list[int | Decision] = []
        for sent in letter.sent:
            signal = self._judged(member, incoming(sent))
            told = self._told(member, sent, signal)
            places.append(len(signals) if told is None else told)
            if told is None:
                signals.append(signal)
        return places

    def _told(self, member: Member, sent: Sent, signal: Signal) -> Decision | None:
        """What becomes of a signal's trial, if the journal need not be asked."""
        if isinstance(signal, Noted):
            return None
        if isinstance(signal, Failed) and signal.reason == "storage":
            raise StoreError(signal.error)
        held = member.held.get(signal.trial)
        if held is None or held.job.attempt != sent.attempt:  # an attempt that is over
            return Decision.STOP
        return self._known(signal, sent.attempt) if member.next <= member.doubtful else None

    def _note(self, member: Member, letter: Letter) -> None:
        """Remembers what a letter says, once it is answered."""
        for sent in letter.sent:
            match incoming(sent):
                case Started(number) if number in member.held:
                    member.held[number].started = True
                case Saved(number) if number in member.held:
                    member.held[number].saved = True
                case Ended(number) | Failed(number) if number in member.held:
                    del member.held[number]
        assert self._force is not None
        self._force.heard(member, letter)

    def _lost(self, member: Member) -> list[Signal]:
        """What is to be said of the trials that a job takes along."""
        assert member.end is not None
        reason, error = member.end.reason, member.end.error
        alone = len(member.held) == 1 or reason != "out of memory"  # of several, nobody knows whose memory it was
        began = [number for number, held in member.held.items() if held.started]
        return [self._judged(member, Failed(number, reason if alone else "died", error)) for number in began]

    def _judged(self, member: Member, signal: Signal) -> Signal:
        """The signal; for a trial that had the whole time of its job, and got nowhere, more time is no remedy."""
        if not isinstance(signal, Failed) or signal.reason != "preempted" or signal.trial not in member.held:
            return signal
        held = member.held[signal.trial]
        if not (member.is_late and held.first) or held.saved:
            return signal
        limit = f"the {self._minutes:g} min" if self._minutes else "the time"
        return Failed(
            signal.trial,
            "timeout",
            f"{limit} of its job were not enough, and it has saved no checkpoint to go on from. Give jobs more time "
            f"(minutes=), or call trial.save(state)",
        )


def _options(said: Mapping[str, Any], warned: int) -> dict[str, Any]:
    """Further options of sbatch, with those that make a job one of ours, unless something else was said.

    Args:
        said: by the user.
        warned: seconds before its end at which a job is warned.
    """
    # B: only the batch script's process is warned, which is the worker; programs without a handler would die of it
    ours = {"signal": f"B:USR2@{warned}"}
    # a job that Slurm requeues is held back for two minutes at least; a fresh one is not
    return ours | ({} if said.get("requeue") else {"no-requeue": True}) | dict(said)


def _request(resources: Resources, pack: int) -> dict[str, Any]:
    """What a job asks for, in submitit's words."""
    asked: dict[str, Any] = {}
    if resources.cpus is not None:
        asked["cpus_per_task"] = math.ceil(resources.cpus * pack)
    if resources.gpus:
        asked["gpus_per_node"] = math.ceil(resources.gpus * pack)
    if resources.memory is not None:
        asked["mem"] = f"{math.ceil((resources.memory * pack + _OWN_MEMORY) * 1e9 / 2**20)}M"
    if resources.custom:
        asked["gres"] = ",".join(f"{name}:{math.ceil(amount * pack)}" for name, amount in resources.custom.items())
    return asked
