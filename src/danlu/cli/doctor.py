"""danlu doctor: is this machine ready, and is this study whole? Repairs a damaged journal."""

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from danlu import __version__
from danlu.cli.screen import counts_text, json_text, screen
from danlu.cli.studies import found, home
from danlu.core.history import History
from danlu.core.keeping import kept
from danlu.core.trial import Status, Trial
from danlu.errors import DanluError, StudyBusy, StudyError
from danlu.records.address import KEY, read_address
from danlu.records.folder import Folder
from danlu.records.inside import is_inside
from danlu.study import Study

_LITTLE = 1_000_000_000  # bytes: a few checkpoints

Verdict = Literal["good", "note", "bad"]
_SIGNS = {"good": "[green]✓[/]", "note": "[yellow]![/]", "bad": "[red]✗[/]"}


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: what was looked at.
        verdict: "good", "note" (worth knowing), or "bad" (mend it).
        text: what was found, and what to do.
    """

    check: str
    verdict: Verdict
    text: str


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(examine)


def examine(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="The study's folder or name; without it, this machine.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Save what can be read of a damaged journal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a study: its journal, its files, who runs it; without one, this machine.

    Exit status 1 if something is bad.
    """
    if study is None:
        findings = list(machine())
    else:
        folder = found(study)
        if repair:
            _repair(folder)
        findings = list(health(folder))
    if as_json:
        print(json_text([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            screen().print(f"{_SIGNS[finding.verdict]} {finding.check:12} {escape(finding.text)}", soft_wrap=True)
    if any(finding.verdict == "bad" for finding in findings):
        sys.exit(1)


# a study --------------------------------------------------------------------------------------------------------------


def health(folder: Path) -> Iterator[Finding]:
    """What there is to say about a study."""
    try:
        with Study.open(folder) as study:
            history = study.history
            yield _journal(history, folder)
            yield _runner(study)
    except DanluError as error:
        is_here = Folder(folder).journal.exists()
        yield Finding("journal", "bad", f"{error} Try: danlu doctor {folder} --repair" if is_here else str(error))
        return
    yield _files(history, folder)
    yield _failures(history)
    yield _space_left(folder)


def _journal(history: History, folder: Path) -> Finding:
    from danlu.stores.repair import fault

    path = Folder(folder).journal
    if path.exists() and (why := fault(path, KEY)):
        text = (
            f"{why}; all {history.position} entries are read with the help of {path.name}-tail. It is put right when "
        )
        return Finding("journal", "note", f"{text}the study runs on, or by danlu doctor {folder} --repair")
    return Finding("journal", "good", f"{history.position} entries, {counts_text(history)}")


def _runner(study: Study) -> Finding:
    cut_off = len(study.history.pending)
    try:
        study.store.claim(study.key, "coordinator", "danlu doctor")
    except StudyBusy as error:
        return Finding("runner", "good", str(error).split(". ")[0])
    except DanluError:
        return Finding("runner", "note", "the folder is read-only: the study can be looked at, not run")
    study.store.release(study.key, "coordinator")
    if cut_off:
        return Finding(
            "runner", "note", f"nobody runs it; {cut_off} trials were cut off and go on when it is run again"
        )
    return Finding("runner", "good", "nobody runs it, nothing is unfinished")


def _files(history: History, folder: Path) -> Finding:
    missing = [path for trial in history.trials for path in _missing(trial, folder)]
    if not missing:
        count = sum(len(trial.artifacts) for trial in history.trials)
        checkpoints = len(kept(history))
        return Finding("files", "good", f"{count} attached files and {checkpoints} checkpoints are all there")
    shown = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
    return Finding("files", "bad", f"{len(missing)} files are missing or cut short: {shown}. Restore them from a copy.")


def _missing(trial: Trial, folder: Path) -> Iterator[str]:
    for file in (*trial.artifacts, *trial.checkpoints):
        path = folder / file.path
        # a checkpoint that was sealed later is longer than its journal says
        if not is_inside(folder, file.path) or not path.is_file() or path.stat().st_size < file.size:
            yield file.path


def _failures(history: History) -> Finding:
    failed = history.count(Status.FAILED)
    ended = len(history.finished)
    if failed * 2 > ended:
        first = next(trial for trial in history.trials if trial.status is Status.FAILED)
        text = f"{failed} of {ended} trials failed; the first, trial {first.number}: {first.reason}: {first.error}"
        return Finding("failures", "bad" if failed == ended else "note", text)
    return Finding("failures", "good", f"{failed} of {ended} trials failed" if failed else "no trial failed")


def _space_left(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    verdict: Verdict = "note" if free < _LITTLE else "good"
    return Finding("disk", verdict, f"{free / 1e9:.1f} GB free where {folder} lies")


def _repair(folder: Path) -> None:
    from danlu.stores.repair import repair

    if (address := read_address(folder)) is not None:
        raise StudyError(f"the journal is in the database {address}; its server takes care that it stays whole.")
    screen().print(escape(str(repair(Folder(folder).journal, KEY))), soft_wrap=True)


# the machine ----------------------------------------------------------------------------------------------------------


def machine() -> Iterator[Finding]:
    """What there is to say about this machine."""
    yield Finding("danlu", "good", __version__)
    yield Finding("python", "good", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package, use in (
        ("torch", "PyTorch's training functions, checkpoints of tensors"),
        ("pyarrow", "export to Parquet"),
        ("psycopg", "journals in PostgreSQL"),
    ):
        yield _package(package, use)
    yield from _checked("pictures", _draws)
    yield from _checked("devices", _devices)
    yield from _checked("machine", _cores)
    root = home()
    yield _space_left(next(path for path in (root, *root.resolve().parents) if path.exists()))


def _package(name: str, use: str) -> Finding:
    try:
        return Finding(name, "good", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, "note", f"not installed; for {use}: pip install {name}")


def _checked(check: str, find: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(check, "good", find())
    except Exception as error:
        yield Finding(check, "bad", f"{type(error).__name__}: {error}")


def _draws() -> str:
    import vl_convert

    svg = vl_convert.vegalite_to_svg({"mark": "point", "data": {"values": [{"a": 1}]}, "encoding": {}})
    return f"vl-convert draws ({len(svg)} bytes of SVG)"


def _devices() -> str:
    from danlu.runners.devices import devices

    found = devices()
    return f"{len(found)}: {', '.join(map(str, found))}" if found else "none; trials run on the CPU"


def _cores() -> str:
    from danlu.runners.machine import cores, memory

    return f"{cores()} cores and {memory() / 1e9:.3g} GB of main memory for trials"
