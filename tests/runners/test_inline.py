from danlu.runners.inline import Inline
from danlu.testing.runners import RunnerKit


class TestInline(RunnerKit):
    isolates = False

    def make(self, train, timeout=None):
        return Inline(train, "loss")
