"""Films: the same picture over the moments of a study, as a GIF or as a page with a slider.

Space, axes, colours, layout and the length scales of an estimate are those of the last moment in all of them.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from danlu.core.history import History
from danlu.errors import DanluError
from danlu.numerics.even import even_choice
from danlu.pictures.page import page
from danlu.pictures.picture import Frame, Picture
from danlu.pictures.static import Chart, ending, png, write
from danlu.pictures.style import MARKS, Style

_SHORTEST = 0.06  # seconds: browsers show GIF frames of less than 0.02 s for 0.1 s
_PAUSE = 0.2  # of the film, on the last frame
_SEEN = 12  # frames by which the palette of a GIF is chosen: colours don't change much from one to the next

Report = Callable[[int, int], None]
"""Called with the number of frames done, and of all."""


class Told(Protocol):
    """A study: whatever can tell its histories."""

    def histories(self) -> Iterator[History]: ...


def frames_of(told: Told | Iterable[History]) -> list[History]:
    """The histories after which something visible had changed: a trial had ended.

    Args:
        told: a study, or the histories after each entry of its journal.
    """
    histories = told if isinstance(told, Iterable) else told.histories()
    found: list[History] = []
    last = None
    for history in histories:
        last = history
        if len(history.finished) > (len(found[-1].finished) if found else 0):
            found.append(history)
    return found if found or last is None else [last]


def animate(
    picture: Picture, histories: Told | Iterable[History], path: str | Path, *, seconds: float = 12.0,
    frames: int = 60, width: int = 800, dark: bool = False, progress: Report | None = None,
) -> Path:  # fmt: skip
    """Draws a film into a file; returns the path.

    Args:
        picture: what to draw.
        histories: a study, or the histories of its journal; of all moments those are drawn at which a trial had ended.
        path: ends in .gif or .html. Folders are made.
        seconds: how long it lasts; a fifth of it on the last frame, and more on early trials than on late ones.
        frames: at most so many moments, early ones closer together.
        width: in pixels.
        dark: light on dark.
        progress: told after each frame how many are done, and of how many.

    Raises:
        DanluError: no such ending, no history, or the file can't be written.
    """
    path = Path(path)
    draw = ending(path, _FORMATS)
    moments = thinned(frames_of(histories), frames)
    moments = [moment.seen_from(moments[-1]) for moment in moments]
    if not moments:
        raise DanluError("there is no history to draw. Pass a study, or the histories of its journal.")
    drawn, style = _drawn(picture, moments, Style(width, dark))
    charts = (picture.spec(frame, style).to_dict(validate=False) for frame in drawn)
    write(path, draw(charts, durations(len(moments), seconds), style, progress or (lambda done, of: None)))
    return path


def thinned(histories: Sequence[History], most: int) -> list[History]:
    """At most so many of them: the first, the last, and between them the early ones closer together."""
    count = len(histories)
    if count <= most:
        return list(histories)
    if most == 1:
        return [histories[-1]]
    # as dense as a square root grows, but no step is less than one moment
    places = np.linspace(0.0, 1.0, most) ** 1.7 * (count - 1)
    chosen = np.maximum.accumulate(np.maximum(np.round(places).astype(int), np.arange(most)))
    return [histories[k] for k in np.minimum(chosen, count - most + np.arange(most)).tolist()]


def durations(count: int, seconds: float) -> list[float]:
    """How long each frame is shown: the first four times as long as the last but one; a pause on the last."""
    if count == 1:
        return [seconds]
    weights = 1 / (1 + 3 * np.arange(count - 1) / max(count - 2, 1))
    moving = weights / weights.sum() * (1 - _PAUSE) * seconds
    shown = [max(round(float(duration), 2), _SHORTEST) for duration in moving]
    return [*shown, max(round(seconds - sum(shown), 2), 1.0)]


def _drawn(picture: Picture, moments: Sequence[History], style: Style) -> tuple[list[Frame], Style]:
    """The frames on one set of axes, with one legend, and room for the longest subtitle."""
    like = picture.like or picture.frame(moments[-1])
    frames = [replace(picture, like=like).frame(history) for history in moments]
    kinds = {kind for frame in frames for kind in frame.kinds}
    frames = [replace(frame, kinds=tuple(kind for kind in MARKS if kind in kinds)) for frame in frames]
    return frames, replace(style, lines=max(len(style.wrap(frame.notes)) for frame in frames))


def _gif(charts: Iterable[Chart], seconds: Sequence[float], style: Style, progress: Report) -> bytes:
    """All frames in the colours of one palette, undithered: so nothing flickers that doesn't change."""
    files: list[bytes] = []
    for k, chart in enumerate(charts):
        files.append(png(chart, 1.0))
        progress(k + 1, len(seconds))
    size = tuple(max(_opened(file).size[side] for file in files) for side in (0, 1))
    colours = _palette([files[k] for k in even_choice(np.arange(len(files)), _SEEN)], style)
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours[:-3] + colours[:3])  # the last entry is for what doesn't change, not for a colour
    frames = [_reduced(_fitted(file, size), palette, colours, len(style.colours())) for file in files]
    data = io.BytesIO()
    # `palette` keeps Pillow from writing one for each frame; `optimize` from writing what doesn't change: half the size
    frames[0].save(
        data, "GIF", save_all=True, append_images=frames[1:], loop=0, palette=colours, optimize=True, disposal=1,
        transparency=255, duration=[round(1000 * duration) for duration in seconds],
    )  # fmt: skip
    return data.getvalue()


