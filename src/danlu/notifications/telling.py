"""Telling: subscribers are told what happens while a study runs, and how it ends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from danlu.core.history import History
from danlu.core.stopping import StopRule, ending
from danlu.errors import DanluError
from danlu.loop import Interrupted, Watch
from danlu.notifications.delivery import Delivery
from danlu.notifications.news import News, Reporter, ended
from danlu.notifications.subscription import Subscription
from danlu.terminal import Terminal


def complain(text: str) -> None:
    """Says on standard error what went wrong."""
    with suppress(Exception):  # not even a closed terminal ends a study
        Terminal(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def telling(
    to: Sequence[Subscription], study: str, current: Callable[[], History], until: StopRule, price: float | None = None
) -> Iterator[Watch]:
    """A `Watch` that tells subscribers; at the end of the context, however that comes, they are told that as well.

    Args:
        to: whom; nobody costs nothing.
        study: how the study is called.
        current: its history.
        until: the rule under which it runs.
        price: of one hour of one trial, if its cost is to be told.
    """
    if not to:
        yield lambda history: None
        return
    deliveries = [(Delivery(subscription.to, complain), subscription.on) for subscription in to]
    for doubt in dict.fromkeys(subscription.to.doubt for subscription in to):
        if doubt:
            complain(doubt)
    reporter = Reporter(study, current())

    def post(news: News) -> None:
        for delivery, on in deliveries:
            if news.on in on:
                delivery.put(news)

    def watch(history: History) -> None:
        for news in reporter.news(history):
            post(news)

    try:
        yield watch
        post(ended(study, current(), "done", ending(until, current()), price))
    except BaseException as error:
        post(ended(study, current(), *_how(error), price))
        raise
    finally:
        for delivery, _ in deliveries:
            delivery.close()


def _how(error: BaseException) -> tuple[str, str]:
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return "interrupted", "the same call goes on from here"
    return "failed", str(error) if isinstance(error, DanluError) else f"{type(error).__name__}: {error}"
