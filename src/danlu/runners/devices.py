"""Devices: the accelerators of this machine, and how they are made known to a worker that may use some of them.

A process sees the devices that an environment variable names when it starts; so a worker has its devices for life.
"""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from danlu.errors import RunnerError

_NODES = Path("/sys/class/kfd/kfd/topology/nodes")  # where AMD's driver lists processors; a CPU's gpu_id is 0
_PATIENCE = 10  # seconds for NVIDIA's tool to answer; of a sick device it never does
_SLACK = 0.9  # of its share must be free before a trial starts: a driver keeps some hundred MB of each device


@dataclass(frozen=True)
class Device:
    """An accelerator.

    Attributes:
        kind: "cuda" (NVIDIA), "hip" (AMD) or "mps" (Apple).
        name: as its environment variable takes it: "0", "GPU-5a3f...", "MIG-77ab...".
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return self.kind if self.kind == "mps" else f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Memory:
    """Of a device, in MB."""

    total: float
    free: float


def devices() -> list[Device]:
    """The devices that this process may use: those that the user names in the environment, else all there are.

    Raises:
        RunnerError: NVIDIA's driver does not answer.
    """
    if (said := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [Device("cuda", name) for name in _names(said)]
    if (said := os.environ.get("HIP_VISIBLE_DEVICES")) is not None:
        return [Device("hip", name) for name in _names(said)]
    if (said := os.environ.get("ROCR_VISIBLE_DEVICES")) is not None:  # HIP counts those that are left from 0 on
        return [Device("hip", str(k)) for k, _ in enumerate(_names(said))]
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return [Device("mps", "0")]
    return [Device("cuda", name) for name in _listed(_ask("-L"))] or [Device("hip", str(k)) for k in range(_amd())]


def environment(used: tuple[Device, ...], share: float, known: list[Device]) -> dict[str, str]:
    """What a worker's environment says of devices, so that it sees these and no others.

    Args:
        used: the worker's devices; none for a worker that gets none.
        share: part of each of them that is the worker's.
        known: all devices.
    """
    kinds = {device.kind for device in used or known}
    names = ",".join(device.name for device in used)
    said: dict[str, str] = {}
    if "cuda" in kinds:
        said["CUDA_VISIBLE_DEVICES"] = names
        if "CUDA_VISIBLE_DEVICES" not in os.environ:  # our numbers are those of NVIDIA's tool
            said["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        if used and share < 1 and shares_kernels() and "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" not in os.environ:
            said["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = f"{100 * share:.0f}"
    if "hip" in kinds:
        said["HIP_VISIBLE_DEVICES"] = names
    return said


def shares_kernels() -> bool:
    """Whether NVIDIA's multi-process service runs, which lets processes compute on one device at the same time."""
    import psutil

    names = (process.info["name"] or "" for process in psutil.process_iter(["name"]))
    return any(name.startswith("nvidia-cuda-mps") for name in names)


def in_use(device: Device, share: float, read: dict[str, Memory]) -> str | None:
    """Why a trial should not start on a device now, in words; None if it may, or if nothing is known of its memory.

    A whole device may show a desktop, so half of it is enough; a share is to be there but for what a driver keeps.
    """
    memory = read.get(device.name) or next((read[name] for name in read if _is_short_for(device.name, name)), None)
    if device.kind != "cuda" or memory is None:
        return None
    needed = min(_SLACK * share, 0.5) * memory.total
    if memory.free >= needed:
        return None
    return f"{memory.free:.0f} MB of {memory.total:.0f} are free on {device}, and a trial needs {needed:.0f}"


def memories() -> dict[str, Memory]:
    """Of all devices, by index and by name; the driver may take a second to say, or not say it."""
    found: dict[str, Memory] = {}
    try:
        answer = _ask("--query-gpu=index,uuid,memory.total,memory.free", "--format=csv,noheader,nounits")
    except RunnerError:
        return found
    for line in answer.splitlines():
        try:
            index, uuid, total, free = (part.strip() for part in line.split(","))
            found[index] = found[uuid] = Memory(float(total), float(free))
        except ValueError:  # "[N/A]", as of a device that is cut into instances
            continue
    return found


def _ask(*options: str) -> str:
    """What NVIDIA's tool answers; nothing where it is not there, or finds no driver.

    Raises:
        RunnerError: it does not answer at all.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    try:
        asked = subprocess.Popen([tool, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        answer, _ = asked.communicate(timeout=_PATIENCE)
    except OSError:
        return ""
    except subprocess.TimeoutExpired:
        asked.kill()  # and no more: who waits for a sick device can't be killed, and would not be seen to end
        raise RunnerError(
            f"nvidia-smi gives no answer within {_PATIENCE:g} s, as when a device has failed. "
            f"Restart the driver, or name the devices that work: CUDA_VISIBLE_DEVICES=0,1."
        ) from None
    return answer if asked.returncode == 0 else ""


def _listed(text: str) -> list[str]:
    """The devices of "nvidia-smi -L": by index, or by name the instances that one is cut into (MIG)."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("GPU "):
            found.append(line.removeprefix("GPU ").partition(":")[0])
        elif "(UUID: MIG-" in line:
            if found and found[-1].isdecimal():
                found.pop()  # its instances stand for it
            found.append(line.partition("(UUID: ")[2].rstrip(") "))
    return found


def _is_short_for(said: str, name: str) -> bool:
    """Whether CUDA takes one name for the other: the first letters of a name are enough."""
    return said.startswith("GPU-") and name.startswith(said)


def _names(said: str) -> list[str]:
    """The names before the first that is none: CUDA does not look beyond a -1."""
    found: list[str] = []
    for name in (part.strip() for part in said.split(",")):
        if name == "-1" or not name:
            break
        found.append(name)
    return found


def _amd() -> int:
    ids = [path.read_text().strip() for path in sorted(_NODES.glob("*/gpu_id"))]
    return sum(text not in ("", "0") for text in ids)
