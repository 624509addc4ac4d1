"""The study's folder: where everything lies.

runs/style-transfer/
  journal.db            the events, the newest in journal.db-tail as well; or journal.toml, which says where they are
  study.toml            space, objectives, strategy, as a person would write them
  environment.json      Python, packages, git commit, devices
  trials/0007/          config.json  log.txt  attached files  checkpoints/
  pictures/             made on demand
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.records.files import write_whole


@dataclass(frozen=True)
class Folder:
    """Paths in a study's folder; nothing is made before it is written to."""

    path: Path

    @property
    def journal(self) -> Path:
        """The SQLite database of the events."""
        return self.path / "journal.db"

    @property
    def pointer(self) -> Path:
        """Says where the events are, if they are not here; see `records.address`."""
        return self.path / "journal.toml"

    @property
    def definition(self) -> Path:
        """The study as a person would write it."""
        return self.path / "study.toml"

    @property
    def environment(self) -> Path:
        """Facts about the machine and the packages."""
        return self.path / "environment.json"

    @property
    def pictures(self) -> Path:
        """Where pictures are put if nobody says where."""
        return self.path / "pictures"

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.path / "trials" / f"{number:04d}"

    @property
    def is_study(self) -> bool:
        """Whether a journal lies here, or word of where it is."""
        return self.journal.exists() or self.pointer.exists()


def write_config(folder: Path, config: Mapping[str, Any], seed: int) -> None:
    """Writes a trial's config.json: what it takes to run it again."""
    text = json.dumps({"config": dict(config), "seed": seed}, indent=2, ensure_ascii=False)
    # the journal says it too, and every attempt writes it again: not worth waiting for the disk
    write_whole(folder / "config.json", lambda file: file.write_text(text + "\n", encoding="utf-8"), durable=False)
