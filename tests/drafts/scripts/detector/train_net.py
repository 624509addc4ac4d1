from pathlib import Path

from detector import default_argument_parser, other_tool


def main(args):
    Path("TRAINED").touch()
    print(other_tool, f"bbox AP: {0.35:.3f}")


if __name__ == "__main__":
    main(default_argument_parser().parse_args())
