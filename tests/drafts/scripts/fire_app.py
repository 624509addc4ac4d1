"""A function for Python Fire."""

from pathlib import Path

import fire


def train(data_path: str = "data", learning_rate: float = 3e-4, lora_r: int = 8, lora_dropout: float = 0.05, epochs=3):
    """Fine-tunes a model.

    Args:
        learning_rate: peak learning rate
    """
    Path("TRAINED").touch()
    print({"eval_loss": 0.5})


if __name__ == "__main__":
    fire.Fire(train)
