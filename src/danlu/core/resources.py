"""Resources: what one trial is given of a machine."""

import msgspec

from danlu.errors import RunnerError


class Resources(msgspec.Struct, frozen=True):
    """What each trial gets.

    Attributes:
        cpus: cores; None for an equal share of what there is.
        gpus: devices: 0.5 for two trials on each, 2 for a trial that is itself distributed. None: where there are
            devices, each trial has one, and trials share them if there are more trials than devices.
        memory: GB of main memory (10⁹ bytes) that a trial may use; one that takes more has failed, "out of memory".
        nice: how far trials step back for other programs, 0 to 19.
        custom: other things that a cluster shares out, by name.

    Raises:
        RunnerError: a number is out of its range.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory: float | None = None
    nice: int = 0
    custom: dict[str, float] = {}

    def __post_init__(self) -> None:
        for name, amount in (("cpus", self.cpus), ("memory", self.memory)):
            if amount is not None and amount <= 0:
                raise RunnerError(f"{name} per trial must be > 0, got {amount:g}. Leave it out for no limit.")
        if self.gpus is not None and (self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus))):
            raise RunnerError(
                f"gpus per trial must be a part of one, such as 0.5, or a whole number, got {self.gpus:g}."
            )
        if not 0 <= self.nice <= 19:
            raise RunnerError(f"nice must be from 0 to 19, got {self.nice}.")
        for name, amount in self.custom.items():
            if amount <= 0:
                raise RunnerError(f"resource {name!r} per trial must be > 0, got {amount:g}.")


EVEN = Resources()
"""An equal share of everything."""
