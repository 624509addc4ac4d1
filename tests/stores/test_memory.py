from danlu.stores.memory import Memory
from danlu.testing.stores import StoreKit


class TestMemory(StoreKit):
    persistent = False

    def make(self, folder):
        return Memory()


def test_time_comes_from_the_clock_that_it_is_given():
    assert Memory(clock=lambda: 42.0).now() == 42.0
