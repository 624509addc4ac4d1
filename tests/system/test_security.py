"""What somebody else's study, journal or checkpoint tries to do to the one who opens it; each test is an attack."""

import ast
import json
import os
import pickle
import shutil
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from danlu import Choice, Float, Space, Status, Study, catalogue, open_study, tune
from danlu.cli.main import main
from danlu.core import event as ev
from danlu.errors import ArtifactError, DanluError, NotImported, StoreError, StrategyError
from danlu.pictures import save
from danlu.pictures.gallery import Gallery
from danlu.records import seal
from danlu.records.checkpoint import read_checkpoint, sweep_checkpoints, write_checkpoint
from danlu.stores.sqlite import SQLite
from danlu.study import KEY
from danlu.terminal import harmless

SPACE = Space({"x": Float(0.0, 1.0)})
CHECKPOINT = "trials/0000/checkpoints/step_000001.ckpt"


class Evil:
    """Makes a file when it is unpickled: stands for any code."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return open, (self.proof, "w")


@pytest.fixture
def proof(tmp_path):
    """The file that an attack makes if it succeeds."""
    return tmp_path / "attacked"


@pytest.fixture
def as_sender(monkeypatch):
    """Calls a function as another user, who has another key."""

    def call(function):
        with monkeypatch.context() as other:
            other.setenv("DANLU_KEY", "ee" * 32)
            return function()

    return call


def saving(trial, config):
    state = trial.load() or {"step": 0}
    for step in trial.steps(2):
        trial.report(step, loss=1.0)
        trial.save({"step": step, "weights": np.arange(3.0)} if not isinstance(state, str) else state)


def a_study(folder):
    """A study of one trial, with a checkpoint."""
    study = tune(saving, space=SPACE, minimize="loss", trials=1, strategy="random", folder=folder, progress=False)
    study.close()
    return folder / study.best.checkpoint.path


def append(folder, *events):
    """Writes what anybody could write into a journal."""
    store = SQLite(folder / "journal.db")
    position = sum(1 for _ in store.read(KEY))
    store.append(KEY, ev.Entry(position + 1, 2e9, events))
    store.close()


# pickles --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [pickle.dumps, None], ids=["pickle", "torch"])
def test_a_checkpoint_of_somebody_else_runs_no_code(tmp_path, proof, write):
    path = a_study(tmp_path / "study")
    if write:
        path.write_bytes(write({"weights": Evil(proof)}))
    else:
        torch.save({"weights": Evil(proof)}, path)
    with open_study(tmp_path / "study") as study, pytest.raises(ArtifactError, match="does not bear your seal"):
        study.load(study.best)
    assert not proof.exists()


def test_nor_does_one_under_the_seal_of_another(tmp_path, proof, as_sender):
    path = a_study(tmp_path / "study")
    as_sender(lambda: write_checkpoint(path, {"weights": Evil(proof)}))
    with open_study(tmp_path / "study") as study, pytest.raises(ArtifactError, match="danlu trust STUDY"):
        study.load(study.best)
    assert not proof.exists()


def test_nor_one_that_was_changed_after_it_was_sealed(tmp_path, proof):
    path = tmp_path / "a.ckpt"
    write_checkpoint(path, 1)
    with path.open("rb") as file:
        assert seal.is_sealed(file)
    ours = path.read_bytes()[-seal.LENGTH :]
    path.write_bytes(pickle.dumps(Evil(proof)) + ours)
    with pytest.raises(ArtifactError):
        read_checkpoint(path)
    assert not proof.exists()


def test_a_study_that_is_resumed_from_an_archive_runs_no_code_of_its_sender(tmp_path, proof, as_sender):
    def send():
        with Study(SPACE, minimize="loss", strategy="random", folder=tmp_path / "sent") as study:
            trial = study.ask()
            trial.report(1, loss=1.0)
            trial.save({"weights": Evil(proof)})
        shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path / "sent")

    as_sender(send)
    with zipfile.ZipFile(tmp_path / "sent.zip") as archive:
        archive.extractall(tmp_path / "mine")
    study = tune(
        saving, space=SPACE, minimize="loss", trials=1, strategy="random", folder=tmp_path / "mine", progress=False
    )
    assert not proof.exists()
    assert study.trials[0].status is Status.FAILED
    assert "danlu trust" in study.trials[0].error


WEIGHTS = {"model": torch.nn.Linear(2, 2).state_dict(), "epoch": 3, "names": ("a", 2, {"c"}), "nothing": None}
ARRAYS = {"array": np.arange(4.0), "scalar": np.float32(1.5), "whole": np.array([[1, 2]]), "c": 1j, "b": b"b"}


@pytest.mark.parametrize(
    ("state", "with_torch"), [(WEIGHTS, True), (ARRAYS, True), (ARRAYS, False)], ids=["weights", "arrays", "pickled"]
)
def test_weights_and_plain_data_of_somebody_else_can_be_loaded(tmp_path, monkeypatch, as_sender, state, with_torch):
    if not with_torch:
        monkeypatch.delitem(sys.modules, "torch")
    as_sender(lambda: write_checkpoint(tmp_path / "a.ckpt", state))
    back = read_checkpoint(tmp_path / "a.ckpt")
    assert back.keys() == state.keys()
    assert str(back) == str(state)


@pytest.mark.parametrize(
    "name", ["posix.system", "builtins.eval", "builtins.getattr", "numpy.load", "functools.partial"]
)
def test_only_what_makes_plain_values_is_called(tmp_path, name):
    module, _, function = name.rpartition(".")
    (tmp_path / "a.ckpt").write_bytes(f"c{module}\n{function}\n.".encode())
    with pytest.raises(ArtifactError, match=f"it calls {name}"):
        read_checkpoint(tmp_path / "a.ckpt")


def test_own_checkpoints_hold_anything_and_trust_makes_others_own(tmp_path, as_sender, capsys):
    path = a_study(tmp_path / "study")
    write_checkpoint(path, Path("own"))
    with open_study(tmp_path / "study") as study:
        assert study.load(study.best) == Path("own")
        as_sender(lambda: write_checkpoint(path, Path("theirs")))
        with pytest.raises(ArtifactError):
            study.load(study.best)
        main_ok("trust", str(tmp_path / "study"))
        assert "1 of 1 checkpoints are now under your seal" in capsys.readouterr().out
        assert study.load(study.best) == Path("theirs")


def test_a_checkpoint_of_an_earlier_version_bears_no_seal_until_it_is_trusted(tmp_path, capsys):
    path = a_study(tmp_path / "study")
    path.write_bytes(path.read_bytes()[: -seal.LENGTH])
    with open_study(tmp_path / "study") as study:
        assert study.load(study.best)["step"] == 2, "it is plain data"
        append(tmp_path / "study", ev.Saved(0, 2, study.best.checkpoint.path, path.stat().st_size))
    main_ok("trust", str(tmp_path / "study"))
    main_ok("trust", str(tmp_path / "study"))
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["1 of 1", "0 of 1"]
    main_ok("doctor", str(tmp_path / "study"))


def main_ok(*arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert not end.value.code


def test_a_checkpoint_that_others_can_write_is_read_once_so_that_what_was_checked_is_what_is_loaded(tmp_path):
    path = tmp_path / "a.ckpt"
    old = os.umask(0)
    try:
        write_checkpoint(path, Path("own"))
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o022 == 0
    path.chmod(0o666)
    assert read_checkpoint(path) == Path("own")


def test_the_key_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("DANLU_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert seal.key() is None, "reading makes none"
    first = seal.key(make=True)
    assert (len(first), seal.key(make=True), seal.key()) == (32, first, first)
    assert (tmp_path / "danlu" / "key").stat().st_mode & 0o077 == 0
    assert [file.name for file in (tmp_path / "danlu").iterdir()] == ["key"]
    (tmp_path / "danlu" / "key").chmod(0o644)
    with pytest.raises(StoreError, match="can be read by others"):
        seal.key()


def test_without_a_home_checkpoints_are_kept_and_plain_ones_come_back(tmp_path, monkeypatch):
    monkeypatch.delenv("DANLU_KEY")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    write_checkpoint(tmp_path / "a.ckpt", {"weights": torch.ones(2)})
    assert torch.equal(read_checkpoint(tmp_path / "a.ckpt")["weights"], torch.ones(2))


# code that a journal names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["evil:Strategy", {"use": "mixture", "parts": [{"use": "evil:Strategy"}]}])
def test_a_journal_that_names_code_does_not_get_it_imported(tmp_path, proof, monkeypatch, capsys, form):
    (tmp_path / "evil.py").write_text(f"open({str(proof)!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "study"
    a_study(folder)
    append(folder, ev.Changed({"use": form} if isinstance(form, str) else form))
    main_ok("show", str(folder))
    assert "1 complete" in capsys.readouterr().out
    with open_study(folder) as study:
        assert study.best.value == 1.0
        for call in (study.ask, study.verify):
            with pytest.raises(NotImported, match="import evil first"):
                call()
    told = {"space": SPACE, "minimize": "loss", "trials": 2, "folder": folder, "progress": False}
    with pytest.raises(NotImported):
        tune(saving, **told)
    assert len(tune(saving, strategy="sobol", **told).trials) == 2, "with another strategy it goes on"
    assert not proof.exists()


def test_what_is_imported_already_is_not_called_unless_it_is_a_strategy(tmp_path):
    a_study(tmp_path / "study")
    append(tmp_path / "study", ev.Changed({"use": "os:system", "command": "true"}))
    with pytest.raises(StrategyError, match="is no strategy"):
        open_study(tmp_path / "study")


def test_the_language_of_constraints_gives_nothing_to_python(tmp_path, proof):
    table = SPACE.to_dict() | {"where": [f"__import__('os').system('touch {proof}')"]}
    store = SQLite(tmp_path / "journal.db")
    opened = ev.Opened(table, Study(SPACE, minimize="loss").history.objectives, {"use": "random"}, 0)
    store.append(KEY, ev.Entry(1, 0.0, (opened,)))
    store.close()
    with pytest.raises(Exception, match=r"__import__"):
        open_study(tmp_path)
    assert not proof.exists()


# paths ----------------------------------------------------------------------------------------------------------------

OUTSIDE = ["../victim", "trials/../../victim", "trials/0000/link/victim", "{victim}"]


@pytest.fixture
def victim(tmp_path):
    """A file beside the study's folder, to which a link in the study leads as well."""
    path = tmp_path / "victim"
    Image.new("RGB", (4, 4), "red").save(path, "PNG")
    (tmp_path / "study" / "trials" / "0000").mkdir(parents=True)
    (tmp_path / "study" / "trials" / "0000" / "link").symlink_to(tmp_path)
    return path


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_journal_can_not_have_a_file_outside_of_the_folder_removed(tmp_path, victim, path):
    folder, path = tmp_path / "study", path.format(victim=victim)
    a_study(folder)
    with open_study(folder) as study:
        config = dict(study.best.config)
    append(folder, ev.Suggested(1, config, "random", 1), ev.Started(1, 1), ev.Saved(1, 1, path, 9))
    append(folder, ev.Reported(1, 1, {"loss": 9.0}), ev.Finished(1, "complete", {}))
    append(folder, ev.Changed(keep=0))
    told = {"space": SPACE, "minimize": "loss", "strategy": "random", "progress": False}
    tune(saving, trials=3, folder=folder, keep=0, **told)
    assert victim.exists()
    with open_study(folder) as study:
        assert study.trials[1].checkpoint is None, "it is not taken for one of the study's files"


