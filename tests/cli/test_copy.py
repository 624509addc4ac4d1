import pytest


def test_a_study_is_copied_into_a_database_and_all_commands_find_it(here, danlu, make_study, database):
    make_study("runs/mine").close()
    copied = danlu("copy", "mine", "runs/ours", "--store", database)
    assert copied.status == 0
    assert "runs/ours: " in copied.out
    assert f"the journal is in {database}#ours-" in copied.out.replace("\n", "")
    for command in ("show", "importance", "replay", "doctor"):
        ran = danlu(command, "ours")
        assert ran.status == 0, ran.err
    assert danlu("replay", "ours", "--verify").status == 0
    assert danlu("export", "ours", "rows.csv").status == 0
    assert danlu("plot", "ours").status == 0
    assert "queued" in danlu("try", "ours", "depth=3").out
    listed = danlu("list").out
    assert "mine" in listed
    assert "ours" in listed
    assert "its server takes care" in danlu("doctor", "ours", "--repair").err


def test_run_keeps_the_journal_in_a_database(here, danlu, database):
    said = (f"{here.script}:train", "--minimize", "val_loss", "--strategy", "random", "-q")
    assert danlu("run", *said, "--trials", 2, "--folder", "runs/mine", "--store", database).status == 0
    again = danlu("run", *said, "--trials", 4, "--folder", "runs/mine")
    assert again.status == 0
    assert "4 complete" in again.out
    assert not (here.folder / "runs/mine/journal.db").exists()


def test_a_study_toml_names_the_database(here, danlu, database):
    (here.folder / "study.toml").write_text(
        f'train = "{here.script}:train"\nminimize = "val_loss"\nstrategy = "random"\ntrials = 2\nfolder = "mine"\n'
        f'store = "{database}"\n'
    )
    assert danlu("run", "study.toml", "-q").status == 0
    assert (here.folder / "mine/journal.toml").exists()


@pytest.mark.parametrize("command", ["show", "list"])
def test_a_database_that_is_not_there_is_one_message(here, danlu, command):
    (here.folder / "runs/mine").mkdir(parents=True)
    (here.folder / "runs/mine/journal.toml").write_text(
        'store = "postgres"\nurl = "postgresql://me@127.0.0.1:1/t"\nstudy = "mine"\n'
    )
    told = danlu(command, *(["mine"] if command == "show" else []))
    assert "refused" in told.out + told.err
    assert "Traceback" not in told.out + told.err
