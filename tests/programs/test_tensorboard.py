import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.programs.reading import Reading
from danlu.programs.tensorboard import TensorBoard, scalars

Writer = Callable[..., None]


@pytest.fixture
def write() -> Any:
    """Writes a summary with tensorboard's own writer, appending to the folder's one event file."""
    pytest.importorskip("tensorboard", reason="tensorboard writes the files of these tests")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    writers: dict[Path, Any] = {}

    def write(folder: Path, step: int, **values: Any) -> None:
        writer = writers.setdefault(folder, EventFileWriter(str(folder)) if folder not in writers else None)
        for name, value in values.items():
            tag = name.replace("__", "/")
            entry = (
                Summary.Value(tag=tag, simple_value=value)
                if isinstance(value, float)
                else Summary.Value(tag=tag, tensor=make_tensor_proto(value))
            )
            writer.add_event(Event(wall_time=1.0, step=step, summary=Summary(value=[entry])))
        writer.flush()

    yield write
    for writer in writers.values():
        writer.close()


def test_scalars_are_read_while_the_file_grows(tmp_path: Path, write: Writer) -> None:
    source = TensorBoard(tmp_path)
    assert source.read() == []
    write(tmp_path / "run", 1, train__loss=0.5, val__loss=0.75)
    write(tmp_path / "run", 2, train__loss=0.25)
    assert source.read() == [Reading(1, {"train_loss": 0.5, "val_loss": 0.75}), Reading(2, {"train_loss": 0.25})]
    write(tmp_path / "run", 3, train__loss=0.125)
    assert source.close() == [Reading(3, {"train_loss": 0.125})]


def test_tensors_of_one_number_are_scalars_and_others_are_not(tmp_path: Path, write: Writer) -> None:
    import numpy as np

    source = TensorBoard(tmp_path)
    write(tmp_path, 1, a=np.float32(0.5), b=np.array(0.1), c=np.int32(-3), d=np.int64(7), e=np.zeros(3), f="text")
    write(tmp_path, 2, a=np.float32(0.0), b=np.array([[0.5]]), c=np.int64(-1), e=np.zeros((1, 0)))
    assert source.read() == [
        Reading(1, {"a": 0.5, "b": 0.1, "c": -3.0, "d": 7.0}),
        Reading(2, {"a": 0.0, "b": 0.5, "c": -1.0}),
    ]


def test_run_folders_and_epochs_of_keras_are_understood(tmp_path: Path, write: Writer) -> None:
    source = TensorBoard(tmp_path)
    for epoch in (0, 1):
        write(tmp_path / "train", epoch, epoch_loss=0.5)
        write(tmp_path / "validation", epoch, epoch_loss=0.25)
    assert source.read() == [
        Reading(1, {"train_loss": 0.5}),
        Reading(2, {"train_loss": 0.5}),
        Reading(1, {"validation_loss": 0.25}),
        Reading(2, {"validation_loss": 0.25}),
    ]


def test_group_of_scalars_has_its_folder_s_name_and_epochs_of_lightning_are_left_out(
    tmp_path: Path, write: Writer
) -> None:
    source = TensorBoard(tmp_path / "*")
    write(tmp_path / "loss_val", 5, loss=0.5, epoch=1.0)
    assert TensorBoard(tmp_path).read() == []  # it was there before
    assert source.read() == []  # a pattern names files, not folders
    source = TensorBoard(tmp_path)
    write(tmp_path / "loss_val", 6, loss=0.25, epoch=1.0)
    assert source.read() == [Reading(6, {"loss_val": 0.25})]


def test_half_of_a_record_is_read_when_the_rest_has_come(tmp_path: Path, write: Writer) -> None:
    write(tmp_path / "made", 1, loss=0.5)
    write(tmp_path / "made", 2, loss=0.25)
    (made,) = (tmp_path / "made").iterdir()
    data, grows = made.read_bytes(), tmp_path / "events.out.tfevents.1"
    source, told = TensorBoard(grows), []
    for end in (*range(0, len(data), 3), len(data)):
        grows.write_bytes(data[:end])
        told += source.read()
    assert told == [Reading(1, {"loss": 0.5}), Reading(2, {"loss": 0.25})]


@given(st.binary(max_size=200))
def test_no_record_raises(record: bytes) -> None:
    scalars(record)
    scalars(b"\x10\x01\x2a" + bytes([min(len(record), 127)]) + record[:127])


def test_reader_loads_no_tensorboard() -> None:
    code = "import sys, danlu.programs.tensorboard; print({'tensorboard', 'google', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
