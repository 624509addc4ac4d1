"""Command: a program that is run for each piece of news, without a shell.

It finds all facts as JSON on its standard input, and the most important ones in its environment: DANLU_EVENT,
DANLU_MESSAGE, DANLU_STUDY, DANLU_METRIC, DANLU_VALUE, DANLU_TRIAL. Whatever stands in them is one word, and no program
but the named one sees it.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from danlu.errors import StudyError
from danlu.notifications.news import News
from danlu.terminal import harmless

_PATIENCE = 10  # seconds
_TOLD = ("event", "message", "study", "metric", "value", "trial")


class Command:
    """A program with its arguments.

    Attributes:
        name: of the program.
        tries: how often it is run for a message: a second time might do again what it has done.
    """

    tries = 1
    doubt: str | None = None

    def __init__(self, words: str | Sequence[str]) -> None:
        try:
            self._words = shlex.split(words) if isinstance(words, str) else list(words)
        except ValueError as error:
            raise StudyError(f"notify: can't read the command {words!r}: {error}.") from None
        if not self._words or not all(isinstance(word, str) for word in self._words):
            raise StudyError(f"notify: a command is a program and its arguments, all texts; got {words!r}.")
        self.name = self._words[0]
        if shutil.which(self.name) is None:
            raise StudyError(f"notify: there is no program {self.name!r}. A webhook begins with https://.")

    def send(self, news: News) -> None:
        """Runs it; raises `OSError` if it fails or takes too long."""
        data = json.dumps(news.facts, ensure_ascii=False).encode()
        # a session of its own: Ctrl-C is for the study, and what it starts can be ended with it
        process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=os.environ | _environment(news), start_new_session=True,
        )  # fmt: skip
        try:
            _, errors = process.communicate(data, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            _end(process)
            raise OSError(f"it took more than {_PATIENCE} s and was ended") from None
        if process.returncode:
            last = harmless(errors.decode(errors="replace").strip().rpartition("\n")[2])
            raise OSError(f"it ended with status {process.returncode}: {last[:200] or 'without a word'}")

    def __repr__(self) -> str:
        return f"Command({self.name})"


def _environment(news: News) -> dict[str, str]:
    said = {name: news.facts.get(name) for name in _TOLD}
    return {f"DANLU_{name.upper()}": harmless(str(value)) for name, value in said.items() if value is not None}


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
