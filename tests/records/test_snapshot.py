import pytest

from danlu import Float, Space, Study
from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.snapshot import PART
from danlu.records.snapshot import Snapshots
from danlu.study import KEY
from danlu.testing.journals import entries, opening, suggested

LINE = Space({"x": Float(0.0, 1.0, default=0.5)})


def journal_of(count):
    batches = [opening(LINE)]
    for k in range(count):
        batches += [(suggested(k, {"x": k / 1000}), ev.Started(k, 1)), ev.Finished(k, "complete", {"loss": float(k)})]
    return entries(*batches)


def files(folder):
    return {path.name for path in (folder / "snapshot").iterdir()}


def test_only_parts_that_changed_are_written_again_and_old_ones_go(tmp_path):
    journal = journal_of(PART + 10)
    early, late = journal[: 2 * PART + 11], journal
    snapshots = Snapshots(tmp_path)
    snapshots.write(fold(early), early[-1])
    [head, first, second] = sorted(files(tmp_path))
    history = snapshots.read(snapshots.head())
    for entry in late[len(early) :]:
        history = history.apply(entry)
    snapshots.write(history, late[-1])
    again = files(tmp_path)
    assert {head, first} < again
    assert second not in again
    assert len(again) == 3


def test_what_another_process_removed_is_written_again(tmp_path):
    journal = journal_of(3)
    snapshots = Snapshots(tmp_path)
    snapshots.write(fold(journal), journal[-1])
    for path in (tmp_path / "snapshot").glob("trials-*"):
        path.unlink()
    assert Snapshots(tmp_path).read(snapshots.head()) is None
    snapshots.write(fold(journal), journal[-1])
    assert len(snapshots.read(snapshots.head()).trials) == 3


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr("danlu.study._LONG", 8)


@pytest.fixture
def long_study(tmp_path, short):
    with Study(LINE, minimize="loss", strategy="random", folder=tmp_path) as study:
        for _ in range(10):
            trial = study.ask()
            study.report(trial, 1, loss=trial.config["x"])
            study.tell(trial, loss=trial.config["x"])
    return tmp_path


def test_a_long_study_opens_without_reading_its_whole_journal(long_study, monkeypatch):
    read_from = []
    monkeypatch.setattr("danlu.stores.sqlite.SQLite.read", noting(read_from))
    with Study.open(long_study) as study:
        assert len(study.trials) == 10
    assert min(read_from) > 20


def noting(positions):
    from danlu.stores.sqlite import SQLite

    read = SQLite.read

    def noted(self, study, after=0):
        positions.append(after)
        return read(self, study, after)

    return noted


def test_a_study_goes_on_from_a_snapshot_as_it_would_from_its_journal(long_study):
    with Study.open(long_study) as study:
        suggested_from_it = study.ask().config
        assert not study.verify()
    with Study(LINE, minimize="loss", strategy="random") as undisturbed:
        for _ in range(10):
            trial = undisturbed.ask()
            undisturbed.tell(trial, loss=trial.config["x"])
        assert undisturbed.ask().config == suggested_from_it


def test_a_snapshot_of_another_journal_is_not_believed(long_study, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    with Study(LINE, minimize="loss", strategy="random", seed=1, folder=other) as study:
        for _ in range(20):
            study.tell(study.ask(), loss=1.0)
    (long_study / "snapshot").rename(other / "kept")
    for path in (other / "snapshot").iterdir():
        path.unlink()
    (other / "snapshot").rmdir()
    (other / "kept").rename(other / "snapshot")
    with Study.open(other) as study:
        assert len(study.trials) == 20
        assert all(trial.value == 1.0 for trial in study.trials)


def test_a_look_at_a_study_writes_no_snapshot(tmp_path, monkeypatch):
    with Study(LINE, minimize="loss", strategy="random", folder=tmp_path) as study:
        for _ in range(10):
            study.tell(study.ask(), loss=1.0)
    monkeypatch.setattr("danlu.study._LONG", 8)
    Study.open(tmp_path).close()
    assert not (tmp_path / "snapshot").exists()


def test_the_whole_journal_is_still_there(long_study):
    with Study.open(long_study) as study:
        assert len(list(study.store.read(KEY))) == study.history.position
