"""In the style of detectron2: the parser is made in a package, and options are also KEY VALUE pairs."""

import argparse

BASE_LR = 0.02 / 16
IMS_PER_BATCH = 2 * 8


def positive_float(text):
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be positive")
    return value


def add_solver_arguments(group, prefix="solver"):
    for name, default, text in [
        ("base-lr", BASE_LR, "learning rate for a batch of 16"),
        ("momentum", 0.9, "momentum of SGD"),
        ("weight-decay", 1e-4, "weight decay"),
    ]:
        group.add_argument(f"--{prefix}-{name}", type=positive_float, default=default, help=text)


def default_argument_parser(epilog=None):
    parser = argparse.ArgumentParser(epilog=epilog)
    parser.add_argument("--config-file", default="", metavar="FILE", help="path to config file")
    parser.add_argument("--resume", action="store_true", help="whether to resume from the checkpoint directory")
    parser.add_argument("--eval-only", action="store_true", help="perform evaluation only")
    parser.add_argument("--num-gpus", type=int, default=1, help="number of gpus *per machine*")
    parser.add_argument("--ims-per-batch", dest="batch", type=int, default=IMS_PER_BATCH, help="images in a batch")
    group = parser.add_argument_group("solver")
    add_solver_arguments(group)
    parser.add_argument("opts", help="Modify config options: KEY VALUE pairs", default=None, nargs=argparse.REMAINDER)
    return parser
