"""Reading: what a program was found to say of its training; a source is where that is read.

A source is asked again and again while the program runs:

    read()  -> [Reading(1, {"val_loss": 0.9})]     what is new since the last call
    read()  -> []                                  nothing is
    close() -> [Reading(2, {"val_loss": 0.8})]     the program has ended: what stood there unfinished

Metric names are spelled as in `naming.normal`; `naming.find` says which of them somebody means. Steps are what the
program says: they may repeat and fall, or be absent.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Reading:
    """Metrics that a program gave together.

    Attributes:
        step: after which they were measured, from 0 on; None where the program doesn't say.
        metrics: name -> value, never empty; NaN and infinity are kept.
    """

    step: int | None
    metrics: dict[str, float]


class Source(Protocol):
    """Where a program's metrics are read. What it finds is data: nothing of it is run, and nothing of it raises."""

    def read(self) -> list[Reading]:
        """What has come since the last call."""
        ...

    def close(self) -> list[Reading]:
        """The last call, after the program has ended: whatever has come, unfinished lines too; frees what is held."""
        ...
