from danlu.drafts.option import Switch


def test_a_command_of_a_group_is_read_with_its_shared_options(options_of):
    reading, options = options_of("click_app.py")
    assert reading.framework == "click"
    assert (options["lr"].default, options["lr"].low, options["lr"].high) == (0.001, 1e-6, 0.05)
    assert options["lr"].flag == "--lr"
    assert (options["num-layers"].kind, options["num-layers"].high) == ("int", 6)
    assert options["optimizer"].choices == ("sgd", "adam", "adamw")
    assert (options["batch-norm"].switch, options["batch-norm"].default) == (Switch.PAIR, True)
    assert (options["amsgrad"].switch, options["amsgrad"].default) == (Switch.ON, False)
    assert options["data"].is_positional
    assert (options["optimizer"].command, options["temperature"].command) == ("train", "evaluate")


def test_open_bounds_are_kept_off(reads):
    options = reads("""
        import click
        @click.command()
        @click.option("--p", type=click.FloatRange(0, 1, max_open=True), default=0.5)
        @click.option("--lr", default=1e-3)
        def main(p, lr): ...
        main()
    """)
    assert (options["p"].low, options["p"].high) == (0, 0.999)
    assert options["lr"].kind == "float"
