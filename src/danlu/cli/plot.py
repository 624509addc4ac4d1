"""danlu plot: the pictures of a study, still or moving."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

from danlu import catalogue
from danlu.cli.screen import errors, screen
from danlu.cli.studies import Named, found
from danlu.core.history import History
from danlu.errors import DanluError
from danlu.records.folder import Folder
from danlu.records.inside import inside
from danlu.study import Study

_STILL, _MOVING = ("png",), ("gif", "html")
_ROLES = {"x": ("x", "columns"), "y": ("y", "rows"), "image": ("image",)}  # option -> settings that it may stand for


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("plot")(plot)


def plot(
    study: Named,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PICTURE]...", help="progress, map, gallery; all that suit if none is named."),
    ] = None,
    animate: Annotated[
        bool, typer.Option("--animate", help="The search trial by trial: a GIF, and a page with a slider.")
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; its ending says the format.")] = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", help="png, svg, pdf, html, json; of films gif, html. Several are fine."),
    ] = None,
    x: Annotated[str | None, typer.Option(help="Hyperparameter of the x axis, or of the columns.")] = None,
    y: Annotated[str | None, typer.Option(help="Hyperparameter of the y axis, or of the rows.")] = None,
    image: Annotated[str | None, typer.Option(help="Name of the attached image that the gallery shows.")] = None,
    width: Annotated[int, typer.Option(min=200, max=4000, help="In pixels.")] = 800,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    seconds: Annotated[float, typer.Option(min=1, help="How long a film lasts.")] = 12.0,
) -> None:
    """Draw pictures of a study into its folder, or into a file.

    danlu plot STUDY                              all pictures, as PNG

    danlu plot STUDY map --x lr --y width -o map.svg

    danlu plot STUDY map --animate                the search point by point
    """
    folder = found(study)
    with Study.open(folder) as looked_at:
        history = looked_at.history
        names = pictures or _suitable(history, animate)
        targets = _targets(names, folder, output, tuple(form or ()) or (_MOVING if animate else _STILL))
        settings = {"x": x, "y": y, "image": image}
        for name, paths in targets:
            drawn = _picture(name, folder, settings)
            for path in paths:
                if animate:
                    _film(drawn, looked_at, path, seconds=seconds, width=width, dark=dark)
                else:
                    _still(drawn, history, path, width=width, dark=dark)
                screen().print(escape(str(path)), soft_wrap=True)


def _suitable(history: History, animate: bool) -> list[str]:
    """The pictures that have something to show; a film of everything would take minutes, so of the map only."""
    if animate:
        return ["map"]
    has_image = any(
        file.name.lower().endswith((".png", ".jpg", ".jpeg")) for t in history.trials for file in t.artifacts
    )
    return [name for name in catalogue.table("picture") if name != "gallery" or has_image]


def _targets(
    names: list[str], folder: Path, output: Path | None, formats: tuple[str, ...]
) -> list[tuple[str, list[Path]]]:
    if output is None:
        pictures = Folder(folder).pictures
        inside(folder, pictures.name)
        return [(name, [pictures / f"{name}.{form.lstrip('.')}" for form in formats]) for name in names]
    if len(names) != 1:
        raise DanluError(f"one file takes one picture; got {', '.join(names)}. Name the one that --output is for.")
    return [(names[0], [output])]


def _picture(name: str, folder: Path, settings: dict[str, str | None]) -> Any:
    """The picture with what was asked of it; an option that it has no setting for is refused."""
    kind = catalogue.load("picture", name)
    fields = kind.__dataclass_fields__
    given: dict[str, Any] = {"folder": folder} if "folder" in fields else {}
    for option, value in settings.items():
        if value is None:
            continue
        field = next((field for field in _ROLES[option] if field in fields), None)
        if field is None:
            raise DanluError(f"the picture {name!r} has no --{option}. Leave it out.")
        given[field] = value
    return kind(**given)


def _still(picture: Any, history: History, path: Path, **look: Any) -> None:
    from danlu.pictures import save

    save(picture, history, path, **look)


def _film(picture: Any, study: Study, path: Path, **look: Any) -> None:
    from danlu.pictures import animate

    with Progress(console=errors(), transient=True) as progress:
        task = progress.add_task(path.name, total=None)
        animate(picture, study, path, **look, progress=lambda k, of: progress.update(task, completed=k, total=of))
