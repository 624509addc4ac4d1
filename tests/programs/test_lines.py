import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.programs.logs import LOGS, NO_METRICS

from danlu.errors import ObjectiveError
from danlu.programs.lines import Lines
from danlu.programs.reading import Reading

ALL = "".join(text for text, _ in LOGS.values())
PRINTED = (
    st.text(alphabet=st.sampled_from("epoch step los acury val:=/|.,%()[]{}'\"0123456789-+eE \t\n\r\b\x1b[m█@_"))
    | st.text()
)


def readings(lines: Lines, text: str) -> list[Reading]:
    return lines.feed(text) + lines.end()


def shown(found: list[Reading]) -> str:
    """Equal for equal readings, NaN included."""
    return repr([(reading.step, reading.metrics) for reading in found])


@pytest.mark.parametrize("name", LOGS)
def test_log_in_a_common_format_is_read(name: str) -> None:
    text, expected = LOGS[name]
    assert shown(readings(Lines(), text)) == repr(expected)


@pytest.mark.parametrize("name", LOGS)
def test_log_cut_anywhere_says_the_same(name: str) -> None:
    text, expected = LOGS[name]
    for size in (1, 2, 7):
        lines, found = Lines(), []
        for start in range(0, len(text), size):
            found += lines.feed(text[start : start + size])
        assert shown(found + lines.end()) == repr(expected)


@given(PRINTED, PRINTED)
def test_no_text_raises_and_its_cuts_do_not_matter(first: str, second: str) -> None:
    lines = Lines()
    found = lines.feed(first) + lines.feed(second) + lines.end()
    assert shown(found) == shown(readings(Lines(), first + second))
    assert all(reading.metrics and (reading.step is None or reading.step >= 0) for reading in found)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(ALL.splitlines()), max_size=20))
def test_lines_in_any_order_and_cut_short_do_not_raise(lines: list[str]) -> None:
    text = "\n".join(line[: len(line) * (k % 4 + 1) // 4] for k, line in enumerate(lines))
    assert all(reading.metrics for reading in readings(Lines(), text))


@given(
    st.integers(0, 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [
            "step {s}: val loss {v}",
            "step={s} val_loss={v}",
            "Step: {s} | Val. Loss: {v}",
            "{{'val_loss': {v}, 'step': {s}}}",
        ]
    ),
)
def test_any_value_at_any_step_is_read_exactly(step: int, value: float, form: str) -> None:
    assert readings(Lines(), form.format(s=step, v=value) + "\n") == [Reading(step, {"val_loss": value})]


def test_values_of_the_formats_that_round() -> None:
    text = "epoch 1 loss: 1e-3\nepoch 2 loss: -.5\nepoch 3 loss: 2.\nepoch 4 loss: 1,234\n"
    assert [r.metrics["loss"] for r in readings(Lines(), text)] == [1e-3, -0.5, 2.0, 1234.0]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<step>\d+).*val_loss=(?P<val_loss>\S+)",
        "it {step} ... val_loss={val_loss},",
        "it {iter} ... val_loss={val loss}",
    ],
)
def test_pattern_says_where_metrics_are(pattern: str) -> None:
    text = "loss: 0.9\nit 5  ...  val_loss=0.50, done\nval_loss=0.1\nit 6 ... val_loss=none, done\n"
    text += "it 7 ... VAL_LOSS=9.5%, x\n"
    assert readings(Lines(pattern), text) == [Reading(5, {"val_loss": 0.5}), Reading(7, {"val_loss": 0.095})]


def test_pattern_without_a_count_has_its_step_from_other_lines() -> None:
    text = "Epoch 1/3\nquality [0.5]\nEpoch 2/3: quality [0.25]\n"
    assert readings(Lines("quality [{quality}]"), text) == [Reading(1, {"quality": 0.5}), Reading(2, {"quality": 0.25})]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("val loss", "names no metric"),
        ("{step}", "names no metric"),
        ("(?P<a>", "no regular expression"),
        ("{}", "no metric"),
    ],
)
def test_pattern_that_cannot_be_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Lines(pattern)


def test_metric_of_any_name_is_found_where_it_is_asked_for() -> None:
    assert readings(Lines(), "wibble 0.5\ntime: 3\n") == []
    assert readings(Lines(wanted=["wibble", "time"]), "epoch 1\nthe wibble 0.5\ntime: 3\n") == [
        Reading(1, {"wibble": 0.5}),
        Reading(1, {"time": 3.0}),
    ]
    assert readings(Lines(wanted=["val"]), "Epoch: 010, Train: 0.9000, Val: 0.8000\n") == [Reading(10, {"val": 0.8})]


def test_bar_that_does_not_know_its_end_counts_its_steps() -> None:
    text = "\r10it [00:01,  9.0it/s, loss=0.5]\r20it [00:02,  9.0it/s, loss=0.25]\n"
    assert readings(Lines(), text) == [Reading(10, {"loss": 0.5}), Reading(20, {"loss": 0.25})]


def test_section_ends_with_the_first_line_that_has_no_metric() -> None:
    text = "Validation:\nloss: 0.5\nacc: 0.5\nsaving\nloss: 0.4\n"
    names = [name for reading in readings(Lines(), text) for name in reading.metrics]
    assert names == ["validation_loss", "validation_acc", "loss"]


def test_line_of_absurd_length_is_left_out() -> None:
    lines = Lines()
    found = [r for _ in range(200) for r in lines.feed("loss: 0.5 " * 1000)]
    assert found + lines.feed("\nloss: 0.25\n") == [Reading(None, {"loss": 0.25})]


@pytest.mark.parametrize(
    "piece", ["a.", "  ", "1:11", "loss ", "[1/2]", "(", "_", "val. ", "accuracy of ", "\x1b]", '{"a":']
)
def test_no_line_takes_long(piece: str) -> None:
    """A line of 4,096 characters is searched in some hundredths of a second, not in time that grows with its square."""
    start = time.process_time()
    Lines().feed(piece * (4096 // len(piece)) + "x\n")
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("line", NO_METRICS)
def test_line_that_programs_also_print_has_no_metric(line: str) -> None:
    assert readings(Lines(), f"Epoch 3\n{line}\n") == []
