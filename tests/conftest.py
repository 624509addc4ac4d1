"""One thread for linear algebra: with two processes of tests on two cores, more would only wait for each other. And no
deadlines for hypothesis: a busy machine is slow, not wrong; and a key for seals that is not the user's own.
"""

import os

from hypothesis import HealthCheck, settings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("DANLU_KEY", "5e" * 32)

settings.register_profile("danlu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("danlu")
