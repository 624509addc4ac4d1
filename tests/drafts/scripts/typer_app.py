"""A Typer application."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

WIDTH = 2**7


class Activation(str, Enum):  # noqa: UP042
    RELU = "relu"
    GELU = "gelu"
    SILU = "silu"


app = typer.Typer()


@app.command()
def main(
    data: Annotated[Path, typer.Argument(help="where the data are")] = Path("data"),
    learning_rate: Annotated[float, typer.Option("--lr", help="learning rate", min=1e-5, max=0.1)] = 3e-4,
    width: Annotated[int, typer.Option(help="units of a layer")] = WIDTH,
    activation: Activation = Activation.GELU,
    dropout: float = typer.Option(0.1, help="share of units that are dropped"),
    residual: bool = True,
    epochs: int = 5,
    verbose: bool = False,
):
    """Trains a network."""
    Path("TRAINED").touch()
    for epoch in range(epochs):
        print(f"epoch {epoch} | train loss {1.0:.3f} | val acc {0.5:.3f}")


if __name__ == "__main__":
    app()
