"""A real PostgreSQL on this machine's loopback, for tests and benchmarks.

with Server() as server:
    store = Postgres(server.url)
    server.kill()       as an accident would
    server.start()
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from danlu.errors import StoreError

_DEBIAN = Path("/usr/lib/postgresql")
_FAST = (
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=16MB",
    "listen_addresses=127.0.0.1",
)


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None if PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


def why_not() -> str | None:
    """Why no server can be started here, in words; None if one can."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and (_servant() is None or shutil.which("setpriv") is None):
        return "PostgreSQL refuses to run as root, and there is no other user to run it as, or no setpriv"
    return None


def _servant() -> str | None:
    """The user, and group, that a server runs as where we are root, which PostgreSQL refuses to run as."""
    import pwd

    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return str(pwd.getpwnam(name).pw_uid)
    return None


class Server:
    """A cluster of its own in a temporary folder, on a free port; its data outlive its processes, not a loss of power.

    Args:
        authentication: of who connects from this machine, as initdb takes it.
        password: of the user in the URL, where that asks for one.
        settings: more lines for postgresql.conf, such as "fsync=on", which costs time and survives a loss of power.

    Attributes:
        folder: where its data lie.
        url: of a database on it that is empty at first.
    """

    def __init__(self, authentication: str = "trust", password: str = "secret", *settings: str) -> None:
        if why := why_not():
            raise StoreError(f"{why}.")
        # not below a test's own folder, which a server that does not run as root could not enter
        self.folder = folder = Path(tempfile.mkdtemp(prefix="danlu-postgres-"))
        self._programs = programs()
        self._data, self._port = folder / "data", _free_port()
        self.url = f"postgresql://danlu@127.0.0.1:{self._port}/postgres"
        secret = folder / "secret"
        secret.write_text(password)
        if (servant := _servant()) is not None and os.geteuid() == 0:
            for path in (folder, secret):
                os.chown(path, int(servant), -1)
        self._run(
            "initdb", "-D", self._data, "-U", "danlu", "-A", authentication, "--pwfile", secret, "--no-sync",
        )  # fmt: skip
        with (self._data / "postgresql.conf").open("a") as written:
            lines = [*_FAST, f"port={self._port}", "unix_socket_directories=", *settings]
            written.writelines(f"{name} = '{value}'\n" for name, value in (line.split("=", 1) for line in lines))

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Starts it; returns when it takes connections."""
        self._run("pg_ctl", "-D", self._data, "-l", self.folder / "log", "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stops it at once, if it runs."""
        if self.process is not None:
            self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """kill -9 of the server and of all its processes, as an accident would; returns when they are gone."""
        process = self.process
        assert process is not None
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
        family = [process, *map(int, children.stdout.split())]
        for member in family:
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while any(map(_is_alive, family)) and time.monotonic() < deadline:
            time.sleep(0.01)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    @property
    def process(self) -> int | None:
        """The id of the server's first process; None if it does not run."""
        try:
            process = int((self._data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return process if _is_alive(process) else None

    def database(self, name: str) -> str:
        """The URL of a new database, which costs the copying of some 300 files."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        return self.url.rpartition("/")[0] + f"/{name}"

    def schema(self, name: str) -> str:
        """The URL of a new schema, with a user of that name whose tables lie there: nearly a database, and cheap."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'create role "{name}" superuser login')
            connection.execute(f'create schema authorization "{name}"')
        return self.url.replace("danlu@", f"{name}@")

    def _run(self, program: str, *arguments: Any) -> None:
        assert self._programs is not None
        command = [str(self._programs / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={_servant()}", f"--regid={_servant()}", "--clear-groups", *command]
        with (self.folder / "output").open("ab") as output:  # not a pipe, which the server would keep open
            done = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/")
        if done.returncode:
            log = (self.folder / "log").read_text() if (self.folder / "log").exists() else ""
            raise StoreError(f"{program} failed: {(self.folder / 'output').read_text()[-1000:]}{log[-1000:]}")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
