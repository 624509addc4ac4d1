import threading
import time

from danlu.notifications.delivery import Delivery
from danlu.notifications.news import News


class Slow:
    """A receiver that waits until it may go on, and fails as often as it is told to."""

    name = "slow"
    doubt = None

    def __init__(self, failures=0, tries=2):
        self.got, self.failures, self.tries = [], failures, tries
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def send(self, news):
        self.begun.set()
        self.goes_on.wait(10)
        if self.failures:
            self.failures -= 1
            raise OSError("not at home")
        self.got.append(news.text)


def news(text, on="failure"):
    return News(on, text, {})


def test_putting_never_waits_and_closing_delivers_what_is_left():
    receiver, said = Slow(), []
    delivery = Delivery(receiver, said.append)
    begin = time.monotonic()
    for k in range(3):
        delivery.put(news(str(k)))
    assert time.monotonic() - begin < 1
    receiver.goes_on.set()
    delivery.close()
    assert (receiver.got, said) == (["0", "1", "2"], [])


def test_a_new_best_replaces_one_that_waits_and_the_oldest_of_too_many_are_dropped():
    receiver = Slow()
    delivery = Delivery(receiver, print, pause=0)
    delivery.put(news("first"))
    receiver.begun.wait(10)
    for k in range(3):
        delivery.put(news(f"best {k}", "best"))
    for k in range(80):
        delivery.put(news(str(k)))
    delivery.put(news("end", "end"))
    receiver.goes_on.set()
    delivery.close()
    assert receiver.got == ["first", *map(str, range(31, 80)), "end"]


def test_what_fails_once_is_tried_again_and_what_fails_always_is_said_once():
    receiver, said = Slow(failures=1), []
    receiver.goes_on.set()
    delivery = Delivery(receiver, said.append, pause=0)
    delivery.put(news("a"))
    delivery.close()
    assert (receiver.got, said) == (["a"], [])
    receiver = Slow(failures=10)
    receiver.goes_on.set()
    delivery = Delivery(receiver, said.append, pause=0)
    for k in range(5):
        delivery.put(news(str(k)))
    delivery.close()
    assert receiver.got == []
    assert said == ["notify: slow could not be told: not at home. The study goes on."]


def test_a_receiver_that_never_answers_holds_up_the_end_for_a_bounded_time():
    receiver, said = Slow(), []
    delivery = Delivery(receiver, said.append)
    delivery.put(news("a"))
    begin = time.monotonic()
    delivery.close(wait=0.1)
    assert 0.1 <= time.monotonic() - begin < 2
    assert "not everything was delivered" in said[0]
    receiver.goes_on.set()
