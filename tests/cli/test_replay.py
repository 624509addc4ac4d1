import sqlite3

from danlu import open_study
from danlu.cli.replay import sentence
from danlu.core.event import Changed


def test_the_journal_is_told_entry_by_entry(here, make_study, danlu):
    make_study("runs/mine").close()
    said = danlu("replay", "mine")
    assert said.status == 0
    assert "opened: minimize loss; strategy random, seed 0" in said.out
    assert "trial 3 failed (told: the data are gone)" in said.out
    with open_study("runs/mine") as study:
        assert said.out.rstrip().splitlines()[-1].split()[0] == str(study.history.position)


def test_a_healthy_study_verifies(here, make_study, danlu):
    make_study("runs/mine").close()
    said = danlu("replay", "mine", "--verify")
    assert said.status == 0
    assert "none came out otherwise" in said.out


def test_a_forged_suggestion_is_found(here, make_study, danlu):
    make_study("runs/mine").close()
    with sqlite3.connect("runs/mine/journal.db") as database:
        position, events = next(
            (p, e)
            for p, e in database.execute("select position, events from journal")
            if b'"random"' in bytes(e) and p > 2
        )
        forged = bytes(events).replace(b'"origin":"random"', b'"origin":"sobol"')
        database.execute("update journal set events = ? where position = ?", (forged, position))
    said = danlu("replay", "mine", "--verify")
    assert said.status == 1
    assert f"entry {position}: the journal says" in said.err


def test_another_belief_is_told():
    change = Changed({"use": "gp"}, {"lr": [1e-4, 1e-2], "act": ["relu"]})
    assert sentence(change) == "strategy gp takes over; likely: lr=0.0001, 0.01 act=relu"
    assert sentence(Changed({"use": "gp"}, {})) == "strategy gp takes over; likely: nothing"
    assert sentence(Changed({"use": "gp"})) == "strategy gp takes over"
