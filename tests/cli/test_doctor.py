import json

from danlu import open_study


def test_a_healthy_study_is_well(here, make_study, danlu):
    make_study("runs/mine").close()
    said = danlu("doctor", "mine")
    assert said.status == 0
    assert "5 complete · 1 failed" in said.out
    assert "nothing is unfinished" in said.out


def test_missing_files_are_named(here, make_study, danlu):
    with make_study("runs/mine", trials=0) as study:
        trial = study.ask()
        trial.attach("notes.txt", "hello")
        study.tell(trial, loss=1.0)
    (here.folder / "runs/mine/trials/0000/notes.txt").unlink()
    said = danlu("doctor", "mine")
    assert said.status == 1
    assert "trials/0000/notes.txt" in said.out


def test_a_study_that_is_run_says_by_whom(here, make_study, danlu):
    with make_study("runs/mine") as study:
        study.store.claim("study", "coordinator", "process 1")
        assert "is being run by process 1" in danlu("doctor", "mine").out


def test_trials_that_were_cut_off_are_counted(here, make_study, danlu):
    with make_study("runs/mine") as study:
        study.ask()
    assert "1 trials were cut off" in danlu("doctor", "mine").out


def damaged(path):
    data = bytearray(path.read_bytes())
    data[-8192:] = bytes(8192)  # the last pages
    path.write_bytes(data)


def test_a_damaged_end_is_found_and_made_good_from_the_tail(here, make_study, danlu):
    with make_study("runs/mine", trials=300) as study:
        position = study.history.position
    damaged(here.folder / "runs/mine/journal.db")
    said = danlu("doctor", "mine")
    assert said.status == 0
    assert f"all {position} entries are read with the help of journal.db-tail" in said.out
    repaired = danlu("doctor", "mine", "--repair")
    assert f"All {position} entries were saved" in repaired.out
    assert "✓ journal" in repaired.out
    with open_study("runs/mine") as study:
        assert study.history.position == position
        assert study.verify() == []


def test_a_damaged_journal_is_found_and_repaired(here, make_study, danlu):
    with make_study("runs/mine", trials=300) as study:
        position = study.history.position
    path = here.folder / "runs/mine/journal.db"
    path.with_name("journal.db-tail").unlink()
    damaged(path)
    said = danlu("doctor", "mine")
    assert said.status == 1
    assert "--repair" in said.out
    repaired = danlu("doctor", "mine", "--repair")
    assert repaired.status == 0, repaired.out
    with open_study("runs/mine") as study:
        assert 0 < study.history.position < position
        assert study.verify() == []
    assert list((here.folder / "runs/mine").glob("journal.damaged*"))


def test_this_machine_can_be_examined(here, danlu, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-5a3f")
    said = danlu("doctor", "--json")
    assert said.status == 0
    findings = {finding["check"]: finding for finding in json.loads(said.out)}
    assert findings["pictures"]["verdict"] == "good"
    assert findings["python"]["verdict"] == "good"
    assert findings["devices"]["text"] == "2: cuda:0, cuda:GPU-5a3f"
    assert "GB of main memory for trials" in findings["machine"]["text"]
