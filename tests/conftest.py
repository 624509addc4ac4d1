"""One thread for linear algebra: with two processes of tests on two cores, more would only wait for each other."""

import os

from tests.postgres_server import database, postgres  # noqa: F401 - fixtures

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
