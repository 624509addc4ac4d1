import json

import pytest

from danlu.errors import StudyError
from danlu.notifications.news import News
from danlu.notifications.webhook import Webhook, payload

NEWS = News("best", "mine: new best <!channel> & @everyone", {"event": "best", "trial": 3, "message": "raw"})


def test_all_facts_are_posted_as_json(server):
    Webhook(server.url).send(NEWS)
    [body] = server.posted
    assert (body["event"], body["trial"], body["message"]) == ("best", 3, "raw")
    assert body["text"] == "mine: new best &lt;!channel&gt; &amp; @everyone", "nobody is called in Slack"
    assert body["content"] == NEWS.text
    assert body["allowed_mentions"] == {"parse": []}, "nor in Discord"
    assert server.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("host", "keys"),
    [
        ("hooks.slack.com", {"text"}),
        ("discord.com", {"content", "allowed_mentions"}),
        ("prod-1.westeurope.logic.azure.com", {"type", "attachments"}),
        ("evilslack.com", {"text", "content", "allowed_mentions", "event", "trial", "message"}),
    ],
)
def test_a_chat_gets_the_fields_that_it_knows(host, keys):
    assert payload(host, NEWS).keys() == keys
    assert "new best" in json.dumps(payload(host, NEWS))


@pytest.mark.parametrize("status", [404, 500])
def test_a_refusal_is_an_error_that_keeps_the_address_secret(server, status):
    server.statuses = [status]
    with pytest.raises(OSError, match=f"HTTP {status}") as error:
        Webhook(server.url).send(NEWS)
    assert "secret" not in str(error.value) + repr(Webhook(server.url))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirections_are_not_followed_least_of_all_to_files(server, status):
    server.statuses = [status]
    with pytest.raises(OSError, match="a redirection"):
        Webhook(server.url).send(NEWS)
    assert server.events == ["best"]


def test_where_nobody_listens_it_is_an_error():
    with pytest.raises(OSError, match="refused"):
        Webhook("http://127.0.0.1:9/").send(NEWS)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "https://",
        "https://host/a b",
        "https://host/\n",
        "http://[::1",
        "data://x",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(StudyError, match="such as https://host/path"):
        Webhook(url)


def test_a_password_in_an_address_is_refused_without_repeating_it():
    with pytest.raises(StudyError, match="has a user in it") as error:
        Webhook("https://me:hidden@host/")
    assert "hidden" not in str(error.value)


def test_only_what_travels_unencrypted_over_a_network_is_doubtful():
    assert "unencrypted" in (Webhook("http://example.org/x").doubt or "")
    for url in ("https://example.org/x", "http://localhost:80/x", "http://127.0.0.1/x", "http://[::1]:8/x"):
        assert Webhook(url).doubt is None
