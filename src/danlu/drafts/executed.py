"""The second way to a script's options: run it up to the point where it would read its command line.

Only on demand: what stands at the top of a file, imports included, is run. The call that would parse the command line
is replaced by one that writes down the parser and ends the process, so nothing after it happens. Until then no GPU is
visible, connections are refused, and relative paths lead into an empty folder that goes away afterwards; the
script's own folder is where it imports from, as always.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from danlu.drafts.literal import UNKNOWN
from danlu.drafts.option import Option
from danlu.drafts.readers.argparse import argument_option
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.errors import DraftError

LIMIT = 120.0  # seconds: importing a large framework takes tens of them on a cold disk
RUN = ("argparse", "click")
"""Frameworks whose parsers can be written down."""

_BOOTSTRAP = r"""
import json, os, runpy, socket, sys

script, out, module, *roots = sys.argv[1:]
sys.argv = [script]
sys.path[0:1] = [os.path.dirname(script)] if not module else []
sys.path += roots

def refused(*_):
    raise OSError("no network while danlu reads the options")

socket.socket.connect = socket.socket.connect_ex = refused

def plain(value):
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if isinstance(value, (list, tuple, set, frozenset, dict, range)):
        return [plain(item) for item in value]
    return {"?": getattr(value, "__name__", type(value).__name__)}

def ended(found):
    with open(out, "w", encoding="utf-8") as file:
        json.dump(found, file)
    sys.stdout.flush()
    os._exit(0)

import argparse

def actions(parser, command):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from actions(inner, name)
            continue
        yield {
            "spellings": list(action.option_strings) or [action.dest], "command": command,
            "action": ACTIONS.get(type(action).__name__, type(action).__name__), "default": plain(action.default),
            "type": plain(action.type), "choices": plain(action.choices), "help": plain(action.help),
            "nargs": plain(action.nargs), "required": action.required,
        }

ACTIONS = {"_StoreAction": None, "_StoreTrueAction": "store_true", "_StoreFalseAction": "store_false",
           "_HelpAction": "help", "_VersionAction": "version", "_AppendAction": "append", "_CountAction": "count",
           "_StoreConstAction": "store_const", "_AppendConstAction": "append_const", "_ExtendAction": "extend"}
known = argparse.ArgumentParser.parse_known_args

def parsed(parser, *arguments, **settings):
    # a parser without -h is one that looks for a config file first; the real one comes after it
    if not parser.add_help:
        return known(parser, *arguments, **settings)
    ended([{**each, "framework": "argparse"} for each in actions(parser, "")])

argparse.ArgumentParser.parse_args = argparse.ArgumentParser.parse_known_args = parsed

try:
    import click
except ImportError:
    pass
else:
    def params(command, name):
        for inner, each in getattr(command, "commands", {}).items():
            yield from params(each, inner)
        for param in command.params:
            is_flag = bool(getattr(param, "is_flag", False))
            pair = is_flag and bool(param.secondary_opts)
            kind = type(param.type).__name__
            yield {
                "spellings": list(param.opts) if param.param_type_name == "option" else [param.name], "command": name,
                "action": "BooleanOptionalAction" if pair else "store_true" if is_flag else None,
                "default": plain(param.default), "choices": plain(getattr(param.type, "choices", None)),
                "type": {"?": {"FloatParamType": "float", "IntParamType": "int", "FloatRange": "float",
                               "IntRange": "int", "BoolParamType": "str2bool"}.get(kind, "str")},
                "help": getattr(param, "help", None), "required": param.required, "framework": "click",
                "nargs": "*" if getattr(param, "multiple", False) else None if param.nargs == 1 else param.nargs,
            }

    def main(command, *_, **__):
        ended(list(params(command, "")))

    click.Command.main = click.Group.main = main

if module:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
else:
    runpy.run_path(script, run_name="__main__")
"""


def run_for_options(script: Script, limit: float = LIMIT) -> Reading:
    """The options of a script, found by running it until it would parse its command line.

    Raises:
        DraftError: it ends, fails or takes longer before it comes to that.
    """
    name = script.path.name
    with tempfile.TemporaryDirectory(prefix="danlu-init-") as folder:
        out = Path(folder) / "options.json"
        nowhere = Path(folder) / "here"
        nowhere.mkdir()
        ended, said = _run(script, out, nowhere, limit)
        if not out.is_file():
            if ended is None:
                raise DraftError(f"{name} did not come to its options in {limit:g} s. Is its import so slow?")
            last = next((line for line in reversed(said.splitlines()) if line.strip()), f"it ended with status {ended}")
            raise DraftError(f"{name} did not come to its options: {last}. Write study.toml by hand: danlu run --help.")
        rows = json.loads(out.read_text(encoding="utf-8"))
    options = tuple(option for row in rows if (option := _option(row)) is not None)
    return Reading(str(rows[0]["framework"]) if rows else "argparse", Style.FLAG, options, was_run=True)


def _run(script: Script, out: Path, folder: Path, limit: float) -> tuple[int | None, str]:
    """Exit status (None: it took too long), and what was said on standard error."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "WANDB_MODE": "disabled", "PYTHONDONTWRITEBYTECODE": "1"}
    path, roots = script.path.resolve(), [str(root) for root in script.roots]
    module = f"{path.parent.name}.{path.stem}" if script.is_of_package else ""
    words = [sys.executable, "-c", _BOOTSTRAP, str(path), str(out), module, *roots]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        try:
            status: int | None = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end_group(process)
        errors.seek(0)
        return status, errors.read().decode(errors="replace")


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Ends what is left: the script may have started others before it came to its options."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _option(row: dict[str, Any]) -> Option | None:
    """The option that a line of what was written down says."""
    settings = {key: _known(row[key]) for key in ("action", "default", "type", "choices", "help", "nargs", "required")}
    if settings["default"] is None:
        del settings["default"]
    if isinstance(row["type"], dict):
        settings["type"] = row["type"]["?"]
    settings["choices"] = settings["choices"] if isinstance(settings["choices"], list) else None
    return argument_option(row["spellings"], settings, row["command"])


def _known(value: Any) -> Any:
    return UNKNOWN if isinstance(value, dict) else value
