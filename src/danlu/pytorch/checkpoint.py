"""Checkpoints from which a training goes on as if it had never stopped, bit for bit.

    def train(trial, lr):
        model, optimizer = build(lr)
        parts = {"model": model, "optimizer": optimizer}
        restore(trial.load(), **parts)             # nothing to do in a fresh start
        for epoch in trial.steps(30):
            trial.report(epoch, loss=train_one_epoch(model, optimizer))
            trial.save(state_of(**parts))

Weights and the optimizer are not all of it: dropout, augmentation and the order of the data come from generators of
random numbers, which go on as well. A part is whatever has a state: a model, an optimizer, a schedule, a gradient
scaler, an averaged model (`state_dict`), or a `torch.Generator` (`get_state`), as a `DataLoader` takes one.

What no state can hold are the worker processes of a `DataLoader` and kernels that are not deterministic.
"""

import random
from typing import Any

import numpy as np
import torch

from danlu.errors import ArtifactError

State = dict[str, Any]


def state_of(**parts: Any) -> State:
    """The state of all parts and of the global generators of Python, NumPy and PyTorch, as `trial.save` takes it.

    Raises:
        ArtifactError: a part has no state.
    """
    return {"parts": {name: _state(name, part) for name, part in parts.items()}, "generators": _generators()}


def restore(state: State | None, **parts: Any) -> None:
    """Puts a state back into the same parts, in place, and the global generators where they were; None does nothing.

    Raises:
        ArtifactError: it is no state of `state_of`, or of other parts.
    """
    if state is None:
        return
    if not isinstance(state, dict) or state.keys() != {"parts", "generators"}:
        raise ArtifactError(f"expected a checkpoint of state_of(...), got {type(state).__name__}.")
    saved = state["parts"]
    if saved.keys() != parts.keys():
        raise ArtifactError(
            f"the checkpoint has {', '.join(sorted(saved)) or 'no parts'}, and {', '.join(sorted(parts)) or 'none'} "
            f"are to be restored. Give restore() the parts that state_of() was given."
        )
    for name, part in parts.items():
        if isinstance(part, torch.Generator):
            part.set_state(saved[name])
        else:
            part.load_state_dict(saved[name])
    _set_generators(state["generators"])  # last: to load a state may draw


def _state(name: str, part: Any) -> Any:
    if isinstance(part, torch.Generator):
        return part.get_state()
    if not hasattr(part, "state_dict"):
        raise ArtifactError(f"{name!r}: a {type(part).__name__} has no state_dict(). Save it beside state_of(...).")
    return part.state_dict()


def _generators() -> State:
    state: State = {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}  # noqa: NPY002
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_generators(state: State) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    # a machine with another number of devices draws other numbers there, whatever is restored
    if "cuda" in state and torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
