"""The bench: where one trial works. Its folder, its log, its checkpoints, and its line to the study.

The same bench serves a training function in this process, one in a worker process, and a trial that `Study.ask`
returned: they differ only in `send`, which carries a signal to the study and brings back what becomes of the trial.
"""

import os
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from danlu.core.event import Attached, Reported, Saved, writable
from danlu.core.objective import plain_metrics
from danlu.core.runner import Job, Signal
from danlu.core.trial import Decision, Trial
from danlu.errors import StudyError
from danlu.records.artifact import write_artifact
from danlu.records.checkpoint import read_checkpoint, write_checkpoint
from danlu.records.folder import Folder, write_config
from danlu.records.inside import inside

Send = Callable[[Signal], Decision]

_ONE = (
    "Only the process that was given the trial can report, save and attach: rank 0 of a distributed training. "
    "danlu.pytorch.distributed lets all ranks take part."
)


@dataclass
class Bench:
    """The `Port` of a running trial.

    Attributes:
        job: what is to be run.
        send: puts a signal into the journal before it returns; raises what the study refuses.
        step: the last step done.
        decision: what the study last said.
    """

    job: Job
    send: Send
    step: int = 0
    decision: Decision = Decision.CONTINUE
    _study: Path = field(init=False)
    _folder: Path = field(init=False)
    _process: int = field(init=False, default_factory=os.getpid)

    def __post_init__(self) -> None:
        self.step = self.job.step
        self._study = Path(self.job.folder)
        self._folder = Folder(self._study).trial(self.job.trial)

    @property
    def folder(self) -> str:
        """Where the trial's files lie."""
        return str(self._folder)

    @property
    def log(self) -> Path:
        """The file that the training function's output goes to."""
        return self._folder / "log.txt"

    def trial(self) -> Trial:
        """The trial as the training function sees it."""
        job = self.job
        return Trial(job.trial, job.config, job.seed, budget=job.budget, attempt=job.attempt, port=self)

    def prepare(self) -> None:
        """Makes the trial's folder, with config.json.

        Raises:
            ArtifactError: there is a link in its place, or in that of its log, which leads out of the study's folder.
        """
        inside(self._study, self._relative(self.log))
        write_config(self._folder, self.job.config, self.job.seed)

    def begin(self) -> None:
        """Prepares the folder and seeds the global generators, so that a trial runs alike wherever it runs."""
        self.prepare()
        seed_generators(self.job.seed)

    def report(self, step: int, metrics: Mapping[str, Any]) -> Decision:
        self._check_process("report")
        self.decision = self.send(Reported(self.job.trial, step, writable(plain_metrics(metrics))))
        self.step = step
        return self.decision

    def save(self, state: Any, step: int) -> None:
        self._check_process("save")
        if self.decision is Decision.STOP:
            return  # nobody will go on from there
        # an attempt that was given up for lost, and is not dead, must not write over the next one's
        again = f"-{self.job.attempt}" if self.job.attempt > 1 else ""
        path = self._folder / "checkpoints" / f"step_{step:06d}{again}.ckpt"
        size = write_checkpoint(inside(self._study, self._relative(path)), state)
        # the study decides which older ones go: a fork may be about to read one
        self.send(Saved(self.job.trial, step, self._relative(path), size))

    def load(self) -> Any:
        return None if self.job.checkpoint is None else read_checkpoint(inside(self._study, self.job.checkpoint))

    def attach(self, name: str, value: Any) -> str:
        self._check_process("attach")
        path, size = write_artifact(self._folder, name, value)
        self.send(Attached(self.job.trial, name, self._relative(path), size))
        return str(path)

    def _check_process(self, what: str) -> None:
        if os.getpid() != self._process:  # it would talk into the line of another
            raise StudyError(f"trial {self.job.trial}: {what} was called in another process than the trial's. {_ONE}")

    def __reduce__(self) -> Any:
        raise StudyError(f"trial {self.job.trial} can't be sent to another process. {_ONE}")

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._study).as_posix()


def seed_generators(seed: int) -> None:
    """Seeds Python's, NumPy's and, where it is loaded, PyTorch's global generators."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the training function may use the global generator
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)
