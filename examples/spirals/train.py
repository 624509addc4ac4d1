"""A small network learns which of two spirals a point lies on. It has never heard of Danlu."""

import argparse
import itertools

import numpy as np
from numpy.typing import NDArray

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=30)
args = parser.parse_args()

rng = np.random.default_rng(0)


def spirals(count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points, shape (count, 2), and the spiral of each, 0 or 1."""
    side = rng.integers(0, 2, count)
    angle = 3 * np.pi * np.sqrt(rng.random(count)) + np.pi * side
    radius = (angle - np.pi * side) / (3 * np.pi)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points + 0.02 * rng.normal(size=points.shape), side


x, y = spirals(2000)
x_val, y_val = spirals(1000)
sizes = [2, args.width, args.width, 1]
weights = [rng.normal(size=(a, b)) * np.sqrt(2 / a) for a, b in itertools.pairwise(sizes)]
weights += [np.zeros(b) for b in sizes[1:]]
velocity = [np.zeros_like(w) for w in weights]


def forward(points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The activations of every layer; the last are logits."""
    layers = [points]
    for k in range(3):
        z = layers[-1] @ weights[k] + weights[k + 3]
        layers.append(np.maximum(z, 0) if k < 2 else z)
    return layers


def loss(logits: NDArray[np.float64], side: NDArray[np.int64]) -> float:
    """The mean cross-entropy."""
    return float(np.mean(np.logaddexp(0, logits[:, 0]) - side * logits[:, 0]))


for epoch in range(1, args.epochs + 1):
    order = rng.permutation(len(x))
    for start in range(0, len(x), args.batch_size):
        rows = order[start : start + args.batch_size]
        layers = forward(x[rows])
        delta = (1 / (1 + np.exp(-layers[-1])) - y[rows, None]) / len(rows)
        for k in (2, 1, 0):
            gradients = layers[k].T @ delta, delta.sum(axis=0)
            delta = (delta @ weights[k].T) * (layers[k] > 0)
            for j, gradient in zip((k, k + 3), gradients, strict=True):
                velocity[j] = args.momentum * velocity[j] - args.lr * gradient
                weights[j] += velocity[j]
    logits = forward(x_val)[-1]
    accuracy = np.mean((logits[:, 0] > 0) == y_val)
    print(
        f"epoch {epoch} train_loss {loss(forward(x)[-1], y):.4f} val_loss {loss(logits, y_val):.4f} acc {accuracy:.3f}"
    )
