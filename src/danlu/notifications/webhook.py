"""Webhook: news as JSON, posted to an address.

An address is a secret: whoever knows it can write there. It appears in no message, journal or file of Danlu's.

    host                                            what is posted
    hooks.slack.com                                 {"text": ...}
    discord.com, discordapp.com                     {"content": ..., "allowed_mentions": {"parse": []}}
    *.logic.azure.com, *.powerplatform.com,
    *.webhook.office.com: Teams                     an Adaptive Card
    any other                                       all facts, "message", and the text and content of the first two

Sources: Slack, "Sending messages using incoming webhooks" and "Escaping text"; Discord, "Execute Webhook"; Microsoft,
"Create and send messages" with incoming webhooks.
"""

import html
import ipaddress
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from danlu.errors import StudyError
from danlu.notifications.news import News

_PATIENCE = 10  # seconds
_LONGEST = 1_000  # bytes of an answer that are read
_SLACK = ("slack.com",)
_DISCORD = ("discord.com", "discordapp.com")
_TEAMS = ("logic.azure.com", "powerplatform.com", "webhook.office.com")


class Webhook:
    """An address that takes news.

    Attributes:
        name: its host, by which messages call it.
        tries: how often a message is tried.
    """

    tries = 2

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or not _is_plain(url):
            raise StudyError("notify: a webhook is an address such as https://host/path, without blanks.")
        if parts.username or parts.password:
            raise StudyError(f"notify: the address at {host} has a user in it. Put what it needs into its path.")
        self.name = host
        self._url, self._is_open = url, parts.scheme == "http"
        self._opener = _opener()

    @property
    def doubt(self) -> str | None:
        """What is to be said of it before anything is sent."""
        if self._is_open and not _is_loopback(self.name):
            return f"notify: what is sent to {self.name} travels unencrypted. Use https."
        return None

    def send(self, news: News) -> None:
        """Posts; raises `OSError` if it did not arrive."""
        data = json.dumps(payload(self.name, news), ensure_ascii=False).encode()
        request = urllib.request.Request(self._url, data, {"Content-Type": "application/json", "User-Agent": "danlu"})
        try:
            with self._opener.open(request, timeout=_PATIENCE) as answer:
                answer.read(_LONGEST)
        except urllib.error.HTTPError as error:
            error.close()
            hint = ", a redirection: name the address that it leads to" if 300 <= error.code < 400 else ""
            raise OSError(f"HTTP {error.code}{hint}") from None

    def __repr__(self) -> str:
        return f"Webhook(at {self.name})"


def payload(host: str, news: News) -> dict[str, Any]:
    """What a host understands."""
    text = html.escape(news.text, quote=False)  # as Slack asks; `<!channel>` would call everybody
    content = {"content": news.text, "allowed_mentions": {"parse": []}}
    if _is_of(host, _SLACK):
        return {"text": text}
    if _is_of(host, _DISCORD):
        return content
    if _is_of(host, _TEAMS):
        card = {
            "type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.2",
            "body": [{"type": "TextBlock", "text": news.text, "wrap": True}],
        }  # fmt: skip
        kind = "application/vnd.microsoft.card.adaptive"
        return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}
    return {"text": text} | content | news.facts


def _is_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _opener() -> urllib.request.OpenerDirector:
    """What opens http and https, through a proxy if the environment names one, and follows no redirection."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
