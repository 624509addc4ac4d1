import pytest

from danlu.errors import StudyError
from danlu.notifications.command import Command
from danlu.notifications.subscription import subscriptions
from danlu.notifications.webhook import Webhook


def kinds(forms):
    return [(type(found.to), found.on) for found in subscriptions(forms)]


ALL = ("best", "failure", "end")


def test_addresses_commands_and_tables_are_told_apart(monkeypatch):
    assert subscriptions(None) == []
    assert kinds("https://host/x") == [(Webhook, ALL)]
    assert kinds(["https://host/x", "true --flag"]) == [(Webhook, ALL), (Command, ALL)]
    assert kinds({"to": ["true", "a b"], "on": "end"}) == [(Command, ("end",))]
    assert kinds([{"to": "https://host/x", "on": ["best", "end"]}]) == [(Webhook, ("best", "end"))]
    monkeypatch.setenv("MY_HOOK", "https://host/secret")
    assert kinds("$MY_HOOK") == kinds("${MY_HOOK}") == [(Webhook, ALL)]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("$NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is empty"),
        ({"to": "true", "on": ["bset"]}, "Did you mean 'best'"),
        ({"on": ["best"]}, "a table of `to`"),
        ({"to": "true", "when": "end"}, "a table of `to`"),
        ([3], "a table of `to`"),
        ({"to": 3}, "`to` is a webhook or a command"),
    ],
)
def test_what_is_neither_is_refused(form, message):
    with pytest.raises(StudyError, match=message):
        subscriptions(form)
