"""The slurm runner without Slurm: its jobs are processes of this machine."""

from collections.abc import Callable
from typing import Any

from danlu.core.runner import Runner
from danlu.runners.slurm import Slurm
from danlu.testing.runners import RunnerKit


class TestSlurmOnThisMachine(RunnerKit):
    def make(self, train: Callable[..., Any], timeout: float | None = None) -> Runner:
        return Slurm(train, "loss", workers=1, timeout=timeout, cluster="local", look=0.5)
