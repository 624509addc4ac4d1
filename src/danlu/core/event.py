"""Events: the few kinds of facts that a journal is made of.

A journal is a list of entries. An entry is what one ask, report or tell appended, all of it or nothing: a report, the
decision that it led to and the end of the trial stand in one entry, so that no crash can come between them.

Every entry carries the version of the format that it was written in; `decode_events` reads all versions up to ours.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from danlu.core.objective import Objective
from danlu.core.trial import Fork
from danlu.errors import StoreError

VERSION = 1
"""Version of the format that is written. A change of meaning raises it and adds a row to `_UPGRADES`."""

KEEP = 5
"""How many of the best trials that have ended keep their checkpoints, if nobody says."""

RETRIES = 1
"""How often a trial is tried again that crashed: a machine's accident rarely strikes twice, a config's fault does."""

Metrics = dict[str, float | str]
"""Metric -> number; "nan", "inf" and "-inf" stand for what JSON can't write."""


class _Event(
    msgspec.Struct, frozen=True, tag_field="kind", tag=lambda name: name.lower(), omit_defaults=True, gc=False
):
    """What all kinds share: immutable, tagged by `kind`, defaults left out."""


class Opened(_Event, frozen=True):
    """The study came into being. `space` and `strategy` are in their plain forms; `keep` is as of `core.keeping`,
    `retries` as of `core.runner`.
    """

    space: dict[str, Any]
    objectives: tuple[Objective, ...]
    strategy: dict[str, Any]
    seed: int
    steps: int | None = None
    keep: int = KEEP
    retries: int = RETRIES


class Recalled(_Event, frozen=True):
    """What an earlier study found: some of its configs, as configs of this study's space, and their losses.

    It stands in the entry that opens a study, once for each earlier study, so that nothing hangs on where that lies.
    """

    study: str
    configs: tuple[dict[str, float | int | str | bool], ...]
    losses: tuple[float, ...]


class Changed(_Event, frozen=True):
    """Another strategy took over from here, the study goes on in another space, or it keeps more, or tries again
    more often; None: as it was.

    Configs from before, of trials and in the queue, take the default of a hyperparameter that is new to them. Queued
    ones that the new space doesn't have are gone.
    """

    strategy: dict[str, Any] | None = None
    space: dict[str, Any] | None = None
    keep: int | None = None
    retries: int | None = None


class Queued(_Event, frozen=True):
    """A person asked for this config; it is suggested before the strategy is asked."""

    config: dict[str, float | int | str | bool]
    note: str = ""


class Suggested(_Event, frozen=True):
    """A new trial was decided on. `queued` is the position of the entry that asked for it."""

    trial: int
    config: dict[str, float | int | str | bool]
    origin: str
    seed: int
    budget: int | None = None
    parent: Fork | None = None
    queued: int | None = None


class Resumed(_Event, frozen=True):
    """A paused trial goes on up to `budget` steps."""

    trial: int
    budget: int | None = None


class Started(_Event, frozen=True):
    """An attempt at the trial began, from the checkpoint at `step`; later reports of earlier attempts don't count.

    `worker` names who runs it and, after the word " on ", the device or node that it is on.
    """

    trial: int
    attempt: int
    step: int = 0
    worker: str = ""


class Lost(_Event, frozen=True):
    """The attempt was lost, perhaps through no fault of the config: its worker died. The trial begins again.

    `reason` is one of `core.runner.CRASHES` or `core.runner.LOSSES`.
    """

    trial: int
    error: str
    reason: str = "died"


class Reported(_Event, frozen=True):
    """Metrics at a step."""

    trial: int
    step: int
    metrics: Metrics


class Saved(_Event, frozen=True):
    """A checkpoint lies at `path`, relative to the study's folder; it was written before this event."""

    trial: int
    step: int
    path: str
    size: int


class Removed(_Event, frozen=True):
    """The trial's checkpoint at `path` was given up; the file was removed after this event."""

    trial: int
    path: str


class Attached(_Event, frozen=True):
    """A file lies at `path`, relative to the study's folder; it was written before this event."""

    trial: int
    name: str
    path: str
    size: int


class Decided(_Event, frozen=True):
    """The strategy ended or paused a running trial."""

    trial: int
    decision: Literal["stop", "pause"]


class Finished(_Event, frozen=True):
    """The trial has ended, for good."""

    trial: int
    status: Literal["complete", "stopped", "failed"]
    metrics: Metrics = {}
    reason: str = ""
    error: str = ""


class Noted(_Event, frozen=True):
    """Something worth telling a person."""

    text: str
    trial: int | None = None


Event = (
    Opened
    | Recalled
    | Changed
    | Queued
    | Suggested
    | Resumed
    | Started
    | Lost
    | Reported
    | Saved
    | Removed
    | Attached
    | Decided
    | Finished
    | Noted
)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What one ask, report or tell appended.

    Attributes:
        position: 1, 2, 3, ... without gaps.
        at: seconds since 1970, UTC, by the clock of whoever appended.
        events: one or more, in order.
        version: of the format.
    """

    position: int
    at: float
    events: tuple[Event, ...]
    version: int = VERSION


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Event, ...])

_UPGRADES: dict[int, Any] = {}
"""version -> function from that version's plain events to those of the next version."""


def encode_events(events: tuple[Event, ...]) -> bytes:
    """JSON of the events, in the current version."""
    return _encoder.encode(events)


def decode_events(data: bytes | str, version: int) -> tuple[Event, ...]:
    """The events that any version up to ours wrote.

    Raises:
        StoreError: written by a later version, or not events at all.
    """
    if version > VERSION:
        raise StoreError(
            f"this journal was written in format {version}; this Danlu reads up to {VERSION}. "
            f"Upgrade: pip install -U danlu."
        )
    try:
        if version == VERSION:
            return _decoder.decode(data)
        plain = msgspec.json.decode(data)
        for step in range(version, VERSION):
            plain = _UPGRADES[step](plain)
        return msgspec.convert(plain, tuple[Event, ...])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
        raise StoreError(
            f"the journal holds an entry that can't be read: {error}. Try `danlu doctor --repair`."
        ) from error


def writable(metrics: Mapping[str, float]) -> Metrics:
    """Metrics as JSON can carry them."""
    return {name: value if math.isfinite(value) else str(value) for name, value in metrics.items()}


def readable(metrics: Metrics) -> dict[str, float]:
    """Metrics as numbers again."""
    return {name: value if type(value) is float else float(value) for name, value in metrics.items()}
