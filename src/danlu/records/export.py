"""Export: a study's trials and curves as tables for other programs."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from danlu.core.history import History
from danlu.errors import ArtifactError
from danlu.records.files import write_whole

Row = dict[str, Any]
What = Literal["trials", "curves"]


def trial_table(history: History) -> list[Row]:
    """One row per trial: number, status, `config.*`, `metric.*`, and how it went; the same columns in each row."""
    metrics = list(dict.fromkeys(name for trial in history.trials for name in trial.metrics))
    # those of an option that was taken out of the space are in the configs alone
    names = dict.fromkeys((*history.space.names, *(name for trial in history.trials for name in trial.config)))
    rows = []
    for trial in history.trials:
        values = trial.metrics
        rows.append(
            {"number": trial.number, "status": str(trial.status), "origin": trial.origin}
            | {f"config.{name}": trial.config.get(name) for name in names}
            | {f"metric.{name}": values.get(name) for name in metrics}
            | {"steps": trial.curve.step, "seconds": trial.seconds, "attempt": trial.attempt, "seed": trial.seed}
            | {"parent": trial.parent and trial.parent.trial, "parent_step": trial.parent and trial.parent.step}
            | {"reason": trial.reason or None, "error": trial.error or None}
            | {"suggested": _iso(trial.suggested), "started": _iso(trial.started), "ended": _iso(trial.ended)}
        )
    return rows


def curve_table(history: History) -> list[Row]:
    """One row per report: trial, step, elapsed seconds, `metric.*`."""
    metrics = list(dict.fromkeys(name for trial in history.trials for name in trial.curve.metrics))
    rows = []
    for trial in history.trials:
        elapsed = trial.curve.elapsed.tolist()
        for k, (step, values) in enumerate(trial.curve):
            row: Row = {"trial": trial.number, "step": step, "elapsed": elapsed[k]}
            rows.append(row | {f"metric.{name}": values.get(name) for name in metrics})
    return rows


def export(history: History, path: Path, what: What = "trials") -> None:
    """Writes a table as .csv, .jsonl or .parquet.

    Raises:
        ArtifactError: another ending, or Parquet without pyarrow.
    """
    writers: dict[str, Callable[[Path, list[Row]], None]] = {
        ".csv": _write_csv,
        ".jsonl": _write_jsonl,
        ".parquet": _write_parquet,
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise ArtifactError(f"can't export to {path.name!r}: the ending must be one of {', '.join(writers)}.")
    rows = trial_table(history) if what == "trials" else curve_table(history)
    write_whole(path, lambda file: write(file, rows))


def _write_csv(path: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    path.write_bytes(text.getvalue().encode())  # bytes: the csv module has already chosen the line breaks


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, and run, gets an apostrophe in front, which it hides."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _write_jsonl(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _write_parquet(path: Path, rows: list[Row]) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ArtifactError("writing Parquet needs pyarrow: pip install 'danlu[parquet]'.") from None
    columns = {name: _column([row[name] for row in rows]) for name in (rows[0] if rows else {})}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def _column(values: list[Any]) -> list[Any]:
    """A column of one type: a choice of texts and numbers becomes texts, one of ints and floats floats."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return values
    kind = float if kinds <= {int, float} else str
    return [None if value is None else kind(value) for value in values]


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
