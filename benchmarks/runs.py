"""Runs: a file with one line for each run of a contestant on a problem, to which what is missing is added."""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

Run = dict[str, Any]
Key = tuple[str, str, int]
"""Problem, contestant, seed."""
Job = TypeVar("Job")


def load(path: Path) -> list[Run]:
    """The runs that a file holds."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def missing(path: Path, wanted: Iterable[Key]) -> list[Key]:
    """Those of the runs that a file does not hold."""
    there = {(run["problem"], run["contestant"], run["seed"]) for run in load(path)}
    return [key for key in wanted if key not in there]


def add(path: Path, work: Callable[[Job], Run], jobs: Sequence[Job], processes: int) -> None:
    """Does the jobs and adds each run to the file as soon as it has ended, so that an interrupted benchmark goes on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(processes) as pool, path.open("a") as file:
        for k, run in enumerate(pool.imap_unordered(work, jobs), start=1):
            file.write(json.dumps(run) + "\n")
            file.flush()
            print(f"{k}/{len(jobs)} {run['problem']} {run['contestant']} {run['seed']}", file=sys.stderr)


def only(names: Iterable[str], words: Sequence[str] | None) -> list[str]:
    """The names that hold one of the words; all of them without words."""
    return [name for name in names if not words or any(word in name for word in words)]


Parser = argparse.ArgumentParser


def commands(doc: str | None, results: Path, seeds: int = 10) -> tuple[Parser, Parser, Parser]:
    """A command line, its `run`, which adds what is missing to the file of results, and its `table`, which tells it."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    found = made.add_subparsers(dest="command", required=True)
    run = found.add_parser("run", help="run what is missing")
    problems = Path(os.environ.get("DANLU_PROBLEMS", "problems"))
    run.add_argument("--problems", type=Path, default=problems, help="folder that holds problems.py")
    run.add_argument("--only", nargs="*", help="words of problems' names")
    run.add_argument("--seeds", type=int, default=seeds)
    run.add_argument("--first", type=int, default=0, help="first seed")
    run.add_argument("--processes", type=int, default=1)
    table = found.add_parser("table", help="tell what came out")
    for command in (run, table):
        command.add_argument("--output", type=Path, default=results, help="file of results")
    return made, run, table


def seeds_of(args: argparse.Namespace) -> range:
    """The seeds that a command line of `run` asks for."""
    return range(args.first, args.first + args.seeds)
