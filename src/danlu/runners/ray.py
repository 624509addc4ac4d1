"""Ray: trials run anywhere in a Ray cluster, each in a process of its own; the coordinator alone writes the journal.

A trial is an actor in a reserved place. It holds one message at a time: a call to it comes back with the next one, and
the next call brings the answer, so a report costs one round trip and is in the journal before the trial goes on. Actors
end with the coordinator, whatever ends that. Messages inside a cluster are pickles, as all of Ray's are: who can reach
a Ray cluster can run programs on it.
"""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from danlu.core.event import Noted
from danlu.core.resources import EVEN, Resources
from danlu.core.runner import Answer, Ended, Failed, Job, Signal, check_terms
from danlu.errors import ArtifactError, DanluError, RunnerError, StoreError
from danlu.runners.parcel import packed
from danlu.runners.storage import Storage
from danlu.runners.transfer import Doubted, Mirror, Output, Piece, Stored, Wanted, checked, mark, unmark
from danlu.runners.work import Train

try:
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
except ImportError as missing:
    raise RunnerError(f"the runner 'ray' needs Ray ({missing}): pip install 'danlu[ray]'.") from missing

from danlu.runners.actor import actor_class, never_began, obituary, options_of, search_path
from danlu.runners.cluster import (
    Bundle,
    bundles_of,
    connect,
    described,
    disconnect,
    first_line,
    ids_of,
    node_resources,
    situation,
    what_is_missing,
)
from danlu.runners.reservation import Reservations

_TICK = 0.1  # seconds between looks at what has no message: places, deadlines, files on their way
_PATIENCE = 2.0  # seconds after which a busy trial gives a sign of life, and what it has printed
_FAREWELL = 5.0  # seconds in which a process must have ended its children
_STARTING = 300.0  # seconds in which a process must have begun: it may have packages to install, and much to import
_STALL = 5.0  # seconds without a look at deadlines that mean that this process was suspended, or its machine
_PENDING = 10.0  # seconds of waiting for a place after which it is said why, once
_STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")


@dataclass(eq=False)
class _Tenant:
    """A trial that has a place.

    Attributes:
        place: its placement group.
        actor: its process.
        call: what comes back with the next message.
        fetching: a file that is being fetched out of the storage.
        stored: the path of that file.
        deadline: when its time is over, from its start on.
        heard: when it last gave a sign of life of its training function.
        size: of its log then.
        is_homeless: whether its node is gone.
    """

    job: Job
    place: Any
    actor: Any
    call: Any
    mirror: Mirror
    fetching: "Future[None] | None" = None
    stored: str = ""
    deadline: float | None = None
    heard: float = field(default_factory=lambda: time.monotonic() + _STARTING)
    size: int = 0
    is_homeless: bool = False


