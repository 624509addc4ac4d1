"""A fault campaign: studies that are killed, stopped, starved, lied to and run twice, and what is left of them.

    python benchmarks/faults.py run [--faults 60] [--only sqlite] [--seed 0]
    python benchmarks/faults.py table

Each setup (a store and a runner) is disturbed until it has had `--faults` faults, at random moments of studies of 40
trials on two workers (`faulted.py`). Whoever dies is started again by the same command, as a user would. When a study
has come to its end, its journal is compared with what was acknowledged to training functions and coordinators:

    lost        reports and ends that were acknowledged and are not in the journal
    twice       reports and ends that are in the journal twice
    unopened    studies that could not be opened
    mismatches  entries that the strategy, asked again, would have written otherwise (`danlu replay --verify`)
    unfinished  studies that did not end with just the trials that were asked for
    orphans     processes that were left running when a study had ended

It needs Linux, and root to mount a small disk; without it the disk is not filled. `run` adds to a file of results, one
line a study.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent))
from faulted import BUSY, DISK, STALL, store_of

from danlu import Study
from danlu.core import event as ev
from danlu.errors import DanluError

RESULTS = Path(__file__).parent / "results" / "faults.jsonl"
TABLE = RESULTS.with_suffix(".md")
HERE = Path(__file__).parent
TRIALS = 40
PATIENCE = 240  # seconds that a study may take
COUNTS = ("lost", "twice", "unopened", "mismatches", "unfinished", "orphans")


@dataclass
class Round:
    """One study, being disturbed.

    Attributes:
        setup: store and runner.
        folder: of the study, on the small disk.
        rng: says what happens when.
        services: what the setup runs on besides: "postgres", "ray", "slurm", each with functions that disturb it.
        process: the coordinator.
        faults: what was done, in order.
    """

    setup: str
    folder: Path
    rng: random.Random
    services: dict[str, Any]
    process: "subprocess.Popen[str]" = field(init=False)
    faults: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def notes(self) -> Path:
        """What was acknowledged; it lies on another disk."""
        return Path(f"{self.folder.parent}-notes") / self.folder.name

    @property
    def clock(self) -> Path:
        """By how much the clock is wrong."""
        return self.notes.with_suffix(".clock")

    def start(self) -> "subprocess.Popen[str]":
        """A coordinator of this study."""
        address = self.services["address"](self.folder.name) if "address" in self.services else ""
        arguments = [str(HERE / "faulted.py"), self.setup, str(self.folder), str(TRIALS), str(self.notes)]
        return subprocess.Popen(
            [sys.executable, *arguments, str(self.clock), address], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            text=True, env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip

    def descendants(self, deepest: bool = False) -> list[psutil.Process]:
        """Processes below the coordinator: workers, or what workers have started."""
        try:
            everybody = psutil.Process(self.process.pid).children(recursive=True)
            workers = [p for p in everybody if p.ppid() == self.process.pid]
        except psutil.NoSuchProcess:
            return []
        return [p for p in everybody if p not in workers] if deepest else workers

    def workers(self) -> list[psutil.Process]:
        """The processes that run trials, wherever the runner has put them."""
        if self.setup.endswith("ray"):
            return _processes("ray::Trial")
        if self.setup.endswith("slurm"):
            return _processes(f"danlu.runners.slurm_worker {self.folder}/")
        return self.descendants()

    def check_alive(self) -> None:
        """Takes note of how a coordinator ended, and starts another one if the study is not at its end."""
        code = self.process.poll()
        if code is None or code == 0:
            return
        words = self.process.stderr.read() if self.process.stderr else ""
        if code not in (-signal.SIGKILL, BUSY, DISK):
            self.troubles.append(f"exit status {code}: {words.strip().splitlines()[-1][:300] if words.strip() else ''}")
        self.process = self.start()


# the faults -----------------------------------------------------------------------------------------------------------


def kill_coordinator(round: Round) -> None:
    round.process.kill()
    round.process.wait()


def kill_worker(round: Round) -> None:
    _kill_one(round, round.workers())


def kill_child(round: Round) -> None:
    _kill_one(round, round.descendants(deepest=True))


def _kill_one(round: Round, processes: list[psutil.Process]) -> None:
    if processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            round.rng.choice(processes).kill()


def stop_coordinator(round: Round) -> None:
    """SIGSTOP, and while it lasts somebody else tries to take over."""
    round.process.send_signal(signal.SIGSTOP)
    second_coordinator(round)
    time.sleep(round.rng.uniform(0.2, 1.0))
    with contextlib.suppress(ProcessLookupError):
        round.process.send_signal(signal.SIGCONT)


def outlast_lease(round: Round) -> None:
    """SIGSTOP for longer than the lease lasts: somebody else takes the trials over, and then the first one wakes up."""
    round.process.send_signal(signal.SIGSTOP)
    other = round.start()
    time.sleep(STALL + round.rng.uniform(2.0, 5.0))
    with contextlib.suppress(ProcessLookupError):
        round.process.send_signal(signal.SIGCONT)
    try:
        _, words = other.communicate(timeout=3)
        if other.returncode not in (0, BUSY, DISK):
            round.troubles.append(f"who took over: exit status {other.returncode}: {words.strip()[-300:]}")
    except subprocess.TimeoutExpired:
        other.kill()
        other.wait()


def stop_worker(round: Round) -> None:
    processes = round.workers()
    if processes:
        one = round.rng.choice(processes)
        with contextlib.suppress(psutil.NoSuchProcess):
            one.suspend()
            time.sleep(round.rng.uniform(0.2, 1.0))
            one.resume()


def second_coordinator(round: Round) -> None:
    """Another process runs the same study: it is refused, or takes part, as the store has it."""
    other = round.start()
    try:
        _, words = other.communicate(timeout=4)
        if other.returncode not in (0, BUSY, DISK):
            round.troubles.append(f"second coordinator: exit status {other.returncode}: {words.strip()[-300:]}")
    except subprocess.TimeoutExpired:
        other.kill()  # it took part
        other.wait()


def jump(round: Round) -> None:
    round.clock.write_text(str(round.rng.uniform(-1e5, 1e5)))


def fill_disk(round: Round) -> None:
    filler = round.folder.parent / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    time.sleep(round.rng.uniform(0.1, 0.8))
    filler.unlink(missing_ok=True)


def tear(round: Round) -> None:
    """The coordinator dies in the middle of a write: behind what was written lies the beginning of what never was."""
    kill_coordinator(round)
    time.sleep(0.05)
    noise = round.rng.randbytes(round.rng.randint(1, 4096))
    for name, garbage in (("journal.db-wal", noise), ("journal.jsonl", b'{"position": 99, "at": 17' + noise[:30])):
        path = round.folder / name
        if path.exists():
            with path.open("ab") as file:
                file.write(garbage.replace(b"\n", b" ") if name.endswith("l") and name != "journal.db-wal" else garbage)


def corrupt(round: Round) -> None:
    """The coordinator dies, and the last page that it has written turns into noise."""
    kill_coordinator(round)
    time.sleep(0.05)
    log, database = round.folder / "journal.db-wal", round.folder / "journal.db"
    path = log if log.exists() and log.stat().st_size and round.rng.random() < 0.7 else database
    size = path.stat().st_size if path.exists() else 0
    if size:
        with path.open("r+b") as file:
            file.seek(max(0, size - 4096))
            file.write(round.rng.randbytes(min(size, 4096)))


def service(name: str) -> Callable[[Round], None]:
    def disturb(round: Round) -> None:
        round.services[name](round)

    return disturb


FAULTS: dict[str, Callable[[Round], None]] = {
    "kill coordinator": kill_coordinator,
    "kill worker": kill_worker,
    "kill child": kill_child,
    "SIGSTOP coordinator": stop_coordinator,
    "SIGSTOP beyond the lease": outlast_lease,
    "SIGSTOP worker": stop_worker,
    "second coordinator": second_coordinator,
    "clock jump": jump,
    "disk full": fill_disk,
    "torn page": tear,
    "corrupted page": corrupt,
    "kill database": service("kill database"),
    "cut connections": service("cut connections"),
    "kill raylet": service("kill raylet"),
    "cancel job": service("cancel job"),
    "requeue job": service("requeue job"),
}
LOCAL = ("kill coordinator", "kill worker", "SIGSTOP coordinator", "SIGSTOP worker", "second coordinator", "clock jump")
FILES = ("disk full", "torn page")
PAGES = (*FILES, "corrupted page")
DATABASE = ("kill database", "cut connections", "SIGSTOP beyond the lease")
SETUPS: dict[str, tuple[str, ...]] = {
    "sqlite processes": (*LOCAL, *PAGES),
    "sqlite inline": ("kill coordinator", "SIGSTOP coordinator", "second coordinator", "clock jump", *PAGES),
    "sqlite program": (*LOCAL, *PAGES, "kill child"),
    "jsonl processes": (*LOCAL, *FILES),
    "postgres processes": (*LOCAL, "disk full", *DATABASE),
    "postgres program": (*LOCAL, "kill child", *DATABASE),
    "sqlite ray": (*LOCAL, *PAGES, "kill raylet"),
    "sqlite slurm": (*LOCAL, *PAGES, "cancel job", "requeue job"),
}


# a campaign -----------------------------------------------------------------------------------------------------------


def campaign(setup: str, faults: int, seed: int, log: Callable[[str], None]) -> None:
    """Disturbs studies of one setup until it has had so many faults."""
    rng = random.Random(f"{setup} {seed}")
    placed = 0
    with _disk() as disk, _services(setup) as services:
        kinds = [kind for kind in SETUPS[setup] if kind != "disk full" or disk.is_mount()]
        while placed < faults:
            folder = disk / f"study-{placed}"
            round = Round(setup, folder, rng, services)
            round.notes.parent.mkdir(exist_ok=True)
            _disturb(round, kinds)
            result = _judged(round)
            placed += len(round.faults)
            _add({"setup": setup, "faults": dict(Counter(round.faults))} | result)
            log(f"{setup}: {placed} faults; {result}")
            shutil.rmtree(folder, ignore_errors=True)


def _disturb(round: Round, kinds: list[str]) -> None:
    """One study from its beginning to its end."""
    begin = time.monotonic()
    round.process = round.start()
    try:
        while True:
            wait = time.monotonic() + round.rng.uniform(0.1, 1.5)
            while time.monotonic() < wait and round.process.poll() is None:
                time.sleep(0.02)
            if round.process.poll() == 0:
                return
            if time.monotonic() - begin > PATIENCE:
                round.troubles.append(f"no end after {PATIENCE} s")
                return
            if round.process.poll() is None and time.monotonic() - begin < PATIENCE / 3:
                kind = round.rng.choice(kinds)
                FAULTS[kind](round)
                round.faults.append(kind)
            round.check_alive()
    finally:
        if round.process.poll() is None:
            round.process.kill()
        round.process.wait()


def _judged(round: Round) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    time.sleep(0.5)  # for those who are about to die
    counts["orphans"] = len(_processes(str(round.folder)))
    address = round.services["address"](round.folder.name) if "address" in round.services else ""
    try:
        store = store_of(round.setup, round.folder, time.time, address)
        with Study.open(round.folder, store=store) as study:
            counts.update(_compared(study, round.notes))
    except DanluError as error:
        counts["unopened"] += 1
        round.troubles.append(str(error)[:300])
    return {name: counts[name] for name in COUNTS} | ({"troubles": round.troubles} if round.troubles else {})


def _processes(words: str) -> list[psutil.Process]:
    """The processes with these words in their command."""
    return [process for process in psutil.process_iter() if words in _command(process)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _compared(study: Study, notes: Path) -> Counter[str]:
    """The journal beside what was acknowledged."""
    nonces: Counter[float] = Counter()
    ends: Counter[int] = Counter()
    for entry in study.entries():
        for event in entry.events:
            if isinstance(event, ev.Reported) and "nonce" in event.metrics:
                nonces[float(event.metrics["nonce"])] += 1
            if isinstance(event, ev.Finished):
                ends[event.trial] += 1
    counts: Counter[str] = Counter()
    counts["twice"] = sum(n > 1 for n in (*nonces.values(), *ends.values()))
    for line in notes.read_text().splitlines() if notes.exists() else []:
        fact = json.loads(line)
        if "nonce" in fact:
            counts["lost"] += fact["nonce"] not in nonces
        else:
            trial = study.trials[fact["trial"]]
            counts["lost"] += (str(trial.status), trial.value) != (fact["ended"], fact["value"])
    counts["mismatches"] = len(study.verify())
    counts["unfinished"] = len(study.trials) != TRIALS or len(ends) != TRIALS
    return counts


@contextlib.contextmanager
def _disk() -> Iterator[Path]:
    """A small disk; a folder where none can be mounted."""
    path = Path(tempfile.mkdtemp(prefix="faults-")).resolve()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(path)], capture_output=True)
    try:
        yield path
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(path)], check=False)
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(f"{path}-notes", ignore_errors=True)


@contextlib.contextmanager
def _services(setup: str) -> Iterator[dict[str, Any]]:
    """What the setup runs on besides, and how to disturb it."""
    store, runner = setup.split()
    with contextlib.ExitStack() as stack:
        services: dict[str, Any] = {}
        if store == "postgres":
            services |= stack.enter_context(_database())
        if runner == "ray":
            services |= stack.enter_context(_raylets())
        if runner == "slurm":
            services |= stack.enter_context(_slurm())
        yield services


@contextlib.contextmanager
def _database() -> Iterator[dict[str, Any]]:
    import psycopg

    from danlu.testing.postgres import Server

    urls: dict[str, str] = {}
    with Server() as server:

        def address(name: str) -> str:
            if name not in urls:
                urls[name] = server.database(name)
            return urls[name]

        def kill(round: Round) -> None:
            server.kill()
            time.sleep(round.rng.uniform(0.0, 1.5))
            server.start()

        def cut(round: Round) -> None:
            words = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(f"{words} and datname = %s", (round.folder.name,))

        yield {"address": address, "kill database": kill, "cut connections": cut}


@contextlib.contextmanager
def _raylets() -> Iterator[dict[str, Any]]:
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-")
    os.environ |= {"RAY_TMPDIR": folder, "RAY_AUTH_MODE": "disabled"}
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    head = {**node, "num_cpus": 0, "include_dashboard": False, "_system_config": quick}
    cluster = Cluster(initialize_head=True, head_node_args=head)

    def kill(round: Round) -> None:
        """One node dies, another comes."""
        victim = round.rng.choice(sorted(cluster.worker_nodes, key=lambda node: str(node.node_id)))
        victim.kill_raylet(check_alive=False)
        cluster.worker_nodes.discard(victim)
        cluster.add_node(**node)

    try:
        for _ in range(2):
            cluster.add_node(**node)
        yield {"address": lambda name: cluster.address, "kill raylet": kill}
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _slurm() -> Iterator[dict[str, Any]]:
    from danlu.testing.slurm import running

    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    with running(folder / "cluster") as cluster:
        os.environ["SLURM_CONF"] = str(folder / "cluster" / "slurm.conf")

        def told(round: Round, *command: str) -> None:
            if jobs := list(cluster.jobs()):
                with contextlib.suppress(subprocess.CalledProcessError):  # it may just have ended
                    cluster.told(*command, round.rng.choice(jobs))

        def cancel(round: Round) -> None:
            told(round, "scancel")

        def requeue(round: Round) -> None:
            told(round, "scontrol", "requeue")

        yield {"cancel job": cancel, "requeue job": requeue}
    shutil.rmtree(folder, ignore_errors=True)


# results --------------------------------------------------------------------------------------------------------------


def _add(result: dict[str, Any]) -> None:
    with RESULTS.open("a") as file:
        file.write(json.dumps(result) + "\n")


def table() -> str:
    """What was measured, as Markdown."""
    runs = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    total = sum(sum(run["faults"].values()) for run in runs)
    bad = sum(run[name] for run in runs for name in COUNTS)
    lines = ["# Faults", "", "`python benchmarks/faults.py run`, `table`", ""]
    lines += [f"{total} faults in {len(runs)} studies of {TRIALS} trials; {bad} of them left something wrong.", ""]
    lines += ["| setup | studies | faults | " + " | ".join(COUNTS) + " |", "|---" * (len(COUNTS) + 3) + "|"]
    for setup in SETUPS:
        mine = [run for run in runs if run["setup"] == setup]
        count = sum(sum(run["faults"].values()) for run in mine)
        if mine:
            cells = " | ".join(str(sum(run[name] for run in mine)) for name in COUNTS)
            lines.append(f"| {setup} | {len(mine)} | {count} | {cells} |")
    lines += ["", "| fault | " + " | ".join(SETUPS) + " |", "|---" * (len(SETUPS) + 1) + "|"]
    for kind in FAULTS:
        placed = (sum(run["faults"].get(kind, 0) for run in runs if run["setup"] == setup) for setup in SETUPS)
        lines.append(f"| {kind} | " + " | ".join(str(n) if n else "–" for n in placed) + " |")
    troubles = Counter(trouble for run in runs for trouble in run.get("troubles", ()))
    if troubles:
        lines += ["", "What coordinators said that ended otherwise than by a fault:", ""]
        lines += [f"- {n} × {words}" for words, n in troubles.most_common()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--faults", type=int, default=70, help="of each setup")
    parser.add_argument("--only", default="", help="setups with this in their name")
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    if said.what == "table":
        TABLE.write_text(table())
        print(table())
        return
    for setup in SETUPS:
        if said.only in setup:
            campaign(setup, said.faults, said.seed, lambda words: print(words, flush=True))


if __name__ == "__main__":
    main()
