"""danlu: the command line. Exit status 0: done; 1: the run failed; 2: bad usage; 130: interrupted."""

import sys
from collections.abc import Sequence

import typer

from danlu import __version__
from danlu.cli import copy, doctor, export, import_, importance, init, plot, replay, run, show, trust, try_
from danlu.cli import list as list_
from danlu.cli.screen import errors
from danlu.errors import DanluError, StoreError, StudyBusy, StudyFailed

_FAILURES = (StoreError, StudyBusy, StudyFailed)

app = typer.Typer(
    help="Danlu (丹炉) tunes the hyperparameters of deep learning, keeps everything that happened, and shows it.",
    epilog="A study is a folder; commands take its path, or its name below runs/ (or $DANLU_HOME).",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for module in (init, run, list_, show, try_, plot, importance, export, import_, copy, replay, trust, doctor):
    module.register(app)


def _version(asked: bool) -> None:
    if asked:
        print(f"danlu {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say which Danlu this is."),
) -> None:
    """What comes before a command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; a user's mistake is one message and no traceback."""
    try:
        app(args=None if arguments is None else [*arguments], prog_name="danlu")
    except DanluError as error:
        errors().print(f"[bold red]danlu:[/] {_escaped(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1 if isinstance(error, _FAILURES) else 2)
    except BrokenPipeError:  # `danlu show STUDY | head`
        sys.stderr.close()
        sys.exit(0)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
