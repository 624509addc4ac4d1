import json
import os
import signal
import sys

import pytest

from danlu import Float, Interrupted, Space, open_study, tune
from danlu.errors import StudyError, StudyFailed
from danlu.notifications import delivery

SPACE = Space({"x": Float(0.0, 1.0)})
TOLD = {"space": SPACE, "minimize": "loss", "strategy": "random", "progress": False}


def scored(trial, config):
    if trial.number == 1:
        raise ValueError("one bad config")
    return 1.0 - trial.number / 10


@pytest.mark.parametrize("workers", [1, 2])
def test_a_webhook_is_told_of_bests_failures_and_the_end_before_the_call_returns(
    server, tmp_path, monkeypatch, workers
):
    monkeypatch.setattr(delivery, "_PAUSE", 0.0)
    tune(scored, trials=4, folder=tmp_path / "mine", notify=server.url, workers=workers, price=2.0, **TOLD)
    assert server.events[-1] == "end"
    assert server.events.count("failure") == 1
    assert "best" in server.events
    end = server.posted[-1]
    assert (end["study"], end["how"], end["why"], end["value"]) == ("mine", "done", "all 4 trials", 0.7)
    assert end["counts"] == {"complete": 3, "failed": 1}
    assert "cost" in end
    failure = server.posted[server.events.index("failure")]
    assert "one bad config" in failure["message"]


def test_one_is_told_only_what_was_asked_for(server):
    tune(scored, trials=3, notify={"to": server.url, "on": ["end"]}, **TOLD)
    assert server.events == ["end"]


def test_the_end_of_a_study_that_fails_is_told(server):
    def broken(trial, config):
        raise ValueError("no data")

    with pytest.raises(StudyFailed):
        tune(broken, trials=9, notify={"to": server.url, "on": "end"}, **TOLD)
    [end] = server.posted
    assert end["how"] == "failed"
    assert "the first 5 trials all failed" in end["message"]


def test_the_end_of_a_study_that_is_interrupted_is_told(server):
    def interrupting(trial, config):
        os.kill(os.getpid(), signal.SIGINT)
        return 1.0

    with pytest.raises(Interrupted):
        tune(interrupting, trials=9, notify={"to": server.url, "on": "end"}, **TOLD)
    assert [body["how"] for body in server.posted] == ["interrupted"]


def test_a_fault_of_danlus_own_environment_is_told_too(server, monkeypatch):
    monkeypatch.setattr("danlu.tuning.run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tune(scored, trials=1, notify=server.url, **TOLD)
    assert server.posted[-1]["why"] == "ZeroDivisionError: division by zero"


def test_a_webhook_that_is_not_there_is_said_once_and_the_study_goes_on(capsys, monkeypatch):
    monkeypatch.setattr(delivery, "_PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    study = tune(scored, trials=5, notify="http://127.0.0.1:9/secret-path", **TOLD)
    assert len(study.trials) == 5
    err = capsys.readouterr().err
    assert err.count("could not be told") == 1
    assert "secret-path" not in err


def test_a_command_is_told_as_well(tmp_path):
    script = tmp_path / "told.py"
    script.write_text(f"import sys; open({str(tmp_path / 'told')!r}, 'a').write(sys.stdin.read() + '\\n')")
    tune(scored, trials=1, notify=[{"to": [sys.executable, str(script)], "on": ["best", "end"]}], **TOLD)
    lines = (tmp_path / "told").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["best", "end"]


def test_what_is_wrong_is_said_before_anything_runs(tmp_path):
    with pytest.raises(StudyError, match="no program"):
        tune(scored, trials=1, notify="no-such-program", folder=tmp_path / "mine", **TOLD)
    assert not (tmp_path / "mine").exists()


def test_the_address_is_written_nowhere(server, tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["danlu", "run", "--notify", server.url, f"--notify={server.url}", "--trials", "1"]
    )
    tune(scored, trials=1, notify=server.url, folder=tmp_path / "mine", **TOLD)
    for file in (tmp_path / "mine").rglob("*"):
        assert not file.is_file() or b"secret-path" not in file.read_bytes(), file
    said = json.loads((tmp_path / "mine" / "environment.json").read_text())["command"]
    assert said == ["danlu", "run", "--notify", "…", "--notify=…", "--trials", "1"]
    with open_study(tmp_path / "mine") as study:
        assert study.history.notes == ()
