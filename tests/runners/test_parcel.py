import subprocess
import sys
import threading
import types

import cloudpickle
import pytest

from danlu.errors import RunnerError
from danlu.runners.parcel import pack, packed

UNPACK = "import sys, cloudpickle; print(cloudpickle.loads(sys.stdin.buffer.read())({argument!r}))"


def elsewhere(function, argument=None):
    """What the function gives in a process that knows nothing of this one."""
    script = UNPACK.format(argument=argument)
    done = subprocess.run([sys.executable, "-c", script], input=pack(function), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


FACTOR = 3


def triple(x):
    return FACTOR * x


class Doubler:
    def __call__(self, x):
        return 2 * x


@pytest.mark.parametrize(("function", "result"), [(triple, "21"), (Doubler(), "14"), (lambda x: triple(x) + 1, "22")])
def test_functions_and_objects_of_a_module_that_only_we_know_are_sent_whole(function, result):
    assert elsewhere(function, 7) == result


def test_what_can_be_imported_is_sent_by_name():
    import statistics

    assert len(pack(statistics.linear_regression)) < 100


def test_packing_leaves_no_trace_in_cloudpickle():
    pack(triple)
    assert cloudpickle.list_registry_pickle_by_value() == set()
    lock = threading.Lock()
    with pytest.raises(TypeError, match="lock"):
        pack(lambda x: (triple(x), lock))
    assert cloudpickle.list_registry_pickle_by_value() == set()


def test_a_module_object_that_nobody_can_import_is_refused():
    class Special(types.ModuleType):
        pass

    module = Special("nowhere")
    module.lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot pickle 'Special'"):
        pack(lambda x: module)


def test_what_can_not_be_packed_is_named():
    lock = threading.Lock()
    with pytest.raises(RunnerError, match=r"can't be sent to other machines.*lock.*not outside\.$"):
        packed(lambda trial, config: lock.acquire(), "other machines")
    with pytest.raises(RunnerError, match=r"not outside; or use workers=1\.$"):
        packed(lambda trial, config: lock.acquire(), "worker processes", otherwise="use workers=1")
