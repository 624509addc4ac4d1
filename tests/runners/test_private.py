import os
from pathlib import Path

import pytest

from danlu.errors import RunnerError
from danlu.runners.private import make_private, read_private


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    make_private(tmp_path / "own")
    path = tmp_path / "own/file"
    path.write_bytes(b"mine")
    path.chmod(0o600)
    return path


def test_a_private_folder_is_nobody_elses_to_enter(secret: Path) -> None:
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    make_private(secret.parent)
    assert read_private(secret) == b"mine"


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_may_write_is_not_read(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    with pytest.raises(RunnerError, match=r"may be written by others .*chmod go-w"):
        read_private(secret)


def test_a_file_in_a_folder_that_others_may_write_is_not_read(secret: Path) -> None:
    secret.parent.chmod(0o777)
    for call in (lambda: read_private(secret), lambda: make_private(secret.parent)):
        with pytest.raises(RunnerError, match="may be written by others"):
            call()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_or_folder_of_somebody_else_is_not_read(secret: Path) -> None:
    os.chown(secret, 4711, -1)
    with pytest.raises(RunnerError, match="belongs to user 4711"):
        read_private(secret)
    os.chown(secret, 0, -1)
    os.chown(secret.parent, 4711, -1)
    with pytest.raises(RunnerError, match="belongs to user 4711"):
        read_private(secret)


def test_a_link_is_not_followed(secret: Path, tmp_path: Path) -> None:
    link = secret.parent / "link"
    link.symlink_to(secret)
    with pytest.raises(OSError, match="link"):
        read_private(link)
    (tmp_path / "elsewhere").symlink_to(secret.parent)
    with pytest.raises(OSError, match=r"elsewhere|Not a directory"):
        read_private(tmp_path / "elsewhere/file")
