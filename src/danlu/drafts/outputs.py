"""Where a script writes, and what it goes on from.

Outputs go into the trial's own folder, so that trials side by side don't overwrite each other's.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath

from danlu.drafts.advice import words
from danlu.drafts.option import Option
from danlu.drafts.readers.reading import Reading, Style

_OUTPUTS = re.compile(
    r"out(?:put)?s?|outf|(?:out|output|save|log|work|results?|run|exp|experiment|default_root|save_model|checkpoint|ckpt|"
    r"checkpoint_model|checkpoints)_?(?:dir|directory|folder|root)|save|save_(?:path|file)|out(?:put)?_(?:path|file)"
)
_INPUTS = re.compile(r"\b(?:load|resume|input|read|pretrained|restore)\w*", re.IGNORECASE)

_RESUMES = re.compile(
    r"resume(?:_(?:from|path|ckpt|checkpoint|file|from_checkpoint|from_path))?|ckpt_path|load_checkpoint"
)

OWN = {
    "Hydra": ("hydra.run.dir={folder}/hydra",),  # its own is called by the second
    "LightningCLI": ("--trainer.default_root_dir", "{folder}"),
}
"""Arguments that a framework takes for the same, whatever the script."""


def outputs(options: Iterable[Option], command: str) -> tuple[Option, ...]:
    """The options that say where the script writes; not those that lead nowhere as long as nobody says so.

    Args:
        options: of the script.
        command: its subcommand that trains.
    """
    return tuple(option for option in options if option.command in ("", command) and _is_output(option))


def output_arguments(reading: Reading, command: str) -> tuple[str, ...]:
    """What is added to the command."""
    found: list[str] = list(OWN.get(reading.framework, ()))
    for option in outputs(reading.options, command):
        place = _place(option, reading.framework)
        if reading.style is Style.FLAG:
            found += [option.flag, place]
        else:
            found.append(f"{option.flag or option.name}={place}")
    return tuple(found)


def resuming(reading: Reading, command: str) -> str:
    """The arguments by which the script goes on from a checkpoint, with a place for its path; "" if it can't."""
    for option in reading.options:
        is_path = option.kind == "text" and not (option.many or option.choices or option.is_positional)
        if is_path and option.command in ("", command) and _RESUMES.fullmatch(words(option.name)):
            joint = " " if reading.style is Style.FLAG else "="
            return f"{option.flag or option.name}{joint}{{checkpoint}}"
    return ""


def _is_output(option: Option) -> bool:
    if option.kind != "text" or option.many or option.choices or option.is_positional:
        return False
    is_said = option.is_required or (isinstance(option.default, str) and option.default and "$" not in option.default)
    return bool(is_said and _OUTPUTS.fullmatch(words(option.name)) and not _INPUTS.search(option.help))


def _place(option: Option, framework: str) -> str:
    """The trial's folder; a file in it, if the default is a file."""
    name = PurePath(option.default).name if isinstance(option.default, str) else ""
    if PurePath(name).suffix:
        return f"{{folder}}/{name}"
    # Hugging Face's scripts refuse a folder that is not empty, and the trial's has its log
    return "{folder}/out" if framework == "HfArgumentParser" else "{folder}"
