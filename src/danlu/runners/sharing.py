"""Sharing: how many trials at a time a machine takes, and what each of them gets of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from danlu.core.resources import Resources
from danlu.errors import RunnerError
from danlu.runners.devices import Device

GB = 1_000_000_000
"""Bytes."""


@dataclass(frozen=True)
class Machine:
    """What there is.

    Attributes:
        devices: that may be used.
        cores: that may be used.
        memory: bytes of main memory.
    """

    devices: Sequence[Device]
    cores: int
    memory: int


@dataclass(frozen=True)
class Share:
    """What one worker gets.

    Attributes:
        devices: that it sees.
        part: of each of them that is its own.
        threads: for computing on the CPU.
    """

    devices: tuple[Device, ...]
    part: float
    threads: int

    @property
    def place(self) -> str:
        """The name of its devices; "" for a worker without."""
        return "+".join(map(str, self.devices))


def share_out(machine: Machine, workers: int | None, resources: Resources) -> tuple[list[Share], str]:
    """A share for each worker, and in words what determines how many there are.

    Args:
        machine: what there is.
        workers: trials at a time; None for as many as fit.
        resources: what each trial gets.

    Raises:
        RunnerError: the machine doesn't have what is asked for.
    """
    _check_one(machine, resources)
    fits = _fits(machine, resources)
    why = ""
    if workers is None:
        tightest = min(fits, key=lambda fit: fit.count)
        why, workers = tightest.words, tightest.count
    _check_all(workers, fits)
    threads = max(1, int(resources.cpus or machine.cores / workers))
    return [Share(*_of_devices(machine.devices, k, workers, resources.gpus), threads) for k in range(workers)], why


@dataclass(frozen=True)
class _Fit:
    """For how many trials at a time something is enough.

    Attributes:
        count: of trials.
        words: of what, and how much each trial gets.
        is_claim: whether a trial has it for itself as soon as it runs; few reach the limit to their memory.
    """

    count: int
    words: str
    is_claim: bool


def _of_devices(
    devices: Sequence[Device], k: int, workers: int, gpus: float | None
) -> tuple[tuple[Device, ...], float]:
    """The devices of worker k, which take turns, and its part of each."""
    if not devices or gpus == 0:
        return (), 1.0
    if gpus is not None and gpus > 1:
        first = k * int(gpus)
        return tuple(devices[first : first + int(gpus)]), 1.0
    part = 1 / -(-workers // len(devices)) if gpus is None else gpus
    return (devices[k % len(devices)],), part


def _fits(machine: Machine, resources: Resources) -> list[_Fit]:
    """What there is for the trials; cores only where they are asked for, or nothing else is."""
    fits: list[_Fit] = []
    count = len(machine.devices)
    if count and resources.gpus != 0:
        gpus = resources.gpus or 1
        fitting = count // int(gpus) if gpus > 1 else count * int(1 / gpus + 1e-9)
        words = f"{_counted(count, 'device')}, {gpus:g} for each trial"
        fits.append(_Fit(fitting, words, is_claim=resources.gpus is not None))
    if resources.memory is not None:
        fitting = int(machine.memory / (resources.memory * GB) + 1e-9)
        words = f"{machine.memory / GB:.3g} GB of main memory, {resources.memory:g} for each trial"
        fits.append(_Fit(fitting, words, is_claim=False))
    if resources.cpus is not None or not count or resources.gpus == 0:
        cpus = resources.cpus or 1
        words = f"{_counted(machine.cores, 'core')}, {cpus:g} for each trial"
        fits.append(_Fit(int(machine.cores / cpus + 1e-9), words, is_claim=resources.cpus is not None))
    return fits


def _check_one(machine: Machine, resources: Resources) -> None:
    """Raises if not even one trial can have what it needs."""
    count = len(machine.devices)
    if resources.gpus and count < resources.gpus:
        has = f"has {_counted(count, 'device')}" if count else "has no device that could be found"
        raise RunnerError(
            f"gpus per trial {resources.gpus:g}, but this machine {has}{_limited()}. "
            f"Ask for fewer, or leave gpus out; gpus=0 trains on the CPU."
        )
    if resources.cpus and resources.cpus > machine.cores:
        raise RunnerError(
            f"cpus per trial {resources.cpus:g}, but this process may use {_counted(machine.cores, 'core')}. "
            f"Ask for at most {machine.cores}."
        )
    if resources.memory and resources.memory * GB > machine.memory:
        raise RunnerError(
            f"memory per trial {resources.memory:g} GB, but this machine has {machine.memory / GB:.3g} GB. "
            f"Ask for less, or leave memory out."
        )
    if resources.custom:
        name = next(iter(resources.custom))
        raise RunnerError(f"resource {name!r} is a cluster's to share out; worker processes have none. Leave it out.")


def _check_all(workers: int, fits: list[_Fit]) -> None:
    """Raises if so many workers can't have at a time what is theirs alone."""
    for fit in fits:
        if fit.is_claim and fit.count < workers:
            raise RunnerError(
                f"{workers} workers don't fit at a time: {fit.words}, is enough for {fit.count}. "
                f"Use workers='auto', or give each trial less."
            )


def _limited() -> str:
    names = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    said = next((f"{name}={os.environ[name]}" for name in names if name in os.environ), None)
    return f" ({said})" if said is not None else ""


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
