"""Both sides of a transfer in one process: what a worker says is handed to the study's side at once."""

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.core.event import Attached, Reported, Saved
from danlu.core.runner import Job
from danlu.errors import ArtifactError
from danlu.records.checkpoint import read_checkpoint, write_checkpoint
from danlu.runners import transfer
from danlu.runners.storage import Storage
from danlu.runners.transfer import Bag, Doubted, Mirror, Output, Piece, Stored, Wanted, checked, checked_path, mark
from danlu.space import Float, Space

CONFIG = Space({"x": Float(0.0, 1.0)}).config({"x": 0.5})
KEPT = "trials/0001/checkpoints/step_000003.ckpt"


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(transfer, "PIECE", 100)


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    return folder


def job(study, checkpoint=None):
    return Job(1, CONFIG, 7, 1, str(study), checkpoint=checkpoint)


def line(mirror):
    """What a worker's words lead to on the side of the study."""

    def say(message):
        match message:
            case Piece():
                return mirror.take(message)
            case Wanted():
                return mirror.give(message)
            case Stored():
                return mirror.fetch(message)
            case Doubted():
                return mirror.vouch(message)
            case Output(data):
                return mirror.log(data)

    return say


def bag_of(job, storage=None, nonce="elsewhere"):
    url = f"file://{storage}" if storage else None
    return Bag(job, nonce, url, line(Mirror(job, Storage(url) if url else None)))


