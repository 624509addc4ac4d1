"""A program that has never heard of Danlu: `python faulted_script.py --x 0.1`. It has a child, as data loaders are."""

import argparse
import multiprocessing
import random
import time


def load() -> None:
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float, default=0.1)
    x = parser.parse_args().x
    child = multiprocessing.Process(target=load, daemon=True)
    child.start()
    for epoch in range(1, 7):
        time.sleep(random.uniform(0.02, 0.1))
        print(f"epoch {epoch}: loss {x / epoch:.6f}", flush=True)
