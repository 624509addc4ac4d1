import math
import subprocess
import sys
from pathlib import Path

import pytest

import danlu
from danlu.errors import ObjectiveError
from danlu.programs.channel import VARIABLE, Channel
from danlu.programs.reading import Reading


@pytest.fixture
def channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Channel:
    channel = Channel(tmp_path / "reports.jsonl")
    for name, value in channel.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RANK", raising=False)
    return channel


def test_reports_arrive_with_their_steps(channel: Channel) -> None:
    assert danlu.report(3, val_loss=0.5)
    assert danlu.report(step=4, val_loss=math.nan, acc=1)
    assert danlu.report(loss=math.inf)
    first, second, third = channel.read()
    assert first == Reading(3, {"val_loss": 0.5})
    assert second.step == 4
    assert math.isnan(second.metrics["val_loss"])
    assert third == Reading(None, {"loss": math.inf})
    assert channel.close() == []


def test_script_that_runs_alone_writes_nothing(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    assert not danlu.report(1, loss=0.5)
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_rank_writes(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert not danlu.report(1, loss=0.5)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert danlu.report(1, loss=0.5)
    assert channel.read() == [Reading(1, {"loss": 0.5})]


@pytest.mark.parametrize(
    ("step", "metrics", "message"),
    [
        (1, {}, "there is no metric"),
        (1, {"loss": "low"}, "loss must be one number, got 'low'"),
        (1.5, {"loss": 1}, "step must be a whole number"),
        (-1, {"loss": 1}, "step must be a whole number"),
        (math.nan, {"loss": 1}, "step must be a whole number"),
    ],
)
def test_what_is_no_report_is_refused_alone_too(
    step: int, metrics: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ObjectiveError, match=message):
        danlu.report(step, **metrics)


def test_lines_that_nobody_reported_are_passed_over(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "reports.jsonl").write_text('garbage\n[1]\n{"step": 0.5, "metrics": {"a": 1}}\n{"step": 1}\n')
    danlu.report(2, loss=1)
    assert channel.read() == [Reading(2, {"loss": 1.0})]


def test_import_of_report_loads_neither_numpy_nor_the_engine() -> None:
    code = "import sys, danlu; danlu.report; print([m for m in ('numpy', 'msgspec', 'danlu.core') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_reports_of_many_processes_stay_whole_lines(channel: Channel) -> None:
    code = "import danlu\nfor k in range(1, 101): danlu.report(k, loss=k)"
    programs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [program.wait() for program in programs] == [0, 0, 0]
    assert sorted(reading.step or 0 for reading in channel.read()) == sorted(list(range(1, 101)) * 3)