@pytest.mark.parametrize("path", OUTSIDE)
def test_nor_read(tmp_path, victim, path, capsys):
    folder, path = tmp_path / "study", path.format(victim=victim)
    a_study(folder)
    size = victim.stat().st_size
    append(folder, ev.Saved(0, 3, path, size), ev.Attached(0, "final.png", path, size))
    with open_study(folder) as study:
        with pytest.raises(ArtifactError, match="leads out of the study's folder"):
            study.load(0)
        page = save(Gallery(folder=folder), study.history, tmp_path / "gallery.json").read_text()
    assert "data:image" not in page
    assert "image can't be read" in page
    with pytest.raises(SystemExit):
        main(["doctor", str(folder)])
    assert "files are missing" in capsys.readouterr().out


def test_a_link_in_place_of_a_trial_or_its_log_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "checkpoints").mkdir(parents=True)
    (elsewhere / "checkpoints" / "precious").touch()
    (elsewhere / "log.txt").write_text("precious")
    trials = tmp_path / "study" / "trials"
    (trials / "0001").mkdir(parents=True)
    (trials / "0000").symlink_to(elsewhere)
    (trials / "0001" / "log.txt").symlink_to(elsewhere / "log.txt")
    (trials / "0002").mkdir()
    (trials / "0002" / "checkpoints").symlink_to(elsewhere)

    told = {"space": SPACE, "minimize": "loss", "strategy": "random", "progress": False}
    study = tune(saving, trials=3, folder=tmp_path / "study", **told)
    assert [trial.reason for trial in study.trials] == ["artifact"] * 3
    assert all("through a link" in trial.error for trial in study.trials)
    sweep_checkpoints(tmp_path / "study", [])
    assert sorted(str(file.relative_to(elsewhere)) for file in elsewhere.rglob("*")) == [
        "checkpoints",
        "checkpoints/precious",
        "log.txt",
    ]
    assert (elsewhere / "log.txt").read_text() == "precious"


