import pytest

from danlu import Float, Space, Study
from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.snapshot import PART
from danlu.records.snapshot import Snapshots
from danlu.stores.memory import Memory
from danlu.study import KEY
from danlu.testing.journals import entries, opening, suggested

LINE = Space({"x": Float(0.0, 1.0, default=0.5)})


def journal_of(count):
    batches = [opening(LINE)]
    for k in range(count):
        batches += [(suggested(k, {"x": k / 1000}), ev.Started(k, 1)), ev.Finished(k, "complete", {"loss": float(k)})]
    return entries(*batches)


def kept(snapshots, journal):
    """The history that a snapshot gives of a journal that ends with the same entry."""
    store = Memory()
    for entry in journal:
        store.append(KEY, entry)
    found = snapshots.history(store, KEY)
    if found is None:
        return None
    history, rest = found
    assert list(rest) == []
    return history


def files(folder):
    return {path.name for path in (folder / "snapshot").iterdir()}


def test_only_parts_that_changed_are_written_again_and_old_ones_go(tmp_path):
    journal = journal_of(PART + 10)
    early, late = journal[: 2 * PART + 11], journal
    snapshots = Snapshots(tmp_path)
    snapshots.write(fold(early), early[-1])
    [head, first, second] = sorted(files(tmp_path))
    history = kept(snapshots, early)
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
    assert kept(Snapshots(tmp_path), journal) is None
    snapshots.write(fold(journal), journal[-1])
    assert len(kept(snapshots, journal).trials) == 3


def test_only_entries_behind_a_snapshot_are_left_to_fold_and_of_its_own_journal(tmp_path):
    journal = journal_of(4)
    snapshots, store = Snapshots(tmp_path), Memory()
    snapshots.write(fold(journal[:6]), journal[5])
    for entry in journal:
        store.append(KEY, entry)
    history, rest = Snapshots(tmp_path).history(store, KEY)
    assert history.position == 6
    assert list(rest) == journal[6:]
    assert kept(snapshots, journal_of(4)[:5]) is None, "a journal that is shorter than what was kept of it"


def test_a_snapshot_is_kept_when_enough_would_be_folded_without_it(tmp_path):
    journal = journal_of(4)
    snapshots, store = Snapshots(tmp_path), Memory()
    for entry in journal:
        store.append(KEY, entry)
    snapshots.keep(fold(journal), store, KEY, tail=len(journal) + 1)
    assert not (tmp_path / "snapshot").exists()
    snapshots.keep(fold(journal), store, KEY, tail=len(journal))
    assert snapshots.position == len(journal)
    written = files(tmp_path)
    snapshots.keep(fold(journal), store, KEY, tail=1)
    assert files(tmp_path) == written, "nothing has come since"


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