class Ray:
    """Runs trials in a Ray cluster.

    Args:
        train: the training function.
        metric: what a bare number means that it returns.
        workers: trials at a time; None for as many as the cluster has room for, also while it grows and shrinks.
        resources: what each trial gets; see `Resources`. Cores not given: an even share, one each if `workers` is None.
        timeout: seconds that an attempt at a trial may take.
        silence: seconds without a report, a file or output that mean that a trial hangs.
        address: of the cluster ("auto", "ray://host:10001", "host:6379"). Not given: the one that this process or
            RAY_ADDRESS names, else one on this machine, which ends with the study.
        storage: URL (fsspec) by which checkpoints and artifacts of nodes travel that don't see the study's folder; not
            given: Ray itself carries them.
        placement: for a trial that is itself distributed: the bundles of its placement group. The training function is
            in the first; tasks and actors that it starts are in the others.
        strategy: how these lie: PACK, SPREAD, STRICT_PACK or STRICT_SPREAD.
        growing: whether to wait for nodes of a kind that the cluster doesn't have yet, as an autoscaler adds them.
        runtime_env: Ray's environment of the trials: packages, variables.

    Raises:
        RunnerError: there is no such cluster, or it can never run such a trial.
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
        address: str | None = None,
        storage: str | None = None,
        placement: Sequence[Bundle] | None = None,
        strategy: str = "PACK",
        growing: bool = False,
        runtime_env: Mapping[str, Any] | None = None,
    ) -> None:
        check_terms(workers, timeout, silence)
        if strategy not in _STRATEGIES:
            raise RunnerError(f"strategy of the placement must be one of {', '.join(_STRATEGIES)}, got {strategy!r}.")
        self.timeout, self.silence = timeout, silence
        self._storage = Storage(storage) if storage else None
        parcel, self._metric, self._nice = packed(train, "a cluster"), metric, resources.nice
        self._memory = resources.memory and resources.memory * 1e9
        self._is_own = connect(address)
        try:
            bundles = bundles_of(resources, placement, workers, growing)
            self._train = ray.put(parcel)
        except BaseException:
            self._disconnect()
            raise
        self._options = options_of(bundles[0], runtime_env)
        self._captures = placement is not None
        self._places = Reservations(bundles, strategy, workers)
        self._actor = ray.remote(actor_class())
        self._tenants: list[_Tenant] = []
        self._carriers = ThreadPoolExecutor(4, "danlu-files")
        self._nonce, self._marked = secrets.token_hex(8), Path()
        self._in_storage: set[str] = set()
        self._avoided, self._unfit = frozenset[str](), frozenset[str]()
        self._has_complained = False
        self._looked = time.monotonic()

    def free(self) -> int:
        self._places.look()
        return self._places.free

    def submit(self, job: Job) -> None:
        self._mark(Path(job.folder))
        place = self._places.take()
        where = PlacementGroupSchedulingStrategy(place, 0, placement_group_capture_child_tasks=self._captures)
        actor = self._actor.options(**self._options, scheduling_strategy=where).remote(
            search_path(), os.getcwd(), self._train, self._metric, self._patience, self._nice, self._memory
        )
        call = actor.begin.remote(job, self._nonce, self._storage.url if self._storage else None)
        self._tenants.append(_Tenant(job, place, actor, call, Mirror(job, self._storage)))

    def poll(self, answer: Answer, timeout: float | None) -> None:
        found = self._gather(timeout)
        if why := self._why_they_wait():
            answer([Noted(why)])
        if not found:
            return
        for _, signal in found:
            if isinstance(signal, Failed) and signal.reason == "storage":
                raise StoreError(signal.error)
        self._dismiss([tenant for tenant, signal in found if isinstance(signal, (Ended, Failed))])
        replies = answer([signal for _, signal in found])
        for (tenant, _), reply in zip(found, replies, strict=True):
            if tenant in self._tenants:
                tenant.call = tenant.actor.answer.remote(reply)
        self._tidy_storage()

    def avoid(self, places: frozenset[str]) -> None:
        self._avoided = ids_of(places)
        self._places.avoid(self._avoided | self._unfit)

    def cancel(self) -> None:
        self._dismiss(list(self._tenants))

    def close(self) -> None:
        with suppress(Exception):  # the cluster may be gone
            self.cancel()
            self._places.close()
        self._tidy_storage()
        self._carriers.shutdown()
        if self._marked != Path():
            unmark(self._marked)
        self._disconnect()

    # what comes from trials -------------------------------------------------------------------------------------------

    @property
    def _patience(self) -> float:
        return _PATIENCE if self.silence is None else min(_PATIENCE, self.silence / 4)

    def _gather(self, timeout: float | None) -> list[tuple[_Tenant, Signal]]:
        """All signals there are; none if there is room for another trial, or `timeout` seconds have passed."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            found = self._heard()
            found += self._overdue({tenant.job.trial for tenant, _ in found})
            if found or self._places.look() or (end is not None and time.monotonic() >= end):
                return found

    def _heard(self) -> list[tuple[_Tenant, Signal]]:
        self._answer_fetched()
        calls = {tenant.call: tenant for tenant in self._tenants if tenant.fetching is None}
        if not calls:
            time.sleep(_TICK if not self._tenants else _TICK / 10)
            return []
        wait = _TICK / 10 if len(calls) < len(self._tenants) else _TICK
        try:
            ready, _ = ray.wait(list(calls), timeout=wait)
            if ready and len(calls) > 1:  # others may have come meanwhile: they are one commit
                ready, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
        except ray.exceptions.RayError as error:
            raise RunnerError(f"the Ray cluster is gone: {first_line(error)}. Run again to go on.") from error
        signals = [(calls[call], self._signal(calls[call])) for call in ready]
        return [(tenant, signal) for tenant, signal in signals if signal is not None]

    def _signal(self, tenant: _Tenant) -> Signal | None:
        """What a trial says, if it is for the study."""
        try:
            message = ray.get(tenant.call)
        except ray.exceptions.RayError as error:
            return self._death(tenant, error)
        if message.output:
            tenant.mirror.log(message.output)
        if message.content is not None or message.size != tenant.size:
            tenant.heard, tenant.size = time.monotonic(), message.size
        try:
            match message.content:
                case None:
                    tenant.call = tenant.actor.listen.remote()
                case Stored() as stored:
                    tenant.stored = stored.path
                    tenant.fetching = self._carriers.submit(tenant.mirror.fetch, stored)
                case Doubted() as doubted:
                    tenant.call = tenant.actor.answer.remote(tenant.mirror.vouch(doubted))
                case Piece() as piece:
                    tenant.mirror.take(piece)
                    tenant.call = tenant.actor.answer.remote(None)
                case Wanted() as wanted:
                    tenant.call = tenant.actor.answer.remote(tenant.mirror.give(wanted))
                case Output(data):
                    tenant.mirror.log(data)
                    tenant.call = tenant.actor.answer.remote(None)
                case signal:
                    return self._known(tenant, checked(signal, tenant.job.trial))
        except StoreError:
            raise
        except (DanluError, OSError) as error:
            refusal = error if isinstance(error, DanluError) else RunnerError(str(error))
            tenant.call = tenant.actor.answer.remote(refusal)
        return None

    def _death(self, tenant: _Tenant, error: Exception) -> Failed:
        """What a trial died of; its node is avoided from now on if it can't run any.

        Raises:
            RunnerError: no other node can.
        """
        failed = obituary(tenant.job.trial, error)
        tenant.is_homeless = failed.reason == "lost"
        if never_began(error):
            self._unfit |= {self._places.home(tenant.place)}
            if what_is_missing(self._places.bundles, node_resources(self._unfit)):
                raise RunnerError(f"trial {failed.trial} can't begin: {failed.error}.") from error
            self._places.avoid(self._avoided | self._unfit)
        return failed

    def _known(self, tenant: _Tenant, signal: Signal) -> Signal:
        if tenant.deadline is None and self.timeout is not None:
            tenant.deadline = time.monotonic() + self.timeout
        return signal

    def _answer_fetched(self) -> None:
        for tenant in self._tenants:
            if tenant.fetching is not None and tenant.fetching.done():
                error = tenant.fetching.exception()
                self._in_storage.add(tenant.stored)  # not before: what the folder lacks is tidied away
                if isinstance(error, StoreError):
                    raise error
                reply = None if error is None else ArtifactError(f"storage: {error}")
                tenant.fetching, tenant.call = None, tenant.actor.answer.remote(reply)

    def _overdue(self, heard: set[int]) -> list[tuple[_Tenant, Signal]]:
        """Trials whose time is over, but for those that were just heard."""
        now = time.monotonic()
        found: list[tuple[_Tenant, Signal]] = []
        gap, self._looked = now - self._looked, now
        if gap > _STALL:
            for tenant in self._tenants:
                tenant.heard += gap
                tenant.deadline = tenant.deadline and tenant.deadline + gap
        for tenant in [tenant for tenant in self._tenants if tenant.job.trial not in heard]:
            if tenant.deadline is not None and now > tenant.deadline:
                error = f"no end after {self.timeout:g} s, the timeout of a trial; its process was killed"
                found.append((tenant, Failed(tenant.job.trial, "timeout", error)))
            elif self.silence is not None and now > tenant.heard + self._patience + self.silence:
                error = f"no report, file or output for {self.silence:g} s; its process was killed"
                found.append((tenant, Failed(tenant.job.trial, "silent", error)))
        return found

    # what becomes of it -----------------------------------------------------------------------------------------------

    def _dismiss(self, tenants: list[_Tenant]) -> None:
        """Ends processes, with what they have started; their places are free again, unless their nodes are gone."""
        ends = [tenant.actor.end.remote() for tenant in tenants]
        if ends:
            ray.wait(ends, num_returns=len(ends), timeout=_FAREWELL)
        for tenant in tenants:
            self._tenants.remove(tenant)
            ray.kill(tenant.actor)
            if tenant.is_homeless:
                self._places.give_up(tenant.place)
            else:
                self._places.give_back(tenant.place)

    def _mark(self, study: Path) -> None:
        if study != self._marked:
            mark(study, self._nonce)
            self._marked = study
            if self._storage is not None:
                self._in_storage.update(self._storage.checkpoints())

    def _tidy_storage(self) -> None:
        """Removes from the storage what the study has given up."""
        if self._storage is None:
            return
        for path in [path for path in self._in_storage if not (self._marked / path).exists()]:
            self._in_storage.discard(path)
            self._carriers.submit(self._storage.remove, path)

    def _why_they_wait(self) -> str | None:
        """Why trials have long been waiting for a place; said once."""
        places = self._places
        is_short = places.limit is not None or not places.used
        if self._has_complained or not is_short or time.monotonic() < places.pending_since + _PENDING:
            return None
        self._has_complained = True
        return (
            f"{places.used} of {places.limit or 'any number of'} trials at a time have a place in the Ray cluster; the "
            f"others wait for {' + '.join(map(described, places.bundles))} each. {situation(places.bundles)}"
        )

    def _disconnect(self) -> None:
        if self._is_own:
            disconnect()
            self._is_own = False
