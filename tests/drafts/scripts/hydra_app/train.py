"""A Hydra application with config groups."""

from pathlib import Path

import hydra
from omegaconf import DictConfig


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float:
    Path("TRAINED").touch()
    for epoch in range(cfg.trainer.max_epochs):
        val_loss = abs(cfg.optimizer.lr - 0.01) + cfg.model.dropout
        print(f"epoch={epoch} val_loss={val_loss:.4f}")
    return val_loss


if __name__ == "__main__":
    main()
