"""Another program of the same package: its options are not those of training."""

import argparse

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--visualize-lr", type=float, default=0.5)
