import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.core.resources import EVEN, Resources
from danlu.errors import RunnerError
from danlu.runners.devices import Device
from danlu.runners.sharing import GB, Machine, share_out

CPU = Machine([], 8, 16 * GB)


def gpus(count, cores=16, memory=64):
    return Machine([Device("cuda", str(k)) for k in range(count)], cores, memory * GB)


def names(shares):
    return [[device.name for device in share.devices] for share in shares]


def test_as_many_trials_fit_as_there_are_cores():
    shares, why = share_out(CPU, None, EVEN)
    assert [share.threads for share in shares] == [1] * 8
    assert why == "8 cores, 1 for each trial"


def test_cores_per_trial_are_threads_of_each():
    shares, why = share_out(CPU, None, Resources(cpus=3))
    assert [share.threads for share in shares] == [3, 3]
    assert why == "8 cores, 3 for each trial"
    assert len(share_out(CPU, None, Resources(cpus=0.5))[0]) == 16


def test_memory_per_trial_limits_how_many_fit():
    shares, why = share_out(CPU, None, Resources(memory=5))
    assert len(shares) == 3
    assert why == "16 GB of main memory, 5 for each trial"


def test_the_cores_are_divided_among_workers():
    assert [share.threads for share in share_out(CPU, 3, EVEN)[0]] == [2, 2, 2]
    assert {share.threads for share in share_out(CPU, 32, EVEN)[0]} == {1}


def test_each_trial_has_a_device_where_there_are_some():
    shares, why = share_out(gpus(4), None, EVEN)
    assert names(shares) == [["0"], ["1"], ["2"], ["3"]]
    assert [share.place for share in shares] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert why == "4 devices, 1 for each trial"


def test_workers_take_turns_on_devices_if_there_are_more_of_them():
    shares, _ = share_out(gpus(2), 3, EVEN)
    assert names(shares) == [["0"], ["1"], ["0"]]
    assert {share.part for share in shares} == {0.5}


@pytest.mark.parametrize(("part", "count"), [(0.5, 4), (0.3, 6), (1 / 3, 6), (0.1, 20), (0.7, 2)])
def test_parts_of_devices_go_to_each_in_turn(part, count):
    shares, _ = share_out(gpus(2), None, Resources(gpus=part))
    assert names(shares) == [[str(k % 2)] for k in range(count)]
    assert {share.part for share in shares} == {part}


def test_a_distributed_trial_has_several_devices_for_itself():
    shares, _ = share_out(gpus(5), None, Resources(gpus=2))
    assert names(shares) == [["0", "1"], ["2", "3"]]
    assert shares[1].place == "cuda:2+cuda:3"


def test_trials_without_devices_are_counted_by_cores():
    shares, why = share_out(gpus(2, cores=3), None, Resources(gpus=0))
    assert names(shares) == [[], [], []]
    assert [share.place for share in shares] == [""] * 3
    assert why == "3 cores, 1 for each trial"


def test_the_scarcest_thing_decides():
    assert len(share_out(gpus(4, cores=6), None, Resources(gpus=0.5, cpus=2))[0]) == 3
    assert len(share_out(gpus(4, memory=20), None, Resources(gpus=0.5, memory=4))[0]) == 5


@pytest.mark.parametrize(
    ("machine", "workers", "resources", "message"),
    [
        (gpus(1), None, Resources(gpus=2), "gpus per trial 2, but this machine has 1 device"),
        (CPU, 1, Resources(gpus=0.5), "no device that could be found.*gpus=0 trains on the CPU"),
        (gpus(2), 5, Resources(gpus=0.5), "5 workers don't fit.*2 devices, 0.5 for each trial, is enough for 4"),
        (gpus(3), 2, Resources(gpus=2), "2 workers don't fit"),
        (CPU, None, Resources(cpus=9), "cpus per trial 9, but this process may use 8 cores"),
        (CPU, 3, Resources(cpus=4), "8 cores, 4 for each trial, is enough for 2"),
        (CPU, None, Resources(memory=17), "memory per trial 17 GB, but this machine has 16 GB"),
        (CPU, None, Resources(custom={"tpu": 1}), "'tpu' is a cluster's"),
    ],
)
def test_what_the_machine_can_not_give_is_refused_with_what_it_has(machine, workers, resources, message):
    with pytest.raises(RunnerError, match=message):
        share_out(machine, workers, resources)


def test_a_refusal_says_which_devices_the_user_allows(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(RunnerError, match=r"has 1 device \(CUDA_VISIBLE_DEVICES=3\)"):
        share_out(gpus(1), None, Resources(gpus=2))


def test_a_limit_to_memory_is_no_claim():
    assert len(share_out(CPU, 4, Resources(memory=10))[0]) == 4


@given(st.integers(0, 8), st.integers(1, 64), st.sampled_from([None, 0, 0.2, 0.25, 0.5, 1, 2, 3]))
def test_no_device_is_given_out_twice_over(count, cores, part):
    machine = gpus(count, cores)
    try:
        shares, _ = share_out(machine, None, Resources(gpus=part))
    except RunnerError:
        assert part is not None
        assert part > count
        return
    assert shares
    for device in machine.devices:
        assert sum(share.part for share in shares if device in share.devices) <= 1 + 1e-9
