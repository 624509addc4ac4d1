"""Private files: folders that only this user may enter, and reading only what nobody else can have written.

Whoever can write a pickle can run any code as the one who loads it. So what is unpickled on another machine lies in a
folder of mode 0700, and is read only if the folder and the file are this user's and writable by nobody else. It is the
open file that is asked, not its name, so that it can't be exchanged in between.
"""

import os
import stat
from pathlib import Path

from danlu.errors import RunnerError

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: Path) -> None:
    """Makes a folder that only this user may enter, or checks that it is one.

    Raises:
        RunnerError: it belongs to somebody else, or others may write into it.
        OSError: it can't be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check(folder, os.fstat(handle))
    finally:
        os.close(handle)


def read_private(path: Path) -> bytes:
    """What a file holds that nobody but this user can have written.

    Raises:
        RunnerError: the file or its folder belongs to somebody else, or others may write to it.
        OSError: it can't be read.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check(path.parent, os.fstat(folder))
        with os.fdopen(os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
            _check(path, os.fstat(file.fileno()))
            return file.read()
    finally:
        os.close(folder)


def _check(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise RunnerError(
            f"{path} belongs to user {found.st_uid}, not to you ({os.geteuid()}), so nothing is loaded from it. "
            f"Choose a folder of your own for the study."
        )
    if found.st_mode & _OTHERS:
        raise RunnerError(
            f"{path} may be written by others (mode {stat.S_IMODE(found.st_mode):o}), so nothing is loaded from it. "
            f"If its content is yours: chmod go-w {path}"
        )
