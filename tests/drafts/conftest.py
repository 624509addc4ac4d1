"""Scripts to draft searches for: own ones, and those in scripts/ in the manner of well-known ones."""

import textwrap
from pathlib import Path

import pytest

from danlu.drafts.readers.all import read_options
from danlu.drafts.script import Script

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def reads(tmp_path):
    """Reads a script, and the files beside it; gives its options by name."""

    def read(text, **others):
        for name, content in {"train": text, **others}.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        reading = read_options(Script(tmp_path / "train.py"))
        return {} if reading is None else {option.name: option for option in reading.options}

    return read


@pytest.fixture
def options_of():
    """The reading of one of the scripts in scripts/, and its options by name."""

    def read(name):
        reading = read_options(Script(SCRIPTS / name))
        return reading, {option.name: option for option in reading.options}

    return read
