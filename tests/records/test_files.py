import errno
import os
import sys

import pytest

from danlu.errors import StoreError
from danlu.records.files import write_text, write_whole


def test_what_is_written_is_there_with_its_size(tmp_path):
    assert write_text(tmp_path / "deep/er/a.txt", "丹") == 3
    assert (tmp_path / "deep/er/a.txt").read_text(encoding="utf-8") == "丹"


def test_the_temporary_file_has_the_ending_of_the_real_one(tmp_path):
    seen = []
    write_whole(tmp_path / "picture.png", lambda path: (seen.append(path.suffix), path.write_bytes(b"x")))
    assert seen == [".png"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def fail(path):
        path.write_text("half of the n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.txt", fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


@pytest.mark.skipif(not hasattr(os, "umask") or os.name == "nt", reason="needs permission bits")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
def test_files_get_the_permissions_that_the_user_gives_to_files(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


def calls_of(write):
    """By which calls a file comes to its place, in order; each is also made."""
    calls = []
    real = os.fsync, os.replace

    def fsync(handle):
        calls.append(("fsync", os.readlink(f"/proc/self/fd/{handle}")))
        real[0](handle)

    def replace(source, target):
        calls.append(("rename", str(target)))
        real[1](source, target)

    os.fsync, os.replace = fsync, replace
    try:
        write()
    finally:
        os.fsync, os.replace = real
    return calls


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_disk_has_the_content_before_the_name_and_then_the_name(tmp_path):
    target = tmp_path / "a.txt"
    first, second, third = calls_of(lambda: write_text(target, "x"))
    assert first[0] == "fsync"
    assert first[1].startswith(str(tmp_path / ".a."))
    assert second == ("rename", str(target))
    assert third == ("fsync", str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_need_not_be_durable_does_not_wait_for_the_disk(tmp_path):
    target = tmp_path / "a.txt"
    assert calls_of(lambda: write_whole(target, lambda path: path.write_text("x"), durable=False)) == [
        ("rename", str(target))
    ]


def test_errors_of_the_disk_say_what_to_do_and_others_come_as_they_are(tmp_path):
    def fails(number):
        def write(path):
            raise OSError(number, os.strerror(number))

        return lambda: write_whole(tmp_path / "a.txt", write)

    with pytest.raises(StoreError, match=r"a\.txt: No space left.*Free some space"):
        fails(errno.ENOSPC)()
    with pytest.raises(StoreError, match="Make the folder writable"):
        fails(errno.EROFS)()
    with pytest.raises(BrokenPipeError):
        fails(errno.EPIPE)()
    assert list(tmp_path.iterdir()) == []