@pytest.mark.parametrize(
    "name",
    ["journal.db-wal", "journal.db", ".journal.study.coordinator.lock", ".journal.study.coordinator.holder",
     "study.toml", "environment.json"],
)  # fmt: skip
def test_a_link_in_place_of_one_of_the_studys_own_files_is_not_written_through(tmp_path, name):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    a_study(tmp_path / "study")
    (tmp_path / "study" / name).unlink(missing_ok=True)
    (tmp_path / "study" / name).symlink_to(victim)
    told = {"space": SPACE, "minimize": "loss", "strategy": "random", "progress": False}
    with suppress(DanluError):
        tune(saving, trials=2, folder=tmp_path / "study", **told)
    assert victim.read_text() == "precious"
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("victim")] == ["victim"]


@pytest.mark.parametrize("store", ["jsonl", "sqlite", "postgres"])
def test_a_journal_that_is_said_to_lie_elsewhere_is_no_other_file(tmp_path, store):
    victim = tmp_path / "victim.jsonl"
    victim.write_text("precious")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "journal.toml").write_text(f'store = "{store}"\nurl = "{victim}"\nstudy = "study"\n')
    told = {"space": SPACE, "minimize": "loss", "strategy": "random", "progress": False}
    with pytest.raises(StoreError, match="must name a database"):
        tune(saving, trials=2, folder=tmp_path / "study", **told)
    assert victim.read_text() == "precious"


