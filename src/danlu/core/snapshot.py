"""Snapshot: a history as bytes, so that a long journal need not be folded from its beginning.

It is worked out of the journal and can be thrown away at any time. The trials are cut into parts of 256, so that a
later snapshot writes only the parts that have changed; the numbers of curves are columns of machine words, so that ten
million reports are read in seconds.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from danlu.core.curve import EMPTY, Curve
from danlu.core.earlier import Earlier, earlier_from
from danlu.core.event import Entry, Recalled, encode_events
from danlu.core.history import History, Queued
from danlu.core.objective import Objective
from danlu.core.shared import Columns, Index, Numbers, Vector
from danlu.core.trial import File, Fork, Status, Trial
from danlu.errors import StoreError
from danlu.space import Config, Space

FORM = 1
"""Number of this form; it is raised with every change of what a history remembers, or how the fold makes it."""
PART = 256
"""Trials in one part."""


class _Curve(msgspec.Struct, frozen=True, array_like=True):
    steps: bytes
    elapsed: bytes
    entries: bytes
    metrics: dict[str, bytes]


class _Trial(msgspec.Struct, frozen=True, array_like=True):
    """A trial without what its study says; the fields are those of `Trial`, in its order."""

    number: int
    config: dict[str, float | int | str | bool]
    seed: int
    origin: str
    status: Status
    budget: int | None
    parent: Fork | None
    attempt: int
    lost: int
    excused: int
    curve: _Curve | None
    told: dict[str, float]
    checkpoint: File | None
    older: tuple[File, ...]
    restarts: tuple[int, ...]
    artifacts: tuple[File, ...]
    reason: str
    error: str
    suggested: float
    started: float | None
    ended: float | None
    entry: int
    worker: str


class _Earlier(msgspec.Struct, frozen=True, array_like=True):
    name: str
    configs: list[dict[str, float | int | str | bool]]
    losses: list[float]


class Head(msgspec.Struct, frozen=True):
    """A history without its trials.

    Attributes:
        form: `FORM` of who wrote it.
        position: of the last entry that it knows.
        mark: what that entry says, to tell whether it is of this journal.
        parts: names under which the parts were kept, in order.
        others: as in `History`.
    """

    form: int
    position: int
    mark: bytes
    parts: list[str]
    space: dict[str, Any]
    objectives: tuple[Objective, ...]
    seed: int
    strategy: dict[str, Any]
    steps: int | None
    at: float
    opened: float
    queue: list[tuple[int, dict[str, float | int | str | bool], str]]
    asks: int
    notes: tuple[str, ...]
    earlier: list[_Earlier]
    steps_done: int
    ran: float
    keep: int
    retries: int
    counts: dict[str, int]
    ended: bytes
    best: int | None
    outside: list[int]
    spare: list[int]
    forks: list[int]


_encoder = msgspec.msgpack.Encoder()
_heads, _parts = msgspec.msgpack.Decoder(Head), msgspec.msgpack.Decoder(list[_Trial])
_TRIAL = _Trial.__struct_fields__


def mark(entry: Entry) -> bytes:
    """What tells an entry from those at the same position of other journals."""
    return _encoder.encode((entry.position, entry.at, encode_events(entry.events)))


def encode_head(history: History, last: Entry, parts: list[str]) -> bytes:
    """A history without its trials.

    Args:
        history: what is to be kept.
        last: its last entry.
        parts: names under which its trials were kept.
    """
    return _encoder.encode(
        Head(
            FORM, history.position, mark(last), parts, history.space.to_dict(), history.objectives, history.seed,
            history.strategy, history.steps, history.at, history.opened,
            [(item.position, dict(item.config), item.note) for item in history.queue], history.asks, history.notes,
            [_Earlier(e.name, [dict(c) for c in e.configs], e.losses.tolist()) for e in history.earlier],
            history.steps_done, history.ran, history.keep, history.retries, history._counts,
            array("q", history._columns.numbers).tobytes(),
            history._best, sorted(history._outside), sorted(history._spare), sorted(history._forks),
        )
    )  # fmt: skip


def decode_head(data: bytes) -> Head | None:
    """What was kept; None if it is not in our form."""
    try:
        head = _heads.decode(data)
    except msgspec.MsgspecError:
        return None
    return head if head.form == FORM else None


def encode_part(trials: Sequence[Trial]) -> bytes:
    """One part of the trials."""
    return _encoder.encode([_plain(trial) for trial in trials])


def restored(head: Head, parts: Iterable[bytes]) -> History:
    """The history that was kept.

    Raises:
        StoreError: it is damaged.
    """
    try:
        return _restored(head, parts)
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError) as error:
        raise StoreError(f"a snapshot can't be read: {error}.") from error


def _restored(head: Head, parts: Iterable[bytes]) -> History:
    space, objectives = Space.from_dict(head.space), head.objectives
    outside = frozenset(head.outside)
    everybody = [_trial(record, objectives) for part in parts for record in _parts.decode(part)]
    trials = Vector[Trial]().updated(dict(enumerate(everybody)))
    tried, columns = Index[Config](), Columns()
    for trial in everybody:
        tried = tried.append(None if trial.number in outside else trial.config)
    for number in array("q", head.ended):
        columns = columns.append(number)
    return History(
        space, objectives, head.seed, head.strategy, head.steps, trials, head.position, head.at, head.opened,
        tuple(Queued(position, Config(config), note) for position, config, note in head.queue), head.asks, head.notes,
        tuple(_earlier(study, space) for study in head.earlier), head.steps_done, head.ran, head.keep, head.retries,
        _live=Numbers.of(t.number for t in everybody if t.status in (Status.PENDING, Status.RUNNING)),
        _paused=Numbers.of(t.number for t in everybody if t.status is Status.PAUSED),
        _counts=head.counts, _columns=columns, _tried=tried, _best=head.best, _outside=outside,
        _spare=frozenset(head.spare), _forks=frozenset(head.forks),
    )  # fmt: skip


def _plain(trial: Trial) -> _Trial:
    values = [getattr(trial, name) for name in _TRIAL]
    values[_TRIAL.index("config")] = dict(trial.config)
    values[_TRIAL.index("curve")] = _columns(trial.curve)
    return _Trial(*values)


def _trial(record: _Trial, objectives: tuple[Objective, ...]) -> Trial:
    values = {name: getattr(record, name) for name in _TRIAL}
    values["config"] = Config(record.config)
    values["curve"] = EMPTY if record.curve is None else _curve(record.curve)
    return Trial(**values, objectives=objectives)


def _columns(curve: Curve) -> _Curve | None:
    if not len(curve):
        return None
    steps, elapsed, entries, metrics = curve.columns()
    return _Curve(
        steps.tobytes(), elapsed.tobytes(), entries.tobytes(),
        {name: column.tobytes() for name, column in metrics.items()},
    )  # fmt: skip


def _curve(kept: _Curve) -> Curve:
    metrics = {name: array("d", column) for name, column in kept.metrics.items()}
    return Curve.of(array("q", kept.steps), array("d", kept.elapsed), array("q", kept.entries), metrics)


def _earlier(kept: _Earlier, space: Space) -> Earlier:
    return earlier_from(Recalled(kept.name, tuple(kept.configs), tuple(kept.losses)), space)
