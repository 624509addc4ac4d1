import numpy as np
import threadpoolctl

from danlu.numerics.threads import one_thread


def threads():
    return [library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]


def test_inside_there_is_one_thread_and_afterwards_as_many_as_before_even_after_an_error():
    with one_thread():
        np.linalg.norm(np.ones((10, 10)) @ np.ones((10, 10)))  # loads what there is
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        try:
            with one_thread():
                with one_thread():
                    assert set(threads()) == {1}
                assert set(threads()) == {1}
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert threads() == before
