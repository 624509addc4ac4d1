"""The readers of which a test or two say all: configurator, Fire, absl, LightningCLI; and which reader is believed."""

from danlu.drafts.option import Switch
from danlu.drafts.readers.reading import Style


def test_globals_above_a_configurator_are_options(options_of):
    reading, options = options_of("gpt/train.py")
    assert reading.style is Style.EQUALS
    assert options["gradient_accumulation_steps"].default == 40
    assert options["learning_rate"].help == "max learning rate"
    assert options["bias"].switch is Switch.VALUE
    assert "config_keys" not in options  # below it


def test_parameters_of_a_function_for_fire_are_options(options_of):
    reading, options = options_of("fire_app.py")
    assert (reading.framework, reading.style) == ("Fire", Style.EQUALS)
    assert options["learning_rate"].help == "peak learning rate"
    assert (options["epochs"].kind, options["epochs"].default) == ("int", 3)


def test_flags_of_absl_are_options(options_of):
    _, options = options_of("absl_app.py")
    assert (options["learning_rate"].default, options["learning_rate"].low) == (1e-3, 0.0)
    assert options["schedule"].choices == ("constant", "cosine", "linear")
    assert options["use_batch_norm"].switch is Switch.VALUE


def test_parameters_of_lightnings_classes_are_options_of_fit(options_of):
    _, options = options_of("lightning_app.py")
    assert (options["model.lr"].default, options["model.lr"].command) == (1e-3, "fit")
    assert options["data.batch_size"].default == 32


def test_the_framework_that_the_script_itself_calls_is_believed(reads):
    options = reads(
        """
        import argparse
        from launcher import setup
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        setup(parser.parse_args())
        """,
        launcher="""
        import click
        def setup(args):
            return inner(args)
        @click.command()
        @click.option("--nodes", default=1)
        def inner(nodes): ...
        """,
    )
    assert set(options) == {"lr"}


def test_a_script_without_options_has_none(reads):
    assert reads("print('hello')") == {}
