import os
import shutil
import signal
import subprocess

import pytest

from danlu.errors import RunnerError
from danlu.runners.devices import Device, Memory, devices, environment, in_use, memories, shares_kernels

NAMES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE")
LIST = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5a3f0000-aaaa)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-77ab0000-bbbb)
  MIG 3g.20gb     Device  0: (UUID: MIG-1111-0)
  MIG 3g.20gb     Device  1: (UUID: MIG-2222-0)
GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-99cd0000-cccc)
"""
MEMORY = """\
0, GPU-5a3f0000-aaaa, 40960, 40000
1, GPU-77ab0000-bbbb, [N/A], [N/A]
2, GPU-99cd0000-cccc, 40960, 1000
"""


@pytest.fixture(autouse=True)
def nobody_has_said_anything(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """Puts a tool of NVIDIA's name first on the path, which answers as that would."""
    script = tmp_path / "nvidia-smi"
    (tmp_path / "list").write_text(LIST)
    (tmp_path / "memory").write_text(MEMORY)
    script.write_text(f'#!/bin/sh\nif [ "$1" = -L ]; then cat {tmp_path}/list; else cat {tmp_path}/memory; fi\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return script


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("0,2", ["0", "2"]),
        ("", []),
        ("-1", []),
        ("GPU-5a3f, MIG-1111-0", ["GPU-5a3f", "MIG-1111-0"]),
        ("1,-1,2", ["1"]),
    ],
)
def test_devices_that_the_user_allows_are_the_only_ones(monkeypatch, tool, given, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert devices() == [Device("cuda", name) for name in names]


def test_devices_are_asked_of_the_driver_and_instances_stand_for_what_was_cut(tool):
    assert [device.name for device in devices()] == ["0", "MIG-1111-0", "MIG-2222-0", "2"]


@pytest.mark.parametrize("script", ["exit 9", "echo broken >&2; exit 0", "echo No devices were found"])
def test_a_driver_that_does_not_work_means_no_devices(tool, script):
    tool.write_text(f"#!/bin/sh\n{script}\n")
    assert devices() == []
    assert memories() == {}


def test_a_driver_that_does_not_answer_is_an_error_that_names_the_way_out(monkeypatch, tool):
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr("danlu.runners.devices._PATIENCE", 0.1)
    with pytest.raises(RunnerError, match=r"gives no answer within 0.1 s.*CUDA_VISIBLE_DEVICES=0,1"):
        devices()
    assert memories() == {}  # later it is too late for an error: trials run


def test_devices_of_amd_are_named_by_hip_which_counts_those_that_rocr_leaves(monkeypatch):
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "3,5")
    assert devices() == [Device("hip", "0"), Device("hip", "1")]
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "1")
    assert devices() == [Device("hip", "1")]
    assert environment((Device("hip", "1"),), 1.0, devices()) == {"HIP_VISIBLE_DEVICES": "1"}


def test_devices_of_amd_are_found_by_their_driver(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for node, text in enumerate(("0\n", "5711\n", "5712\n")):  # the first is a CPU
        (tmp_path / str(node)).mkdir()
        (tmp_path / str(node) / "gpu_id").write_text(text)
    monkeypatch.setattr("danlu.runners.devices._NODES", tmp_path)
    assert devices() == [Device("hip", "0"), Device("hip", "1")]


def test_a_worker_sees_its_devices_in_the_order_in_which_they_were_listed():
    pair = (Device("cuda", "2"), Device("cuda", "3"))
    assert environment(pair, 1.0, [*pair]) == {"CUDA_VISIBLE_DEVICES": "2,3", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_numbers_of_the_user_keep_the_order_that_the_user_means(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert environment((Device("cuda", "1"),), 1.0, devices()) == {"CUDA_VISIBLE_DEVICES": "1"}


def test_a_worker_without_a_device_sees_none():
    assert environment((), 1.0, [Device("cuda", "0")])["CUDA_VISIBLE_DEVICES"] == ""
    assert environment((), 1.0, []) == {}


def test_the_device_of_a_mac_needs_no_word():
    assert environment((Device("mps", "0"),), 0.5, [Device("mps", "0")]) == {}
    assert str(Device("mps", "0")) == "mps"


def test_a_share_of_a_device_is_told_to_the_service_that_divides_it(tmp_path):
    device = Device("cuda", "0")
    assert "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" not in environment((device,), 0.5, [device])
    service = tmp_path / "nvidia-cuda-mps-control"
    shutil.copy(shutil.which("sleep"), service)
    process = subprocess.Popen([service, "60"])
    try:
        assert shares_kernels()
        assert environment((device,), 0.5, [device])["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] == "50"
        assert "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" not in environment((device,), 1.0, [device])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not shares_kernels()


def test_a_device_that_somebody_else_has_filled_is_in_use(tool):
    read = memories()
    assert in_use(Device("cuda", "0"), 0.5, read) is None
    assert in_use(Device("cuda", "GPU-5a3f"), 1.0, read) is None
    why = in_use(Device("cuda", "2"), 0.5, read)
    assert why == "1000 MB of 40960 are free on cuda:2, and a trial needs 18432"
    assert in_use(Device("cuda", "GPU-99cd"), 0.1, read) is not None


def test_nothing_is_held_against_a_device_of_which_nothing_is_known(tool):
    for device in (Device("cuda", "MIG-1111-0"), Device("cuda", "1"), Device("hip", "2"), Device("cuda", "7")):
        assert in_use(device, 1.0, memories()) is None


@pytest.mark.parametrize(
    ("share", "free", "starts"), [(0.5, 46, True), (0.5, 44, False), (1.0, 51, True), (1.0, 49, False)]
)
def test_a_share_must_be_free_but_for_what_the_driver_keeps_and_of_a_whole_device_half(share, free, starts):
    assert (in_use(Device("cuda", "0"), share, {"0": Memory(100, free)}) is None) is starts
