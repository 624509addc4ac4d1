"""The way that runs a script: once each, for every run is a process."""

import textwrap
import time
from pathlib import Path

import pytest

from danlu.drafts.executed import run_for_options
from danlu.drafts.option import Switch
from danlu.drafts.script import Script
from danlu.errors import DraftError

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def script(tmp_path):
    def write(text):
        (tmp_path / "train.py").write_text(textwrap.dedent(text))
        return Script(tmp_path / "train.py")

    return write


def test_a_parser_built_of_a_computed_table_is_written_down_and_nothing_is_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reading = run_for_options(Script(SCRIPTS / "dynamic.py"))
    assert {o.name: (o.kind, o.default) for o in reading.options} == {"lr": ("float", 0.001), "width": ("int", 128)}
    assert reading.was_run
    assert not list(tmp_path.iterdir())
    assert not (SCRIPTS / "TRAINED").exists()


def test_all_kinds_of_options_survive_and_a_first_parser_for_a_config_file_is_passed(script):
    reading = run_for_options(
        script("""
        import argparse, os, socket
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("-c")
        _, rest = first.parse_known_args()
        p = argparse.ArgumentParser()
        for name in ["amp", "ema"]:
            p.add_argument("--" + name, action="store_true")
        p.add_argument("--wd", type=float, default=0, choices=[0.0, 0.1])
        p.add_argument("--where", default=os.environ["CUDA_VISIBLE_DEVICES"])
        p.add_argument("--act", choices={"relu": 1, "gelu": 2}, default="relu", help=argparse.SUPPRESS)
        p.add_argument("--pair", action=argparse.BooleanOptionalAction, default=True)
        p.add_argument("--object", default=object())
        p.add_argument("--many", type=int, nargs="+", default=[1])
        s = p.add_subparsers()
        s.add_parser("fit").add_argument("--lr", type=float, default=0.1)
        p.parse_args(rest)
        open("TRAINED", "w")
        """)
    )
    options = {option.name: option for option in reading.options}
    assert options["amp"].switch is Switch.ON
    assert not options["amp"].many
    assert (options["wd"].default, options["wd"].choices) == (0.0, (0.0, 0.1))
    assert options["where"].default == ""
    assert options["act"].choices == ("relu", "gelu")
    assert (options["pair"].switch, options["pair"].default) == (Switch.PAIR, True)
    assert options["many"].many
    assert (options["lr"].command, options["lr"].default) == ("fit", 0.1)


def test_a_click_command_is_written_down(script):
    reading = run_for_options(
        script("""
        import click
        @click.command()
        @click.option("--lr", type=float, default=0.1, help="learning rate")
        @click.option("--bn/--no-bn", default=True)
        def main(lr, bn):
            open("TRAINED", "w")
        main()
        """)
    )
    options = {option.name: option for option in reading.options}
    assert reading.framework == "click"
    assert (options["lr"].kind, options["lr"].default, options["lr"].help) == ("float", 0.1, "learning rate")
    assert (options["bn"].switch, options["bn"].default) == (Switch.PAIR, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import argparse, no_such_module", "No module named 'no_such_module'"),
        ("import argparse", "status 0"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "no network"),
    ],
)
def test_a_script_that_does_not_come_to_its_options_is_told_of(script, text, said):
    with pytest.raises(DraftError, match=said):
        run_for_options(script(text))


def test_a_script_that_takes_too_long_is_ended_with_all_that_it_began(script, tmp_path):
    slow = script(f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
        time.sleep(60)
        """)
    with pytest.raises(DraftError, match=r"in 0\.7 s"):
        run_for_options(slow, limit=0.7)
    status = Path(f"/proc/{(tmp_path / 'child').read_text()}/status")
    gone_by = time.monotonic() + 10  # a busy machine takes its time even to kill
    while _lives(status):
        assert time.monotonic() < gone_by
        time.sleep(0.02)


def test_a_script_of_a_package_that_imports_from_the_root_of_its_project_is_run(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "shared.py").write_text("OPTIONS = ['lr', 'momentum']\n")
    (tmp_path / "pkg/more.py").write_text("DEFAULT = 0.5\n")
    (tmp_path / "pkg/train.py").write_text(
        "import argparse\nfrom shared import OPTIONS\nfrom .more import DEFAULT\np = argparse.ArgumentParser()\n"
        "for o in OPTIONS:\n    p.add_argument('--' + o, type=float, default=DEFAULT)\np.parse_args()\n"
    )
    reading = run_for_options(Script(tmp_path / "pkg/train.py"))
    assert [(option.name, option.default) for option in reading.options] == [("lr", 0.5), ("momentum", 0.5)]


def _lives(status):
    try:
        return "Z" not in status.read_text().partition("State:")[2][:4]
    except (FileNotFoundError, ProcessLookupError):
        return False
