import os
import threading

import pytest

from danlu.core.event import Reported
from danlu.core.runner import Ended
from danlu.runners.pipe import read_message, write_message


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as incoming, os.fdopen(writing, "wb") as outgoing:
        yield incoming, outgoing


def test_messages_arrive_whole_and_in_order(pipe):
    incoming, outgoing = pipe
    sent = [Reported(0, 1, {"loss": 0.1 + 0.2}), Ended(3, {"loss": 1.0}), None, ("a", [1, 2])]
    for message in sent:
        write_message(outgoing, message)
    assert [read_message(incoming) for _ in sent] == sent


def test_a_message_may_be_larger_than_the_pipe(pipe):
    incoming, outgoing = pipe
    large = os.urandom(3_000_000)
    thread = threading.Thread(target=write_message, args=(outgoing, large))
    thread.start()
    assert read_message(incoming) == large
    thread.join()


def test_the_end_of_the_other_side_is_noticed(pipe):
    incoming, outgoing = pipe
    write_message(outgoing, "last words")
    outgoing.close()
    assert read_message(incoming) == "last words"
    with pytest.raises(EOFError):
        read_message(incoming)


@pytest.mark.parametrize("length", [1, 3, 4, 10])
def test_a_message_that_is_cut_off_is_no_message(pipe, length):
    incoming, outgoing = pipe
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as whole, os.fdopen(writing, "wb") as file:
        write_message(file, "a message")
        data = os.read(whole.fileno(), 1000)
    outgoing.write(data[:length])
    outgoing.close()
    with pytest.raises(EOFError):
        read_message(incoming)


def test_an_exception_can_be_a_message(pipe):
    incoming, outgoing = pipe
    write_message(outgoing, ValueError("Steps must increase"))
    assert str(read_message(incoming)) == "Steps must increase"


def test_what_can_not_be_pickled_sends_nothing(pipe):
    incoming, outgoing = pipe
    with pytest.raises((AttributeError, TypeError)):
        write_message(outgoing, threading.Lock())
    write_message(outgoing, "the next one")
    assert read_message(incoming) == "the next one"
