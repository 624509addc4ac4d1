"""Nested dataclasses for tyro."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class AdamConfig:
    lr: float = 1e-3
    """Learning rate."""
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2  # decoupled weight decay


@dataclass(frozen=True)
class ModelConfig:
    depth: int = 4
    width: int = 256
    activation: Literal["relu", "gelu", "tanh"] = "relu"


@dataclass(frozen=True)
class Config:
    """What is trained, and how.

    Args:
        batch_size: examples in a step
    """

    optimizer: AdamConfig = field(default_factory=lambda: AdamConfig(lr=3e-4))
    model: ModelConfig = ModelConfig()
    batch_size: int = 32
    use_ema: bool = False
    exp_name: str = "baseline"
    seed: int = 0
    num_steps: int = int(1e4)


def main(config: Config) -> None:
    Path("TRAINED").touch()
    for step in range(config.num_steps):
        print(f"step={step} val_loss={1 / (step + 1)}")


if __name__ == "__main__":
    main(tyro.cli(Config))
