import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.drafts.draft import draft
from danlu.drafts.option import Option
from danlu.drafts.readers.all import read_options
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.programs.settings import program_from
from danlu.space.text import parse_space

SCRIPTS = Path(__file__).parent / "scripts"
ALL = sorted(
    path.relative_to(SCRIPTS).as_posix()
    for path in SCRIPTS.rglob("*.py")
    if 'Path("TRAINED")' in path.read_text() and path.name != "dynamic.py"
)


def drafted(name, most=12):
    script = Script(SCRIPTS / name)
    return draft(script, read_options(script), (SCRIPTS / name).parent, most)


@pytest.mark.parametrize("name", ALL)
def test_a_draft_says_in_toml_what_it_means(name):
    made = drafted(name)
    table = tomllib.loads(made.text)
    assert parse_space(table["space"]) == made.space.with_where(made.where)
    assert table["command"][:2] == ["python", Path(name).name]
    assert "minimize" in table or "maximize" in table
    assert {str(h.dimension.default) for h in made.space.hyperparameters}.isdisjoint({"MISSING"})


@pytest.mark.parametrize("name", ALL)
def test_the_first_trial_is_what_the_user_runs_today(name):
    made = drafted(name)
    options = {option.name: option for option in made.reading.options}
    for full, value in made.space.default().items():
        if full in options:
            assert value == options[full].default


@pytest.mark.parametrize("name", ALL)
def test_what_is_commented_out_can_be_tuned_by_removing_the_sign(name):
    made = drafted(name, most=3)
    lines, offers = [], set()
    is_offered = False
    for line in made.text.splitlines():
        is_offered = line.startswith("# Not tuned") or (is_offered and line != "")
        if is_offered and not line.startswith("# Not tuned"):
            line = line.removeprefix("# ")
            offers.add(line.partition(" = ")[0])
        lines.append(line)
    assert offers == {item.option.name for item in made.plan.offered if item.dimension is not None}
    assert offers <= set(parse_space(tomllib.loads("\n".join(lines))["space"]).names)


def test_the_gpt_keeps_its_heads_in_proportion_and_its_schedule_falling():
    made = drafted("gpt/train.py")
    assert made.where == ("n_embd % n_head == 0",)
    assert made.space["learning_rate"].low == 6e-5  # min_lr
    assert 'style = "--name=value"' in made.text
    assert "# steps = 600000" in made.text


def test_a_group_of_configs_is_a_choice_with_branches():
    made = drafted("hydra_app/train.py")
    assert made.space["optimizer"].default == "adam"
    assert made.space["optimizer.sgd.lr"].default == 0.1
    assert "optimizer.lr" not in made.space


def test_the_subcommand_that_trains_is_in_the_command():
    assert drafted("click_app.py").command == ("python", "click_app.py", "train")
    assert "temperature" not in drafted("click_app.py").text


def test_a_script_in_a_package_is_run_as_a_module(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/train.py").write_text("import argparse\nfrom .model import Net\nargparse.ArgumentParser()\n")
    script = Script(tmp_path / "pkg/train.py")
    assert draft(script, read_options(script), tmp_path).command == ("python", "-m", "pkg.train")


def test_a_flag_with_a_single_dash_gets_a_place_of_its_own(tmp_path):
    (tmp_path / "train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('-lr', type=float, default=0.1)\n"
    )
    script = Script(tmp_path / "train.py")
    assert draft(script, read_options(script), tmp_path).command == ("python", "train.py", "-lr", "{lr}")


def test_a_folder_for_outputs_is_given_in_the_command_and_asked_for_no_more():
    made = drafted("run_glue.py")
    assert made.command[-2:] == ("--output_dir", "{folder}/out")
    assert [option.name for option in made.asked] == ["model_name_or_path"]
    assert "output_dir  (" not in made.text


def test_what_the_script_asks_for_is_said(tmp_path):
    (tmp_path / "train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--data', required=True)\n"
        "p.add_argument('--lr', type=float, required=True)\n"
    )
    script = Script(tmp_path / "train.py")
    made = draft(script, read_options(script), tmp_path)
    assert "won't run without --data: add it" in made.text
    assert "lr" in made.space  # the search itself says it


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=".=\n"), min_size=1, max_size=12)
VALUES = st.one_of(st.floats(allow_nan=False), st.integers(), st.booleans(), st.none(), st.text(max_size=8))


READ = Script(SCRIPTS / "mnist.py")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES, st.text(max_size=30), st.lists(st.text(max_size=5), max_size=4)), max_size=8))
def test_any_names_defaults_helps_and_choices_make_a_draft_that_can_be_read(rows):
    options = tuple(
        Option(name, kind(default), default, f"--{name}", choices=tuple(choices), help=text)
        for name, default, text, choices in {row[0]: row for row in rows}.values()
    )
    made = draft(READ, Reading("argparse", Style.FLAG, options), SCRIPTS)
    assert parse_space(tomllib.loads(made.text)["space"]) == made.space


def kind(default):
    return {bool: "bool", int: "int", float: "float"}.get(type(default), "text")


def test_an_option_with_the_name_of_a_group_gives_way():
    options = (Option("model", "float", 0.1), Option("model.lr", "float", 0.1, "--model.lr"))
    made = draft(READ, Reading("pyrallis", Style.FLAG, options), SCRIPTS)
    assert made.space.names == ("model.lr",)
    assert tomllib.loads(made.text)["program"]["names"] == {"model.lr": "model.lr"}


def test_of_a_hundred_options_the_dozen_that_matter_most_are_tuned():
    made = drafted("images/train.py")
    tuned = {item.option.name for item in made.plan.tuned}
    assert len(made.reading.options) > 90
    assert len(tuned) == 12
    assert tuned >= {"lr-base", "weight-decay", "batch-size", "momentum", "smoothing", "drop", "mixup", "warmup-epochs"}
    assert made.objectives[0].metric == "test_acc_1"  # smoothing changes what the loss means
    assert '# lr = "1e-5..0.1 log"' in made.text  # it has no default
    assert '# hflip = "0.0..1.0 default=0.5"' in made.text


def test_a_width_with_dashes_keeps_its_proportion_to_heads_that_are_not_tuned(tmp_path):
    (tmp_path / "train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--embed-dim', type=int, default=96)\n"
        "p.add_argument('--num-heads', type=int, default=6)\np.add_argument('--lr', type=float, default=0.1)\n"
    )
    script = Script(tmp_path / "train.py")
    assert draft(script, read_options(script), tmp_path).where == ("`embed-dim` % `num-heads` == 0",)
    made = draft(script, read_options(script), tmp_path, most=2)
    assert made.where == ("`embed-dim` % 6 == 0",)
    assert parse_space(tomllib.loads(made.text)["space"]).default()["embed-dim"] == 96


def test_what_is_said_of_the_program_in_comments_is_understood_without_the_sign():
    lines = drafted("images/train.py").text.splitlines()
    text = "\n".join(
        line.removeprefix("# ") if line.startswith(("# checkpoint", "# resume")) else line for line in lines
    )
    table = tomllib.loads(text)
    program = program_from(table["command"], table["program"], SCRIPTS, "study.toml")
    assert table["program"]["resume"] == "--resume {checkpoint}"
    assert program.command[0] == "python"
