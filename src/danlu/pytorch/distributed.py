"""A trial of several processes: one talks to the study, all hear what it says.

    def train(trial, config):
        return launch(work, trial, config, ranks=4, backend="nccl")

    def work(trial, config):                          # on every rank, in its process group
        model = DistributedDataParallel(build(config))
        for epoch in trial.steps(30):                 # the same steps on all ranks
            loss = train_one_epoch(model)
            trial.report(epoch, loss=loss)            # rank 0's values count; all ranks stop together
            trial.save(state_of(model=model))         # rank 0 writes, the others wait

Where ranks are started otherwise (torchrun, a launcher of one's own), `Shared(trial)` on rank 0 and `Shared(None)` on
the others are what `launch` gives to each. Every call is a collective one: all ranks make it, in the same order.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
import torch.distributed as dist

from danlu.core.trial import Decision, Trial
from danlu.errors import RunnerError, StudyError
from danlu.runners.parcel import pack


class Shared:
    """A trial as all ranks of a process group see it.

    Attributes:
        number, seed: of the trial, on all ranks.
        step: the last step done.
    """

    def __init__(self, trial: Trial | None) -> None:
        if not dist.is_initialized():
            raise RunnerError("call torch.distributed.init_process_group first, or use launch(), which does.")
        self.rank = dist.get_rank()
        if (trial is None) == (self.rank == 0):
            raise StudyError(
                f"rank {self.rank} was given {'no trial' if trial is None else 'the trial'}: rank 0, in the process "
                f"that the trial was given to, takes Shared(trial); all others take Shared(None)."
            )
        self._trial = trial
        self._decision = Decision.CONTINUE
        self.number, self.seed, self.step = self._told(lambda live: (live.number, live.seed, live.step))

    def steps(self, count: int) -> Iterator[int]:
        """As `Trial.steps`, the same on all ranks."""
        for step in range(self.step + 1, count + 1):
            yield step
            if self._decision is not Decision.CONTINUE:
                return

    def report(self, step: int, /, **metrics: Any) -> Decision:
        """Reports what rank 0 was given; returns what becomes of the trial, on all ranks."""
        self._decision = self._told(lambda live: live.report(step, **metrics))
        self.step = step
        return self._decision

    def save(self, state: Any, step: int | None = None) -> None:
        """Keeps rank 0's state; returns when it is written."""
        self._told(lambda live: live.save(state, step))

    def load(self) -> Any:
        """The state that was saved last, on all ranks; None for a fresh start."""
        return self._told(lambda live: live.load())

    def attach(self, name: str, value: Any) -> str:
        """Keeps rank 0's file; returns its path."""
        return self._told(lambda live: live.attach(name, value))  # type: ignore[no-any-return]

    def _told(self, act: Callable[[Trial], Any]) -> Any:
        """What rank 0 has from the study, on all ranks; what the study refuses is raised on all of them."""
        reply: list[Any] = [None, None]
        if self._trial is not None:
            try:
                reply = [act(self._trial), None]
            except Exception as error:
                reply = [None, error]
        dist.broadcast_object_list(reply, src=0)
        value, refused = reply
        if refused is not None:
            raise refused
        return value


Work = Callable[[Shared, Mapping[str, Any]], Any]


def launch(work: Work, trial: Trial, config: Mapping[str, Any], ranks: int, backend: str = "gloo") -> Any:
    """Runs `work(shared, config)` on so many ranks; returns what it returns on rank 0, which is this process.

    The other ranks are fresh processes on this machine, as workers are, and end with this one. Their devices are
    theirs to choose, by `torch.distributed.get_rank()`.

    Raises:
        RunnerError: another rank has failed.
    """
    with tempfile.TemporaryDirectory(prefix="danlu-ranks-") as folder:
        meeting = f"file://{folder}/meeting"
        # the path comes first, for what is packed may lie on it
        parcel = pickle.dumps(sys.path) + pack((work, dict(config)))
        others = [_start(parcel, meeting, rank, ranks, backend, Path(folder)) for rank in range(1, ranks)]
        try:
            value = _on_rank(work, trial, config, meeting, 0, ranks, backend)
        except Exception as error:
            # that of another rank may be the cause; it is given a moment, for its line breaks before it has ended
            died = _first_death(others, Path(folder), wait=5.0)
            if died is None or isinstance(error, StudyError):
                raise
            raise RunnerError(died) from error
        else:
            if (died := _first_death(others, Path(folder), wait=60.0)) is not None:
                raise RunnerError(died)
            return value
        finally:
            for other in others:
                other.kill()
                other.wait()


def _start(parcel: bytes, meeting: str, rank: int, ranks: int, backend: str, folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / f"{rank}.txt").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "danlu.pytorch.distributed", meeting, str(rank), str(ranks), backend],
            stdin=subprocess.PIPE, stderr=errors, env=_environment(),
        )  # fmt: skip
    assert process.stdin is not None
    with suppress(OSError):  # it has died already: its end says so
        process.stdin.write(parcel)
        process.stdin.close()
    return process


def _environment() -> dict[str, str]:
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path}


def _on_rank(
    work: Work, trial: Trial | None, config: Mapping[str, Any], meeting: str, rank: int, ranks: int, backend: str
) -> Any:
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=ranks)
    try:
        value = work(Shared(trial), config)
        dist.barrier()  # who takes the group down first would take it from the others
        return value
    finally:
        dist.destroy_process_group()


def _first_death(others: list["subprocess.Popen[bytes]"], folder: Path, wait: float) -> str | None:
    """What the first rank said that has failed; None if none has."""
    for rank, other in enumerate(others, 1):
        try:
            code = other.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            continue
        if code:
            said = (folder / f"{rank}.txt").read_text(errors="replace").strip().splitlines()
            return f"rank {rank} failed (exit status {code})" + (f": {said[-1]}" if said else "")
    return None


def main() -> None:
    """A rank that `launch` has started."""
    meeting, rank, ranks, backend = sys.argv[1:]
    sys.path[:] = pickle.load(sys.stdin.buffer)
    work, config = cloudpickle.load(sys.stdin.buffer)
    _on_rank(work, None, config, meeting, int(rank), int(ranks), backend)
    sys.stdout.flush()
    os._exit(0)  # all is done; threads of gloo that still wind up would abort an ordinary exit


if __name__ == "__main__":
    main()
