"""danlu trust: takes responsibility for the checkpoints of a study that came from elsewhere."""

import typer

from danlu.cli.screen import screen
from danlu.cli.studies import Named, opened
from danlu.core.keeping import kept
from danlu.records.checkpoint import trust_checkpoint
from danlu.records.inside import inside


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("trust")(trust)


def trust(study: Named) -> None:
    """Put the checkpoints of a study under your seal, so that they are loaded whatever they hold.

    For a study that somebody whom you trust has sent, or whose checkpoints were written under a key that is gone. A
    checkpoint can run any code when it is loaded; without your seal, only tensors, arrays and plain data are.
    """
    with opened(study) as trusted:
        files = [inside(trusted.files, file.path) for file in kept(trusted.history) if file.size]
    sealed = sum(trust_checkpoint(path) for path in files if path.is_file())
    screen().print(f"{sealed} of {len(files)} checkpoints are now under your seal", soft_wrap=True)
