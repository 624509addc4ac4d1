"""A click command in a group, with shared options."""

from pathlib import Path

import click


def optimizer_options(function):
    function = click.option("--weight-decay", default=0.0, help="L2 penalty")(function)
    return click.option("--lr", "-l", type=click.FloatRange(1e-6, 0.05), default=0.001, help="learning rate")(function)


@click.group()
def cli():
    """Trains and evaluates."""


@cli.command()
@click.argument("data", default="data")
@optimizer_options
@click.option("--optimizer", type=click.Choice(["sgd", "adam", "adamw"], case_sensitive=False), default="adam")
@click.option("--num-layers", type=click.IntRange(min=1, max=6), default=4, show_default=True)
@click.option("--batch-norm/--no-batch-norm", default=True, help="normalise activations")
@click.option("--amsgrad", is_flag=True, help="the variant of Adam")
@click.option("--epochs", default=20)
@click.option("--device", type=str, default="cpu")
def train(data, lr, weight_decay, optimizer, num_layers, batch_norm, amsgrad, epochs, device):
    Path("TRAINED").touch()
    for epoch in range(epochs):
        click.echo(f"[{epoch}/{epochs}] valid loss: {1 / (epoch + 1):.3f}")


@cli.command("evaluate")
@click.option("--checkpoint", type=click.Path(exists=True), required=True)
@click.option("--temperature", default=1.0)
def evaluate_(checkpoint, temperature):
    click.echo("accuracy: 0.9")


if __name__ == "__main__":
    cli()
