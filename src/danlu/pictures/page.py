"""Page: one chart, or a film of charts, as an HTML file that needs nothing else, no network either.

A film carries its data once: of each chart after the first, only what differs from the one before.
"""

import html
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

import vl_convert

Path = tuple[str | int, ...]
_GONE = "\0gone"  # stands for a key that the next chart lacks


def page(charts: Sequence[dict[str, Any]], seconds: Sequence[float]) -> str:
    """The page.

    Args:
        charts: Vega-Lite, one or more.
        seconds: how long each is shown while the film plays.
    """
    first = charts[0]
    changes = [list(_changes(old, new, ())) for old, new in zip(charts, charts[1:], strict=False)]
    film = {"first": first, "changes": changes, "seconds": list(seconds), "gone": _GONE}
    title = first.get("title", {})
    text = title.get("text", "") if isinstance(title, dict) else title
    config = first.get("config", {})
    fill = {
        "TITLE": html.escape(" ".join(text) if isinstance(text, list) else str(text)),
        "PAPER": config.get("background", "white"),
        "INK": config.get("title", {}).get("color", "black"),
        "FAINT": config.get("axis", {}).get("labelColor", "grey"),
        "SCRIPTS": vl_convert.javascript_bundle().replace("</script", "<\\/script"),
        # "</" could end the script, and so could a line separator in old browsers
        "FILM": json.dumps(film, separators=(",", ":")).replace("</", "<\\/"),
    }
    page = resources.files("danlu.pictures").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in fill.items():
        page = page.replace(f"[[{name}]]", value, 1)
    return page


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
