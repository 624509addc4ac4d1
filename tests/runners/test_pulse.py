import os

import pytest

from danlu.runners.pulse import Pulse, clock, is_unusual


def test_a_signal_is_a_sign_of_life(tmp_path):
    pulse = Pulse(tmp_path / "log.txt", 100.0)
    assert pulse.quiet(130.0) == 30.0
    pulse.beat(140.0)
    assert pulse.quiet(141.0) == 1.0
    assert pulse.longest == 40.0


def test_output_is_a_sign_of_life(tmp_path):
    log = tmp_path / "log.txt"
    pulse = Pulse(log, 0.0)
    log.write_text("begun\n")
    assert pulse.quiet(50.0) == 0.0
    assert pulse.quiet(60.0) == 10.0
    log.write_text("begun\nepoch 1\n")
    assert pulse.quiet(70.0) == 0.0
    assert pulse.longest == 50.0


@pytest.mark.parametrize(
    ("quiet", "longest", "unusual"),
    [(720, 40, True), (590, 1, False), (5000, 600, False), (6001, 600, True), (9e9, 0, False)],
)
def test_a_silence_is_unusual_if_it_is_long_and_far_longer_than_all_before(quiet, longest, unusual):
    assert is_unusual(quiet, longest) is unusual


def test_spans_are_told_in_units_that_people_use():
    assert [clock(s) for s in (40, 119, 720, 7200)] == ["40 s", "119 s", "12 min", "2.0 h"]


def test_a_progress_bar_that_is_drawn_again_is_a_sign_of_life(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("10%")
    pulse = Pulse(log, 0.0)
    pulse.quiet(50.0)
    log.write_text("11%")
    os.utime(log, ns=(0, log.stat().st_mtime_ns + 1))  # whatever the resolution of this clock is
    assert pulse.quiet(70.0) == 0.0
    assert pulse.quiet(80.0) == 10.0
