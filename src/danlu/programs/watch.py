"""Watch: where a program's metrics are looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from danlu.programs.channel import Channel
from danlu.programs.csv import Csv
from danlu.programs.jsonlines import JsonLines
from danlu.programs.lines import Lines
from danlu.programs.placeholder import filled
from danlu.programs.reading import Source
from danlu.programs.tensorboard import TensorBoard


@dataclass(frozen=True)
class Watch:
    """Where a program's metrics are looked for, beside `danlu.report`.

    Paths may hold {folder}, {trial} and {seed}, and * for any name; relative ones are those of the program's working
    folder. Where none is said, the files that appear in the trial's folder are looked at.

    Attributes:
        pattern: a regular expression for a line of the output, with named groups; None for the common formats.
        csv, jsonlines, tensorboard: files, or folders with files, of each kind.
    """

    pattern: str | None = None
    csv: Sequence[str] = ()
    jsonlines: Sequence[str] = ()
    tensorboard: Sequence[str] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Files of all kinds."""
        return (*self.csv, *self.jsonlines, *self.tensorboard)

    @property
    def words(self) -> str:
        """The places, for a message."""
        files = ", ".join(self.files)
        return f"its output and {files or 'the files in {folder}'}"

    def sources(
        self, folder: Path, home: Path, places: Mapping[str, str], wanted: Sequence[str]
    ) -> tuple[Lines, Channel, list[Source]]:
        """The sources of one trial: its output, its channel, and files.

        Args:
            folder: in which the program runs.
            home: of the trial.
            places: what placeholders stand for.
            wanted: metrics that are asked for.
        """
        is_said = bool(self.files)

        def paths(said: Sequence[str]) -> list[Path]:
            return [folder / filled(path, places) for path in said] if is_said else [home]

        files: list[Source] = [Csv(path) for path in paths(self.csv)]
        files += [JsonLines(path) for path in paths(self.jsonlines)]
        files += [TensorBoard(path) for path in paths(self.tensorboard)]
        return Lines(self.pattern, wanted), Channel(home / "reports.jsonl"), files
