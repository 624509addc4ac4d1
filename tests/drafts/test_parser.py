import argparse

from danlu import Choice, Float, space_of_parser


def parser():
    made = argparse.ArgumentParser()
    made.add_argument("-l", "--learning-rate", type=float, default=1e-3)
    made.add_argument("--act", dest="activation", choices=["relu", "gelu"], default="relu")
    made.add_argument("--no-bias", dest="bias", action="store_false")
    made.add_argument("--nesterov", action=argparse.BooleanOptionalAction, default=False)
    made.add_argument("--hidden", type=int, default=128)
    made.add_argument("--epochs", type=int, default=10)
    made.add_argument("--betas", type=float, nargs=2, default=(0.9, 0.99))
    made.add_argument("--out", default="runs")
    made.add_subparsers(dest="command").add_parser("train").add_argument("--lr", type=float, default=1.0)
    return made


def test_a_parser_becomes_a_space_in_the_terms_of_its_namespace():
    space = space_of_parser(parser())
    assert space["learning_rate"] == Float(1e-5, 1e-1, log=True, default=1e-3)
    assert space["activation"] == Choice("relu", "gelu", default="relu")
    assert space["bias"].default is True  # as the namespace has it, though the flag says no
    assert set(space.names) == {"learning_rate", "activation", "bias", "nesterov", "hidden"}


def test_its_default_config_is_what_the_parser_says():
    made = parser()
    made.set_defaults(hidden=256)
    said = vars(made.parse_args([]))
    assert dict(space_of_parser(made).default()).items() <= said.items()


def test_the_most_important_are_kept_where_there_are_too_many():
    assert space_of_parser(parser(), most=1).names == ("learning_rate",)