def test_the_folder_of_a_study_may_itself_be_a_link(tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "study").symlink_to(tmp_path / "large disk")
    a_study(tmp_path / "study")
    with open_study(tmp_path / "study") as study:
        assert study.load(study.best)["step"] == 2


def test_a_folder_of_pictures_that_is_a_link_is_not_written_to(tmp_path, capsys):
    a_study(tmp_path / "study")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "study" / "pictures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SystemExit):
        main(["plot", str(tmp_path / "study"), "progress"])
    assert not list((tmp_path / "elsewhere").iterdir())
    assert "through a link" in capsys.readouterr().err


def test_an_image_of_another_kind_is_not_given_to_its_reader_whatever_its_name_says(tmp_path):
    a_study(tmp_path / "study")
    Image.new("RGB", (4, 4)).save(tmp_path / "study" / "trials" / "0000" / "final.png", "PPM")  # stands for EPS
    append(tmp_path / "study", ev.Attached(0, "final.png", "trials/0000/final.png", 9))
    with open_study(tmp_path / "study") as study:
        page = save(Gallery(folder=tmp_path / "study"), study.history, tmp_path / "gallery.json").read_text()
    assert "image can't be read" in page


# what is shown --------------------------------------------------------------------------------------------------------

ORDERS = "\x1b]0;owned\x07\x1b[2J\x9b31m\x1b]52;c;aGk=\x07 and \u202egnp.exe"
OF_ORDERS = set("\x1b\x07\x9b\u202e")


