"""A Slurm cluster of two nodes on this machine, for tests: its own munge, controller and node daemons, on loopback."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "setpriv")
NODES = ("n1", "n2")

_CONF = """
ClusterName=danlu
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MailProg=/bin/true
ReturnToService=2
SwitchType=switch/none
MpiDefault=none
KillWait=10
MinJobAge=30
OverTimeLimit=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n1} CPUs=4 RealMemory=2000
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n2} CPUs=4 RealMemory=2000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE PriorityTier=2
"""


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs; SLURM_CONF names its configuration."""

    folder: Path

    def told(self, *command: str) -> str:
        """What a command of Slurm's says."""
        environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> dict[str, str]:
        """State of each job that is not over, by number."""
        rows = (line.split("|") for line in self.told("squeue", "--noheader", "--format=%i|%T").splitlines())
        return dict(rows)


def missing() -> str | None:
    """Why there can be no cluster here; None if there can."""
    lacking = next((program for program in PROGRAMS if not _path(program)), None)
    return lacking and f"{lacking} is not installed (slurm-wlm, munge)"


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster in an empty folder; all that it has started is gone afterwards."""
    ports = dict(zip(("controller", *NODES), _free_ports(3), strict=True))
    (folder / "state").mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    (folder / "slurm.conf").write_text(_CONF.format(folder=folder, user=getpass.getuser(), **ports))
    conf = str(folder / "slurm.conf")
    daemons = [
        ["munged", "--foreground", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.sock", "--force",
         f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"],
        ["slurmctld", "-D", "-f", conf],
        *(["slurmd", "-D", "-f", conf, "-N", node] for node in NODES),
    ]  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []
    cluster = Cluster(folder)
    try:
        for daemon in daemons:
            # they end with us, even if we are killed
            command = ["setpriv", "--pdeathsig", "KILL", _path(daemon[0]) or daemon[0], *daemon[1:]]
            started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            if daemon[0] == "munged":
                _until(lambda: (folder / "munge.sock").exists(), "munged")
        _until(lambda: _idle(cluster) == len(NODES), "slurm")
        yield cluster
    finally:
        with suppress(subprocess.SubprocessError):
            if jobs := list(cluster.jobs()):
                cluster.told("scancel", "--signal=KILL", "--full", *jobs)
                time.sleep(0.5)
        for process in reversed(started):
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()


def _path(program: str) -> str | None:
    """Where a program lies; daemons are not on everybody's path."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def _idle(cluster: Cluster) -> int:
    try:
        return int(cluster.told("sinfo", "--noheader", "--states=idle", "--partition=main", "--format=%D") or 0)
    except subprocess.SubprocessError:
        return 0


def _until(claim: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not begin within {seconds:g} s")
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
