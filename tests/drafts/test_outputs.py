import pytest

from danlu.drafts.option import Option
from danlu.drafts.outputs import output_arguments, resuming
from danlu.drafts.readers.reading import Reading, Style


def arguments(*options, style=Style.FLAG, framework="argparse"):
    return output_arguments(Reading(framework, style, options), "")


@pytest.mark.parametrize(
    "name", ["out_dir", "outf", "output", "output-dir", "save_dir", "logdir", "workDir", "save-model-dir"]
)
def test_what_a_script_writes_goes_into_the_trials_own_folder(name):
    assert arguments(Option(name, "text", "out", f"--{name}")) == (f"--{name}", "{folder}")


def test_a_file_stays_a_file_and_a_style_a_style():
    assert arguments(Option("save", "text", "runs/model.pt", "--save")) == ("--save", "{folder}/model.pt")
    assert arguments(Option("out_dir", "text", "out", "--out_dir"), style=Style.EQUALS) == ("--out_dir={folder}",)
    assert arguments(Option("save_dir", "text", "x"), style=Style.BARE) == ("save_dir={folder}",)


def test_hydra_and_lightning_have_folders_of_their_own():
    assert arguments(style=Style.BARE, framework="Hydra") == ("hydra.run.dir={folder}/hydra",)
    assert arguments(framework="LightningCLI") == ("--trainer.default_root_dir", "{folder}")


def test_hugging_face_gets_an_empty_folder():
    option = Option("output_dir", "text", None, "--output_dir", is_required=True)
    assert arguments(option, framework="HfArgumentParser") == ("--output_dir", "{folder}/out")


@pytest.mark.parametrize(
    "option",
    [
        Option("output", "text", "", "--output"),
        Option("data_dir", "text", "data", "--data_dir"),
        Option("checkpoint_dir", "text", "ckpt", "--checkpoint_dir", help="directory to load checkpoints from"),
        Option("output_dir", "text", "${hydra:runtime.output_dir}"),
        Option("out", "int", 10, "--out"),
        Option("out", "text", "x", is_positional=True),
    ],
)
def test_what_is_read_unset_or_computed_is_let_alone(option):
    assert arguments(option) == ()


def test_how_a_script_goes_on_from_a_checkpoint_is_seen():
    resume = Option("resume", "text", "", "--resume", help="path to latest checkpoint")
    assert resuming(Reading("argparse", Style.FLAG, (resume,)), "") == "--resume {checkpoint}"
    assert resuming(Reading("Hydra", Style.BARE, (Option("ckpt_path", "text", None),)), "") == "ckpt_path={checkpoint}"
    switch = Option("resume", "bool", False, "--resume")
    assert resuming(Reading("argparse", Style.FLAG, (switch,)), "") == ""
