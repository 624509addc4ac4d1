import json
from pathlib import Path

import numpy as np
import pytest

from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.trial import Status
from danlu.errors import StoreError
from danlu.stores.jsonl import format_line, read_lines
from danlu.testing.journals import entries, example, opening

GOLDEN = Path(__file__).parents[1] / "golden"


def test_events_survive_being_written_and_read():
    for entry in example():
        assert ev.decode_events(ev.encode_events(entry.events), ev.VERSION) == entry.events


def test_numbers_that_json_lacks_survive():
    metrics = {"a": float("nan"), "b": float("inf"), "c": float("-inf"), "d": 0.1}
    written = ev.decode_events(ev.encode_events((ev.Reported(0, 1, ev.writable(metrics)),)), ev.VERSION)
    read = ev.readable(written[0].metrics)
    assert read["a"] != read["a"]
    assert (read["b"], read["c"], read["d"]) == (float("inf"), float("-inf"), 0.1)


def test_a_change_says_only_what_was_changed():
    written = ev.encode_events((ev.Changed({"use": "grid"}),))
    assert written == b'[{"kind":"changed","strategy":{"use":"grid"}}]'  # as before a space could be changed
    space = {"n": {"type": "int", "low": 1, "high": 4}}
    assert (
        ev.encode_events((ev.Changed(space=space),))
        == b'[{"kind":"changed","space":%s}]' % json.dumps(space, separators=(",", ":")).encode()
    )


def test_what_is_no_event_gives_a_clear_error():
    with pytest.raises(StoreError, match="can't be read"):
        ev.decode_events(b'[{"kind": "baked"}]', ev.VERSION)


def test_the_journal_of_version_1_can_still_be_read():
    """tests/golden/journal_v1.jsonl was written by version 0.1 and must never change."""
    history = fold(read_lines(GOLDEN / "journal_v1.jsonl"))
    assert [trial.status for trial in history.trials] == [
        Status.COMPLETE,
        Status.FAILED,
        Status.STOPPED,
        Status.RUNNING,
    ]
    assert history.best.value == 0.3
    assert history.best.config == {"lr": 0.001, "layers": 4, "optimizer": "sgd", "optimizer.sgd.momentum": 0.5}
    assert history.trials[0].curve["accuracy"].tolist() == [0.5, 0.8]
    assert history.trials[0].artifacts[0].path == "trials/0000/final.png"
    assert history.trials[1].reason == "diverged"
    assert history.strategy == {"use": "sobol"}
    assert history.notes == ("the disk will be full in an hour",)


def test_every_kind_of_event_stands_in_a_golden_journal():
    lines = [line for path in sorted(GOLDEN.glob("journal_v1*.jsonl")) for line in path.read_text().splitlines()]
    kinds = {event["kind"] for line in lines for event in json.loads(line)["events"]}
    assert kinds == {kind.__struct_config__.tag for kind in ev.Event.__args__}


def test_this_version_writes_what_version_1_wrote():
    """A change of this line is a change of the format: raise VERSION, add an upgrade and a new golden journal."""
    assert b"".join(map(format_line, example())) == (GOLDEN / "journal_v1.jsonl").read_bytes()


RECALLED = entries(
    (
        opening(),
        ev.Recalled(
            "last week",
            (
                {"lr": 0.001, "layers": 4, "optimizer": "sgd", "optimizer.sgd.momentum": 0.5},
                {"lr": 0.1, "layers": 1, "optimizer": "adam"},
            ),
            (0.3, 1.5),
        ),
    )
)


def test_what_is_recalled_is_written_and_read_as_version_1_did():
    """tests/golden/journal_v1_recalled.jsonl must never change either."""
    path = GOLDEN / "journal_v1_recalled.jsonl"
    assert b"".join(map(format_line, RECALLED)) == path.read_bytes()
    [earlier] = fold(read_lines(path)).earlier
    assert (earlier.name, earlier.losses.tolist()) == ("last week", [0.3, 1.5])
    assert earlier.configs == RECALLED[0].events[1].configs
    np.testing.assert_allclose(earlier.u, [[0.5, 3 / 7, 0.25, 0.5 / 0.99], [1.0, 0.0, 0.75, np.nan]])


KEPT = entries(
    ev.Opened(opening().space, opening().objectives, {"use": "random"}, 0, keep=2),
    *example()[1].events[:1],
    ev.Started(0, 1),
    (ev.Reported(0, 1, {"loss": 0.9}),),
    ev.Saved(0, 1, "trials/0000/checkpoints/step_000001.ckpt", 10),
    (
        ev.Saved(0, 2, "trials/0000/checkpoints/step_000002.ckpt", 12),
        ev.Removed(0, "trials/0000/checkpoints/step_000001.ckpt"),
    ),
    ev.Changed(keep=0),
)


def test_what_is_kept_is_written_and_read_as_version_1_did():
    """tests/golden/journal_v1_kept.jsonl must never change either."""
    path = GOLDEN / "journal_v1_kept.jsonl"
    assert b"".join(map(format_line, KEPT)) == path.read_bytes()
    history = fold(read_lines(path))
    assert (history.keep, history.trials[0].checkpoint.step, history.trials[0].older) == (0, 2, ())
