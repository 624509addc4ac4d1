"""Address: where a journal is kept that does not lie in its study's folder. The folder then has a journal.toml.

store = "postgres"                        # a name of the catalogue
url = "postgresql://me@db.example/tuning"   # never with a password
study = "mnist-3f9a1c07"                  # the journal's name there: many studies may share a database
"""

import os
import re
import secrets
import tempfile
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import tomli_w

from danlu.core.store import Store
from danlu.errors import StoreError, StudyError
from danlu.records.folder import Folder

KEY = "study"
"""Name of the journal in a folder's own store, which holds one study."""

_SCHEMES = {"postgresql": "postgres", "postgres": "postgres"}


@dataclass(frozen=True)
class Address:
    """Where a journal is.

    Attributes:
        store: name of the store's kind in the catalogue.
        url: of the store; it may hold a password, which is written nowhere.
        study: name of the journal in the store.
    """

    store: str
    url: str
    study: str

    def __str__(self) -> str:
        return f"{without_password(self.url)}#{self.study}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def is_at(self, other: "Address") -> bool:
        """Whether both mean one database."""
        return (self.store, without_password(self.url)) == (other.store, without_password(other.url))

    def opened(self) -> Store:
        """The store there; it connects when it is used."""
        from danlu import catalogue

        store: Store = catalogue.load("store", self.store)(self.url)
        return store


def address_of(url: str, folder: Path | None) -> Address:
    """What a URL means as the place of a folder's journal.

    Without a #NAME at its end, the journal is named as the folder, and something random that makes it unique.

    Raises:
        StoreError: it is no URL of a database.
    """
    base, name = _split(url)
    scheme = base.partition("://")[0]
    if "://" not in base or not scheme.isidentifier():
        raise StoreError(
            f"expected the URL of a database, such as postgresql://user@host/database, got {without_password(base)!r}. "
            f"Leave store out to keep the journal in the study's folder."
        )
    if not name:
        stem = re.sub(r"[^\w.-]+", "-", folder.name if folder else "study").strip("-") or "study"
        name = f"{stem}-{secrets.token_hex(4)}"
    return Address(_SCHEMES.get(scheme, scheme), base, name)


def _split(url: str) -> tuple[str, str]:
    """A URL and the #NAME at its end; a password may have that sign as well."""
    base, sign, name = url.rpartition("#")
    return (base, name) if sign and not set(name) & set("@/?") else (url, "")


def without_password(url: str) -> str:
    """The URL as it may be shown and written."""
    parts = _PARTS.match(url)
    if parts is None:
        return url
    user = "" if parts["user"] is None else f"{parts['user']}@"
    said = [(key, value) for key, value in parse_qsl(parts["query"] or "") if "password" not in key]
    query = f"?{urlencode(said, safe='/:,')}" if said else ""
    return f"{parts['scheme']}{user}{parts['place']}{query}"


def password_in(url: str) -> str:
    """The password as it stands in a URL; "" if there is none."""
    parts = _PARTS.match(url)
    return (parts and parts["password"]) or ""


# not urllib: what a careless password has of / and # must not count as something that may be shown
_PARTS = re.compile(
    r"(?P<scheme>[^:/]+://)(?:(?P<user>[^/?:@]*)(?::(?P<password>[^?]*))?@)?(?P<place>[^?]*)(?:[?](?P<query>.*))?$",
    re.S,
)


def read_address(folder: Path) -> Address | None:
    """What a folder's journal.toml says; None if it has none.

    Raises:
        StoreError: it can't be read.
    """
    path = Folder(folder).pointer
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        found = Address(*(str(table[key]) for key in ("store", "url", "study")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{path}: can't be read ({error}). It needs store, url and study, each a text.") from error
    if "://" not in found.url or found.store in ("jsonl", "memory", "sqlite"):
        raise StoreError(f"{path} must name a database: a file's path could lead anywhere. Correct url and store.")
    return found


def write_address(folder: Path, address: Address) -> Address:
    """Writes journal.toml, whole, unless there is one; returns what it says then, for another may have been first."""
    path = Folder(folder).pointer
    table = {"store": address.store, "url": without_password(address.url), "study": address.study}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".journal.", suffix=".toml", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(tomli_w.dumps(table).encode())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        try:
            with suppress(FileExistsError):
                os.link(name, path)  # a rename would replace the other's
        finally:
            os.unlink(name)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}. Choose a folder that can be written.") from error
    written = read_address(folder)
    assert written is not None
    return Address(written.store, address.url, written.study) if written.is_at(address) else written


def address_in(folder: Path | None, url: str | None) -> Address | None:
    """Where the journal of a folder is, or shall be; None for SQLite in the folder.

    Args:
        folder: of the study, or of a study to be; None for none, and then the URL must name the study.
        url: what the user says, which may have the password that journal.toml never has.

    Raises:
        StudyError: the study in the folder is kept elsewhere than the user says.
        StoreError: journal.toml or the URL makes no sense.
    """
    if folder is None:
        if url is not None and not _split(url)[1]:
            raise StudyError(
                f"a study in a database needs a folder for its files, which also remembers its name there. Add a "
                f"folder; to look at one without: {address_of(url, None)}, with the name of the study after the #."
            )
        return None if url is None else address_of(url, None)
    written = read_address(folder)
    if url is None:
        return written
    said = address_of(url, folder)
    if written is None:
        if Folder(folder).journal.exists():
            raise StudyError(
                f"the study in {folder} keeps its journal there, in {Folder(folder).journal.name}, not in {said}. "
                f"Leave store out, or move it: danlu copy {folder} NEW_FOLDER --store URL."
            )
        return said
    if not written.is_at(said) or _split(url)[1] not in ("", written.study):
        raise StudyError(
            f"the study in {folder} keeps its journal in {written}, not in {said}. "
            f"Leave store out, or choose another folder."
        )
    return Address(written.store, said.url, written.study)
