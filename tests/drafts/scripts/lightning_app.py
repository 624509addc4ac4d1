"""A LightningCLI."""

from pathlib import Path

from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningCLI


class Net(LightningModule):
    def __init__(self, lr: float = 1e-3, hidden_dim: int = 128, dropout: float = 0.1, pretrained: bool = False):
        super().__init__()
        self.save_hyperparameters()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", batch.mean(), prog_bar=True)


class Data(LightningDataModule):
    def __init__(self, data_dir: str = "data", batch_size: int = 32, num_workers: int = 4):
        super().__init__()


def main():
    Path("TRAINED").touch()
    LightningCLI(Net, Data)


if __name__ == "__main__":
    main()