class TestFolders:
    def test_a_worker_that_sees_the_mark_works_in_the_folder_itself(self, study):
        mark(study, "abc")
        bag = bag_of(job(study), nonce="abc")
        assert bag.is_shared
        assert bag.job.folder == str(study)

    def test_another_mark_or_another_key_is_another_folder(self, study, monkeypatch):
        mark(study, "abc")
        assert not bag_of(job(study), nonce="xyz").is_shared
        monkeypatch.setenv("DANLU_KEY", "a7" * 32)
        assert not bag_of(job(study), nonce="abc").is_shared

    def test_folders_of_processes_that_were_killed_are_removed(self, study, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        gone = tmp_path / "danlu-trial-99999999-x"
        own = tmp_path / f"danlu-trial-{os.getpid()}-y"
        gone.mkdir()
        own.mkdir()
        bag = bag_of(job(study))
        assert not gone.exists()
        assert own.exists()
        assert bag.study.parent == tmp_path


class TestJourneys:
    @pytest.mark.parametrize("has_storage", [False, True])
    def test_what_a_signal_speaks_of_is_there_when_the_study_hears_it(self, study, tmp_path, has_storage):
        bag = bag_of(job(study), tmp_path / "storage" if has_storage else None)
        state = list(range(500))
        write_checkpoint(bag.study / KEPT, state)
        (bag.study / "trials/0001/a.txt").write_text("a" * 350)
        bag.before(Saved(1, 3, KEPT, 0))
        bag.before(Attached(1, "a.txt", "trials/0001/a.txt", 350))
        bag.before(Reported(1, 3, {"loss": 1.0}))
        assert read_checkpoint(study / KEPT) == state
        assert (study / "trials/0001/a.txt").read_text() == "a" * 350
        assert not (bag.study / KEPT).exists()
        assert not list(study.rglob("*.part"))

        other = bag_of(job(study, KEPT), tmp_path / "storage" if has_storage else None)
        other.fetch()
        assert other.study != study
        assert read_checkpoint(other.study / KEPT) == state

    def test_a_checkpoint_under_a_key_of_the_worker_comes_under_that_of_the_study(self, study, monkeypatch):
        state, bag = {"function": print}, bag_of(job(study))  # no plain data: without the seal it isn't loaded
        with monkeypatch.context() as patch:
            patch.setenv("DANLU_KEY", "a7" * 32)
            write_checkpoint(bag.study / KEPT, state)
        bag.before(Saved(1, 3, KEPT, 0))
        assert read_checkpoint(study / KEPT) == state

    def test_what_the_storage_holds_must_be_what_was_put_there(self, study, tmp_path):
        bag = bag_of(job(study), tmp_path / "storage")
        write_checkpoint(bag.study / KEPT, [1])
        say = bag._say

        def meddle(message):
            (tmp_path / "storage" / KEPT).write_bytes(pickle.dumps([2]))
            return say(message)

        bag._say = meddle
        with pytest.raises(ArtifactError, match="not what was put there"):
            bag.before(Saved(1, 3, KEPT, 0))
        assert not (study / KEPT).exists()

    @pytest.mark.parametrize("content", [None, pickle.dumps([2])])
    def test_a_checkpoint_that_the_storage_lost_or_that_was_changed_there_comes_along_the_line(
        self, study, tmp_path, content
    ):
        write_checkpoint(study / KEPT, [1])
        if content is not None:
            (tmp_path / "storage" / KEPT).parent.mkdir(parents=True)
            (tmp_path / "storage" / KEPT).write_bytes(content)
        bag = bag_of(job(study, KEPT), tmp_path / "storage")
        bag.fetch()
        assert read_checkpoint(bag.study / KEPT) == [1]

    def test_at_the_end_all_else_comes_and_the_workers_own_folder_goes(self, study, tmp_path):
        bag = bag_of(job(study))
        home = bag.study / "trials/0001"
        (home / "deep/er").mkdir(parents=True)
        (home / "deep/er/file.bin").write_bytes(b"z" * 1234)
        (home / "empty").touch()
        (home / "link").symlink_to(tmp_path)
        bag.log.write_text("one\n")
        assert bag.output() == b"one\n"
        assert bag.output() == b""
        with bag.log.open("a") as log:
            log.write("two\n" * 100)
        (study / "trials/0001").mkdir(parents=True)
        (study / "trials/0001/log.txt").write_text("one\n")
        bag.finish()
        assert (study / "trials/0001/deep/er/file.bin").read_bytes() == b"z" * 1234
        assert (study / "trials/0001/empty").read_bytes() == b""
        assert not (study / "trials/0001/link").exists()
        assert (study / "trials/0001/log.txt").read_text() == "one\n" + "two\n" * 100
        assert not bag.study.exists()

    def test_a_file_that_was_cut_off_on_its_way_comes_whole_the_next_time(self, study):
        mirror = Mirror(job(study), None)
        mirror.take(Piece("trials/0001/a.txt", 0, b"old and longer", last=False))
        assert not (study / "trials/0001/a.txt").exists()
        mirror.take(Piece("trials/0001/a.txt", 0, b"new", last=True))
        assert (study / "trials/0001/a.txt").read_bytes() == b"new"
        with pytest.raises(ArtifactError, match="gap"):
            mirror.take(Piece("trials/0001/b.txt", 5, b"x", last=True))


class TestNames:
    @pytest.mark.parametrize(
        "path",
        ["", ".", "/etc/passwd", "../x", "trials/0001/../0002/x", "trials/0002/x", "trials/0001", "journal.db",
         "trials/0001/..", "trials\\0001\\x", "trials/0001/a\0b", None, 7, "trials/00001/x", "//trials/0001/x"],
    )  # fmt: skip
    def test_a_name_outside_of_the_trial_is_refused(self, path):
        with pytest.raises(ArtifactError):
            checked_path(1, path)

    @given(st.lists(st.sampled_from(["..", ".", "trials", "0001", "0002", "x", "/", "~", "checkpoints"]), max_size=6))
    def test_what_is_let_through_lies_in_the_trial(self, parts):
        path = "/".join(parts)
        try:
            inside = checked_path(1, path)
        except ArtifactError:
            return
        resolved = os.path.normpath(os.path.join("/study", inside))
        assert resolved.startswith("/study/trials/0001/")

    def test_a_link_in_the_trials_folder_does_not_lead_out(self, study, tmp_path):
        (study / "trials/0001").mkdir(parents=True)
        (study / "trials/0001/out").symlink_to(tmp_path)
        (study / "trials/0001/file").symlink_to(tmp_path / "victim")
        for path in ("trials/0001/out/evil", "trials/0001/file"):
            with pytest.raises(ArtifactError, match="through a link"):
                Mirror(job(study), None).take(Piece(path, 0, b"x", last=True))
        assert not (tmp_path / "evil").exists()
        assert not (tmp_path / "victim").exists()

    def test_no_file_but_the_checkpoint_is_handed_out(self, study):
        (study / "journal.db").write_text("secret")
        for ask in (Wanted("journal.db", 0), Doubted("journal.db")):
            with pytest.raises(ArtifactError, match="not its checkpoint"):
                line(Mirror(job(study, KEPT), None))(ask)

    def test_a_signal_about_another_trial_is_refused(self):
        with pytest.raises(ArtifactError, match="spoke of trial 2"):
            checked(Reported(2, 1, {"loss": 1.0}), 1)
        with pytest.raises(ArtifactError, match="nowhere else"):
            checked(Saved(1, 1, "trials/0002/checkpoints/x", 1), 1)
