import threading

import pytest

from danlu import Study, open_study, tune
from danlu.errors import StoreError, StudyError
from danlu.records.address import Address, address_in, address_of, read_address, without_password, write_address
from danlu.records.folder import Folder
from danlu.testing.runners import SPACE

PLACE = "postgresql://me@db.example/tuning"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (PLACE, PLACE),
        ("postgresql://me:secret@db.example:5433/tuning", "postgresql://me@db.example:5433/tuning"),
        ("postgresql://me:a%40secret@db/t?sslmode=require", "postgresql://me@db/t?sslmode=require"),
        ("postgresql://me:secret#secret@db/t", "postgresql://me@db/t"),
        ("postgresql://me:secret/secret@db/t", "postgresql://me@db/t"),
        ("postgresql://me:secret@secret@db/t", "postgresql://me@db/t"),
        ("postgresql://:secret@db/t", "postgresql://@db/t"),
        ("postgresql://me@db:5433/t?application_name=a@b", "postgresql://me@db:5433/t?application_name=a%40b"),
        ("postgresql://[::1]:5433/t", "postgresql://[::1]:5433/t"),
        ("postgresql://db/t?user=me&password=secret&sslpassword=secret", "postgresql://db/t?user=me"),
        ("postgresql:///t?host=/run/postgresql", "postgresql:///t?host=/run/postgresql"),
        ("postgresql://one,two:5433/t?service=x", "postgresql://one,two:5433/t?service=x"),
    ],
)
def test_a_password_is_neither_shown_nor_written(said, shown, tmp_path):
    assert without_password(said) == shown
    address = write_address(tmp_path, address_of(said, tmp_path))
    assert "secret" not in repr(address) + str(address) + (tmp_path / "journal.toml").read_text()
    assert address.url == said  # the process that was told it can use it
    assert read_address(tmp_path).url == shown


def test_a_journal_is_named_as_its_folder_and_like_no_other(tmp_path):
    names = {address_of(PLACE, tmp_path / "My Study/x").study for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("x-") for name in names)
    assert address_of(PLACE, tmp_path / "ä b").study.startswith("ä-b-")
    assert address_of(f"{PLACE}#mine", tmp_path).study == "mine"
    assert address_of("postgresql://me:pa#ss@db/t", tmp_path).url == "postgresql://me:pa#ss@db/t"


def test_a_place_that_is_no_url_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"such as postgresql://user@host/database, got 'sqlite'"):
        address_of("sqlite", tmp_path)


def test_of_many_who_name_the_journal_at_once_all_take_one_name(tmp_path):
    together, found = threading.Barrier(8), []

    def write():
        address = address_of(PLACE, tmp_path)
        together.wait()
        found.append(write_address(tmp_path, address).study)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["journal.toml"]


def test_a_folder_remembers_its_database(tmp_path):
    written = write_address(tmp_path, Address("postgres", PLACE, "mine"))
    assert Folder(tmp_path).is_study
    assert address_in(tmp_path, None) == written
    secret = "postgresql://me:secret@db.example/tuning"
    assert address_in(tmp_path, secret) == Address("postgres", secret, "mine")
    for other in ("postgresql://me@elsewhere/tuning", f"{PLACE}#other"):
        with pytest.raises(StudyError, match=f"keeps its journal in {PLACE}#mine, not in"):
            address_in(tmp_path, other)


def test_a_study_in_its_folder_does_not_move_into_a_database_by_itself(tmp_path):
    Study(SPACE, minimize="loss", folder=tmp_path).close()
    with pytest.raises(StudyError, match="danlu copy"):
        Study(SPACE, minimize="loss", folder=tmp_path, store=PLACE)


def test_a_journal_toml_that_makes_no_sense_is_told_of(tmp_path):
    (tmp_path / "journal.toml").write_text("store = ")
    with pytest.raises(StoreError, match=r"journal.toml: can't be read"):
        Study.open(tmp_path)
    (tmp_path / "journal.toml").write_text('store = "postgres"')
    with pytest.raises(StoreError, match="It needs store, url and study"):
        Study.open(tmp_path)


def test_a_folder_from_elsewhere_can_not_name_a_file_of_ours(tmp_path):
    (tmp_path / "journal.toml").write_text('store = "sqlite"\nurl = "/home/me/journal.db"\nstudy = "study"\n')
    with pytest.raises(StoreError, match="must name a database"):
        Study.open(tmp_path)


# a study there --------------------------------------------------------------------------------------------------------


def quick(trial, config):
    return float(config["x"])


def test_a_study_in_a_database_is_resumed_through_its_folder(tmp_path, database):
    folder = tmp_path / "mine"
    said = {"space": SPACE, "minimize": "loss", "strategy": "random", "folder": folder, "progress": False}
    tune(quick, trials=3, store=database, **said).close()
    assert {path.name for path in folder.iterdir()} >= {"journal.toml", "study.toml", "environment.json", "trials"}
    tune(quick, trials=5, **said).close()
    with open_study(folder) as study:
        assert len(study.trials) == 5
        assert study.store.studies() == [study.key]
        assert study.verify() == []
        with open_study(store=f"{database}#{study.key}") as same:
            assert list(same.entries()) == list(study.entries())


def test_two_studies_share_a_database(tmp_path, database):
    for name in ("one", "two"):
        with Study(SPACE, minimize="loss", strategy="random", folder=tmp_path / name, store=database) as study:
            study.tell(study.ask(), loss=1.0 if name == "one" else 2.0)
    with open_study(tmp_path / "one") as one, open_study(tmp_path / "two") as two:
        assert (one.best.value, two.best.value) == (1.0, 2.0)
        assert len(one.store.studies()) == 2


def test_a_study_in_a_database_needs_a_folder(database):
    with pytest.raises(StudyError, match="needs a folder"):
        Study(SPACE, minimize="loss", store=database)


def test_a_study_that_could_not_begin_leaves_no_folder(tmp_path):
    with pytest.raises(StoreError, match="refused"):
        Study(SPACE, minimize="loss", folder=tmp_path / "mine", store="postgresql://me@127.0.0.1:1/t")
    assert not (tmp_path / "mine").exists()
