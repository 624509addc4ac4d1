import subprocess
import sys

from danlu import __version__


def test_without_a_command_it_says_what_there_is(danlu):
    said = danlu("--help")
    assert said.status == 0
    for command in ("run", "list", "show", "try", "plot", "export", "import", "replay", "doctor"):
        assert f" {command} " in said.out


def test_it_says_which_version_it_is(danlu):
    assert danlu("--version").out.strip() == f"danlu {__version__}"


def test_it_can_be_called_as_a_module():
    done = subprocess.run([sys.executable, "-m", "danlu", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"danlu {__version__}"


def test_a_mistake_is_one_message_on_standard_error_and_status_2(here, danlu):
    said = danlu("show", "nowhere")
    assert said.status == 2
    assert said.out == ""
    assert "no study in the folder 'nowhere'" in said.err
    assert "Traceback" not in said.err


def test_an_unknown_command_or_option_has_status_2(danlu):
    assert danlu("shwo").status == 2
    assert danlu("show", "--fast").status == 2


def test_the_installed_command_is_the_same(here):
    done = subprocess.run([sys.executable, "-m", "danlu.cli.main"], capture_output=True, text=True)
    script = subprocess.run([f"{sys.prefix}/bin/danlu", "show", "nowhere"], capture_output=True, text=True)
    assert done.returncode == 0
    assert script.returncode == 2
    assert script.stderr.startswith("danlu: no study")


def test_a_reader_that_stops_reading_is_no_error(here):
    command = f"{sys.prefix}/bin/danlu --help | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""
