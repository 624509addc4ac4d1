"""Page: one chart, or a film of charts, as an HTML file that needs nothing else, no network either.

A film carries its data once: of each chart after the first, only what differs from the one before; and of texts that
are long, such as images, only one copy.
"""

import html
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any

import vl_convert

Path = tuple[str | int, ...]
_GONE = "\0gone"  # stands for a key that the next chart lacks
_TEXT = "\0text"  # followed by a number, stands for a long text
_LONG = 200  # letters from which a text is worth a number


def page(charts: Sequence[dict[str, Any]], seconds: Sequence[float]) -> str:
    """The page.

    Args:
        charts: Vega-Lite, one or more.
        seconds: how long each is shown while the film plays.
    """
    first = charts[0]
    changes = [list(_changes(old, new, ())) for old, new in pairwise(charts)]
    texts: dict[str, int] = {}
    film = {
        "first": _packed(first, texts), "changes": _packed(changes, texts), "seconds": list(seconds),
        "texts": list(texts), "text": _TEXT, "gone": _GONE,
    }  # fmt: skip
    title = first.get("title", {})
    text = title.get("text", "") if isinstance(title, dict) else title
    config = first.get("config", {})
    fill = {
        "TITLE": html.escape(" ".join(text) if isinstance(text, list) else str(text)),
        "PAPER": config.get("background", "white"),
        "INK": config.get("title", {}).get("color", "black"),
        "FAINT": config.get("axis", {}).get("labelColor", "grey"),
        "SCRIPTS": _libraries(),
        # "</script>" would end the script, and "<!--<script>" would keep it from ending
        "FILM": json.dumps(film, separators=(",", ":")).replace("<", "\\u003c"),
    }
    form = resources.files("danlu.pictures").joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"\[\[([A-Z]+)\]\]", lambda found: fill[found[1]], form)


@cache
def _libraries() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; a second to put together."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


def _packed(value: Any, texts: dict[str, int]) -> Any:
    """The value with a number for each long text; `texts` is filled with them."""
    if isinstance(value, str) and len(value) >= _LONG:
        return f"{_TEXT}{texts.setdefault(value, len(texts))}"
    if isinstance(value, dict):
        return {key: _packed(item, texts) for key, item in value.items()}
    return [_packed(item, texts) for item in value] if isinstance(value, (list, tuple)) else value


def _changes(old: Any, new: Any, at: Path) -> Iterator[tuple[Path, Any]]:
    """What must be set, and where, to make the new chart out of the old one; a list's length is set at "length"."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - new.keys():
            yield (*at, key), _GONE
        for key, value in new.items():
            if key in old:
                yield from _changes(old[key], value, (*at, key))
            else:
                yield (*at, key), value
    elif isinstance(old, list) and isinstance(new, list):
        for k, value in enumerate(new):
            if k < len(old):
                yield from _changes(old[k], value, (*at, k))
            else:
                yield (*at, k), value
        if len(new) < len(old):
            yield (*at, "length"), len(new)
    elif old != new or type(old) is not type(new):
        yield at, new