def test_a_terminal_gets_no_orders_from_what_others_wrote(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    space = Space({"x": Float(0.0, 1.0), "name [/] [bold]": Choice(f"[red]{ORDERS}", "b")})
    folder = tmp_path / "study"

    def scored(trial, config):
        print(ORDERS)
        if trial.number:
            raise ValueError(ORDERS)
        return 1.0

    tune(scored, space=space, minimize="loss [/]", trials=2, strategy="random", folder=folder).note(ORDERS)
    assert "owned" in (told := capsys.readouterr().err)
    assert not set(told) & OF_ORDERS, "the progress of a run"
    for words in (["show"], ["show", "0"], ["show", "1"], ["show", "--json"], ["replay"], ["list"]):
        main_ok(words[0], str(tmp_path if words == ["list"] else folder), *words[1:])
        shown = capsys.readouterr().out
        assert not set(shown) & OF_ORDERS, words
        assert "owned" in shown, words


def test_what_is_harmless_stays_as_it_is():
    assert harmless("loss 0.3\tα ✓ 中文\n") == "loss 0.3\tα ✓ 中文\n"
    assert harmless("\x1b[31m\x7f\x85") == "␛[31m␡�"


def test_a_page_runs_no_script_that_stands_in_a_config_or_an_error(tmp_path):
    attack = "</script><script>alert(1)</script><img src onerror:alert(1)>"
    space = Space({attack: Choice(attack, "b", default=attack), "x": Float(0.0, 1.0)})
    study = Study(space, minimize=attack, strategy="random")
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    study.fail(study.ask(), attack)
    for picture in ("progress", "map", "gallery"):
        page = save(catalogue.load("picture", picture)(), study.history, tmp_path / f"{picture}.html").read_text()
        assert "<script>alert" not in page
        assert "<img src onerror" not in page


def test_a_text_that_is_a_formula_is_a_text_in_a_spreadsheet(tmp_path):
    from danlu.records.export import export

    study = Study(Space({"act": Choice("=cmd|' /C calc'!A0", "b", default="=cmd|' /C calc'!A0")}), minimize="loss")
    study.tell(study.ask(), loss=-1.0)
    export(study.history, tmp_path / "trials.csv")
    assert "'=cmd" in (text := (tmp_path / "trials.csv").read_text())
    assert ",-1.0," in text, "a number is no text"
    export(study.history, tmp_path / "trials.jsonl")
    assert json.loads((tmp_path / "trials.jsonl").read_text())["config.act"] == "=cmd|' /C calc'!A0"


# the source -----------------------------------------------------------------------------------------------------------


SOURCE = Path(__file__).parents[2] / "src" / "danlu"


def calls():
    """(file, dotted name of what is called, its keywords) of all calls in the package."""
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                yield file.relative_to(SOURCE).as_posix(), ast.unparse(node.func), node.keywords


def test_nothing_in_the_package_uses_a_shell_or_evaluates_text():
    forbidden = {"eval", "exec", "os.system", "os.popen", "subprocess.getoutput", "yaml.load", "yaml.unsafe_load"}
    for file, name, keywords in calls():
        assert name not in forbidden, file
        assert not any(word.arg == "shell" for word in keywords), file


def test_pickles_are_loaded_in_few_places_each_of_which_is_known():
    loads = {"pickle.load", "pickle.loads", "cloudpickle.load", "cloudpickle.loads", "torch.load", "_Plain"}
    known = {
        "records/checkpoint.py",  # under the user's seal, or plain data only
        "runners/pipe.py",  # the pipe between a process and its own child
        "runners/worker.py",  # the same pipe
        "runners/station.py",  # what Ray handed over, which pickles all that its own processes say to each other
        "pytorch/distributed.py",  # the same, of a rank
        "runners/plan.py",  # a folder that only its owner can write
    }
    assert {file for file, name, _ in calls() if name in loads} <= known
