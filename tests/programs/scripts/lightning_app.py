"""A Lightning module with loggers for CSV and TensorBoard, as its users write them."""

import argparse

import lightning as L
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Regressor(L.LightningModule):
    def __init__(self, hidden_dim, learning_rate):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(4, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 1))

    def _loss(self, batch):
        x, y = batch
        return nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch, batch_idx):
        loss = self._loss(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self._loss(batch), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)


def loader(count, seed):
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return DataLoader(TensorDataset(x, x.sum(1, keepdim=True).sin()), batch_size=32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden_dim", type=int, default=16)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--max_epochs", type=int, default=5)
    parser.add_argument("--logger", choices=["csv", "tensorboard"], default="csv")
    parser.add_argument("--log_dir", default="lightning_logs")
    args = parser.parse_args()
    L.seed_everything(42)
    kind = CSVLogger if args.logger == "csv" else TensorBoardLogger
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=args.max_epochs, logger=kind(args.log_dir), log_every_n_steps=2,
    )
    trainer.fit(Regressor(args.hidden_dim, args.learning_rate), loader(128, 1), loader(64, 2))
