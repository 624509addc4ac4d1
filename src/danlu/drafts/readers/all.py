"""All readers, and which of them is believed where several find something."""

from collections.abc import Callable

from danlu.drafts.readers.absl import read_absl
from danlu.drafts.readers.argparse import read_argparse
from danlu.drafts.readers.click import read_click
from danlu.drafts.readers.dataclasses import read_dataclasses
from danlu.drafts.readers.fire import read_fire
from danlu.drafts.readers.globals import read_globals
from danlu.drafts.readers.hydra import read_hydra
from danlu.drafts.readers.lightning import read_lightning
from danlu.drafts.readers.reading import Reading
from danlu.drafts.readers.typer import read_typer
from danlu.drafts.script import Script

READERS: tuple[Callable[[Script], Reading | None], ...] = (
    read_hydra, read_globals, read_dataclasses, read_lightning, read_typer, read_click, read_fire, read_absl,
    read_argparse,
)  # fmt: skip
"""argparse last: others may be used beside it, for a single option of the launcher, say."""

FRAMEWORKS = ("argparse", "click", "Typer", "tyro", "Hydra", "Fire", "absl", "HfArgumentParser", "LightningCLI")
"""Those that are named where nothing was found."""


def read_options(script: Script) -> Reading | None:
    """What the script can be told; None if it uses none of the frameworks.

    Where several frameworks are found, the first with options that the script itself calls, not a module of it.
    """
    readings = [reading for read in READERS if (reading := read(script)) is not None]
    preferred = sorted(readings, key=lambda reading: (not reading.options, not reading.is_entry))
    return preferred[0] if preferred else None
