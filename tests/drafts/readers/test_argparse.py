from danlu.drafts.option import Switch
from danlu.drafts.readers.reading import Style
from danlu.space.value import MISSING


def test_the_mnist_example_is_read(options_of):
    reading, options = options_of("mnist.py")
    assert (reading.framework, reading.style, len(options)) == ("argparse", Style.FLAG, 10)
    lr = options["lr"]
    assert (lr.kind, lr.default, lr.flag, lr.help) == ("float", 1.0, "--lr", "learning rate (default: 1.0)")
    assert (options["no-cuda"].switch, options["no-cuda"].default) == (Switch.ON, False)


def test_a_parser_made_in_a_package_with_groups_loops_and_constants_is_read(options_of):
    _, options = options_of("detector/train_net.py")
    assert options["solver-base-lr"].default == 0.02 / 16
    assert options["solver-weight-decay"].kind == "float"
    assert options["ims-per-batch"].default == 16
    assert options["opts"].many
    assert "visualize-lr" not in options  # of another program in the package


def test_options_of_subcommands_belong_to_them(reads):
    options = reads("""
        import argparse

        def add_training(parser):
            group = parser.add_argument_group("optimiser")
            group.add_argument("--lr", type=float, default=0.1)

        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--seed", type=int, default=0)
            subs = parser.add_subparsers(dest="command")
            train = subs.add_parser("train")
            add_training(train)
            test = subs.add_parser("test")
            test.add_argument("--split", default="val")
            parser.parse_args()
        main()
    """)
    assert {name: option.command for name, option in options.items()} == {"seed": "", "lr": "train", "split": "test"}


def test_all_that_a_type_and_an_action_can_say(reads):
    options = reads("""
        from argparse import ArgumentParser, BooleanOptionalAction
        p = ArgumentParser()
        p.add_argument("-b", "--batch-size", default="64", type=int)
        p.add_argument("-lr", default=1, type=float)
        p.add_argument("--amp", action=BooleanOptionalAction, default=True)
        p.add_argument("--bias", type=lambda x: str2bool(x), default=True)
        p.add_argument("--flag", type=bool, default=False)
        p.add_argument("--no-bn", dest="bn", action="store_false")
        p.add_argument("--on", action="store_true", default=True)
        p.add_argument("--betas", type=float, nargs=2, default=(0.9, 0.999))
        p.add_argument("--act", choices=["relu", "gelu"], default="relu")
        p.add_argument("--computed", type=int, default=os.cpu_count())
        p.add_argument("--needed", type=float, required=True)
        p.add_argument("data", nargs="?", default="here")
        p.add_argument("--version", action="version", version="1")
        p.add_argument("--ema", action="store_true")
        p.set_defaults(act="gelu", ema=True)
    """)
    assert (options["batch-size"].default, options["batch-size"].flag) == (64, "--batch-size")
    assert (options["lr"].default, options["lr"].flag) == (1.0, "-lr")
    assert (options["amp"].switch, options["amp"].default) == (Switch.PAIR, True)
    assert options["bias"].switch is Switch.VALUE
    assert options["flag"].kind == "text"  # bool("False") is True: it can't be said
    assert (options["no-bn"].switch, options["no-bn"].default) == (Switch.ON, False)  # of the flag, as it is written
    assert options["on"].many == "no effect"
    assert options["ema"].many == "no effect"
    assert options["betas"].many == "2"
    assert (options["act"].choices, options["act"].default) == (("relu", "gelu"), "gelu")
    assert options["computed"].default is MISSING
    assert options["needed"].is_required
    assert options["data"].is_positional
    assert not options["data"].is_required
    assert "version" not in options


def test_a_parser_in_a_method_of_a_base_class_is_read(reads):
    options = reads(
        """
        from options.train_options import TrainOptions
        opt = TrainOptions().parse()
        """,
        options__base="""
        import argparse
        class BaseOptions:
            def initialize(self, parser):
                parser.add_argument("--ngf", type=int, default=64)
            def parse(self):
                parser = argparse.ArgumentParser()
                self.initialize(parser)
                return parser.parse_args()
        """,
        options__train_options="""
        from .base import BaseOptions
        class TrainOptions(BaseOptions):
            def initialize(self, parser):
                super().initialize(parser)
                parser.add_argument("--lr", type=float, default=2e-4)
        """,
    )
    assert {name: option.default for name, option in options.items()} == {"ngf": 64, "lr": 2e-4}
