import shutil

import pytest

from danlu import Study, open_study
from danlu.copying import copy_study
from danlu.core import event as ev
from danlu.errors import StoreError, StudyBusy, StudyError
from danlu.stores.postgres import Postgres
from danlu.stores.sqlite import SQLite
from danlu.testing.runners import SPACE


@pytest.fixture
def original(tmp_path):
    """A study with files, in a folder."""
    with Study(SPACE, minimize="loss", strategy="random", folder=tmp_path / "original") as study:
        for number in range(3):
            trial = study.ask()
            trial.report(1, loss=float(number))
            trial.save({"number": number})
            trial.attach("sample.txt", f"sample {number}")
            study.tell(trial, loss=float(number))
        study.ask()  # cut off
    return tmp_path / "original"


def same(one, other, files=True):
    """Whether two folders hold the same study."""
    with open_study(one) as a, open_study(other) as b:
        assert list(a.entries()) == list(b.entries())
        assert b.verify() == []
        if files:
            assert a.load(a.best) == b.load(b.best) == {"number": 0}
            assert (other / "trials/0002/sample.txt").read_text() == "sample 2"
            assert (other / "study.toml").read_text() == (one / "study.toml").read_text()
            assert (other / "environment.json").exists()
    return True


def test_a_study_goes_into_a_database_and_comes_back(original, tmp_path, database):
    there, back = tmp_path / "there", tmp_path / "back"
    copied = copy_study(original, there, database)
    assert (copied.entries, copied.files) == (17, 11)
    assert not (there / "journal.db").exists()
    assert copied.where.startswith(f"{database}#there-")
    assert same(original, there)
    copy_study(there, back)
    assert sorted(path.name for path in back.iterdir()) == [
        "environment.json", "journal.db", "journal.db-tail", "study.toml", "trials",
    ]  # fmt: skip
    assert same(original, back)


def test_what_was_copied_goes_on_where_it_is_now(original, tmp_path, database):
    copy_study(original, tmp_path / "there", database)
    with open_study(tmp_path / "there") as study:
        study.tell(3, loss=0.5)
    with open_study(original) as study:
        assert not study.trials[3].is_finished


def test_json_lines_carry_a_journal_from_one_store_to_another(original, tmp_path, database):
    lines, folder = tmp_path / "lines.jsonl", tmp_path / "folder"
    copy_study(original, lines)
    copy_study(lines, folder, database)
    assert same(original, folder, files=False)
    assert (folder / "study.toml").read_text() == (original / "study.toml").read_text()


def test_a_study_whose_folder_is_gone_is_found_by_its_name(original, tmp_path, database):
    copy_study(original, tmp_path / "there", f"{database}#mine")
    shutil.rmtree(tmp_path / "there")
    copy_study(f"{database}#mine", tmp_path / "again")
    assert same(original, tmp_path / "again", files=False)
    with pytest.raises(StudyError, match=r"add #NAME to its URL. There are: mine"):
        copy_study(database, tmp_path / "other")


def test_nothing_is_written_over(original, tmp_path, database):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("all of it")
    with pytest.raises(StudyError, match="is there already"):
        copy_study(original, taken)
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(StudyError, match="is there already"):
        copy_study(original, tmp_path / "a.jsonl")
    copy_study(original, tmp_path / "one", f"{database}#mine")
    with pytest.raises(StudyError, match=r"there is a study at .*#mine already"):
        copy_study(original, tmp_path / "two", f"{database}#mine")
    assert not (tmp_path / "two").exists()
    assert (taken / "thesis.txt").read_text() == "all of it"


def test_a_study_that_is_being_run_is_not_copied(original, tmp_path):
    other = SQLite(original / "journal.db")
    other.claim("study", "coordinator", "process 1")
    with pytest.raises(StudyBusy, match="process 1"):
        copy_study(original, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    other.close()
    copy_study(original, tmp_path / "copy")


def test_a_study_in_a_database_that_is_being_run_is_not_copied(original, tmp_path, database):
    copy_study(original, tmp_path / "there", f"{database}#mine")
    other = Postgres(database)
    other.join("mine", "coordinator", "process 1")
    with pytest.raises(StudyBusy, match="process 1"):
        copy_study(tmp_path / "there", tmp_path / "copy")
    other.close()


@pytest.mark.parametrize("is_in_database", [True, False])
def test_what_is_read_back_otherwise_is_no_copy(original, tmp_path, database, monkeypatch, is_in_database):
    kind = Postgres if is_in_database else SQLite
    append = kind.append

    def forgetful(self, study, entry):
        append(self, study, ev.Entry(entry.position, entry.at + (entry.position == 7), entry.events))

    monkeypatch.setattr(kind, "append", forgetful)
    with pytest.raises(StoreError, match="entry 7 was not read back as it was written"):
        copy_study(original, tmp_path / "copy", database if is_in_database else None)
    assert not (tmp_path / "copy").exists()
    store = Postgres(database)
    assert store.studies() == []
    store.close()
    with open_study(original) as study:
        assert len(study.trials) == 4


def test_lines_have_no_database(original, tmp_path, database):
    with pytest.raises(StudyError, match="Name a folder"):
        copy_study(original, tmp_path / "a.jsonl", database)


def test_a_folder_without_a_study_is_not_copied(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="holds no study"):
        copy_study(tmp_path / "empty", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
