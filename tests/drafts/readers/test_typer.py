from danlu.drafts.option import Switch


def test_annotations_defaults_and_enums_are_read(options_of):
    reading, options = options_of("typer_app.py")
    assert reading.framework == "Typer"
    assert (options["lr"].default, options["lr"].low, options["lr"].high) == (3e-4, 1e-5, 0.1)
    assert (options["width"].default, options["width"].help) == (128, "units of a layer")
    assert (options["activation"].choices, options["activation"].default) == (("relu", "gelu", "silu"), "gelu")
    assert options["dropout"].default == 0.1
    assert (options["residual"].switch, options["residual"].flag) == (Switch.PAIR, "--residual")
    assert options["data"].is_positional
    assert {option.command for option in options.values()} == {""}


def test_several_commands_are_told_apart(reads):
    options = reads("""
        import typer
        app = typer.Typer()
        @app.command()
        def train(lr: float = 0.1): ...
        @app.command("try-it")
        def sample(count: int = 3): ...
        app()
    """)
    assert {name: option.command for name, option in options.items()} == {"lr": "train", "count": "try-it"}
