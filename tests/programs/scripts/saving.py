"""Trains nothing, and saves what it has after every epoch."""

import argparse
import pathlib
import time

p = argparse.ArgumentParser()
for flag in ("--lr", "--resume", "--out"):
    p.add_argument(flag)
a = p.parse_args()
done, total = map(float, pathlib.Path(a.resume).read_text().split()) if a.resume else (0, 0.0)
print("from", int(done))
for epoch in range(int(done) + 1, 7):
    total += float(a.lr) * epoch
    print("epoch", epoch, "loss", total)
    time.sleep(0.05)
    pathlib.Path(a.out, f"{epoch}.ckpt").write_text(f"{epoch} {total}")
    time.sleep(0.5 * (epoch == 2))
