import json


def test_each_study_has_a_row_with_its_best(here, make_study, danlu):
    make_study("runs/one").close()
    make_study("runs/deep/two", minimize=["loss", "loss2"], trials=0).close()
    said = danlu("list")
    assert said.status == 0
    one = next(line for line in said.out.splitlines() if line.startswith("one"))
    assert "5 complete · 1 failed" in one
    assert "minimize loss" in one
    assert "0.5" in one
    assert "deep/two" in said.out


def test_a_study_that_can_not_be_read_does_not_hide_the_others(here, make_study, danlu):
    make_study("runs/good").close()
    (here.folder / "runs/bad").mkdir()
    (here.folder / "runs/bad/journal.db").write_bytes(b"no database at all" * 100)
    said = danlu("list")
    assert said.status == 0
    assert "good" in said.out
    assert "can't be read" in said.out


def test_json_has_the_same(here, make_study, danlu):
    make_study("runs/one").close()
    [row] = json.loads(danlu("list", "--json").out)
    assert row["study"] == "one"
    assert row["best"]["trial"] == 5
    assert row["trials"] == 6


def test_an_empty_home_says_how_to_begin(here, danlu):
    said = danlu("list")
    assert said.status == 0
    assert "danlu run --help" in said.err
    assert json.loads(danlu("list", "--json").out) == []
