import signal

import pytest

from danlu.errors import ObjectiveError, ProgramFailed, ProgramKilled, ProgramMute, ProgramOutOfMemory
from danlu.programs.failure import failure, mute
from danlu.programs.guarded import Exit


@pytest.mark.parametrize(
    ("end", "lines", "kind", "message"),
    [
        (Exit(2), ["usage: x", "x: error: no --lrr"], ProgramFailed, "exit status 2: x: error: no --lrr\n  usage: x"),
        (Exit(1), [], ProgramFailed, "exit status 1; it printed nothing"),
        (Exit(1), ["\x1b[31mred\x1b[0m", ""], ProgramFailed, "exit status 1: red"),
        (Exit(127, 2), [], ProgramFailed, "is not found"),
        (Exit(127, 8), [], ProgramFailed, "no #! line"),
        (Exit(-signal.SIGSEGV), [], ProgramFailed, "killed by SIGSEGV"),
        (Exit(-signal.SIGKILL), [], ProgramKilled, "the system does when memory runs out"),
        (Exit(-signal.SIGTERM), [], ProgramKilled, "killed by SIGTERM"),
        (Exit(-signal.SIGKILL, starved=True), [], ProgramOutOfMemory, "killed by SIGKILL"),
        (Exit(1), ["RuntimeError: CUDA out of memory. Tried"], ProgramOutOfMemory, "CUDA out of memory"),
        (Exit(1), ["MemoryError"], ProgramOutOfMemory, "MemoryError"),
        (Exit(1), ["jaxlib.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of"], ProgramOutOfMemory, "RESOURCE_EXHAUSTED"),
    ],
)
def test_a_failure_says_how_it_ended_and_what_it_said_last(end, lines, kind, message):
    error = failure("train", end, lines)
    assert type(error) is kind
    assert message in str(error)


def test_every_failure_has_its_reason():
    reasons = [kind.reason for kind in (ProgramFailed, ProgramKilled, ProgramOutOfMemory)]
    assert reasons == ["exception", "died", "out of memory"]
    assert issubclass(ProgramMute, ObjectiveError)


def test_a_missing_metric_is_told_with_its_nearest():
    assert "Did you mean 'val_loss'?" in str(mute("valid_los", ["acc", "val_loss"], [], "its output"))
    assert "Did you mean 'test_loss'?" in str(mute("val_loss", ["test_loss", "train_loss"], [], "its output"))
    assert "its output: acc, val_loss" in str(mute("x", ["val_loss", "acc"], [], "its output"))


def test_no_metric_at_all_is_told_with_what_to_do():
    said = str(mute("val loss", [], ["done"], "its output"))
    assert "no metric was found in its output" in said
    assert "epoch 3 val_loss 0.25" in said
    assert said.endswith(": done")
