"""danlu export: a study's trials, curves or journal as a file for other programs; a schedule, to train it again."""

import enum
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from danlu.cli.screen import screen
from danlu.cli.studies import Named, opened
from danlu.core.lineage import strategy_form
from danlu.errors import ArtifactError, StudyError
from danlu.records.export import export
from danlu.records.files import write_whole
from danlu.stores.jsonl import export_journal
from danlu.study import Study


class What(enum.StrEnum):
    """What is exported."""

    TRIALS = "trials"
    CURVES = "curves"
    JOURNAL = "journal"
    SCHEDULE = "schedule"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("export")(write)


def write(
    study: Named,
    output: Annotated[Path, typer.Argument(help="File ending in .csv, .jsonl or .parquet; .json of a schedule.")],
    what: Annotated[
        What,
        typer.Option(
            help="A row per trial, a row per report, all events as JSON lines (see danlu import), or the schedule of "
            "the best trial, for danlu run --strategy FILE."
        ),
    ] = What.TRIALS,
    trial: Annotated[int | None, typer.Option(help="Whose schedule; the best trial's if not given.")] = None,
) -> None:
    """Export the trials, the curves, the whole journal, or a schedule that was found."""
    with opened(study) as exported:
        if what is What.SCHEDULE:
            _write_schedule(exported, output, trial)
            return
        if what is not What.JOURNAL:
            export(exported.history, output, what.value)  # type: ignore[arg-type]
            count = len(exported.trials)
            screen().print(f"{escape(str(output))}: {what} of {count} trials", soft_wrap=True)
            return
        if output.suffix != ".jsonl":
            raise ArtifactError(f"a journal is exported as JSON lines; {output.name!r} must end in .jsonl.")
        export_journal(exported.entries(), output)
        screen().print(f"{escape(str(output))}: {exported.history.position} entries", soft_wrap=True)


def _write_schedule(study: Study, output: Path, trial: int | None) -> None:
    if output.suffix != ".json":
        raise ArtifactError(f"a schedule is exported as JSON; {output.name!r} must end in .json.")
    if trial is not None and not 0 <= trial < len(study.trials):
        raise StudyError(f"no trial {trial}: this study has {len(study.trials)} trials, numbered from 0.")
    segments = study.schedule(trial)
    text = json.dumps(strategy_form(segments), indent=2, ensure_ascii=False) + "\n"
    write_whole(output, lambda file: file.write_text(text, encoding="utf-8"))
    number = study.best.number if trial is None else trial
    screen().print(f"{escape(str(output))}: schedule of trial {number}, {len(segments)} segments", soft_wrap=True)
