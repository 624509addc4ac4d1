"""A Hydra application: it takes key=value, and changes to a folder of its own for each run."""

import logging
import os

import hydra
from omegaconf import DictConfig

log = logging.getLogger(__name__)


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    log.info("working in %s", os.getcwd())
    lr = cfg.optimizer.lr
    weight = 1.0
    for epoch in range(1, cfg.epochs + 1):
        step = lr * (2 if cfg.optimizer.name == "sgd" and cfg.optimizer.nesterov else 1)
        weight -= step * 2 * (weight - 0.2) / cfg.model.width
        log.info("epoch=%d train_loss=%.6f val_loss=%.6f", epoch, (weight - 0.25) ** 2, (weight - 0.2) ** 2)


if __name__ == "__main__":
    main()
