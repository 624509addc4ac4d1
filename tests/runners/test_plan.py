import subprocess
import sys
from pathlib import Path

import pytest

from danlu.errors import RunnerError
from danlu.runners.parcel import pack
from danlu.runners.plan import Plan, parcel_of, read_plan, write_plan

PLAN = Plan("", "loss", ("a", "b"), pack=3, timeout=2.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


def plus_one(trial: object, config: dict[str, int]) -> int:
    return config["x"] + 1


def test_a_plan_is_read_as_it_was_written_and_has_one_name(folder: Path) -> None:
    path = write_plan(folder, PLAN, pack(plus_one))
    assert write_plan(folder, PLAN, pack(plus_one)) == path
    read = read_plan(path)
    assert (read.pack, read.path, read.metric, read.timeout) == (3, ("a", "b"), "loss", 2.5)


# in a process of its own: others may have put handlers of their own into this one, as Ray does
OUTLIVES = """
import signal, sys
from pathlib import Path
from danlu.runners.plan import parcel_of, read_plan

path = Path(sys.argv[1])
train = parcel_of(read_plan(path), path)
print(train(None, {"x": 1}))
signal.raise_signal(signal.SIGTERM)  # the trial outlives a warning that goes to every process of its job
print(train(None, {"x": 2}))
"""


def test_the_training_function_comes_out_of_its_parcel_and_outlives_a_warning(folder: Path) -> None:
    path = write_plan(folder, PLAN, pack(lambda trial, config: config["x"] + 1))
    done = subprocess.run([sys.executable, "-c", OUTLIVES, path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "3"]


@pytest.mark.parametrize("suffix", ["json", "pickle"])
def test_nothing_is_loaded_that_others_may_have_written(folder: Path, suffix: str) -> None:
    path = write_plan(folder, PLAN, pack(plus_one))
    plan = read_plan(path)
    next(folder.glob(f"*.{suffix}")).chmod(0o622)
    with pytest.raises(RunnerError, match="may be written by others"):
        read_plan(path) if suffix == "json" else parcel_of(plan, path)(None, {"x": 1})  # type: ignore[arg-type]


def test_a_parcel_lies_beside_its_plan_whatever_that_says(folder: Path) -> None:
    path = write_plan(folder, PLAN, pack(plus_one))
    (folder / "elsewhere").mkdir(mode=0o700)
    (folder / "elsewhere/evil.pickle").write_bytes(pack(plus_one))
    path.write_text(path.read_text().replace(read_plan(path).parcel, "elsewhere/evil.pickle"))
    with pytest.raises(FileNotFoundError):
        parcel_of(read_plan(path), path)(None, {"x": 1})  # type: ignore[arg-type]
