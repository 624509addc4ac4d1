"""One thread: for matrices of a few hundred rows it is faster than several, which wait for each other.

It also keeps the last bits of a suggestion from depending on how many cores a machine has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which BLAS uses one thread.

    Entering and leaving takes 3 µs where it does so anyway; `threadpoolctl.limit`, which asks for more, takes 9.
    """
    changed = [(blas, threads) for blas in _libraries() if (threads := blas.get_num_threads()) != 1]
    for blas, _ in changed:
        blas.set_num_threads(1)
    try:
        yield
    finally:
        for blas, threads in changed:
            blas.set_num_threads(threads)


@cache
def _libraries() -> list[Any]:
    """All libraries of BLAS that are loaded."""
    import scipy.linalg  # noqa: F401 - it brings a BLAS of its own, which must be loaded to be found
    import threadpoolctl

    return [c for c in threadpoolctl.ThreadpoolController().lib_controllers if c.user_api == "blas"]
