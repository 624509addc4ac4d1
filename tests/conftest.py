"""One thread for linear algebra: with two processes of tests on two cores, more would only wait for each other. And no
deadlines for hypothesis: a busy machine is slow, not wrong; and a key for seals that is not the user's own.
"""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings
from tests.postgres_server import database, postgres  # noqa: F401 - fixtures

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# `python train.py` is meant to be the Python that the tests run on
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
# devices of this machine would change where trials run; tests of devices say which there are
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("DANLU_KEY", "5e" * 32)

settings.register_profile("danlu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("danlu")

import shutil  # noqa: E402
import tempfile  # noqa: E402

import pytest  # noqa: E402


def cluster_of_any_devices(cluster):
    """A kind of Ray cluster whose nodes have the devices that a test says; Ray counts those of the environment else."""

    class Cluster(cluster):
        def add_node(self, *arguments, **options):
            with pytest.MonkeyPatch.context() as patch:
                patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
                return super().add_node(*arguments, **options)

    return Cluster


@pytest.fixture(scope="session")
def ray_cluster():
    """A Ray cluster of one raylet with two cores, two devices and a licence; tests remove the nodes that they add.

    Tests that use it belong to the group "ray", so that there is one of it only.
    """
    pytest.importorskip("ray")
    utils = pytest.importorskip("ray.cluster_utils")
    import ray

    folder = tempfile.mkdtemp(prefix="ray-")
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    head = {"num_cpus": 2, "num_gpus": 2, "resources": {"licence": 1}, "object_store_memory": 80_000_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        cluster = cluster_of_any_devices(utils.Cluster)(
            initialize_head=True, head_node_args={**head, "include_dashboard": False, "_system_config": quick}
        )
        ray.init(cluster.address, log_to_driver=False, configure_logging=False)
        patch.setattr("ray._private.worker.print_to_stdstream", lambda *_, **__: None)
        try:
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
