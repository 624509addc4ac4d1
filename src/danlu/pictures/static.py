"""Files of pictures: PNG, SVG, PDF, a page that needs no network, or the Vega-Lite chart itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vl_convert

from danlu.core.history import History
from danlu.errors import DanluError
from danlu.pictures.page import page
from danlu.pictures.picture import Picture
from danlu.pictures.style import Style
from danlu.records.files import write_whole

Chart = dict[str, Any]


def save(
    picture: Picture, history: History, path: str | Path, *, width: int = 800, dark: bool = False, scale: float = 2.0
) -> Path:
    """Draws a picture into a file, in the format that its ending says; returns the path.

    Args:
        picture: what to draw.
        history: of what.
        path: ends in .png, .svg, .pdf, .html or .json. Folders are made.
        width: in pixels.
        dark: light on dark.
        scale: pixels of a PNG for each pixel of width: 2 for today's screens.

    Raises:
        DanluError: no such ending, or the file can't be written.
    """
    path = Path(path)
    draw = ending(path, _FORMATS)
    chart = picture.spec(picture.frame(history), Style(width, dark)).to_dict()
    write(path, draw(chart, scale))
    return path


def write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
        DanluError: it can't be written.
    """
    try:
        write_whole(path, lambda file: file.write_bytes(data) and None, durable=False)
    except OSError as error:
        raise DanluError(f"can't write {str(path)!r}: {error.strerror or error}. Choose another place.") from error


def ending(path: Path, formats: dict[str, Any]) -> Any:
    """What a table has for the ending of a path; raises `DanluError` with all endings if it has nothing."""
    found = formats.get(path.suffix.lower())
    if found is None:
        known = ", ".join(formats)
        what = f"the ending {path.suffix!r}" if path.suffix else "no ending"
        raise DanluError(f"can't draw {str(path)!r}: {what} is no format of pictures. Use one of {known}.")
    return found


def png(chart: Chart, scale: float) -> bytes:
    """The chart as a PNG, so many pixels for each of its own."""
    return vl_convert.vegalite_to_png(chart, scale=scale)


_FORMATS: dict[str, Callable[[Chart, float], bytes]] = {
    ".png": png,
    ".svg": lambda chart, _: vl_convert.vegalite_to_svg(chart).encode(),
    ".pdf": lambda chart, _: vl_convert.vegalite_to_pdf(chart),
    ".html": lambda chart, _: page([chart], [0.0]).encode(),
    ".json": lambda chart, _: json.dumps(chart, indent=1, ensure_ascii=False).encode(),
}