def _opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file)).convert("RGB")


def _fitted(file: bytes, size: tuple[int, ...]) -> Image.Image:
    """The image on a page of this size, which it has already but for a pixel of rounding."""
    image = _opened(file)
    if image.size == size:
        return image
    sheet = Image.new("RGB", (size[0], size[1]), image.getpixel((0, 0)))
    sheet.paste(image)
    return sheet


def _reduced(image: Image.Image, palette: Image.Image, colours: bytes, exact: int) -> Image.Image:
    """The image in these colours; the first few are kept exactly, where Pillow takes one that is nearly the same."""
    reduced = np.array(image.quantize(palette=palette, dither=Image.Dither.NONE))
    codes = _codes(np.asarray(image))
    for k, code in enumerate(_codes(np.frombuffer(colours, dtype=np.uint8).reshape(-1, 3))[:exact]):
        reduced[codes == code] = k
    found = Image.fromarray(reduced, "P")
    found.putpalette(colours)
    return found


def _codes(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """One number for each colour, shape (...,)."""
    return np.asarray(colours.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32))


def _palette(files: Sequence[bytes], style: Style) -> bytes:
    """256 different colours for all frames: the style's own, exactly, and those that the frames need."""
    pixels = np.concatenate([np.asarray(_opened(file))[::2, ::2].reshape(-1, 3) for file in files])
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    # by the logarithm of their number: marks in rare colours count beside large areas
    many = np.repeat(colours, np.ceil(np.log2(counts + 1)).astype(int), axis=0)
    many = np.resize(many, (-(-len(many) // 256), 256, 3))
    own = [tuple(colour) for colour in style.colours()]
    reduced = Image.fromarray(many).quantize(255 - len(own), method=Image.Quantize.MEDIANCUT, kmeans=2)
    found = np.array(reduced.getpalette(), dtype=np.uint8).reshape(-1, 3)[: 255 - len(own)]
    unique = list(dict.fromkeys([*own, *map(tuple, found.tolist())]))
    # Pillow maps colours to entries, so no two may be alike
    spare = ((1, k // 256, k % 256) for k in range(1024))
    while len(unique) < 256:
        unique += [colour for colour in [next(spare)] if colour not in unique]
    return bytes(value for colour in unique for value in colour)


def _page(charts: Iterable[Chart], seconds: Sequence[float], style: Style, progress: Report) -> bytes:
    drawn = []
    for k, chart in enumerate(charts):
        drawn.append(chart)
        progress(k + 1, len(seconds))
    return page(drawn, seconds).encode()


_FORMATS: dict[str, Callable[[Iterable[Chart], Sequence[float], Style, Report], bytes]] = {
    ".gif": _gif,
    ".html": _page,
}
