import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from danlu.errors import ArtifactError
from danlu.records.checkpoint import read_checkpoint, write_checkpoint


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def test_the_state_of_a_model_and_its_optimizer_comes_back(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    size = write_checkpoint(tmp_path / "a.ckpt", state)
    assert size == (tmp_path / "a.ckpt").stat().st_size
    back = read_checkpoint(tmp_path / "a.ckpt")
    assert same(back["model"], state["model"])
    assert same(back["optimizer"]["state"][0], state["optimizer"]["state"][0])
    assert back["epoch"] == 3


@pytest.mark.parametrize("state", [None, 0.1 + 0.2, {"a": [1, "x", (2,)]}, np.arange(5), "PK not a zip"])
def test_any_plain_state_comes_back(tmp_path, state):
    write_checkpoint(tmp_path / "a.ckpt", state)
    assert np.array_equal(read_checkpoint(tmp_path / "a.ckpt"), state)


def test_without_torch_it_is_a_pickle_and_torch_is_not_needed_to_read_it(tmp_path):
    script = f"""
import sys
from pathlib import Path
from danlu.records.checkpoint import read_checkpoint, write_checkpoint
path = Path({str(tmp_path / "a.ckpt")!r})
write_checkpoint(path, {{"step": 3}})
assert read_checkpoint(path) == {{"step": 3}}
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert pickle.loads((tmp_path / "a.ckpt").read_bytes()) == {"step": 3}
    assert read_checkpoint(tmp_path / "a.ckpt") == {"step": 3}  # here torch is loaded


@pytest.mark.parametrize("torch_is_loaded", [True, False])
def test_what_can_not_be_kept_is_refused_and_leaves_the_old_one(tmp_path, monkeypatch, torch_is_loaded):
    if not torch_is_loaded:
        monkeypatch.delitem(sys.modules, "torch")
    write_checkpoint(tmp_path / "a.ckpt", 1)
    with open(os.devnull) as file:
        for state in (file, lambda x: x):
            with pytest.raises(ArtifactError, match="Save state_dict"):
                write_checkpoint(tmp_path / "a.ckpt", state)
    assert read_checkpoint(tmp_path / "a.ckpt") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_a_crash_in_the_middle_of_writing_leaves_the_old_one(tmp_path):
    script = f"""
import os, pickle
from pathlib import Path
from danlu.records.checkpoint import write_checkpoint

class Deadly:
    def __reduce__(self):
        os.kill(os.getpid(), 9)

path = Path({str(tmp_path / "a.ckpt")!r})
write_checkpoint(path, "old")
import torch
write_checkpoint(path, [bytes(100_000), Deadly()])
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert read_checkpoint(tmp_path / "a.ckpt") == "old"
