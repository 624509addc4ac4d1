import msgspec
import pytest

from danlu import Resources
from danlu.errors import RunnerError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cpus": 0}, "cpus per trial must be > 0, got 0"),
        ({"memory": -1.0}, "memory per trial must be > 0"),
        ({"gpus": 1.5}, r"part of one, such as 0.5, or a whole number, got 1.5"),
        ({"gpus": -1}, "gpus per trial"),
        ({"nice": 20}, "nice must be from 0 to 19, got 20"),
        ({"custom": {"tpu": 0}}, "resource 'tpu' per trial must be > 0"),
    ],
)
def test_amounts_out_of_range_are_refused_by_name(settings, message):
    with pytest.raises(RunnerError, match=message):
        Resources(**settings)


@pytest.mark.parametrize("gpus", [None, 0, 0.25, 1, 2])
def test_a_trial_may_have_no_device_a_part_of_one_or_several(gpus):
    assert Resources(gpus=gpus).gpus == gpus


def test_resources_survive_the_way_through_json():
    resources = Resources(cpus=2, gpus=0.5, memory=8, nice=5, custom={"tpu": 1})
    assert msgspec.json.decode(msgspec.json.encode(resources), type=Resources) == resources
