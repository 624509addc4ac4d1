"""Storage: a place for files that every machine of a cluster reaches, by its URL (fsspec)."""

from contextlib import suppress
from pathlib import Path

from danlu.errors import RunnerError
from danlu.records.files import write_whole


class Storage:
    """A place that every machine reaches, by its URL: s3://bucket/mine, gs://..., or file:///mnt/all/mine (fsspec).

    Raises:
        RunnerError: no such kind of storage is installed, or it can't be reached.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs

            self._system, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise RunnerError(
                f"storage {url!r}: {error}. It takes a URL that fsspec knows, such as s3://bucket/x."
            ) from error
        self.url = url

    def put(self, file: Path, path: str) -> None:
        """Copies a file into the storage, whole or not at all."""
        target = self._at(path)
        self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._system.put_file(str(file), target + ".part")
        self._system.mv(target + ".part", target)

    def get(self, path: str, file: Path) -> None:
        """Copies a file out of the storage, whole or not at all."""
        write_whole(file, lambda part: self._system.get_file(self._at(path), str(part)))

    def remove(self, path: str) -> None:
        """Removes a file; one that is gone is no error."""
        with suppress(FileNotFoundError):
            self._system.rm_file(self._at(path))

    def checkpoints(self) -> list[str]:
        """Paths of all checkpoints that it holds."""
        found = self._system.glob(self._at("trials/*/checkpoints/*"))
        return [str(name)[len(self._root.rstrip("/")) + 1 :] for name in found]

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"
