import pytest

pytest.importorskip("ray")

from danlu.runners.cluster import described, share, what_is_missing


@pytest.mark.parametrize(
    ("amounts", "count", "most", "size"),
    [
        ([16.0], 4, 99, 4.0),
        ([16.0], 5, 99, 3.0),
        ([16.0], 1, 99, 16.0),
        ([2.0], 4, 99, 0.5),
        ([8.0, 8.0], 3, 99, 4.0),
        ([8.0, 2.0], 2, 99, 4.0),
        ([1.0, 1.0, 1.0], 3, 1, 1.0),
        ([1.0], 3, 1, 0.3333),
        ([4.0], 1, 1, 1.0),
        ([], 2, 99, 1.0),
    ],
)
def test_a_share_is_the_largest_of_which_enough_fit_on_the_nodes(amounts, count, most, size):
    assert share(amounts, count, most) == size


def test_what_no_node_has_is_named():
    nodes = [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 64.0}]
    assert what_is_missing([{"CPU": 8, "GPU": 1}, {"CPU": 64}], nodes) is None
    assert what_is_missing([{"GPU": 2}], nodes) == "it needs 2 GPUs, and the largest node has 1 GPU"
    assert what_is_missing([{"CPU": 16, "GPU": 1}], nodes) == "it needs all of 16 CPUs, 1 GPU on one node"
    assert described({"memory": 2.5e9, "tpu": 1}) == "2.5 GB of memory, 1 tpu"
