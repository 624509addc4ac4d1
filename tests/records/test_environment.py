import getpass
import json
import os
import platform
import socket
import subprocess

import numpy as np
import pytest

from danlu.records.environment import discreet, environment, write_environment
from danlu.records.folder import Folder


def git(folder, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_it_says_what_ran(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = environment(seed=7)
    assert facts["seed"] == 7
    assert facts["python"] == platform.python_version()
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["cpus"] == os.cpu_count()
    assert facts["created"].endswith("+00:00")
    assert json.loads(json.dumps(facts)) == facts


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert environment(0)["git"] is None


def test_in_a_checkout_it_names_the_commit_and_whether_files_differ_from_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("lr = 0.1")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "train.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    assert environment(0)["git"] == {"commit": git(tmp_path, "rev-parse", "HEAD"), "branch": "main", "changed": False}
    (tmp_path / "train.py").write_text("lr = 0.2")
    assert environment(0)["git"]["changed"] is True


def test_devices_are_what_the_driver_says(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 81559 MiB'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert environment(0)["devices"] == ["NVIDIA H100, 81559 MiB"]
    tool.write_text("#!/bin/sh\necho 'Failed to initialize NVML'\nexit 9\n")
    assert environment(0)["devices"] == []


def test_it_names_neither_the_machine_nor_the_user():
    facts = environment(0)
    del facts["packages"], facts["command"]
    text = json.dumps(facts)
    assert socket.gethostname() not in text
    assert getpass.getuser() not in text.split('"')


def test_the_file_is_written_once(tmp_path):
    folder = Folder(tmp_path)
    write_environment(folder, seed=1)
    write_environment(folder, seed=2)
    assert json.loads(folder.environment.read_text())["seed"] == 1


@pytest.mark.parametrize(
    "word",
    [
        "postgresql://me:hush@db/t",
        "--store=postgresql://me:hu/sh@db/t?sslmode=require",
        "--store=postgres://db/t?user=me&password=hush",
    ],
)
def test_the_command_line_is_kept_without_the_passwords_of_databases(word):
    [kept] = discreet([word])
    assert "db/t" in kept
    assert "hu" not in kept
    assert "sh@db" not in kept
