"""Snapshots in a study's folder: what a long journal comes to, kept beside it so that it opens in seconds.

    snapshot/head.msgpack                the history without its trials
    snapshot/trials-0003-812345.msgpack  the trials 768 to 1023, as they were at entry 812,345

The head is replaced last, so a snapshot is there whole or not at all. Deleting the folder costs nothing but time.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from danlu.core.event import Entry
from danlu.core.history import History
from danlu.core.shared import Vector
from danlu.core.snapshot import PART, Head, decode_head, encode_head, encode_part, mark, restored
from danlu.core.store import Store
from danlu.core.trial import Trial
from danlu.errors import StoreError
from danlu.records.files import write_whole

_HEAD = "head.msgpack"


class Snapshots:
    """The snapshot of one study, and what of it is still true.

    Attributes:
        position: of the last entry that the snapshot knows; 0 if there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "snapshot"
        self._parts: list[str] = []
        self._trials: Vector[Trial] = Vector()
        self.position = 0

    def history(self, store: Store, study: str) -> tuple[History, Iterator[Entry]] | None:
        """What is kept of a study's journal, and the entries that follow; None if nothing is that we can use."""
        head = self._head()
        if head is None:
            return None
        entries = store.read(study, after=head.position - 1)
        last = next(entries, None)
        if last is None or mark(last) != head.mark:  # the journal was repaired, or put in the place of another
            return None
        history = self._read(head)
        return None if history is None else (history, entries)

    def keep(self, history: History, store: Store, study: str, tail: int) -> None:
        """Keeps a history if opening the study would now fold `tail` entries, and an eighth of the journal."""
        if history.position - self.position < max(tail, history.position // 8):
            return
        with suppress(StoreError):  # it saves time and nothing else; a full disk is told of by the next append
            self.write(history, next(store.read(study, after=history.position - 1)))

    def write(self, history: History, last: Entry) -> None:
        """Keeps a history, of whose trials those parts are written that changed since the last time.

        Raises:
            StoreError: the disk is full or read-only; what was kept before is still there.
        """
        trials = history.trials
        stale = {number // PART for number in trials.changes(self._trials)}
        parts = list(self._parts)
        # another process may have put its own in their place
        stale |= {k for k, name in enumerate(parts) if not (self._folder / name).exists()}
        for k in sorted(stale):
            data = encode_part(trials[k * PART : min((k + 1) * PART, len(trials))])
            name = f"trials-{k:04d}-{history.position}.msgpack"
            write_whole(self._folder / name, _writer(data))
            parts[k : k + 1] = [name]  # or one more
        write_whole(self._folder / _HEAD, _writer(encode_head(history, last, parts)))
        self._parts, self._trials, self.position = parts, trials, history.position
        for path in self._folder.glob("trials-*.msgpack"):
            if path.name not in parts:
                with suppress(OSError):
                    path.unlink()

    def _head(self) -> Head | None:
        try:
            return decode_head((self._folder / _HEAD).read_bytes())
        except OSError:
            return None

    def _read(self, head: Head) -> History | None:
        """The history that is kept; None if a part is missing or damaged."""
        try:
            history = restored(head, [(self._folder / Path(name).name).read_bytes() for name in head.parts])
        except (OSError, StoreError):
            return None
        self._parts, self._trials, self.position = head.parts, history.trials, history.position
        return history


def _writer(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)
