"""Resumption: how a program that saves checkpoints can be paused, and go on later.

    [program]
    checkpoint = "{folder}/last.ckpt"     # what it saves; a pattern means the newest file
    resume = "--resume {checkpoint}"      # what it is told beside all else, to go on

A trial that pauses is ended once it has saved after its last report, or comes to its next one. Its file becomes the
trial's checkpoint, so it is kept, given up, and forked from like that of any other training. Steps that the program
says again after a resume are passed over; where it saved one step farther than it had reported, the curve lacks that
step.
"""

import glob
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from danlu.core.trial import Trial
from danlu.errors import StudyError
from danlu.programs.placeholder import filled, placeholders

SETTLED = 0.3
"""Seconds for which a file must not have grown to count as whole."""
_PLACE = "checkpoint"


@dataclass(frozen=True)
class Resumption:
    """Attributes:
    checkpoint: path or pattern of what the program saves; relative to its working folder.
    arguments: with which it goes on; {checkpoint} is the file's path.
    """

    checkpoint: str
    arguments: tuple[str, ...]

    def __post_init__(self) -> None:
        if _PLACE not in placeholders(self.arguments):
            raise StudyError(
                f"resume must say where the checkpoint's path goes: '--resume {{checkpoint}}', got "
                f"{' '.join(self.arguments)!r}."
            )

    def restored(self, trial: Trial, home: Path) -> Path | None:
        """Where the checkpoint lies from which a trial goes on; None for a fresh start."""
        state = trial.load()
        if state is None:
            return None
        path = home / "input" / Path(state["name"]).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(state["data"])
        return path

    def command(self, checkpoint: Path) -> list[str]:
        """The arguments with which a program goes on."""
        return [filled(word, {_PLACE: str(checkpoint)}) for word in self.arguments]

    def keep(self, trial: Trial, file: Path | None) -> None:
        """Makes a file the trial's checkpoint, after its last step."""
        if file is not None:
            trial.save({"name": file.name, "data": file.read_bytes()})


@dataclass(frozen=True)
class Saved:
    """What a program saves in one attempt.

    Attributes:
        pattern: of files.
        since: when the attempt began; earlier files are of another.
    """

    pattern: str
    since: float

    def newest(self, since: float = 0.0) -> Path | None:
        """The newest file that was written after a moment, as soon as it is whole."""
        found = []
        for path in map(Path, glob.glob(self.pattern, recursive=True)):
            try:
                if path.is_file():
                    found.append((path.stat().st_mtime, path))
            except OSError:
                continue
        at, path = max(found, default=(0.0, Path()))
        # clocks of file systems are coarse: a file of the same hundredth is later
        return path if at >= max(since, self.since) - 0.01 and time.time() - at > SETTLED else None


def saved_by(resumption: Resumption, folder: Path, places: Mapping[str, str]) -> Saved:
    """What the attempt that begins now will save."""
    known = {name: glob.escape(value) for name, value in places.items()}
    return Saved(str(Path(glob.escape(str(folder)), filled(resumption.checkpoint, known))), time.time())
