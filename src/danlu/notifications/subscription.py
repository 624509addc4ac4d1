"""Subscription: who is told of what, as a person says it.

"https://hooks.example.com/T0/B0"                  a webhook, told of everything
"notify-send Danlu"                                a command, likewise
"$MY_WEBHOOK"                                      either of them, out of an environment variable: for secrets
{"to": "https://...", "on": ["best", "end"]}       told of less
{"to": ["notify-send", "my study"]}                a command in words
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from danlu.errors import StudyError, UnknownName
from danlu.notifications.delivery import Receiver
from danlu.notifications.news import OCCASIONS

Notify = str | Mapping[str, Any] | Iterable[str | Mapping[str, Any]] | None


@dataclass(frozen=True)
class Subscription:
    """A receiver and the occasions on which it is told."""

    to: Receiver
    on: tuple[str, ...] = OCCASIONS


def subscriptions(forms: Notify) -> list[Subscription]:
    """Those that one form or several stand for.

    Raises:
        StudyError: one is neither an address nor a command, or it names another occasion.
    """
    if forms is None:
        return []
    return [_subscription(form) for form in ([forms] if isinstance(forms, (str, Mapping)) else forms)]


def _subscription(form: Any) -> Subscription:
    if isinstance(form, str):
        return Subscription(_receiver(form))
    if not isinstance(form, Mapping) or "to" not in form or form.keys() - {"to", "on"}:
        raise StudyError("notify: expected a webhook, a command, or a table of `to` (one of them) and `on` (when).")
    on = form.get("on", OCCASIONS)
    on = (on,) if isinstance(on, str) else tuple(on)
    for name in on:
        if name not in OCCASIONS:
            raise StudyError(f"notify: {UnknownName('occasion', str(name), list(OCCASIONS))}")
    return Subscription(_receiver(form["to"]), on)


def _receiver(to: Any) -> Receiver:
    if isinstance(to, str) and (name := re.fullmatch(r"\$\{?(\w+)\}?", to.strip())):
        to = os.environ.get(name[1], "")
        if not to:
            raise StudyError(f"notify: the environment variable {name[1]} is empty or not set.")
    if isinstance(to, str) and re.match(r"\s*\w+://", to):
        from danlu.notifications.webhook import Webhook  # with urllib, what nobody else needs

        return Webhook(to.strip())
    if isinstance(to, (str, list, tuple)):
        from danlu.notifications.command import Command

        return Command(to)
    raise StudyError(f"notify: `to` is a webhook or a command, as one text or as a list of words; got {to!r}.")
