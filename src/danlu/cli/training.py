"""The training function that a user names: "train.py:train", "train.py", or "package.module:function"."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from danlu.drafts.readers.all import read_options
from danlu.drafts.script import Script
from danlu.drafts.statements import Function, parameters
from danlu.errors import DraftError, StudyError, UnknownName

Train = Callable[..., Any]
DEFAULT = "train"  # the function that is meant if only a file is named


def load_train(target: str, base: Path | None = None) -> Train:
    """The function.

    Args:
        target: "FILE.py:FUNCTION", "FILE.py" (its function `train`), or "package.module:FUNCTION".
        base: folder that a relative FILE is in; the current one if not given.

    Raises:
        StudyError: there is no such file, module or function, or importing it fails.
    """
    where, _, name = target.partition(":")
    if where.endswith(".py"):
        if not name:
            _refuse_program((base or Path()) / where)
        module = _from_file((base or Path()) / where)
    else:
        _reachable(base or Path())
        module = _imported(lambda: importlib.import_module(where), where)
    function = getattr(module, name or DEFAULT, None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if _is_own(value, module) and not key.startswith("_")]
        missing = str(UnknownName("function", name or DEFAULT, names)) if names else "it defines no function."
        raise StudyError(f"{where}: {missing} Name it: {where}:FUNCTION.")
    return function  # type: ignore[no-any-return]


def _refuse_program(path: Path) -> None:
    """Tells a script that takes options, and knows nothing of Danlu, from a training function; nothing of it is run."""
    script = Script(path)
    try:
        function = script.main.definitions.get(DEFAULT)
        is_known = isinstance(function, Function) and "trial" in parameters(function)
        reading = None if is_known or "danlu" in script.main.text else read_options(script)
    except DraftError:  # missing or broken: importing it says more
        return
    if reading is not None and reading.options:
        raise StudyError(
            f"{path.name} is a program with options of its own ({reading.framework}), not a training function "
            f"that says what may be tried. Draft a search of its options: danlu init {path}. Or say it here: danlu run "
            f"--space 'NAME=1e-5..1e-1 log' --minimize METRIC -- python {path}. If a function of it is meant, name it: "
            f"{path}:{DEFAULT}."
        )


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise StudyError(f"there is no file {str(path)!r}. Name the training function as FILE.py:FUNCTION.")
    name = path.stem
    if not name.isidentifier():
        raise StudyError(f"{path.name!r} can't be imported: its name is no Python identifier. Rename it.")
    known = sys.modules.get(name)
    if known is not None and Path(getattr(known, "__file__", None) or "?").resolve() != path.resolve():
        raise StudyError(f"{path.name!r} has the name of another module, {name!r}. Rename the file.")
    _reachable(path.parent)
    return _imported(lambda: importlib.import_module(name), str(path))


def _reachable(folder: Path) -> None:
    """Puts a folder at the head of the path, as Python does with that of a script: workers import from it too."""
    where = str(folder.resolve())
    if where not in sys.path:
        sys.path.insert(0, where)


def _imported(load: Callable[[], ModuleType], where: str) -> ModuleType:
    try:
        return load()
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
        place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        hint = ""
        if isinstance(error, SystemExit):
            hint = ' Put what the script does on its own under `if __name__ == "__main__":`.'
        raise StudyError(f"can't import {where}: {type(error).__name__}: {error}{place}.{hint}") from error


def _is_own(value: Any, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__
