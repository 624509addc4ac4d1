import os

import pytest

from danlu.runners import machine


@pytest.fixture
def group(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_GROUP", tmp_path)
    return tmp_path


def test_cores_are_those_that_this_process_may_use(group):
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("needs processor affinity")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert machine.cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert machine.cores() == len(before)


@pytest.mark.parametrize(
    ("quota", "most"), [("100000 100000", 1), ("150000 100000", 1), ("20000 100000", 1), ("max 100000", 10**6)]
)
def test_a_container_has_as_many_cores_as_it_was_given(group, quota, most):
    (group / "cpu.max").write_text(f"{quota}\n")
    assert 1 <= machine.cores() <= most


def test_a_container_has_as_much_memory_as_it_was_given(group):
    whole = machine.memory()
    (group / "memory.max").write_text("max\n")
    assert machine.memory() == whole
    (group / "memory.max").write_text("123456789\n")
    assert machine.memory() == 123456789
    (group / "memory.max").write_text(f"{2 * whole}\n")
    assert machine.memory() == whole
