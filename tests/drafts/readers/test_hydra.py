import pytest

from danlu.drafts.readers.all import read_options
from danlu.drafts.readers.reading import Style
from danlu.drafts.script import Script
from danlu.errors import DraftError

MAIN = """
import hydra
@hydra.main(config_path="conf", config_name="config")
def main(cfg): ...
main()
"""


def test_the_defaults_list_is_followed_and_groups_are_choices(options_of):
    reading, options = options_of("hydra_app/train.py")
    assert (reading.framework, reading.style) == ("Hydra", Style.BARE)
    assert options["batch_size"].default == 128
    assert options["batch_size"].help == "images per step"
    assert options["optimizer.lr"].default == 1e-3  # which YAML itself has as a text
    optimizer = options["optimizer"]
    assert (optimizer.choices, optimizer.default) == (("adam", "sgd"), "adam")
    assert {o.name: o.default for o in dict(optimizer.branches)["sgd"]} == {
        "optimizer.lr": 0.1,
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": False,
    }
    assert "model" not in options  # a group of one
    assert "optimizer._target_" not in options


def test_what_stands_later_in_the_defaults_list_wins(tmp_path):
    (tmp_path / "conf" / "opt").mkdir(parents=True)
    (tmp_path / "train.py").write_text(MAIN)
    (tmp_path / "conf/config.yaml").write_text(
        "defaults:\n  - opt: a\n  - _self_\n  - extra\nopt:\n  lr: 0.5\nx: ???\n"
    )
    (tmp_path / "conf/opt/a.yaml").write_text("lr: 0.1\nwd: 0\n")
    (tmp_path / "conf/extra.yaml").write_text("opt:\n  wd: .3\n")
    options = {option.name: option for option in read_options(Script(tmp_path / "train.py")).options}
    assert (options["opt.lr"].default, options["opt.wd"].default) == (0.5, 0.3)
    assert options["x"].is_required


def test_a_config_that_takes_in_itself_ends(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "train.py").write_text(MAIN)
    (tmp_path / "conf/config.yaml").write_text("defaults:\n  - config\nlr: 0.1\n")
    assert [option.name for option in read_options(Script(tmp_path / "train.py")).options] == ["lr"]


def test_broken_yaml_is_said(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "train.py").write_text(MAIN)
    (tmp_path / "conf/config.yaml").write_text("a: [1\n")
    with pytest.raises(DraftError, match="is no YAML"):
        read_options(Script(tmp_path / "train.py"))


def test_structured_configs_are_read(reads):
    options = reads("""
        from dataclasses import dataclass, field
        import hydra
        from hydra.core.config_store import ConfigStore
        @dataclass
        class Model:
            width: int = 64
        @dataclass
        class Config:
            model: Model = field(default_factory=Model)
            lr: float = 1e-3
        cs = ConfigStore.instance()
        cs.store(name="config", node=Config)
        cs.store(group="db", name="a", node=Model)
        cs.store(group="db", name="b", node=Model)
        @hydra.main(version_base=None, config_name="config")
        def main(cfg): ...
        main()
    """)
    assert options["model.width"].default == 64
    assert options["lr"].default == 1e-3
    assert options["db"].choices == ("a", "b")
