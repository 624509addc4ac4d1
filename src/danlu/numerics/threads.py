"""One thread: for matrices of a few hundred rows it is faster than several, which wait for each other.

It also keeps the last bits of a suggestion from depending on how many cores a machine has.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS uses one thread; entering it costs microseconds."""
    return _controller().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401 - it brings a BLAS of its own, which must be loaded to be found
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()
