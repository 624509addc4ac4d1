import json
from pathlib import Path

from danlu.records.folder import Folder, write_config
from danlu.space import Config


def test_paths_are_those_of_the_design():
    folder = Folder(Path("runs/mine"))
    assert folder.journal == Path("runs/mine/journal.db")
    assert folder.definition == Path("runs/mine/study.toml")
    assert folder.environment == Path("runs/mine/environment.json")
    assert folder.trial(7) == Path("runs/mine/trials/0007")
    assert folder.trial(12345) == Path("runs/mine/trials/12345")


def test_naming_a_path_makes_nothing(tmp_path):
    folder = Folder(tmp_path / "mine")
    _ = folder.journal, folder.trial(0), folder.pictures, folder.is_study
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_a_journal_is_a_study(tmp_path):
    assert not Folder(tmp_path).is_study
    (tmp_path / "journal.db").touch()
    assert Folder(tmp_path).is_study


def test_the_config_of_a_trial_can_be_read_without_danlu(tmp_path):
    config = Config({"lr": 1e-3, "act": "гелу", "optimizer.sgd.nesterov": True})
    write_config(tmp_path / "trials/0000", config, seed=5)
    written = (tmp_path / "trials/0000/config.json").read_text(encoding="utf-8")
    assert json.loads(written) == {"config": dict(config), "seed": 5}
    assert "гелу" in written
