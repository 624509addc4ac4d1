"""Warm: the earlier studies that a new one is told of, and the names under which its journal knows them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

from danlu.core.history import History
from danlu.errors import StudyError


@runtime_checkable
class Known(Protocol):
    """A study, as far as another one has to know it."""

    folder: Path | None

    @property
    def history(self) -> History:
        """All that is known of it."""
        ...


Warm = str | Path | Known
"""An earlier study: its folder, or itself."""


def named(warm_start: Warm | Iterable[Warm]) -> dict[str, Warm]:
    """The earlier studies by name: that of the folder; a second one of the same name is numbered.

    Raises:
        StudyError: something is no study, or one is named twice.
    """
    is_one = isinstance(warm_start, str) or not isinstance(warm_start, Iterable)
    found: dict[str, Warm] = {}
    places: list[object] = []
    for source in [warm_start] if is_one else warm_start:  # type: ignore[union-attr]
        if not isinstance(source, (str, Path, Known)):
            raise StudyError(f"warm_start takes folders of studies, or studies, got {source!r}.")
        folder = Path(source).resolve() if isinstance(source, (str, Path)) else source.folder
        if (folder or source) in places:
            raise StudyError(f"warm_start names {str(folder or source)!r} twice. Remove one of the two.")
        places.append(folder or source)
        name = folder.name if folder else "a study in memory"
        found[name if name not in found else f"{name} ({len(places)})"] = source
    return found
