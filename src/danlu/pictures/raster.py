"""Small images inside charts, as data URIs: surfaces, densities, thumbnails."""

import base64
import io
from pathlib import Path

import altair as alt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BANDS = 28  # steps of colour: each border is a contour line, and what lies between is flat, so files stay small
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # whatever the name says; others are read by programs of their own
_FADES = 40  # steps of fading: too fine to be taken for contour lines


def surface(
    shares: NDArray[np.float64], known: NDArray[np.float64], ramp: NDArray[np.uint8], blocks: tuple[bool, bool],
    size: tuple[int, int] = (480, 320),
) -> str:  # fmt: skip
    """A landscape: colour by share, see-through where little is known.

    Args:
        shares: 0 best to 1 worst, shape (rows, columns), first row on top.
        known: 0 to 1, same shape.
        ramp: colours of `_BANDS` equal steps of the share, shape (bands, 3); see `bands`.
        blocks: whether columns, and rows, are options: blocks with sharp borders instead of a slope.
        size: of the image, in pixels; it is stretched to the plot.
    """
    value, alpha = (_stretch(table, blocks, size) for table in (shares, known))
    step = np.clip((value * _BANDS).astype(int), 0, _BANDS - 1)
    fade = np.clip(np.round(alpha * (_FADES - 1)), 0, _FADES - 1).astype(int)
    pixels = np.dstack([ramp[step], (fade * 255 // (_FADES - 1)).astype(np.uint8)])
    pixels[pixels[..., 3] == 0] = 0  # one kind of nothing
    return png(Image.fromarray(pixels, "RGBA"))


def bands() -> NDArray[np.float64]:
    """Middles of the steps of colour that a surface has."""
    return (np.arange(_BANDS) + 0.5) / _BANDS


def density(counts: NDArray[np.int64], colour: str) -> str:
    """Counts as one colour, the denser the more of it, on a logarithmic scale; first row on top."""
    most = np.log1p(max(int(counts.max(initial=0)), 1))
    alpha = np.where(counts > 0, 0.15 + 0.75 * np.log1p(counts) / most, 0) * 255
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    flat = np.empty((*counts.shape, 4), dtype=np.uint8)
    flat[...] = red, green, blue, 0
    flat[..., 3] = alpha
    image = Image.fromarray(flat, "RGBA")
    return png(image.resize((image.width * 8, image.height * 8), Image.Resampling.NEAREST))


def thumbnail(path: Path, edge: int) -> tuple[str, float]:
    """An image file, no larger than `edge` pixels, as a data URI; and its width over its height.

    Raises:
        OSError: the file is missing, or no image.
    """
    with Image.open(path, formats=_FORMATS) as image:
        image.load()
        flat = image.convert("RGBA" if image.mode in ("RGBA", "LA", "P", "PA") else "RGB")
    has_alpha = flat.mode == "RGBA" and int(np.asarray(flat)[..., 3].min()) < 255
    flat = flat if has_alpha else flat.convert("RGB")
    if max(flat.size) > edge:
        flat.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    elif max(flat.size) < edge / 2:  # tiny images show their pixels instead of a blur
        times = edge // max(flat.size)
        flat = flat.resize((flat.width * times, flat.height * times), Image.Resampling.NEAREST)
    aspect = flat.width / flat.height
    return (png(flat) if has_alpha else _smaller(flat)), aspect


def png(image: Image.Image) -> str:
    """An image as a data URI without loss."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def _smaller(image: Image.Image) -> str:
    """PNG or JPEG, whichever takes less: drawings and photographs differ."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    jpeg = "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
    return min(png(image), jpeg, key=len)


def _stretch(table: NDArray[np.float64], blocks: tuple[bool, bool], size: tuple[int, int]) -> NDArray[np.float64]:
    image = Image.fromarray(np.ascontiguousarray(table, dtype=np.float32))
    smooth, sharp = Image.Resampling.BICUBIC, Image.Resampling.NEAREST
    image = image.resize((size[0], image.height), sharp if blocks[0] else smooth)
    return np.asarray(image.resize(size, sharp if blocks[1] else smooth), dtype=float)


def backdrop(values: list[dict[str, str]]) -> alt.Chart:
    """The layer of an image that fills the plot; column "url" holds it, or there is no row."""
    rows = alt.Chart(alt.InlineData(values=list(values), name="backdrop"))
    image = rows.mark_image(
        aspect=False, align="left", baseline="top", width=alt.ExprRef("width"), height=alt.ExprRef("height")
    )
    drawn: alt.Chart = image.encode(x=alt.value(0), y=alt.value(0), url=alt.Url(field="url", type="nominal"))
    return drawn
